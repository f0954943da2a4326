import { withoutBrackets } from "../../address.ts";
import type { LevelSet } from "./level.ts";

/** A size that may depend on what it is a part of. */
export type Size =
  | { readonly kind: "bytes"; readonly bytes: number }
  | { readonly kind: "percent"; readonly percent: number };

/** One configuration key: how its text becomes a value, and how the value becomes text again. */
export interface Key<T> {
  /** Older dotted spelling, accepted wherever the new one is; null if the key never had one. */
  readonly alias: string | null;
  readonly levels: LevelSet;
  readonly initial: T;
  /** Shown masked, and never quoted in a warning. */
  readonly secret: boolean;
  /** False while the feature behind it is not there yet: setting it warns. */
  readonly implemented: boolean;
  /** What a text must be, for the warning about one that is not. */
  readonly wants: string;
  /** undefined: not such a value. */
  parse(text: string): T | undefined;
  /** As `GET /config2` shows it. */
  print(value: T): string;
  /** As `GET /config` shows it: the original's own encoding (reference 8.8). */
  legacy(value: T): LegacyValue;
}

/** Texts that are not set are null; words are numbered as in the original's enumerations; several words are a mask of bits. */
export type LegacyValue = string | number | boolean | null;

type Kind<T> = Pick<Key<T>, "wants" | "parse" | "print" | "legacy">;
type Place<T> = readonly [alias: string | null, levels: LevelSet, initial: T];

const key = <T>(kind: Kind<T>, [alias, levels, initial]: Place<T>): Key<T> => ({
  alias,
  levels,
  initial,
  secret: false,
  implemented: true,
  ...kind,
});

/** Marks a key whose feature is not there yet. */
export const later = <T>(k: Key<T>): Key<T> => ({ ...k, implemented: false });
export const secret = <T>(k: Key<T>): Key<T> => ({ ...k, secret: true });

const TEXT_CHARACTERS_MAX = 4096;
const printable = (text: string): boolean =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
  text.length <= TEXT_CHARACTERS_MAX && !/[\u0000-\u001f\u007f]/.test(text);
/** What the original prints for a text that is not set (C's `%s` of NULL); scripts compare with it. */
const UNSET = "(null)";
const orUnset = (value: string | null): string => value ?? UNSET;

/** Any printable text; empty means not set, so that a higher level can take a setting back. */
export const text = (...place: Place<string | null>): Key<string | null> =>
  key<string | null>(
    {
      wants: `a text of at most ${TEXT_CHARACTERS_MAX} characters without control characters`,
      parse: (t) => (!printable(t) ? undefined : t === "" ? null : t),
      print: orUnset,
      legacy: (value) => value,
    },
    place,
  );

/** Where somebody is reached; an IPv6 address may stand in brackets. */
export const host = (...place: Place<string | null>): Key<string | null> => {
  const plain = text(...place);
  return { ...plain, parse: (t) => plain.parse(withoutBrackets(t)) };
};

/** A printable text that always has a value. */
export const word = (...place: Place<string>): Key<string> =>
  key<string>(
    {
      wants: `a text of 1 to ${TEXT_CHARACTERS_MAX} characters without control characters`,
      parse: (t) => (t !== "" && printable(t) ? t : undefined),
      print: (value) => value,
      legacy: (value) => value,
    },
    place,
  );

/** An absolute path without `..`. */
export const path = (...place: Place<string>): Key<string> =>
  key<string>(
    {
      wants: 'an absolute path without ".."',
      parse: (t) => (t.startsWith("/") && printable(t) && !t.split("/").includes("..") ? t : undefined),
      print: (value) => value,
      legacy: (value) => value,
    },
    place,
  );

const COMPONENT = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/;
const COMPONENT_WANTS = "a name of 1 to 64 of A-Z a-z 0-9 . _ - that does not begin with . or -";
/** One component of a path. */
export const component = (...place: Place<string>): Key<string> =>
  key<string>(
    {
      wants: COMPONENT_WANTS,
      parse: (t) => (COMPONENT.test(t) ? t : undefined),
      print: (value) => value,
      legacy: (value) => value,
    },
    place,
  );

/** One component of a path; empty means not set. */
export const optionalComponent = (...place: Place<string | null>): Key<string | null> =>
  key<string | null>(
    {
      wants: `${COMPONENT_WANTS}, or nothing`,
      parse: (t) => (t === "" ? null : COMPONENT.test(t) ? t : undefined),
      print: orUnset,
      legacy: (value) => value,
    },
    place,
  );

const ON = new Set(["1", "true", "yes", "on"]);
const OFF = new Set(["0", "false", "no", "off"]);
export const bool = (...place: Place<boolean>): Key<boolean> =>
  key<boolean>(
    {
      wants: "1, true, yes, on or 0, false, no, off",
      parse: (t) => (ON.has(t.toLowerCase()) ? true : OFF.has(t.toLowerCase()) ? false : undefined),
      print: (value) => (value ? "1" : "0"),
      legacy: (value) => value,
    },
    place,
  );

