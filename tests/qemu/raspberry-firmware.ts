/** What the firmware of a Raspberry Pi 3 does with a card, which QEMU has not: it is done here, and QEMU gets what comes of it. */
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./host.ts";
import { type Card, type Fat, onFat } from "./raspberry-card.ts";

/** What starts: QEMU's arguments for it, and the files in them. */
interface Started {
  readonly options: readonly string[];
  readonly files: readonly string[];
}

/** Reads which partition starts, what there, and with which words; files go to `folder`. */
export async function firmware(card: Card, folder: string): Promise<Started> {
  const autoboot = (await onFat(card, 1).text("autoboot.txt")) ?? "";
  const partition = Number(/^\[all\]$[^[]*^boot_partition=(\d)$/m.exec(autoboot)?.[1] ?? 1);
  const slot = onFat(card, partition);
  const config = (await slot.text("config.txt")) ?? "";
  const tree = await deviceTree(card, partition, folder);
  const kernel = await taken(slot, /^kernel=(.+)$/m.exec(config)?.[1] ?? "kernel8.img", folder);
  const first = /^initramfs (\S+) followkernel$/m.exec(config)?.[1];
  const stage = first === undefined ? [] : [await taken(slot, first, folder)];
  const words = (await slot.text("cmdline.txt"))?.trim();
  return {
    options: [
      ...["-kernel", kernel, "-dtb", tree],
      ...stage.flatMap((file) => ["-initrd", file]),
      ...(words === undefined ? [] : ["-append", words]),
    ],
    files: [kernel, tree, ...stage],
  };
}

/** Makes the device tree: the board's, by the vendor's name or by Linux's own; overlays of config.txt; what there is to say about the start. */
export async function deviceTree(card: Card, partition: number, folder: string): Promise<string> {
  const slot = onFat(card, partition);
  const board = (await slot.has("bcm2710-rpi-3-b.dtb")) ? "bcm2710-rpi-3-b.dtb" : "bcm2837-rpi-3-b.dtb";
  const tree = await taken(slot, board, folder);
  for (const [, name] of ((await slot.text("config.txt")) ?? "").matchAll(/^dtoverlay=([\w-]+)/gm)) {
    const overlay = `overlays/${name}.dtbo`;
    if (!(await slot.has(overlay))) continue; // the firmware, too, only notes it in a log of its own
    await run(["fdtoverlay", "-i", tree, "-o", `${tree}.next`, await taken(slot, overlay, folder)]);
    await rename(`${tree}.next`, tree);
  }
  const chosen = (node: string, name: string, ...cells: readonly number[]): Promise<string> => {
    const values = cells.map((cell) => cell.toString(16));
    return run(["fdtput", "-p", "-t", "x", tree, `/chosen${node}`, name, ...values]);
  };
  await chosen("/bootloader", "partition", partition);
  await chosen("/bootloader", "tryboot", 0);
  // Without it the kernel waits for what is random, and so does process 1.
  await chosen("", "rng-seed", ...crypto.getRandomValues(new Uint32Array(16)));
  return tree;
}

async function taken(slot: Fat, name: string, folder: string): Promise<string> {
  const to = join(folder, name.replaceAll("/", "-"));
  await slot.take(name, to);
  return to;
}
