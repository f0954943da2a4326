import { err, ok, type Result } from "../../result.ts";
import {
  byCodePoint,
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
  const plain = canonicalText(text);
  if (!plain.ok) return plain;
  const node = readJson(plain.value, limits, "text");
  return node.ok ? ok(fromNode(node.value, plain.value)) : err(node.error);
}

function fromNode(node: JsonNode, text: string): Tree {
  if (node.kind !== "object") return text.slice(node.start, node.end);
  return new Map(node.members.map(({ key, value }) => [key, fromNode(value, text)]));
}

/** The canonical text, without an end of line. */
export function treeText(tree: Tree): string {
  if (!isMembers(tree)) return tree;
  return canonicalObject([...tree].map(([key, value]) => ({ key, text: treeText(value) })));
}

export const sortedKeys = (tree: ReadonlyMap<string, unknown>): readonly string[] => [...tree.keys()].sort(byCodePoint);
