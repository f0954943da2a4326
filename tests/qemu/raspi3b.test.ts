/** The card of a Raspberry Pi 3 on QEMU's machine raspi3b, from what its firmware starts to a running container. For aarch64 alone. */
import { expect, test } from "bun:test";
import { checkStorage } from "./disk.ts";
import { attended } from "./machine.ts";
import { seen, startCard, witness } from "./raspberry.ts";
import { onFat, storageMib } from "./raspberry-card.ts";

test("kernel, device tree, first stage and storage of the card come to every goal, with a container that runs from it", async () => {
  const { device, card } = await startCard("raspi3b", { loader: "rpiab", container: await witness() });
  await attended(device, async () => {
    await device.console(
      [
        /Machine model: Raspberry Pi 3 Model B/,
        /mmcblk0: p1 p2 p3 p4/,
        /initramfs: revision 0 takes over/,
        /witness: STARTING → STARTED/,
        /goals reached: .*root reached/,
      ],
      600_000,
    );
    expect(await device.end(120_000)).toBe("guest-shutdown");
    expect(seen(device)).toEqual(["/dev/mmcblk0p4 /storage ext4 rw,noatime 0 0", "partition 0 0 0 2"]);
    expect(device.log).toContain(`the storage grew from ${storageMib} to 360 MiB`);
    expect(device.log.split("\n").filter((line) => /^\[pantavisor\] \d+ (WARN|ERROR|FATAL)/.test(line))).toEqual([]);
    expect(await checkStorage(card.path, card.starts[3])).toMatchObject({ clean: true });
    expect(await onFat(card, 1).text("autoboot.txt")).toContain("[all]\ntryboot_a_b=1\nboot_partition=2\n");
  });
}, 1_200_000);
