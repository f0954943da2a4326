import { err, ok, type Result } from "../result.ts";
import { parseRevisionName, type RevisionName } from "../state/index.ts";
import type { LoaderState } from "./model.ts";

/** A loader's variables. A name that comes twice counts with its last value, as GRUB and U-Boot read it. */
export type Variables = ReadonlyMap<string, string>;

const REV = "pv_rev";
const TRY = "pv_try";

function revisionIn(variables: Variables, name: string): Result<RevisionName | null, string> {
  const text = variables.get(name) ?? "";
  if (text === "") return ok(null); // the original unsets a variable by writing it empty
  const parsed = parseRevisionName(text);
  return parsed.ok ? parsed : err(`${name} is ${JSON.stringify(text.slice(0, 80))}, which names no revision`);
}

/** The two variables that are ours. The error says which one names no revision. */
export function stateIn(variables: Variables): Result<LoaderState, string> {
  const committed = revisionIn(variables, REV);
  if (!committed.ok) return committed;
  const trial = revisionIn(variables, TRY);
  return trial.ok ? ok({ committed: committed.value, trial: trial.value }) : trial;
}

/**
 * The variables with ours set to `state`, without those in `forget`; all others stay. Ours come first: boot scripts of the original
 * import no more than the first 1024 bytes.
 */
export function withState(variables: Variables, state: LoaderState, forget: readonly string[] = []): Variables {
  const ours = [
    [REV, state.committed],
    [TRY, state.trial],
  ] as const;
  const kept = [...variables].filter(([name]) => name !== REV && name !== TRY && !forget.includes(name));
  return new Map([...ours.flatMap(([name, rev]) => (rev === null ? [] : [[name, rev] as const])), ...kept]);
}
