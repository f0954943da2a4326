import type { Loader, LoaderError } from "../../../loader/index.ts";
import type { LoaderFacts, LoaderPort } from "./facts.ts";

/** What a driver says, as facts; `explain` is the drivers' own sentence for an error. */
export async function factsOf(loader: Loader, explain: (error: LoaderError) => string): Promise<LoaderFacts> {
  const read = await loader.read();
  return read.ok
    ? { kind: "known", type: loader.type, committed: read.value.committed, trial: read.value.trial }
    : { kind: "unreadable", type: loader.type, why: explain(read.error) };
}

/** The one place where the doctor meets a driver: gives {@link factsOf} the loader that is opened for this type and tree. */
export const readLoader: LoaderPort = async (_storage, type) => ({
  kind: "unreadable",
  type,
  why: "this build has no driver that could read its variables",
});
