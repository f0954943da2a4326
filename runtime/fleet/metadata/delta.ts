import { limits } from "../wire/index.ts";
import { markOf } from "./check.ts";

/** What there is to tell, as much of it as one message takes. */
export interface Delta {
  readonly set: ReadonlyMap<string, string>;
  readonly remove: readonly string[];
  /** Nothing that was told before counts. */
  readonly whole: boolean;
  /** So many in the message, at most. */
  readonly bytes: number;
}

/** Marks of the values that were told, by key; null: none of that counts. */
export type Told = ReadonlyMap<string, string> | null;

/** Heads of a text of 4 KiB and of its key, in CBOR. */
const HEADS_BYTES = 3 + 2;
/** Of the message, and of what is in it. */
const FRAME_BYTES = 16;

/** Null: all is told. */
export function delta(current: ReadonlyMap<string, string>, told: Told): Delta | null {
  let bytes = FRAME_BYTES;
  const fits = (more: number): boolean => {
    if (bytes + more > limits.metadataBytesMax) return false;
    bytes += more;
    return true;
  };
  const remove = [...(told?.keys() ?? [])].filter(
    (key) => !current.has(key) && fits(Buffer.byteLength(key) + HEADS_BYTES),
  );
  const set = new Map(
    [...current].filter(
      ([key, value]) =>
        told?.get(key) !== markOf(value) && fits(Buffer.byteLength(key) + Buffer.byteLength(value) + HEADS_BYTES),
    ),
  );
  return set.size + remove.length === 0 ? null : { set, remove, whole: told === null, bytes };
}

/** What is told once a delta has arrived. */
export function withDelta(told: Told, { set, remove }: Delta): ReadonlyMap<string, string> {
  const after = new Map(told ?? []);
  for (const key of remove) after.delete(key);
  for (const [key, value] of set) after.set(key, markOf(value));
  return after;
}
