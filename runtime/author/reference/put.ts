import { basename, resolve } from "node:path";
import { err, ok, type Result } from "../../result.ts";
import { EVERYTHING, isEverything, objectsIn, replaceParts, revisionText, type Selection } from "../document/index.ts";
import {
  alone,
  appendLog,
  createBare,
  DEFAULT_SPEC,
  fileBytes,
  findObject,
  keepObject,
  NO_MESSAGE,
  openBare,
  openRepository,
  type Repository,
  readState,
  saveMessage,
  saveState,
  settleObjects,
  stateSha,
  sweepObjects,
} from "../repository/index.ts";
import { changesBetween } from "../working-copy/index.ts";
import { exportFile } from "./export.ts";
import type { TransferError } from "./fault.ts";
import { namesArchive, parseReference } from "./parse.ts";
import { exists, isFolder, isFree, isSame } from "./paths.ts";
import type { ObjectProgress } from "./source.ts";

/** Where a revision is to go. */
export type Destination =
  /** Null: the one of the last login. */
  | { readonly kind: "hub"; readonly address: string | null }
  | { readonly kind: "device"; readonly socket: string | null }
  | { readonly kind: "archive"; readonly path: string; readonly selection: Selection }
  | { readonly kind: "folder"; readonly path: string; readonly selection: Selection };

/** The word for the hub of the last login; a folder of that name is `./hub`. */
const LAST_HUB = "hub";

/** What a reference names as a destination. What ends like an archive is one, unless there is a folder of that name; nothing else is written over. */
export function destinationOf(text: string): Result<Destination, TransferError> {
  if (text === LAST_HUB) return ok({ kind: "hub", address: null });
  const reference = parseReference(text);
  if (!reference.ok) return reference;
  const found = reference.value;
  if (found.kind === "hub") return ok({ kind: "hub", address: found.text });
  if (found.kind === "device") return ok(found);
  const whole = found.path !== found.whole && exists(found.whole);
  const [path, selection] = whole ? [found.whole, EVERYTHING] : [found.path, found.selection];
  return ok({ kind: namesArchive(path) && !isFolder(path) ? "archive" : "folder", path: resolve(path), selection });
}

export interface PutOptions {
  readonly message: string | null;
  readonly now: Date;
  readonly progress?: ObjectProgress;
}

export interface Sent {
  readonly state: string;
  /** Objects that were not there before; of an archive, all. */
  readonly objects: number;
}

/**
 * Makes the committed state, or parts of it, that of the destination: a repository, whose working copy follows with a checkout, an
 * unpacked export, which is made in an empty or missing folder, or an archive.
 */
export async function put(
  own: Repository,
  destination: Exclude<Destination, { kind: "device" | "hub" }>,
  options: PutOptions,
): Promise<Result<Sent, TransferError>> {
  const state = await readState(own);
  if (!state.ok) return state;
  if (destination.kind === "archive") {
    const { take, drop } = destination.selection;
    if (drop.length > 0)
      return err({ kind: "badFragment", fragment: `-${drop[0]}`, problem: "an export has nothing to drop from" });
    const written = await exportFile(own, take, destination.path);
    return written.ok ? ok({ state: stateSha(state.value), objects: written.value.objects }) : written;
  }
  const target = await openTarget(own, destination.path);
  if (!target.ok) return target;
  return alone(target.value.folder, () => putInto(own, target.value, destination.selection, options));
}

async function openTarget(own: Repository, path: string): Promise<Result<Repository, TransferError>> {
  const { disk } = own;
  const folder = exists(`${path}/.pvr/json`) ? `${path}/.pvr` : path;
  if (exists(`${folder}/json`)) {
    if (isSame(folder, own.folder)) return err({ kind: "same", folder });
    return folder === path ? openBare(disk, path) : openRepository(disk, path);
  }
  return isFree(path) ? createBare(disk, path, DEFAULT_SPEC) : err({ kind: "occupied", folder: path });
}

async function putInto(
  own: Repository,
  target: Repository,
  selection: Selection,
  { message, now, progress }: PutOptions,
): Promise<Result<Sent, TransferError>> {
  const [state, before] = [await readState(own), await readState(target)];
  if (!state.ok) return state;
  if (!before.ok) return before;
  const next = isEverything(selection) ? state : replaceParts(before.value, state.value, selection);
  if (!next.ok) return next;
  const offered = new Set(objectsIn(state.value));
  const wanted = objectsIn(next.value).filter((digest) => offered.has(digest));
  await sweepObjects(target);
  let objects = 0;
  for (const [index, digest] of wanted.entries()) {
    const found = await findObject(own, digest);
    if (!found.ok) return found;
    const kept = await keepObject(target, digest, fileBytes(own, found.value.path));
    if (!kept.ok) {
      if (kept.error.kind !== "wrongBytes") return kept;
      return err({ kind: "badObject", digest, found: kept.error.found, path: found.value.path });
    }
    if (kept.value.existed) continue;
    objects++;
    progress?.(index + 1, wanted.length, digest, kept.value.sizeBytes);
  }
  if (wanted.length > 0) {
    const settled = await settleObjects(target);
    if (!settled.ok) return settled;
  }
  const sent = { state: stateSha(next.value), objects };
  if (revisionText(before.value) === revisionText(next.value)) return ok(sent);
  // An unpacked export has a state and objects, and nobody to read a log in it.
  const logs = basename(target.folder) === ".pvr";
  const said = logs ? await saveMessage(target, message ?? NO_MESSAGE) : ok(undefined);
  if (!said.ok) return said;
  const saved = await saveState(target, next.value);
  if (!saved.ok || !logs) return saved.ok ? ok(sent) : saved;
  const changes = changesBetween(before.value, next.value);
  const logged = await appendLog(target, { state: sent.state, message: message ?? NO_MESSAGE, changes, now });
  return logged.ok ? ok(sent) : logged;
}
