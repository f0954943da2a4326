/** How values lie on the wire, each way next to the other. Messages are tables of these. */
import * as v from "valibot";
import { invariant } from "../../result.ts";
import type { Cbor } from "./cbor.ts";

export interface Codec<T> {
  /** Reads and checks. The message of each of its issues says what is wanted. */
  readonly schema: v.GenericSchema<unknown, T>;
  /** The way back; null: nothing is written. */
  write(value: T): Cbor | null;
}

/** The TypeScript side of a codec. */
export type ValueOf<C> = C extends Codec<infer T> ? T : never;

/** What is in TypeScript as it is on the wire. */
const plain = <T extends Cbor>(fits: (value: unknown) => boolean, wanted: string): Codec<T> => ({
  schema: v.pipe(v.unknown(), v.custom<T>(fits, wanted)),
  write: (value) => value,
});

/** What is not: `read` gives null for what has no meaning. */
export const turned = <W extends Cbor, T>(
  wire: Codec<W>,
  wanted: string,
  read: (value: W) => T | null,
  write: (value: T) => W,
): Codec<T> => ({
  schema: v.pipe(
    wire.schema,
    v.rawTransform<W, T>(({ dataset, addIssue, NEVER }) => {
      const value = read(dataset.value);
      if (value !== null) return value;
      addIssue({ message: wanted });
      return NEVER;
    }),
  ),
  write,
});

export const integer = (min: number, max: number): Codec<number> =>
  plain(
    (value) => Number.isSafeInteger(value) && min <= Number(value) && Number(value) <= max,
    `a whole number from ${min} to ${max}`,
  );

/** Numbers that count messages, revisions, commands: 32 bits. */
export const uint = integer(0, 0xffff_ffff);
/** Bytes, as they add up. */
export const count = integer(0, Number.MAX_SAFE_INTEGER);
/** Seconds since 1970, until the end of the year 9999. */
export const seconds = integer(0, 253_402_300_799);

/** Well-formed text of `min` to `max` bytes of UTF-8. */
export const text = (max: number, min = 0): Codec<string> =>
  plain(
    (value) => typeof value === "string" && value.isWellFormed() && within(Buffer.byteLength(value), min, max),
    `text of ${min} to ${max} bytes`,
  );

/** A byte string; `min` is `max` where it is not given. */
export const bytes = (max: number, min = max): Codec<Uint8Array> =>
  plain(
    (value) => value instanceof Uint8Array && within(value.length, min, max),
    min === max ? `${max} bytes` : `${min} to ${max} bytes`,
  );

const within = (length: number, min: number, max: number): boolean => min <= length && length <= max;

export const numberOrText: Codec<number | string> = plain(
  (value) => typeof value === "number" || typeof value === "string",
  "a number or text",
);

/** An array, whatever is in it. */
export const values: Codec<readonly Cbor[]> = plain(Array.isArray, "an array");

/** Bytes as lower-case hexadecimal digits; `H`: a brand for those. */
export const hex = <H extends string>(length: number): Codec<H> =>
  turned(
    bytes(length),
    `${length} bytes`,
    (value) => Buffer.from(value).toString("hex") as H,
    (value) => new Uint8Array(Buffer.from(value, "hex")),
  );

/** One of a closed list, as its place in it: lists are only ever appended to. */
export const oneOf = <const W extends string | number>(words: readonly W[]): Codec<W> =>
  turned(
    uint,
    `0 to ${words.length - 1}, for ${words.join(", ")}`,
    (place) => words[place] ?? null,
    (word) => words.indexOf(word),
  );

/**
 * Yes or no to each of a list of up to 8, as one bit each from the lowest on. Lists are only ever appended to; bits beyond the list
 * are ignored, a newer peer may know more.
 */
export const flags = <const W extends string>(words: readonly W[]): Codec<{ readonly [F in W]: boolean }> =>
  turned(
    integer(0, 0xff),
    "8 bits",
    (bits) => Object.fromEntries(words.map((word, at) => [word, ((bits >> at) & 1) === 1])) as Record<W, boolean>,
    (values) => words.reduce((bits, word, at) => bits | (Number(values[word]) << at), 0),
  );

/** Null when it is not there. */
export const optional = <T>({ schema, write }: Codec<T>): Codec<T | null> => ({
  schema: v.optional(v.nullable(schema), null),
  write: (value) => (value === null ? null : write(value)),
});

export const list = <T>({ schema, write }: Codec<T>, max: number): Codec<readonly T[]> => ({
  schema: v.pipe(
    v.unknown(),
    v.check((value) => Array.isArray(value) && value.length <= max, `an array of at most ${max} items`),
    v.array(schema),
  ),
  write: (values) => values.map((value) => written(write(value))),
});

/** A map with texts as keys. */
export const dictionary = <K extends string, T>(
  key: Codec<K>,
  { schema, write }: Codec<T>,
  max: number,
): Codec<ReadonlyMap<K, T>> => ({
  schema: v.pipe(
    v.unknown(),
    v.check((value) => value instanceof Map && value.size <= max, `a map of at most ${max} members`),
    v.map(key.schema, schema),
  ),
  write: (values) => new Map([...values].map(([name, value]) => [name, written(write(value))])),
});

function written(value: Cbor | null): Cbor {
  invariant(value !== null, "items of lists and maps are never left out");
  return value;
}

/** Names in TypeScript, small numbers on the wire. */
type Table<T> = { readonly [K in keyof T]: readonly [key: number, codec: Codec<T[K]>] };

/**
 * A map from the numbers of a table to values. Numbers that the table does not have are ignored: a newer peer may know more. A number
 * that has once been used keeps its meaning for ever.
 */
export function keyed<T>(table: Table<T>): Codec<{ readonly [K in keyof T]: T[K] }> {
  type Row = readonly [name: string, field: readonly [number, Codec<unknown>]];
  const rows: readonly Row[] = Object.entries(table);
  invariant(new Set(rows.map(([, [key]]) => key)).size === rows.length, "each key has one meaning");
  const schema: v.GenericSchema = v.pipe(
    v.instance(Map, "a map"),
    v.transform((map) => Object.fromEntries(rows.map(([name, [key]]) => [name, map.get(key)]))),
    v.object(Object.fromEntries(rows.map(([name, [, codec]]) => [name, codec.schema]))),
  );
  return {
    schema: schema as v.GenericSchema<unknown, T>,
    write: (value) => {
      const members = new Map<string, unknown>(Object.entries(value));
      return new Map(
        rows.flatMap(([name, [key, codec]]) => {
          const one = codec.write(members.get(name));
          return one === null ? [] : [[key, one] as const];
        }),
      );
    },
  };
}
