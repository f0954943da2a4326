/** Files in the authority's folder: keys that are made once, and what is wrong with one. */
import { err, ok, type Result } from "../../result.ts";
import { type Disk, type DiskError, explainDiskError, readFile, saveFile } from "../../store/index.ts";

export const WHY = "keep the hub's keys";
export const FILE_BYTES_MAX = 64 << 10;
const KEY_MODE = 0o600;

export type KeepFault =
  | { readonly kind: "disk"; readonly error: DiskError }
  /** Something is there that cannot be used; it is left as it is. `why` is a sentence. */
  | { readonly kind: "unusable"; readonly path: string; readonly why: string }
  /** A certificate whose key is gone. */
  | { readonly kind: "keyGone"; readonly path: string; readonly certificate: string }
  /** What devices were told to believe. */
  | { readonly kind: "gone"; readonly path: string }
  /** An order key that others have followed. */
  | { readonly kind: "orderKeyGone"; readonly path: string };

export async function readOrMake(disk: Disk, path: string, make: () => string): Promise<Result<string, KeepFault>> {
  const old = await readIfThere(disk, path);
  if (!old.ok) return old;
  if (old.value !== null) return ok(old.value);
  const text = make();
  const saved = await save(disk, path, text, KEY_MODE);
  return saved.ok ? ok(text) : saved;
}

export async function readIfThere(disk: Disk, path: string): Promise<Result<string | null, KeepFault>> {
  const read = await readFile(disk, WHY, path, FILE_BYTES_MAX);
  if (read.ok) return ok(Buffer.from(read.value).toString("latin1"));
  return read.error.kind === "missing" ? ok(null) : err({ kind: "disk", error: read.error });
}

export async function save(disk: Disk, path: string, text: string, mode: number): Promise<Result<void, KeepFault>> {
  const saved = await saveFile(disk, WHY, path, Buffer.from(text), mode);
  return saved.ok ? saved : err({ kind: "disk", error: saved.error });
}

export function explainKeep(fault: KeepFault): string {
  switch (fault.kind) {
    case "disk":
      return explainDiskError(fault.error);
    case "unusable":
      return `${WHY}: ${fault.path}: ${fault.why}; it was left as it is`;
    case "keyGone":
      return `${WHY}: ${fault.path} is gone, and without it the certificate in ${fault.certificate} is of no use: bring it back from a backup`;
    case "gone":
      return `${WHY}: ${fault.path} is gone, and the devices of this hub believe nothing else: bring it back from a backup`;
    case "orderKeyGone":
      return `${WHY}: ${fault.path} is gone, and devices that have the key before it cannot follow the hub any further: bring it back from a backup`;
  }
}
