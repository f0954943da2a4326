import { basename, dirname } from "node:path";
import { type Disk, type DiskResult, writeTemporary } from "../../store/index.ts";

/**
 * Writes a file that must not be there yet, whole or not at all: `exists` when it is there, and then nothing has changed. A key that is
 * overwritten is lost.
 */
export async function saveNewFile(disk: Disk, why: string, path: string, text: string, mode: number): DiskResult<void> {
  const folder = dirname(path);
  const temporary = `${folder}/.${basename(path)}.tmp`;
  const written = await writeTemporary(disk, why, temporary, mode, (file) => file.write(Buffer.from(text)));
  if (!written.ok) return written;
  const placed = await disk.link(why, temporary, path);
  const cleared = await disk.unlink(why, temporary);
  if (!placed.ok) return placed;
  return cleared.ok ? disk.fsync(why, folder) : cleared;
}
