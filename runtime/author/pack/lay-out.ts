import { constants } from "node:fs";
import { link, lstat, lutimes, mkdir, open, symlink } from "node:fs/promises";
import { invariant } from "../../result.ts";
import { type Entry, encodeName } from "../../tar/index.ts";
import { attributeLines, deviceNumber, type Faked, stateLine } from "./fakeroot.ts";
import type { Report, Tree } from "./tree.ts";

/** A tree on disk that belongs to its maker, and what it stands for. */
export interface LaidOut {
  /** For `fakeroot -i`. */
  readonly state: string;
  /** For `setfattr --restore` in the tree's folder; empty: there are no attributes. */
  readonly attributes: string;
  /** The latest time of a file, in seconds since 1970. */
  readonly newestSeconds: number;
}

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const TYPE: Readonly<Record<Exclude<Entry["kind"], "hardlink">, number>> = {
  fifo: constants.S_IFIFO,
  charDevice: constants.S_IFCHR,
  folder: constants.S_IFDIR,
  blockDevice: constants.S_IFBLK,
  file: constants.S_IFREG,
  symlink: constants.S_IFLNK,
};

/**
 * Writes the entries below `folder`, which is new and private. Nothing gets its owner, mode or type here: files and folders are readable
 * for who runs this, devices are empty files. Every name lies in a folder made before, so no link leads out of `folder`.
 */
export async function layOut(tree: Tree, folder: string, signal: AbortSignal | null, report: Report): Promise<LaidOut> {
  const made = new Map<string, { fake: Faked; links: number }>();
  const folders = new Set<string>();
  const [attributes, times]: [string[], [Buffer, number][]] = [[], []];
  let done = 0;
  for await (const entry of tree.entries()) {
    signal?.throwIfAborted();
    const name = entry.name.replace(/\/$/, "");
    const path = name === "." ? Buffer.from(folder) : Buffer.concat([Buffer.from(`${folder}/`), encodeName(name)]);
    invariant(isInside(name, folders), `"${name}" lies in a folder of the tree`);
    report({ phase: "collect", done: ++done, of: tree.count });
    if (entry.kind === "hardlink") {
      const first = made.get(entry.target);
      invariant(first !== undefined, `"${entry.target}" comes before its other names`);
      await link(Buffer.concat([Buffer.from(`${folder}/`), encodeName(entry.target)]), path);
      first.links++;
      continue;
    }
    await make(entry, name, path);
    if (entry.kind === "folder") folders.add(name);
    const { dev: device, ino: inode } = await lstat(path, { bigint: true });
    const { mode, uid, gid } = entry;
    const rdev = "major" in entry ? deviceNumber(entry.major, entry.minor) : 0n;
    made.set(name, { fake: { device, inode, mode: TYPE[entry.kind] | mode, uid, gid, links: 1, rdev }, links: 1 });
    if (entry.xattrs.size > 0) attributes.push(attributeLines(encodeName(name), entry.xattrs));
    if (entry.mtimeSeconds !== 0) times.push([path, entry.mtimeSeconds]);
  }
  // A folder's own time changes with everything that is put into it.
  for (const [path, seconds] of times.reverse()) await lutimes(path, seconds, seconds);
  const state = [...made.values()].map(({ fake, links }) => stateLine({ ...fake, links })).join("");
  const newestSeconds = times.reduce((newest, [, seconds]) => Math.max(newest, seconds), 0);
  return { state, attributes: attributes.join(""), newestSeconds };
}

function isInside(name: string, folders: ReadonlySet<string>): boolean {
  if (name === ".") return folders.size === 0;
  const parts = name.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..")) return false;
  return folders.has(parts.length === 1 ? "." : parts.slice(0, -1).join("/"));
}

async function make(entry: Exclude<Entry, { kind: "hardlink" }>, name: string, path: Buffer): Promise<void> {
  switch (entry.kind) {
    case "folder":
      if (name !== ".") await mkdir(path, { mode: 0o700 });
      return;
    case "symlink":
      return symlink(encodeName(entry.target), path);
    case "file": {
      await using file = await open(path, CREATE, 0o600);
      for await (const part of entry.bytes) await file.writeFile(part);
      return;
    }
    default:
      await (await open(path, CREATE, 0o600)).close();
  }
}
