/** The base system of a revision, from one of two sources: Debian's packages, or what Buildroot built. */
import { chmod, copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { type BaseOptions, baseSystem } from "./base.ts";
import { packErofs, unpackErofs } from "./erofs.ts";
import { type Arch, cached, run, sha256OfFile } from "./host.ts";
import { builtImages, type Images } from "./images.ts";
import { initramfs } from "./initramfs.ts";
import { kernel } from "./kernel.ts";
import { pack } from "./tree.ts";

/** Paths of its files. */
export interface Bsp {
  /** What boot loaders start. */
  readonly kernel: string;
  /** The same in the form that QEMU starts quickest. */
  readonly direct: string;
  readonly initramfs: string;
  readonly modules: string;
  readonly rootfs: string;
}

export async function bsp(arch: Arch, options: BaseOptions = {}): Promise<Bsp> {
  const images = builtImages(arch);
  if (images !== null) return { ...images, direct: images.kernel, rootfs: await builtRoot(images, options) };
  const { image, direct, modules } = await kernel(arch);
  return { kernel: image, direct, modules, initramfs: await initramfs(arch), rootfs: await baseSystem(arch, options) };
}

/** The built root file system, untouched where nothing else is asked for. */
async function builtRoot({ rootfs }: Images, { cairn, init, ssh, format, files = {} }: BaseOptions): Promise<string> {
  if (ssh === true)
    throw new Error(`${rootfs} has no SSH server: this test is for the base system of Debian's packages`);
  const texts = { ...(init === undefined ? {} : { "/usr/sbin/init": init }), ...files };
  const kind = format ?? (extname(rootfs) === ".erofs" ? "erofs" : "squashfs");
  const image = `image.${kind}`;
  if (cairn === undefined && Object.keys(texts).length === 0 && rootfs.endsWith(`.${kind}`)) return rootfs;
  const program = cairn === undefined ? null : await sha256OfFile(cairn);
  const inputs = ["built root 2", kind, await sha256OfFile(rootfs), texts, program];
  const folder = await cached("built-root", inputs, async (scratch) => {
    const root = join(scratch, "root");
    await unpackRoot(rootfs, root);
    if (cairn !== undefined) await copyFile(cairn, join(root, "usr/bin/cairn"));
    for (const [path, text] of Object.entries(texts)) {
      const file = join(root, path);
      await mkdir(dirname(file), { recursive: true });
      await rm(file, { force: true }); // a link would be followed
      await writeFile(file, text);
      await chmod(file, text.startsWith("#!") ? 0o755 : 0o644);
    }
    await (kind === "erofs" ? packErofs(root, join(scratch, image)) : pack(root, join(scratch, image), 128 * 1024, 3));
    await rm(root, { recursive: true });
  });
  return join(folder, image);
}

/** A root file system that Buildroot made becomes a folder, which is not there yet. */
export async function unpackRoot(rootfs: string, folder: string): Promise<void> {
  if (extname(rootfs) === ".erofs") await unpackErofs(rootfs, folder);
  else await run(["unsquashfs", "-quiet", "-no-progress", "-dest", folder, rootfs]);
}
