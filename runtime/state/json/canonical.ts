import { err, invariant, ok, type Result } from "../../result.ts";
import { limits } from "../limits.ts";
import type { Json } from "../model.ts";
import { faultAt, type JsonFault } from "./fault.ts";
import { type JsonNode, toJson } from "./node.ts";
import { canonicalNumber } from "./number.ts";
import { sortedByCodePoint } from "./order.ts";
import { readJson } from "./read.ts";

/**
 * The canonical text of a document (reference section 1, authoring 3.2), which is what `pvr` writes and signatures cover: names sorted
 * by code point, no white space, strings in their shortest escaped form, numbers normalised with every digit kept: `1.0` is `1`, `0.1`
 * is `1.0E-1`, `12345678901234567890` stays. Numbers of any size are fine as long as that text has at most 64 characters.
 * Errors: those of the strict reader; the length of `text` is bounded by the caller.
 */
export function canonicalText(text: string): Result<string, JsonFault> {
  const node = readJson(text, limits, "text");
  if (!node.ok) return node;
  const writer = new Writer(text);
  const written = writer.node(node.value);
  return writer.fault === null ? ok(written) : err(writer.fault);
}

/** One member of a document: its value, and the canonical text of that. Numbers in `value` are the nearest doubles. */
export interface CanonicalMember {
  readonly key: string;
  readonly value: Json;
  readonly text: string;
}

/** The members of a document that is an object, sorted by code point; null: it is something else. Errors as {@link canonicalText}. */
export function canonicalMembers(text: string): Result<readonly CanonicalMember[] | null, JsonFault> {
  const node = readJson(text, limits, "text");
  if (!node.ok) return node;
  if (node.value.kind !== "object") return ok(null);
  const writer = new Writer(text);
  const members = node.value.members.map(({ key, value }) => ({ key, value: toJson(value), text: writer.node(value) }));
  return writer.fault === null ? ok(sortedByCodePoint(members, ({ key }) => key)) : err(writer.fault);
}

/** The canonical text of an object of these members; it sorts them. */
export const canonicalObject = (members: readonly Pick<CanonicalMember, "key" | "text">[]): string =>
  joined(members.map(({ key, text }) => [key, text]));

/** The canonical text of a value. Numbers must be finite, strings well-formed. */
export function canonical(value: Json): string {
  if (typeof value === "string") return quoted(value);
  if (typeof value === "number") {
    invariant(Number.isFinite(value), "a number in JSON is finite");
    const written = canonicalNumber(JSON.stringify(value), DOUBLE_CHARS);
    invariant(written !== null, "a double has at most 309 digits before its point");
    return written;
  }
  if (value === null || typeof value === "boolean") return String(value);
  if (isArray(value)) return `[${value.map(canonical).join(",")}]`;
  return joined(Object.entries(value).map(([key, member]) => [key, canonical(member)]));
}

const DOUBLE_CHARS = 310;

/** Writes nodes of one document; `fault` is the first number that is too long, and what was written is then of no use. */
class Writer {
  fault: JsonFault | null = null;

  constructor(private readonly source: string) {}

  node(node: JsonNode): string {
    switch (node.kind) {
      case "scalar":
        if (typeof node.value === "string") return quoted(node.value);
        return typeof node.value === "number" ? this.number(node) : String(node.value);
      case "array":
        return `[${node.items.map((item) => this.node(item)).join(",")}]`;
      case "object":
        return joined(node.members.map(({ key, value }) => [key, this.node(value)]));
    }
  }

  private number({ start, end }: JsonNode): string {
    const found = this.source.slice(start, end);
    const written = canonicalNumber(found, limits.numberCharsMax);
    if (written === null) this.fault ??= faultAt(this.source, start, { kind: "longNumber", found });
    return written ?? "";
  }
}

function joined(members: readonly (readonly [key: string, text: string])[]): string {
  const sorted = sortedByCodePoint(members, ([key]) => key);
  return `{${sorted.map(([key, value]) => `${quoted(key)}:${value}`).join(",")}}`;
}

/** `JSON.stringify` writes the short form already, except that the canonical form has upper-case digits in `\u001F`. */
function quoted(text: string): string {
  invariant(text.isWellFormed(), "a string in JSON has no lone surrogate");
  const written = JSON.stringify(text);
  return written.includes("\\u00") ? written.replace(LOWER_CASE, upperCase) : written;
}

/** An escape with a letter among its digits; or a backslash's own, so that what follows it is not taken for one. */
const LOWER_CASE = /\\(?:u00[01][a-f]|\\)/g;
const upperCase = (written: string): string =>
  written.startsWith("\\u") ? `\\u${written.slice(2).toUpperCase()}` : written;

const isArray = (value: Json): value is readonly Json[] => Array.isArray(value);
