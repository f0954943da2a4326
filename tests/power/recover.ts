/** A boot of the shipping runtime on a mounted storage, up to where it would start containers: what it decides, records and mends. */
import { loadRevision, openStorage } from "../../runtime/boot/revision.ts";
import { resumeUpdating, type UpdatingPorts } from "../../runtime/boot/updating.ts";
import type { Loader } from "../../runtime/loader/index.ts";
import type { Logger } from "../../runtime/logs/index.ts";
import { err, ok, type Result } from "../../runtime/result.ts";
import type { RevisionName } from "../../runtime/state/index.ts";
import { finishRemovals, removeUnfinishedObjects, type Store } from "../../runtime/store/index.ts";
import { failure } from "../../runtime/update/index.ts";

/** Where a boot got to before anything of the revision would start: the phase of its update. */
export type Boot = (store: Store, loader: Loader, booted: RevisionName) => Promise<Result<string, string>>;

const quiet = (): void => {};
const silent: Logger = { fatal: quiet, error: quiet, warn: quiet, info: quiet, debug: quiet, trace: quiet };

/** Nothing of the story is signed. */
const accepts = () => ok(undefined);

/** As runtime/boot/index.ts goes about it. */
export const boot: Boot = async (store, loader, booted) => {
  const storage = await openStorage(store, booted);
  if (!storage.ok) return storage;
  for (const clean of [finishRemovals, removeUnfinishedObjects]) {
    const cleaned = await clean(store);
    if (!cleaned.ok) return err(`cannot clean up: ${cleaned.error.kind}`);
  }
  const loaded = await loadRevision(storage.value, { useVerity: false, accepts });
  if (!loaded.ok) return err(loaded.error.message);
  const { state } = loaded.value;
  const ports: UpdatingPorts = {
    store,
    loader,
    log: silent,
    now: () => performance.now(),
    wallMs: Date.now,
    reservedPercent: 5,
    keepFactory: false,
    collectBelowPercent: 0,
    useVerity: false,
    accepts,
    booted,
    setTimer: () => quiet, // a trial that begins here has no end: other images are mounted by then
    limits: { commitDelayMs: 3_000, goalsMs: 600_000, contactMs: 120_000, retriesMax: 10 },
    fetch: async () => err(failure("hubUnreachable", "there is no hub")),
    running: () => ({ name: booted, state }),
    revisionsInUse: () => new Set(),
    lastLines: () => [],
    goals: () => ({ result: "pending", missing: [] }),
    stability: () => ({ stable: false, withinMs: 600_000 }),
    swap: async () => err("nothing runs here"),
    reboot: quiet,
  };
  const resumed = await resumeUpdating(ports);
  if (!resumed.ok) return resumed;
  const { at } = resumed.value.view().phase;
  return ok(at);
};
