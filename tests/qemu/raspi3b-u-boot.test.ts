/** The card of a Raspberry Pi 3 with U-Boot, on QEMU's machine raspi3b: boot.cmd with the board's own layout. For aarch64 alone. */
import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { checkStorage } from "./disk.ts";
import { environmentFile } from "./environment.ts";
import { run } from "./host.ts";
import { attended } from "./machine.ts";
import { seen, startCard, witness } from "./raspberry.ts";
import { type Card, onFat, storageMib } from "./raspberry-card.ts";
import { deviceTree } from "./raspberry-firmware.ts";

/** Revision 1 on trial: a kernel with a device tree of its own, which tells of one processor less, and no base system, so that it dies in the
 *  first stage. Model and memory would tell nothing: U-Boot puts the firmware's into any tree. */
async function layTrial(card: Card): Promise<void> {
  const at = (name: string): string => join(card.images, name);
  await writeFile(at("uboot.txt"), environmentFile("aarch64", { pv_rev: "0", pv_try: "1" }));
  const tree = await deviceTree(card, 1, card.images);
  await run(["fdtput", "-r", tree, "/cpus/cpu@3"]);
  const storage = [
    ...["mkdir /boot", "cd /boot", `write ${at("uboot.txt")} uboot.txt`],
    ...["mkdir /trails/1", "mkdir /trails/1/.pv", "cd /trails/1/.pv", `write ${at("Image")} pv-kernel.img`],
    ...[`write ${at("cairn-initramfs.cpio.gz")} pv-initrd.img`, `write ${tree} pv-fdt.dtb`],
  ];
  await run(["debugfs", "-w", "-f", "-", `${card.path}?offset=${card.starts[1]}`], { stdin: storage.join("\n") });
}

test("a trial that dies is over: U-Boot goes back to the committed revision, which comes to every goal with the firmware's device tree", async () => {
  const spec = {
    loader: "uboot",
    container: await witness(),
    words: ["maxcpus=1", "pv_storage.failwait=1"],
    prepare: layTrial,
  } as const;
  const { device, card } = await startCard("raspi3b-u-boot", spec, { reboots: true, oneProcessor: true });
  await attended(device, async () => {
    await device.console(
      [
        /^cairn: trying revision 1$/m,
        /SLUB: .* CPUs=3,/,
        /FAILED: revision '1' is not on the storage/,
        /^cairn: 1 was not committed, back to 0$/m,
        /SLUB: .* CPUs=4,/,
        /initramfs: revision 0 takes over/,
        /witness: STARTING → STARTED/,
        /goals reached: .*root reached/,
      ],
      900_000,
    );
    expect(await device.end(120_000)).toBe("guest-shutdown");
    expect(seen(device)).toEqual(["/dev/mmcblk0p2 /storage ext4 rw,noatime 0 0", "partition 0 0 0 1"]);
    expect(device.log).toContain(`the storage grew from ${storageMib} to 440 MiB`);
    expect(await checkStorage(card.path, card.starts[1])).toMatchObject({ clean: true });
    expect(await onFat(card, 1).text("pv.env")).not.toContain("pv_trying");
  });
}, 1_500_000);
