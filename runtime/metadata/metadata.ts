import { err, ok, type Result } from "../result.ts";
import { type Disk, type DiskError, explainDiskError, readFile, saveFile } from "../store/index.ts";
import { isKey, KEYS_MAX, keyRule, VALUE_BYTES_MAX } from "./key.ts";
import { openMirror } from "./mirror.ts";

const WHY = "metadata";

/** Why a key was not written. `badKey`: no key can be called so; `tooLarge`: the value; `tooMany`: there is no room for another key. */
export type MetadataError =
  | { readonly kind: "badKey"; readonly key: string }
  | { readonly kind: "tooLarge"; readonly key: string; readonly bytes: number }
  | { readonly kind: "tooMany"; readonly key: string }
  | { readonly kind: "disk"; readonly error: DiskError };

/** The sentence for a person. */
export function explainMetadata(error: MetadataError): string {
  switch (error.kind) {
    case "badKey":
      return `${JSON.stringify(error.key.slice(0, 80))} is no key: wants ${keyRule}`;
    case "tooLarge":
      return `the value of ${error.key} has ${error.bytes} bytes, at most ${VALUE_BYTES_MAX} are kept`;
    case "tooMany":
      return `no room for ${error.key}: there are ${KEYS_MAX} keys already, remove some`;
    case "disk":
      return explainDiskError(error.error);
  }
}

/** One kind of metadata (reference 9.1): a flat map of text that survives updates and reboots. */
export interface Metadata {
  readonly entries: ReadonlyMap<string, string>;
  /** Durable when it returns. A value that is there already writes nothing. */
  set(key: string, value: string): Promise<Result<void, MetadataError>>;
  /** False: there was no such key. Durable when it returns. */
  remove(key: string): Promise<Result<boolean, MetadataError>>;
  /** The containers that see their own keys from now on; those of the running revision. */
  show(containers: readonly string[]): void;
}

export interface MetadataOptions {
  readonly disk: Disk;
  /** Where the keys are kept, one file each; absolute. Made when the first one is written. */
  readonly folder: string;
  /** Where containers see them, in memory. */
  readonly mirror: string;
  warn(message: string): void;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Loads what is kept. Files that are no keys stay where they are and mean nothing; one that cannot be read is a warning. */
export async function openMetadata({ disk, folder, mirror, warn }: MetadataOptions): Promise<Metadata> {
  const entries = await load(disk, folder, warn);
  const files = openMirror(mirror, warn);
  let last: Promise<unknown> = Promise.resolve();
  /** One change after the other, so that memory and disk agree on which was the last. */
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const done = last.then(act);
    last = done.catch(() => {});
    return done;
  };

  async function set(key: string, value: string): Promise<Result<void, MetadataError>> {
    const bytes = new TextEncoder().encode(value);
    if (!isKey(key)) return err({ kind: "badKey", key });
    if (bytes.byteLength > VALUE_BYTES_MAX) return err({ kind: "tooLarge", key, bytes: bytes.byteLength });
    if (entries.get(key) === value) return ok(undefined);
    if (!entries.has(key) && entries.size >= KEYS_MAX) return err({ kind: "tooMany", key });
    const saved = await saveFile(disk, WHY, `${folder}/${key}`, bytes);
    if (!saved.ok) return err({ kind: "disk", error: saved.error });
    entries.set(key, value);
    files.set(key, value);
    return ok(undefined);
  }

  async function remove(key: string): Promise<Result<boolean, MetadataError>> {
    if (!entries.has(key)) return ok(false);
    const gone = await disk.unlink(WHY, `${folder}/${key}`);
    if (!gone.ok && gone.error.kind !== "missing") return err({ kind: "disk", error: gone.error });
    entries.delete(key);
    files.remove(key);
    const kept = await disk.fsync(WHY, folder);
    return kept.ok ? ok(true) : err({ kind: "disk", error: kept.error });
  }

  return {
    entries,
    set: (key, value) => inTurn(() => set(key, value)),
    remove: (key) => inTurn(() => remove(key)),
    show: (containers) => files.show(entries, containers),
  };
}

async function load(disk: Disk, folder: string, warn: (message: string) => void): Promise<Map<string, string>> {
  const entries = new Map<string, string>();
  const names = await disk.list(WHY, folder);
  if (!names.ok) {
    if (names.error.kind !== "missing") warn(explainDiskError(names.error));
    return entries;
  }
  for (const key of names.value.filter(isKey)) {
    if (entries.size >= KEYS_MAX) {
      warn(`${folder}: more than ${KEYS_MAX} keys, the rest is left out`);
      break;
    }
    const bytes = await readFile(disk, WHY, `${folder}/${key}`, VALUE_BYTES_MAX);
    try {
      if (bytes.ok) entries.set(key, utf8.decode(bytes.value));
      else warn(explainDiskError(bytes.error));
    } catch {
      warn(`${folder}/${key}: is not UTF-8 text and is left out`);
    }
  }
  return entries;
}
