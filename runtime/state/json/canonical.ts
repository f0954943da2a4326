import { invariant, ok, type Result } from "../../result.ts";
import { limits } from "../limits.ts";
import type { Json } from "../model.ts";
import type { JsonFault } from "./fault.ts";
import type { JsonNode } from "./node.ts";
import { readJson } from "./read.ts";

/**
 * The canonical text of a document (reference section 1): names sorted by their UTF-8 bytes, no white space, strings in their shortest
 * escaped form (reference authoring 3.2). Numbers stay as written, so a document with `1.0` or `1e3` keeps them; `pvr` would write
 * `1` and `1000`. Errors: those of the strict reader; the length of `text` is bounded by the caller.
 */
export function canonicalText(text: string): Result<string, JsonFault> {
  const node = readJson(text, limits);
  return node.ok ? ok(fromNode(node.value, text)) : node;
}

/** The same for a value. Numbers must be finite, strings well-formed. */
export function canonical(value: Json): string {
  if (typeof value === "string") return quoted(value);
  if (typeof value === "number") {
    invariant(Number.isFinite(value), "a number in JSON is finite");
    return JSON.stringify(value);
  }
  if (value === null || typeof value === "boolean") return String(value);
  if (isArray(value)) return `[${value.map(canonical).join(",")}]`;
  return joined(Object.entries(value).map(([key, member]) => [key, canonical(member)]));
}

function fromNode(node: JsonNode, text: string): string {
  switch (node.kind) {
    case "scalar":
      return typeof node.value === "string" ? quoted(node.value) : text.slice(node.start, node.end);
    case "array":
      return `[${node.items.map((item) => fromNode(item, text)).join(",")}]`;
    case "object":
      return joined(node.members.map(({ key, value }) => [key, fromNode(value, text)]));
  }
}

function joined(members: readonly (readonly [key: string, text: string])[]): string {
  const sorted = members.toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return `{${sorted.map(([key, value]) => `${quoted(key)}:${value}`).join(",")}}`;
}

/** `JSON.stringify` writes the short form already, except that the canonical form has upper-case digits in `\u001F`. */
function quoted(text: string): string {
  invariant(text.isWellFormed(), "a string in JSON has no lone surrogate");
  return JSON.stringify(text).replace(/\\(?:u[0-9a-f]{4}|.)/g, (written) =>
    written.startsWith("\\u") ? `\\u${written.slice(2).toUpperCase()}` : written,
  );
}

const isArray = (value: Json): value is readonly Json[] => Array.isArray(value);
