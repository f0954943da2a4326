import { lstatSync, readdirSync } from "node:fs";
import type { LogFile } from "./budget.ts";

/** More files than this are not looked at in one go; their logs would take years to come together. */
const FILES_MAX = 20_000;
const DEPTH_MAX = 40;
/** The main loop gets a turn after so many look-ups. */
const BATCH = 64;

/** `<log>.<n>.gz` is an archive of ours, `<log>.<n>.part` one that a power cut or a full disk left unfinished. */
const ARCHIVE = /^(.+)\.(\d{1,9})\.(gz|part)$/;
/** What liblxc makes by itself when `lxc.console.size` is reached. */
const LXC_ROTATED = /^(.*\/lxc\/console\.log)\.1$/;

/** `<rev>/<container>` of a path below the log folder; revisions made on the device are two names deep: `locals/<name>`. */
function ownerOf(names: readonly string[]): string {
  return names.slice(0, names[0] === "locals" ? 3 : 2).join("/");
}

/** What a file's name says of it. `path` is relative to the log folder, `rev` the running revision. */
export function classify(path: string, rev: string): Pick<LogFile, "owner" | "role" | "series" | "index"> {
  const owner = ownerOf(path.split("/"));
  const archive = ARCHIVE.exec(path);
  if (archive !== null) return { owner, role: "archive", series: archive[1] ?? path, index: Number(archive[2]) };
  const rotated = LXC_ROTATED.exec(path);
  if (rotated !== null) return { owner, role: "archive", series: rotated[1] ?? path, index: 1e9 };
  return { owner, role: path.startsWith(`${rev}/`) ? "live" : "archive", series: path, index: 2e9 };
}

/** Every regular file below the log folder. Links are not followed; a file with several names counts once, as live if one is. */
export async function listLogFiles(dir: string, rev: string): Promise<readonly LogFile[]> {
  const files: LogFile[] = [];
  const counted = new Map<string, number>();
  let looked = 0;
  const visit = async (folder: string, depth: number): Promise<void> => {
    for (const entry of entriesOf(`${dir}/${folder}`)) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (depth < DEPTH_MAX) await visit(path, depth + 1);
        continue;
      }
      if (!entry.isFile() || files.length >= FILES_MAX) continue;
      if (++looked % BATCH === 0) await new Promise((resolve) => setImmediate(resolve));
      const stat = lstatSync(`${dir}/${path}`, { throwIfNoEntry: false });
      if (stat === undefined) continue;
      const file = { path, ...classify(path, rev), bytes: stat.size, mtimeMs: stat.mtimeMs };
      const inode = `${stat.dev}:${stat.ino}`;
      const earlier = stat.nlink > 1 ? counted.get(inode) : undefined;
      const other = earlier === undefined ? undefined : files[earlier];
      if (earlier !== undefined && other !== undefined) {
        if (file.role === "live" && other.role === "archive") {
          files[earlier] = { ...other, bytes: 0 };
        } else file.bytes = 0;
      }
      counted.set(inode, files.push(file) - 1);
    }
  };
  await visit("", 0);
  return files;
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return []; // removed meanwhile, by garbage collection of its revision
  }
}
