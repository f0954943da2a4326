import * as v from "valibot";
import { type Findings, place, shown } from "./fault.ts";
import { limits } from "./limits.ts";
import type { Json } from "./model.ts";
import { absolutePathFault, componentFault, hasControl } from "./names.ts";

/** Objects of JSON with named members; unknown members stay, because newer authors may know more. Arrays are not objects. */
export const object = <const E extends v.ObjectEntries>(
  entries: E,
): v.GenericSchema<unknown, v.InferOutput<v.LooseObjectSchema<E, undefined>>> =>
  v.pipe(v.unknown(), v.check(isObject, "an object"), v.looseObject(entries));

export function isObject(value: unknown): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Text that reaches logs, command lines and files: no control characters. */
export const text = v.pipe(
  v.string(),
  v.check((value) => !hasControl(value), "text without control characters"),
);
export const nonEmpty = v.pipe(
  text,
  v.check((value) => value !== "", "text that is not empty"),
);
/** A file or folder name: one component of a path. */
export const component = v.pipe(
  v.string(),
  v.check((value) => componentFault(value) === null, "one plain component of a path"),
);
/** An absolute path, without the "/" that may end the name of a folder. */
export const absolutePath = v.pipe(
  v.string(),
  v.transform((value) => (value.endsWith("/") ? value.slice(0, -1) : value)),
  v.check((value) => absolutePathFault(value) === null, 'an absolute path without "." and ".."'),
);
export const integer = v.pipe(
  v.number(),
  v.check((value) => Number.isInteger(value), "a whole number"),
);
export const seconds = v.pipe(
  integer,
  v.check((value) => value >= 0, "a whole number of seconds, 0 or more"),
);

/** An array with `min` to `max` items, counted before they are looked at. */
export const list = <const S extends v.GenericSchema>(
  item: S,
  { min = 0, max = limits.listMax }: { readonly min?: number; readonly max?: number } = {},
): v.GenericSchema<unknown, v.InferOutput<S>[]> =>
  v.pipe(
    v.unknown(),
    v.check(
      (value) => Array.isArray(value) && value.length >= min && value.length <= max,
      `an array of ${min} to ${max} items`,
    ),
    v.array(item),
  );

/** Any value; for members that another parser reads. */
export const json = v.custom<Json>(() => true);

/** `value` as `schema` gives it; null after refusing it at the first place that does not fit. */
export function shaped<const S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  findings: Findings,
  key: string,
  ...steps: readonly (string | number)[]
): v.InferOutput<S> | null {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const inside = (issue.path ?? []).map((item) => (typeof item.key === "number" ? item.key : String(item.key)));
  const path = place(key, ...steps, ...inside);
  if (issue.type === "loose_object") findings.refuse("missing", path, "nothing", "a value");
  else findings.refuse("shape", path, shown(issue.input), allowedBy(issue));
  return null;
}

const WORDS: { readonly [expected: string]: string } = {
  string: "a string",
  number: "a number",
  boolean: "true or false",
};

/** Our own checks say in their message what they allow, valibot's own in `expected`. */
function allowedBy({ type, message, expected }: v.BaseIssue<unknown>): string {
  if (type === "check" || type === "union") return message;
  return WORDS[expected ?? ""] ?? expected ?? message;
}

/** The members of an object, in order. Not `v.record`, which silently drops names such as `constructor`. */
export function membersOf(
  value: Json | undefined,
  findings: Findings,
  key: string,
  ...steps: readonly (string | number)[]
): readonly (readonly [name: string, value: Json])[] {
  if (value === undefined) return [];
  const members = isObject(value) ? Object.entries(value) : null;
  if (members !== null && members.length <= limits.listMax) return members;
  const found = members === null ? shown(value) : `${members.length} members`;
  findings.refuse("shape", place(key, ...steps), found, `an object of at most ${limits.listMax} members`);
  return [];
}
