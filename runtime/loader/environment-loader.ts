import { err, invariant, ok, type Result } from "../result.ts";
import type { Bsp } from "../state/index.ts";
import type { Environment } from "./environment.ts";
import type { Loader, LoaderError, LoaderResult, LoaderState } from "./model.ts";
import { stateIn, type Variables, withState } from "./variables.ts";

/** A loader that decides by its variables alone and starts kernels right out of the trails. */
export interface EnvironmentLoader {
  readonly type: string;
  readonly canTry: boolean;
  readonly environment: Environment;
  /** What the loader starts, for a person, if the base system lacks it; null: all is there. */
  readonly lacks: (bsp: Bsp | null) => string | null;
  /** Variables of the loader's boot script that speak of an earlier trial: they go with every change of ours. */
  readonly forget: readonly string[];
}

/** What every environment of ours was checked for when it was read. */
export function checkedState(variables: Variables): LoaderState {
  const state = stateIn(variables);
  invariant(state.ok, "an environment that was read names revisions");
  return state.value;
}

export function environmentLoader({ type, canTry, environment, lacks, forget }: EnvironmentLoader): Loader {
  const change = async (next: (state: LoaderState) => LoaderState): LoaderResult<void> => {
    const read = await environment.read();
    if (!read.ok) return read;
    return environment.write(withState(read.value, next(checkedState(read.value)), forget));
  };
  return {
    type,
    canTry,
    read: async () => {
      const read = await environment.read();
      return read.ok ? ok(checkedState(read.value)) : read;
    },
    install: async (rev, { bsp }): Promise<Result<void, LoaderError>> => {
      const wanted = lacks(bsp);
      return wanted === null ? ok(undefined) : err({ kind: "bootFile", rev, wanted });
    },
    arm: (rev) => change(({ committed }) => ({ committed, trial: rev })),
    commit: (rev) => change(() => ({ committed: rev, trial: null })),
    disarm: () => change(({ committed }) => ({ committed, trial: null })),
    rebootArgument: async () => ok(null), // the loader looks by itself
  };
}
