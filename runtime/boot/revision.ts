import { readFileSync } from "node:fs";
import { err, ok, type Result } from "../result.ts";
import { type Container, explainState, parseState, type State } from "../state/index.ts";

export interface LoadedRevision {
  readonly state: State;
  readonly useVerity: boolean;
  validate(owner: Container | "bsp"): Promise<Result<void, string>>;
}

export async function loadRevision(
  root: string,
  rev: string,
  useVerity: boolean,
): Promise<Result<LoadedRevision, string>> {
  const parsed = parseState(readFileSync(`${root}/trails/${rev}/.pvr/json`));
  if (!parsed.ok) return err(explainState(parsed.error));
  return ok({ state: parsed.value, useVerity, validate: async () => ok(undefined) });
}
