import { err, ok, type Result } from "../../result.ts";

/** What may be wrong with the form of a document. `found` and `key` are cut to 256 characters. */
export type JsonProblem =
  | { readonly kind: "invalidUtf8" }
  | { readonly kind: "loneSurrogate" }
  | { readonly kind: "byteOrderMark" }
  /** `found` is one character, null at the end of the document. */
  | { readonly kind: "unexpected"; readonly found: string | null; readonly allowed: string }
  | { readonly kind: "controlCharacter"; readonly code: number }
  | { readonly kind: "badEscape"; readonly found: string }
  | { readonly kind: "badNumber"; readonly found: string }
  | { readonly kind: "inexactNumber"; readonly found: string }
  /** A number whose canonical text is too long. */
  | { readonly kind: "longNumber"; readonly found: string }
  | { readonly kind: "duplicateKey"; readonly key: string }
  | { readonly kind: "tooDeep"; readonly max: number }
  | { readonly kind: "tooManyValues"; readonly max: number };

/** Where a document breaks. `line` and `column` count from 1, columns in UTF-16 units; `path` is the members around it. */
export interface JsonFault {
  readonly problem: JsonProblem;
  readonly line: number;
  readonly column: number;
  readonly path: readonly (string | number)[];
}

export interface JsonLimits {
  readonly depthMax: number;
  readonly valuesMax: number;
  readonly numberCharsMax: number;
}

export function faultAt(
  text: string,
  offset: number,
  problem: JsonProblem,
  path: readonly (string | number)[] = [],
): JsonFault {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  return { problem, line: before.split("\n").length, column: offset - lineStart + 1, path: [...path] };
}

/** Strict UTF-8: no replacement characters, and a byte order mark stays visible for the reader to refuse. */
export function decodeUtf8(bytes: Uint8Array): Result<string, JsonFault> {
  try {
    return ok(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    const lossy = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    return err(faultAt(lossy, firstReplaced(bytes, lossy), { kind: "invalidUtf8" }));
  }
}

/** Index in `lossy` of the first character that stands for wrong bytes: from there its own encoding differs from the input. */
function firstReplaced(bytes: Uint8Array, lossy: string): number {
  const again = Buffer.from(lossy);
  const same = again.findIndex((byte, at) => byte !== bytes[at]);
  return again.toString("utf8", 0, Math.max(same, 0)).length;
}
