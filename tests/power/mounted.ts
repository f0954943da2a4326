/** Mounts an image of the storage as a device does: the kernel's ext4 replays the journal. In a mount namespace of one's own only. */
import { mkdirSync } from "node:fs";
import { attachLoop, explainLinux, mount, umount } from "../../runtime/linux/index.ts";

/** What cannot be mounted throws: the device would not come up. */
export async function withMounted<T>(image: string, target: string, body: () => Promise<T>): Promise<T> {
  mkdirSync(target, { recursive: true });
  const loop = attachLoop({ file: image, readOnly: false, directIo: false });
  if (!loop.ok) throw new Error(explainLinux(loop.error));
  // As bsp-buildroot/initramfs/init does.
  const mounted = mount({ source: loop.value.path, target, type: "ext4", flags: ["noatime"] });
  loop.value.release();
  if (!mounted.ok) throw new Error(explainLinux(mounted.error));
  const outcome = await body().catch((cause: unknown) => {
    umount(target, { lazy: true });
    throw cause;
  });
  const undone = umount(target);
  if (!undone.ok) throw new Error(explainLinux(undone.error));
  return outcome;
}
