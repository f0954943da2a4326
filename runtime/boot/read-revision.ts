import { err, type Result } from "../result.ts";
import { explainState, parseState, type RevisionName, type State } from "../state/index.ts";
import { explainStore, readState, type Store } from "../store/index.ts";
import { type Failure, failure } from "../update/index.ts";

/** Whether a state may run on this device, by its signatures: the text as it is stored, before anything else is made of it. */
export type Accepts = (text: string) => Result<void, string>;

/** A state's bytes to what they say, for every way on which a revision comes: signatures first (reference 4.3, steps 4 and 5). */
export function acceptState(bytes: Uint8Array, accepts: Accepts): Result<State, Failure> {
  const state = parseState(bytes);
  // What cannot be parsed at all is no matter of signatures; nothing of it is used either way.
  if (!state.ok) return err(failure("badState", explainState(state.error)));
  const accepted = accepts(state.value.text);
  return accepted.ok ? state : err(failure("badSignature", accepted.error));
}

/** Reads a stored revision. `stateMissing`, `installFailed` (it cannot be read), `badState`, `badSignature`. */
export async function readRevision(store: Store, rev: RevisionName, accepts: Accepts): Promise<Result<State, Failure>> {
  const bytes = await readState(store, rev);
  if (bytes.ok) return acceptState(bytes.value, accepts);
  const reason = bytes.error.kind === "missing" ? "stateMissing" : "installFailed";
  return err(failure(reason, explainStore(bytes.error)));
}
