import { err, ok, type Result } from "../result.ts";
import { type Floor, parseFloor } from "../state/index.ts";
import type { DiskError } from "./disk.ts";
import { readFile, saveFile } from "./save.ts";
import type { Store } from "./store.ts";

const WHY = "store/floor";
const FLOOR_BYTES_MAX = 64 * 1024;

/** The floor that is stored is damaged, or the one to be stored is too large. Whoever asks it must then take nothing new. */
export interface BadFloor {
  readonly kind: "badFloor";
  readonly path: string;
  readonly problem: string;
}

const floorPath = ({ root }: Store): string => `${root}/config/antirollback.json`;
const bad = (store: Store, problem: string): Result<never, BadFloor> =>
  err({ kind: "badFloor", path: floorPath(store), problem });

/** `config/antirollback.json`: the lowest version of each part that this device still takes. Missing: nothing is refused. */
export async function readFloor(store: Store): Promise<Result<Floor, DiskError | BadFloor>> {
  const bytes = await readFile(store.disk, WHY, floorPath(store), FLOOR_BYTES_MAX);
  if (!bytes.ok) return bytes.error.kind === "missing" ? ok(new Map()) : bytes;
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.value));
  } catch {
    return bad(store, "it is no JSON");
  }
  const floor = parseFloor(json);
  return floor === null ? bad(store, "it does not map parts to versions") : ok(floor);
}

/** Durable when it returns. What is there is not asked: only raise what {@link readFloor} gave. */
export async function writeFloor(store: Store, floor: Floor): Promise<Result<void, DiskError | BadFloor>> {
  const bytes = new TextEncoder().encode(JSON.stringify(Object.fromEntries(floor)));
  if (bytes.byteLength > FLOOR_BYTES_MAX) return bad(store, `it would have ${bytes.byteLength} bytes`);
  return saveFile(store.disk, WHY, floorPath(store), bytes);
}
