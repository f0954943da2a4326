import { resolve } from "node:path";
import { BadPackage, openPackage, type Package } from "../../package/index.ts";
import { err, ok, type Result } from "../../result.ts";
import type { Digest } from "../../state/index.ts";
import { EVERYTHING, objectsIn, type Revision, readRevision, type Selection } from "../document/index.ts";
import { findObject, keepObject, type Repository, settleObjects, sweepObjects } from "../repository/index.ts";
import type { TransferError } from "./fault.ts";
import { looksLikeHub, parseReference } from "./parse.ts";
import { exists } from "./paths.ts";

/** A revision that can be taken from. Close it. */
export interface Source {
  /** Absolute; to be remembered. */
  readonly path: string;
  readonly revision: Revision;
  readonly selection: Selection;
  readonly parcel: Package;
}

/** Hears of each object that was fetched. */
export type ObjectProgress = (done: number, all: number, digest: Digest, sizeBytes: number) => void;

/** Opens what a reference names: a folder with `.pvr` in it, an unpacked export, or an archive. Nothing of it is trusted. */
export async function openSource(text: string): Promise<Result<Source, TransferError>> {
  const reference = parseReference(text);
  if (!reference.ok) return reference;
  const found = reference.value;
  if (found.kind === "hub") return err({ kind: "noHub", text, isPath: false });
  if (found.kind === "device") return err({ kind: "notFromDevice", text });
  const whole = found.path !== found.whole && exists(found.whole);
  const [path, selection] = whole ? [found.whole, EVERYTHING] : [found.path, found.selection];
  if (!exists(path)) return err(missing(path));
  const opened = await openPackage(path, { refuseEscapes: true });
  if (!opened.ok) return err({ kind: "badPackage", problem: opened.error });
  const parcel = opened.value;
  const revision = readRevision(parcel.state);
  if (revision.ok) return ok({ path: resolve(path), revision: revision.value, selection, parcel });
  await parcel.close();
  return err({ kind: "badPackage", problem: `${path}: ${revision.error.problem}` });
}

export const missing = (path: string): TransferError =>
  looksLikeHub(path) ? { kind: "noHub", text: path, isPath: true } : { kind: "unknownPath", path };

/** Brings those objects of `next` into the store that come from the source, each checked. Nothing is left half-written. */
export async function fetchObjects(
  repository: Repository,
  { path, revision, parcel }: Source,
  next: Revision,
  progress?: ObjectProgress,
): Promise<Result<{ readonly fetched: number }, TransferError>> {
  const offered = new Set(objectsIn(revision));
  const needed = objectsIn(next).filter((digest) => offered.has(digest));
  const nowhere: Digest[] = [];
  for (const digest of needed) {
    if (!parcel.objects.has(digest) && !(await findObject(repository, digest)).ok) nowhere.push(digest);
  }
  if (nowhere.length > 0) return err({ kind: "incomplete", where: path, missing: nowhere });
  const wanted = new Set(needed.filter((digest) => parcel.objects.has(digest)));
  if (wanted.size === 0) return ok({ fetched: 0 });
  await sweepObjects(repository);
  let failed: TransferError | null = null;
  let [done, fetched] = [0, 0];
  try {
    await parcel.each(wanted, async ({ digest, sizeBytes, bytes }) => {
      const kept = await keepObject(repository, digest, bytes);
      done++;
      if (!kept.ok) failed = kept.error;
      else if (!kept.value.existed) {
        fetched++;
        progress?.(done, wanted.size, digest, sizeBytes);
      }
      return kept.ok;
    });
  } catch (thrown) {
    if (!(thrown instanceof BadPackage)) throw thrown;
    return err({ kind: "badPackage", problem: `${path}: ${thrown.message}` });
  }
  if (failed !== null) return err(failed);
  const settled = await settleObjects(repository);
  return settled.ok ? ok({ fetched }) : settled;
}
