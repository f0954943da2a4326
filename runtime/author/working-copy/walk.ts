import { type BigIntStats, lstatSync, readdirSync } from "node:fs";
import { err, ok } from "../../result.ts";
import type { DiskError, DiskResult, FileInfo } from "../../store/index.ts";
import { keyFault, OWN_FOLDERS } from "../document/index.ts";
import type { Oddity } from "./fault.ts";

export interface Walked {
  /** Every plain file by its path from the top. */
  readonly files: ReadonlyMap<string, FileInfo>;
  readonly oddities: readonly Oddity[];
}

/** What decoders put in the place of bytes that are no UTF-8. */
const REPLACED = "\ufffd";

/**
 * Everything in a working copy except the tools' own folders at its top. Nothing is opened and no link followed: what is neither a file
 * nor a folder, or has a name that no key can have, is reported and passed over. `passOver` has paths to leave out, too; `keys` are known to be good ones.
 * It only looks, and it is what `status` waits for, so it asks the kernel directly: calls through the thread pool take ten times as long.
 */
export async function walk(
  root: string,
  passOver: ReadonlySet<string>,
  keys: ReadonlySet<string> = new Set(),
): DiskResult<Walked> {
  const files = new Map<string, FileInfo>();
  const oddities: Oddity[] = [];
  const visit = (folder: string): void => {
    for (const name of namesIn(folder === "" ? root : `${root}/${folder}`)) {
      const path = folder === "" ? name : `${folder}/${name}`;
      if (OWN_FOLDERS.has(path) || passOver.has(path)) continue;
      const info = lstatSync(`${root}/${path}`, { bigint: true, throwIfNoEntry: false });
      const fault = keys.has(path) || (info === undefined && !name.includes(REPLACED)) ? null : keyFault(path);
      if (fault !== null || (info === undefined && name.includes(REPLACED))) {
        oddities.push({ path: JSON.stringify(path), what: "called what no key of a state can be" });
      } else if (info === undefined) {
      } else if (info.isDirectory()) {
        visit(path);
      } else if (info.isFile()) {
        files.set(path, infoOf(info));
      } else {
        oddities.push({ path, what: info.isSymbolicLink() ? "a symbolic link" : "neither a file nor a folder" });
      }
    }
  };
  try {
    visit("");
  } catch (thrown) {
    return err(failure(thrown));
  }
  return ok({ files, oddities: oddities.sort((a, b) => (a.path < b.path ? -1 : 1)) });
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (thrown) {
    if (failure(thrown).kind === "missing") return []; // removed meanwhile
    throw thrown;
  }
}

const infoOf = (stats: BigIntStats): FileInfo => ({
  type: "file",
  sizeBytes: Number(stats.size),
  links: Number(stats.nlink),
  device: stats.dev,
  inode: stats.ino,
  mtimeNs: stats.mtimeNs,
  ctimeNs: stats.ctimeNs,
});

function failure(thrown: unknown): DiskError {
  const { code, syscall, path } = thrown as NodeJS.ErrnoException;
  if (code === undefined) throw thrown;
  const kind = code === "ENOENT" ? "missing" : code === "EACCES" ? "denied" : code === "EIO" ? "io" : "other";
  return { kind, call: syscall ?? "read", path: path ?? "", why: "author/walk", code };
}
