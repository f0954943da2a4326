import { ok, type Result } from "../../result.ts";
import {
  byCodePoint,
  canonical,
  canonicalObject,
  canonicalText,
  type Json,
  type JsonFault,
  type JsonNode,
  limits,
  readJson,
} from "../../state/index.ts";

/**
 * A JSON value whose numbers are digits and never doubles: the canonical text (reference authoring 3.2) of anything that is no object,
 * or the members of an object. Two values are the same when their trees are.
 */
export type Tree = string | Members;
export type Members = ReadonlyMap<string, Tree>;

/** What a merge patch has for "remove", and what an object can therefore not keep (RFC 7386). */
export const NULL = "null";

export const isMembers = (tree: Tree): tree is Members => typeof tree !== "string";

/** Reads a document; the length of `text` is bounded by the caller. */
export function readTree(text: string): Result<Tree, JsonFault> {
  const quick = readCompact(text);
  if (quick !== null) return ok(quick);
  const node = readJson(text, limits, "text");
  return node.ok ? fromNode(node.value, text) : node;
}

function fromNode(node: JsonNode, text: string): Result<Tree, JsonFault> {
  if (node.kind === "scalar" && typeof node.value === "string") return ok(canonical(node.value));
  if (node.kind !== "object") return canonicalText(text.slice(node.start, node.end));
  const members = new Map<string, Tree>();
  for (const { key, value } of node.members) {
    const tree = fromNode(value, text);
    if (!tree.ok) return tree;
    members.set(key, tree.value);
  }
  return ok(members);
}

/**
 * The short way for what commits write, ten times as fast: a text that is what the platform makes of its own reading of it has no name
 * twice, no number that a double cannot hold and no odd escape. Null: it may be fine all the same, and the strict reader says.
 */
function readCompact(text: string): Tree | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (JSON.stringify(value) !== text) return null;
  return new ValueReader().tree(value as Json, limits.depthMax);
}

/** Null: beyond a limit, or read one way and written another; the strict reader says what it is. */
class ValueReader {
  private valuesLeft: number = limits.valuesMax;

  tree(json: Json, depthLeft: number): Tree | null {
    if (typeof json !== "object" || json === null || Array.isArray(json)) {
      return this.fits(json, depthLeft) ? textOf(json) : null;
    }
    this.valuesLeft -= 1;
    if (this.valuesLeft < 0 || depthLeft === 0) return null;
    const members = new Map<string, Tree>();
    for (const key of Object.keys(json)) {
      const value = (json as { readonly [key: string]: Json })[key];
      const tree = value === undefined || !isWellFormed(key) ? null : this.tree(value, depthLeft - 1);
      if (tree === null) return null;
      members.set(key, tree);
    }
    return members;
  }

  private fits(json: Json, depthLeft: number): boolean {
    this.valuesLeft -= 1;
    if (this.valuesLeft < 0) return false;
    if (typeof json === "number") return Number.isSafeInteger(json);
    if (typeof json === "string") return isWellFormed(json);
    if (typeof json !== "object" || json === null) return true;
    return (
      depthLeft > 0 &&
      Object.entries(json).every(([key, inner]) => isWellFormed(key) && this.fits(inner, depthLeft - 1))
    );
  }
}

/** Printable ASCII without what needs an escape: what nearly all texts and names are. */
const PLAIN = /^[ !#-[\]-~]*$/;

const isWellFormed = (text: string): boolean => PLAIN.test(text) || text.isWellFormed();
const textOf = (json: Json): string => (typeof json === "string" && PLAIN.test(json) ? `"${json}"` : canonical(json));

/** The canonical text, without an end of line. */
export function treeText(tree: Tree): string {
  if (!isMembers(tree)) return tree;
  return canonicalObject([...tree].map(([key, value]) => ({ key, text: treeText(value) })));
}

export const sortedKeys = (tree: ReadonlyMap<string, unknown>): readonly string[] => [...tree.keys()].sort(byCodePoint);