/** A protection that cannot be switched off: trying to is a bad value, saying that it is on is a good one. */
export const alwaysOn = (...place: Place<true>): Key<true> =>
  key<true>(
    {
      wants: "1, true, yes or on, as this cannot be switched off",
      parse: (t) => (ON.has(t.toLowerCase()) ? true : undefined),
      print: () => "1",
      legacy: (value) => value,
    },
    place,
  );

export const int = (min: number, max: number, ...place: Place<number>): Key<number> =>
  key<number>(
    {
      wants: `a whole number from ${min} to ${max}`,
      parse: (t) => (/^-?\d{1,15}$/.test(t) && Number(t) >= min && Number(t) <= max ? Number(t) : undefined),
      print: String,
      legacy: (value) => value,
    },
    place,
  );

const DURATION_MS = { s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** A timer takes at most 2^31 - 1 ms (24.8 days) and fires at once when given more. */
const DURATION_MAX_MS = 24 * DURATION_MS.d;
/** Milliseconds; its text is seconds, or a number with s, min, h or d. */
export const duration = (...place: Place<number>): Key<number> =>
  key<number>(
    {
      wants: "seconds, or a number with one of the units s, min, h, d (at most 24d)",
      parse: (t) => {
        const found = /^(\d{1,9})(s|min|h|d)?$/.exec(t);
        if (found === null) return undefined;
        const ms = Number(found[1]) * DURATION_MS[(found[2] ?? "s") as keyof typeof DURATION_MS];
        return ms <= DURATION_MAX_MS ? ms : undefined;
      },
      print: (ms) => String(ms / 1000),
      legacy: (ms) => Math.floor(ms / 1000),
    },
    place,
  );

const printSize = (value: Size | null): string =>
  value === null ? "0" : value.kind === "bytes" ? String(value.bytes) : `${value.percent}%`;

const UNIT_POWERS = ["", "K", "M", "G", "T"];
/** Bytes or a percentage; `0` is null, the automatic choice. K is 1024, KB is 1000, as the original counts. */
export const size = (...place: Place<Size | null>): Key<Size | null> =>
  key<Size | null>(
    {
      wants: "bytes, a number with K, M, G, T (1024) or KB, MB, GB, TB (1000), or a percentage up to 100%",
      parse: (t) => {
        const found = /^(\d{1,15})(?:(%)|([KMGT]?)(B?))$/i.exec(t);
        if (found === null) return undefined;
        const amount = Number(found[1]);
        if (found[2] === "%") return amount === 0 || amount > 100 ? undefined : { kind: "percent", percent: amount };
        if (amount === 0) return null;
        const power = UNIT_POWERS.indexOf((found[3] ?? "").toUpperCase());
        const bytes = amount * (found[4] === "" ? 1024 : 1000) ** power;
        return Number.isSafeInteger(bytes) ? { kind: "bytes", bytes } : undefined;
      },
      print: printSize,
      legacy: printSize,
    },
    place,
  );

/** One word; `words` are in the order of the original's enumeration, whose numbers `GET /config` shows. */
export const choice = <const W extends readonly string[]>(words: W, ...place: Place<W[number]>): Key<W[number]> =>
  key<W[number]>(
    {
      wants: `one of ${words.join(", ")}`,
      parse: (t) => words.find((w) => w === t),
      print: (value) => value,
      legacy: (value) => words.indexOf(value),
    },
    place,
  );

/** One word, or nothing, which means not set. */
export const optionalChoice = <const W extends readonly string[]>(
  words: W,
  ...place: Place<W[number] | null>
): Key<W[number] | null> =>
  key<W[number] | null>(
    {
      wants: `one of ${words.join(", ")}, or nothing`,
      parse: (t) => (t === "" ? null : words.find((w) => w === t)),
      print: orUnset,
      legacy: (value) => (value === null ? null : words.indexOf(value)),
    },
    place,
  );

/** A comma list of words; order and repetition mean nothing, the value is in the order of `words`. */
export const choices = <const W extends readonly string[]>(
  words: W,
  ...place: Place<readonly W[number][]>
): Key<readonly W[number][]> =>
  key<readonly W[number][]>(
    {
      wants: `a comma list of ${words.join(", ")}`,
      parse: (t) => {
        const named = new Set(t.split(",").map((w) => w.trim()));
        const known = words.filter((w) => named.has(w));
        return known.length === named.size ? known : undefined;
      },
      print: (value) => value.join(","),
      legacy: (value) => value.reduce((mask, word) => mask | (1 << words.indexOf(word)), 0),
    },
    place,
  );
