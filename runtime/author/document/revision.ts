import { quoted } from "../../quoted.ts";
import { err, ok, type Result } from "../../result.ts";
import { type Digest, explainState, limits, parseDigest, pathFault, pathRule } from "../../state/index.ts";
import { isMembers, type Members, NULL, readTree, sortedKeys, type Tree, treeText } from "./tree.ts";

/**
 * A state as an author holds it: every key with its value, `#spec` among them. Its keys are plain paths below the working copy and none is
 * another's folder; whether a device can run it is for `runtime/state` to say.
 */
export type Revision = Members & { readonly __brand: "Revision" };

/** Why a document is no state that can be kept in a repository. */
export interface BadRevision {
  readonly kind: "badState";
  readonly problem: string;
}

export const SPEC_KEY = "#spec";

/** Folders at the top of a working copy that hold the tools' own files, so no key may lie in them. */
export const OWN_FOLDERS: ReadonlySet<string> = new Set([".pvr", ".pv"]);

const bad = (problem: string): Result<never, BadRevision> => err({ kind: "badState", problem });

/** Reads a state's text, strictly. */
export function readRevision(text: string): Result<Revision, BadRevision> {
  if (text.length > limits.stateBytesMax) return bad(`it is longer than ${limits.stateBytesMax} bytes`);
  const tree = readTree(text);
  if (!tree.ok) return bad(explainState({ kind: "syntax", fault: tree.error }));
  if (!isMembers(tree.value)) return bad("it is no JSON object");
  return checkMembers(tree.value);
}

/** The same of members that were put together. */
export function checkRevision(members: Members): Result<Revision, BadRevision> {
  const checked = checkMembers(members);
  const bytes = checked.ok ? Buffer.byteLength(treeText(members)) : 0;
  return bytes > limits.stateBytesMax ? bad(`it is longer than ${limits.stateBytesMax} bytes`) : checked;
}

function checkMembers(members: Members): Result<Revision, BadRevision> {
  const spec = members.get(SPEC_KEY);
  if (typeof spec !== "string" || !spec.startsWith('"')) return bad("it has no #spec");
  if (members.size > limits.keysMax) return bad(`it has ${members.size} keys, of ${limits.keysMax} at most`);
  const folders = new Set<string>();
  for (const [key, value] of members) {
    if (key === SPEC_KEY) continue;
    const problem = keyFault(key) ?? valueFault(key, value) ?? folderFault(key, members, folders);
    if (problem !== null) return bad(problem);
  }
  return ok(members as Revision);
}

/** What nearly every key is; in all of it there is nothing to look for. At most NAME_MAX, so that no component can be too long. */
const ORDINARY = /^(?=.{1,255}$)\w[\w.-]*(?:\/\w[\w.-]*)*$/;

/** What is wrong with a key as a path in a working copy; null: nothing. */
export function keyFault(key: string): string | null {
  if (ORDINARY.test(key)) return null;
  const [folder = ""] = key.split("/", 1);
  if (OWN_FOLDERS.has(folder)) return `${quoted(key)} is in a folder of the tools`;
  const fault = key.isWellFormed() ? pathFault(key) : "bytes that are no UTF-8";
  return fault === null ? null : `${quoted(key)} has ${fault}: a key is ${pathRule}`;
}

function valueFault(key: string, value: Tree): string | null {
  if (digestIn(value) !== null) return null;
  if (value === NULL) return `${key} is null`;
  // Signatures are read by their contents, whatever their files are called (reference 12.3).
  return key.endsWith(".json") || key.startsWith("_sigs/")
    ? null
    : `${key} has neither the SHA-256 of a file nor a name in .json, under which it could hold JSON`;
}

/** `fine` has folders that were looked at. */
function folderFault(key: string, members: Members, fine: Set<string>): string | null {
  const parent = key.slice(0, Math.max(0, key.lastIndexOf("/")));
  if (parent === "" || fine.has(parent)) return null;
  fine.add(parent);
  for (let at = key.indexOf("/"); at >= 0; at = key.indexOf("/", at + 1)) {
    const folder = key.slice(0, at);
    if (members.has(folder)) return `${folder} is a file, and the folder of ${key}`;
  }
  return null;
}

/** The object that a value stands for; null: it is inline JSON. */
export function digestIn(value: Tree | undefined): Digest | null {
  return typeof value === "string" && value.startsWith('"') ? parseDigest(value.slice(1, -1)) : null;
}

/** The value that stands for an object. */
export const digestValue = (digest: Digest): Tree => `"${digest}"`;

/** Keys whose values are objects, sorted. */
export const objectKeys = (revision: Revision): readonly (readonly [key: string, digest: Digest])[] =>
  sortedKeys(revision).flatMap((key) => {
    const digest = key === SPEC_KEY ? null : digestIn(revision.get(key));
    return digest === null ? [] : [[key, digest] as const];
  });

/** Each object of a revision once, sorted. */
export const objectsIn = (revision: Revision): readonly Digest[] =>
  [...new Set(objectKeys(revision).map(([, digest]) => digest))].sort();

/** The text that is kept, sent and signed. */
export const revisionText = (revision: Revision): string => treeText(revision);

export const explainBadRevision = ({ problem }: BadRevision): string => `this is no state: ${problem}`;
