import { ok } from "../../result.ts";
import type { Disk, DiskResult, FileInfo, FileType } from "../../store/index.ts";
import { keyFault, OWN_FOLDERS } from "../document/index.ts";
import type { Oddity } from "./fault.ts";

const WHY = "author/walk";

export interface Walked {
  /** Every plain file by its path from the top. */
  readonly files: ReadonlyMap<string, FileInfo>;
  readonly oddities: readonly Oddity[];
}

const words: Record<Exclude<FileType, "file" | "folder">, string> = {
  symlink: "a symbolic link",
  other: "neither a file nor a folder",
};

/**
 * Everything in a working copy except the tools' own folders at its top. Nothing is opened and no link followed: what is neither a file
 * nor a folder, or has a name that no key can have, is reported and passed over. `passOver` says which folders at the top to leave out, too.
 */
export async function walk(disk: Disk, root: string, passOver: ReadonlySet<string>): DiskResult<Walked> {
  const files = new Map<string, FileInfo>();
  const oddities: Oddity[] = [];
  const visit = async (folder: string): DiskResult<void> => {
    const names = await disk.list(WHY, folder === "" ? root : `${root}/${folder}`);
    if (!names.ok) return names;
    const inner = await Promise.all(
      names.value.map(async (name): DiskResult<void> => {
        if (folder === "" && (OWN_FOLDERS.has(name) || passOver.has(name))) return ok(undefined);
        const path = folder === "" ? name : `${folder}/${name}`;
        const info = await disk.stat(WHY, `${root}/${path}`);
        if (!info.ok) return info.error.kind === "missing" ? ok(undefined) : info; // removed meanwhile
        const { type } = info.value;
        const fault = keyFault(path);
        if (fault !== null) oddities.push({ path: JSON.stringify(path), what: "what no key of a state can be called" });
        else if (type === "folder") return visit(path);
        else if (type === "file") files.set(path, info.value);
        else oddities.push({ path, what: words[type] });
        return ok(undefined);
      }),
    );
    return inner.find((result) => !result.ok) ?? ok(undefined);
  };
  const visited = await visit("");
  return visited.ok ? ok({ files, oddities: oddities.sort((a, b) => (a.path < b.path ? -1 : 1)) }) : visited;
}
