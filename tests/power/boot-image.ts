/** Boots an image for real: the boot loader, the kernel, the runtime and its containers, in QEMU. */
import { rm, truncate, writeFile } from "node:fs/promises";
import { storageStart } from "../qemu/head.ts";
import { run } from "../qemu/host.ts";
import { withDevice } from "../qemu/index.ts";
import type { CutImage } from "./cut-disk.ts";
import { bootOptions, type Story } from "./story.ts";

/** A trial that fails has a boot of its own, and then comes the one that counts. */
const WITHIN_MS = 8 * 60_000;

/** Null: some revision reached all its goals; otherwise what was seen instead. The disk is put together at `path` and removed. */
export async function bootImage(story: Story, image: CutImage, path: string, name: string): Promise<string | null> {
  await writeFile(path, "");
  const place = (from: string, at: number) =>
    run(["dd", `if=${from}`, `of=${path}`, "bs=1M", `seek=${at / (1 << 20)}`, "conv=sparse,notrunc"]);
  await place(image.boot, 0);
  await place(image.storage, storageStart);
  await truncate(path, storageStart + Bun.file(image.storage).size + (1 << 20));
  try {
    await withDevice({ ...bootOptions(story, name), image: path }, (device) =>
      device.console(/goals reached/, WITHIN_MS),
    );
    return null;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  } finally {
    await rm(path, { force: true });
  }
}
