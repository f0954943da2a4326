import { type Findings, place, shown } from "./fault.ts";
import type { JsonMember, JsonNode } from "./json/index.ts";
import { toJson } from "./json/index.ts";
import { limits } from "./limits.ts";
import type { Entry, Json } from "./model.ts";
import { isReserved, parseDigest, pathFault, pathRule } from "./names.ts";
import { FileTree } from "./tree.ts";

/** The document cut into its members, before anything in them is understood. All parsers report into `findings`. */
export interface Document {
  readonly entries: readonly Entry[];
  readonly inline: ReadonlyMap<string, Json>;
  readonly tree: FileTree;
  readonly findings: Findings;
}

/** Folders of a trail that belong to the runtime (reference 5.1). */
const RUNTIME_FOLDERS = new Set([".pv", ".pvr"]);

export function openDocument(root: JsonNode & { kind: "object" }, findings: Findings): Document {
  if (root.members.length > limits.keysMax) {
    findings.refuse("tooMany", "the state", `${root.members.length} keys`, `at most ${limits.keysMax}`);
  }
  const entries = root.members.slice(0, limits.keysMax).flatMap((member) => entryOf(member, findings) ?? []);
  const tree = new FileTree(entries.map(({ key }) => key));
  for (const [file, below] of tree.conflicts()) {
    findings.refuse("folder", place(file), `the key ${shown(below)} too`, "a key that is either a file or a folder");
  }
  const inline = new Map(entries.flatMap((entry) => (entry.kind === "inline" ? [[entry.key, entry.value]] : [])));
  return { entries, inline, tree, findings };
}

function entryOf({ key, keyStart, keyEnd, value }: JsonMember, findings: Findings): Entry | null {
  const slices = { keySlice: { start: keyStart, end: keyEnd }, slice: { start: value.start, end: value.end } };
  if (key === "#spec") return { kind: "spec", key, ...slices };
  const [folder = ""] = key.split("/", 1);
  const fault = RUNTIME_FOLDERS.has(folder) ? "a key in a folder of the runtime" : pathFault(key);
  if (fault !== null) {
    findings.refuse("key", place(key), fault, `${pathRule}, not below ${[...RUNTIME_FOLDERS].join(" or ")}`);
    return null;
  }
  const digest = value.kind === "scalar" && typeof value.value === "string" ? parseDigest(value.value) : null;
  if (digest !== null) return { kind: "object", key, digest, ...slices };
  if (key.endsWith(".json") || folder === "_sigs") return { kind: "inline", key, value: toJson(value), ...slices };
  const found = value.kind === "scalar" ? shown(value.value) : `an ${value.kind}`;
  findings.refuse(
    "entry",
    place(key),
    found,
    "a SHA-256 in 64 lower-case hex digits (inline JSON only under names in .json)",
  );
  return null;
}

/** The inline JSON under `key`; undefined when the key is absent, or (refused) holds the digest of a file instead. */
export function inlineJson({ inline, tree, findings }: Document, key: string): Json | undefined {
  const value = inline.get(key);
  if (value === undefined && tree.has(key)) findings.refuse("entry", place(key), "the digest of a file", "inline JSON");
  return value;
}

/** The folders that have a file called `name` directly in them and may be containers, in document order. */
export function foldersWith({ entries }: Document, name: string): readonly string[] {
  const end = `/${name}`;
  return entries.flatMap(({ key }) => {
    const folder = key.slice(0, -end.length);
    return key.endsWith(end) && !folder.includes("/") && !isReserved(folder) ? [folder] : [];
  });
}

/**
 * Is this entry a file in the revision's trail? `<c>/src.json` and `<c>/build.json` are notes of the authoring tools, `_sigs/…` is
 * read from the state itself (reference 1.3).
 */
export function becomesFile({ kind, key }: Entry): boolean {
  if (kind === "spec" || key.startsWith("_sigs/")) return false;
  const [, file, ...deeper] = key.split("/");
  return deeper.length > 0 || (file !== "src.json" && file !== "build.json");
}
