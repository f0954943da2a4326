import { ok, type Result } from "../../result.ts";
import { type BadFragment, EVERYTHING, parseFragment, type Selection } from "../document/index.ts";

/**
 * A word that says where a revision comes from or goes to (reference authoring 1.3), as far as the word itself tells. `path` is what is
 * before the first "#"; a file whose name has one is found by `whole`.
 */
export type Reference =
  | { readonly kind: "path"; readonly whole: string; readonly path: string; readonly selection: Selection }
  /** `device:/path/to/pv-ctrl`; null: the usual places are searched. */
  | { readonly kind: "device"; readonly socket: string | null }
  | { readonly kind: "hub"; readonly text: string };

const HUB = /^https?:\/\//i;
const DEVICE = "device:";

export function parseReference(text: string): Result<Reference, BadFragment> {
  if (HUB.test(text)) return ok({ kind: "hub", text });
  if (text.startsWith(DEVICE)) return ok({ kind: "device", socket: text.slice(DEVICE.length) || null });
  const hash = text.indexOf("#");
  if (hash < 0) return ok({ kind: "path", whole: text, path: text, selection: EVERYTHING });
  const selection = parseFragment(text.slice(hash + 1));
  if (!selection.ok) return selection;
  return ok({ kind: "path", whole: text, path: text.slice(0, hash), selection: selection.value });
}

/** Forms that name something on a hub when no such path exists: `user/device`, and the address of a device. */
export const looksLikeHub = (path: string): boolean =>
  /^[A-Za-z0-9_%+-]+\/[A-Za-z0-9_%+-]+$/.test(path) || /^\d{1,3}(?:\.\d{1,3}){3}$/.test(path);

const ARCHIVE = /\.(?:tar|tgz|tar\.gz|gz)$/i;

/** Is a path that does not exist yet to become an export, rather than a folder? */
export const namesArchive = (path: string): boolean => ARCHIVE.test(path);

/** An export is packed by its name's end, as `pvr` does. */
export const isPacked = (path: string): boolean => /\.(?:gz|tgz)$/i.test(path);
