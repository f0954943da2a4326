import { ok, type Result } from "../../result.ts";
import {
  byCodePoint,
  canonical,
  canonicalObject,
  canonicalText,
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

/** The canonical text, without an end of line. */
export function treeText(tree: Tree): string {
  if (!isMembers(tree)) return tree;
  return canonicalObject([...tree].map(([key, value]) => ({ key, text: treeText(value) })));
}

export const sortedKeys = (tree: ReadonlyMap<string, unknown>): readonly string[] => [...tree.keys()].sort(byCodePoint);
