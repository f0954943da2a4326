import { ok, type Result } from "../../result.ts";
import type { Digest } from "../../state/index.ts";
import { objectsIn, revisionText } from "../document/index.ts";
import { fileBytes, findObject, NO_MESSAGE, type Repository, readMessage, readState } from "../repository/index.ts";
import type { HubFault, TransferError } from "./fault.ts";
import type { ObjectProgress } from "./source.ts";

/** A hub, as whoever sends it a revision sees it. */
export interface HubPort {
  /** Which of these it lacks. */
  missing(digests: readonly Digest[]): Promise<Result<readonly Digest[], HubFault>>;
  put(digest: Digest, bytes: AsyncIterable<Uint8Array>, sizeBytes: number): Promise<Result<void, HubFault>>;
  add(text: string, message: string): Promise<Result<PostedRevision, HubFault>>;
}

export interface PostedRevision {
  /** What it is called there: the SHA-256 of the state. */
  readonly revision: string;
  /** Sentences for the author. */
  readonly warnings: readonly string[];
}

export interface Posted extends PostedRevision {
  /** Objects that the hub lacked, and how many bytes they are. */
  readonly objects: number;
  readonly bytes: number;
}

/** As much of a commit's message as a hub takes. */
const MESSAGE_CHARS_MAX = 1000;

/** Sends a hub the committed state, and before that what it lacks of its objects. What broke off is gone on with by doing it again. */
export async function postTo(
  own: Repository,
  hub: HubPort,
  { message, progress }: { readonly message: string | null; readonly progress?: ObjectProgress },
): Promise<Result<Posted, TransferError>> {
  const state = await readState(own);
  if (!state.ok) return state;
  const missing = await hub.missing(objectsIn(state.value));
  if (!missing.ok) return missing;
  let bytes = 0;
  for (const [index, digest] of missing.value.entries()) {
    const found = await findObject(own, digest);
    if (!found.ok) return found;
    const { path, sizeBytes } = found.value;
    const sent = await hub.put(digest, fileBytes(own, path), sizeBytes);
    if (!sent.ok) return sent;
    bytes += sizeBytes;
    progress?.(index + 1, missing.value.length, digest, sizeBytes);
  }
  const committed = (await readMessage(own)) ?? NO_MESSAGE;
  const note = message ?? (committed === NO_MESSAGE ? "" : committed.trim().slice(0, MESSAGE_CHARS_MAX));
  const added = await hub.add(revisionText(state.value), note);
  return added.ok ? ok({ ...added.value, objects: missing.value.length, bytes }) : added;
}
