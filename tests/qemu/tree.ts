/** Composes a root file system from picked paths of Debian packages, and packs it as squashfs. */
import { existsSync, lstatSync, realpathSync } from "node:fs";
import { chmod, copyFile, cp, mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Packages, packages, triplet, unpacked } from "./debian.ts";
import { linkage } from "./elf.ts";
import { type Arch, cached, hostArch, run, sha256OfFile } from "./host.ts";

export interface TreeSpec {
  readonly arch: Arch;
  /** Debian packages that the picked paths come from; what those depend on comes along. */
  readonly packages?: readonly string[];
  /** Picked paths, a file or a whole folder. Shared objects that a picked program links against are added. */
  readonly pick?: readonly string[];
  /** BusyBox with a link for each of its commands. */
  readonly busybox?: boolean;
  /** Files with this text; a text that begins with `#!` becomes executable. */
  readonly files?: Readonly<Record<string, string>>;
  /** Files copied from this machine: path in the tree → path here. They keep their mode. */
  readonly copies?: Readonly<Record<string, string>>;
  /** Symbolic links: path in the tree → target as written. */
  readonly links?: Readonly<Record<string, string>>;
  readonly folders?: readonly string[];
}

export interface SquashOptions {
  /** Bytes; smaller blocks read less for each page that a program touches. 128 KiB unless told. */
  readonly blockBytes?: number;
  /** zstd level, 1 to 22. */
  readonly level?: number;
}

/** A squashfs of the tree, all owned by root, the same bytes for the same inputs. Cached. */
export async function squashfs(name: string, spec: TreeSpec, options: SquashOptions = {}): Promise<string> {
  const { blockBytes = 128 * 1024, level = 9 } = options;
  const copied = await Promise.all(Object.values(spec.copies ?? {}).map(sha256OfFile));
  const { key } = await sources(spec);
  const folder = await cached(`squashfs/${name}`, ["squashfs 2", spec, copied, key, options], async (scratch) => {
    const root = join(scratch, "root");
    await compose(root, spec);
    const image = join(scratch, "image.squashfs");
    await pack(root, image, blockBytes, level);
    await rm(root, { recursive: true });
  });
  return join(folder, "image.squashfs");
}

/** The tree as a folder, in which all is the user's who builds. The same for the same inputs; cached: do not change what is in it. */
export async function treeFolder(name: string, spec: TreeSpec): Promise<string> {
  const copied = await Promise.all(Object.values(spec.copies ?? {}).map(sha256OfFile));
  const { key } = await sources(spec);
  const made = await cached(`tree/${name}`, ["tree 1", spec, copied, key], (folder) =>
    compose(join(folder, "root"), spec),
  );
  return join(made, "root");
}

/** Packs a folder; used for trees that are not made of packages. */
export async function pack(folder: string, image: string, blockBytes: number, level: number): Promise<void> {
  await run([
    ...["mksquashfs", folder, image, "-noappend", "-quiet", "-no-progress", "-all-root", "-no-xattrs"],
    ...["-mkfs-time", "0", "-all-time", "0", "-b", String(blockBytes)],
    ...["-comp", "zstd", "-Xcompression-level", String(level)],
  ]);
}

/** Fills the (new) folder `root`. */
export async function compose(root: string, spec: TreeSpec): Promise<void> {
  for (const name of ["bin", "lib", "lib64", "sbin"]) {
    await mkdir(join(root, "usr", name), { recursive: true });
    await symlink(`usr/${name}`, join(root, name));
  }
  for (const path of spec.folders ?? []) await mkdir(join(root, path), { recursive: true });
  const source = await unpacked(await sources(spec));
  for (const path of spec.pick ?? []) await copyPicked(source, root, path);
  for (const [path, from] of Object.entries(spec.copies ?? {})) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await copyFile(from, join(root, path));
  }
  if (spec.busybox === true) await addBusybox(root, spec.arch);
  for (const [path, text] of Object.entries(spec.files ?? {})) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
    await chmod(join(root, path), text.startsWith("#!") ? 0o755 : 0o644);
  }
  for (const [path, target] of Object.entries(spec.links ?? {})) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await symlink(target, join(root, path));
  }
  await addLibraries(root, source, spec.arch);
}

/** The packages that a tree is made of; libc is there for files that are copied in from elsewhere. */
const sources = (spec: TreeSpec): Promise<Packages> => packages(spec.arch, [...(spec.packages ?? []), "libc6"]);

/** The static BusyBox of an architecture. */
export async function busybox(arch: Arch): Promise<string> {
  const tree = await unpacked(await packages(arch, ["busybox-static"], { alone: true }));
  return join(tree, "usr/bin/busybox");
}

async function addBusybox(root: string, arch: Arch): Promise<void> {
  await copyFile(await busybox(arch), join(root, "usr/bin/busybox"));
  const applets = (await run([await busybox(hostArch()), "--list"])).trim().split("\n");
  for (const applet of applets) {
    if (["busybox", "init", "linuxrc"].includes(applet)) continue;
    await symlink("busybox", join(root, "usr/bin", applet));
  }
  await symlink("../bin/reboot", join(root, "usr/sbin/reboot"));
  // #! lines and scripts of others name programs with their full path.
  for (const applet of ["ifconfig", "ip", "modprobe", "poweroff", "route", "udhcpc"])
    await symlink(`../bin/${applet}`, join(root, "usr/sbin", applet));
}

async function copyPicked(source: string, root: string, path: string): Promise<void> {
  const from = join(source, path);
  const status = lstatSync(from, { throwIfNoEntry: false });
  if (status === undefined) throw new Error(`no package of this tree has ${path}`);
  await mkdir(dirname(join(root, path)), { recursive: true });
  await cp(from, join(root, path), { recursive: true, verbatimSymlinks: true });
  if (!status.isSymbolicLink()) return;
  const target = await readlink(from);
  const next = target.startsWith("/") ? target : join(dirname(path), target);
  if (!existsSync(join(root, next))) await copyPicked(source, root, next);
}

/** Adds what the tree's programs link against, until nothing is missing. */
async function addLibraries(root: string, source: string, arch: Arch): Promise<void> {
  const folders = [`/usr/lib/${triplet(arch)}`, "/usr/lib"];
  const queue = await programs(root);
  const seen = new Set<string>();
  for (const file of queue) {
    const links = linkage(await readFile(file));
    if (links === null) continue;
    const wanted = links.interpreter === null ? links.needed : [links.interpreter, ...links.needed];
    for (const name of wanted) {
      if (seen.has(name)) continue;
      seen.add(name);
      const places = name.startsWith("/") ? [name] : folders.map((folder) => join(folder, name));
      if (places.some((place) => existsSync(join(root, place)))) continue;
      const place = places.find((candidate) => existsSync(join(source, candidate)));
      if (place === undefined) throw new Error(`${file} needs ${name}, which no package of this tree has`);
      await copyPicked(source, root, place);
      queue.push(realpathSync(join(root, place)));
    }
  }
}

/** Files that may be ELF: programs and shared objects, links left out. */
async function programs(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => (lstatSync(path).mode & 0o111) !== 0 || /\.so(\.\d+)*$/.test(path));
}
