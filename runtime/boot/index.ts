/** PID 1's own duties: from the hand-over by the initramfs to a running revision, and down again (design, section 4). */
import { statSync } from "node:fs";
import { type Layout, trailDir } from "../containers/index.ts";
import { explainSys, setSystemClock } from "../linux/index.ts";
import { explainLoader, type Loader } from "../loader/index.ts";
import { err, invariant, ok, type Result } from "../result.ts";
import type { State } from "../state/index.ts";
import {
  explainStore,
  finishRemovals,
  openStore,
  realDisk,
  removeUnfinishedObjects,
  type Store,
} from "../store/index.ts";
import { type Failure, failure, type UpdateLimits } from "../update/index.ts";
import { bootedRevision } from "./booted.ts";
import { mountBsp } from "./bsp.ts";
import { type DeviceClock, openClock } from "./clock.ts";
import type { Config } from "./config/index.ts";
import { type DeviceParts, type RunningDevice, startDevice } from "./device.ts";
import { growStorage } from "./grow-storage.ts";
import { endWithLastWords } from "./last-words.ts";
import { openDeviceLoader } from "./loader.ts";
import { type Machine, startMachine } from "./machine.ts";
import { openDeviceMetadata } from "./metadata.ts";
import { addOemLevel } from "./oem.ts";
import type { Accepts } from "./read-revision.ts";
import { type LoadedRevision, loadRevision, openStorage, type Storage } from "./revision.ts";
import { openSecureBoot } from "./secure-boot.ts";
import { explainStorageError, mountStorage } from "./storage.ts";
import { realTimer, resumeUpdating, type Updating, type UpdatingPorts, withoutLoader } from "./updating.ts";

/** The device runtime. Never returns: it ends in a reboot, a power-off, or a kernel panic that reboots. */
export async function runtime(): Promise<never> {
  invariant(process.pid === 1, "the runtime is process 1");
  process.on("uncaughtException", endWithLastWords);
  process.on("unhandledRejection", endWithLastWords);
  try {
    const machine = startMachine();
    const started = await startRevision(machine);
    if (!started.ok) return machine.giveUp(started.error);
  } catch (cause) {
    return endWithLastWords(cause);
  }
  return new Promise<never>(() => {});
}

async function startRevision(machine: Machine): Promise<Result<void, string>> {
  const { config, arguments: boot } = machine.configuration;
  const mounted = await mountStorage(config);
  if (!mounted.ok) return err(explainStorageError(mounted.error));
  const store = openStore(realDisk, config.PV_STORAGE_MNTPOINT);
  const clock = await openMachineClock(machine, store);
  const opened = await openDeviceLoader(config, store);
  if (!opened.ok) machine.log.error(`no update can be taken: boot loader, ${opened.error}`);
  const loader = opened.ok ? opened.value : noLoader(opened.error);
  const booted = await bootedRevision(loader, boot.rev);
  if (!booted.ok) return booted;
  const name = booted.value;
  const storage = await openStorage(store, name);
  if (!storage.ok) return storage;
  const layout: Layout = {
    storage: config.PV_STORAGE_MNTPOINT,
    revision: name,
    runDir: config.PV_SYSTEM_RUNDIR,
    logDir: config.PV_LOG_DIR.replace(/\/+$/, ""),
  };
  machine.logs.useStorage({ dir: layout.logDir, rev: name });
  await cleanUp(machine, store);

  const useVerity = config.PV_SECUREBOOT_HANDLERS && !boot.verityOff;
  const secureBoot = await openSecureBoot({ config, wallMs: Date.now, warn: (message) => machine.log.warn(message) });
  machine.log.info(secureBoot.summary);
  const revision = await loadRevision(storage.value, { useVerity, accepts: secureBoot.booted });
  const accepts = secureBoot.offered;
  let device: RunningDevice | null = null;
  const updating = await openUpdating(
    machine,
    storage.value,
    loader,
    { useVerity, accepts },
    revision.ok ? revision.value.state : null,
    () => device,
  );
  if (updating.view().phase.at === "leaving") return ok(undefined); // the machine goes down: nothing is started

  const started = revision.ok
    ? damagedUnless(await startLoaded(revision.value, { machine, layout, store, updating, accepts, clock }))
    : revision;
  if (started.ok) {
    device = started.value;
    if (config.PV_STORAGE_GROW) void growStorage(config.PV_STORAGE_MNTPOINT, machine.log);
    return ok(undefined);
  }
  const why = revision.ok ? started.error.message : `revision ${name}: ${started.error.message}`;
  if (updating.view().phase.at !== "trying") return err(why);
  // On trial: the verdict and its reason are recorded before the loader goes back.
  machine.log.fatal(why);
  updating.send({ kind: "damaged", failure: started.error });
  return ok(undefined);
}

/** When the base system was made is what its image says of this program. */
const openMachineClock = ({ log }: Machine, { root, disk }: Store): Promise<DeviceClock> =>
  openClock({
    disk,
    path: `${root}/config/cairn/clock`,
    builtMs: Math.floor(statSync(process.execPath, { throwIfNoEntry: false })?.mtimeMs ?? 0),
    log,
    wallMs: Date.now,
    set(ms) {
      const done = setSystemClock(ms);
      return done.ok ? done : err(explainSys(done.error));
    },
  });

const damagedUnless = <T>(done: Result<T, string>): Result<T, Failure> =>
  done.ok ? done : err(failure("badObject", done.error));

/** From the revision's configuration to running containers. */
async function startLoaded(
  revision: LoadedRevision,
  parts: Omit<DeviceParts, "metadata">,
): Promise<Result<RunningDevice, string>> {
  const { machine, layout, store, updating } = parts;
  for (const { path, message } of revision.state.warnings) machine.log.warn(`${path}: ${message}`);
  const configuration = await addOemLevel(machine.configuration, revision, trailDir(layout));
  if (!configuration.ok) return err(`the OEM configuration: ${configuration.error}`);
  machine.configure(configuration.value);
  const metadata = await openDeviceMetadata({
    config: configuration.value.config,
    store,
    revision: () => updating.view().running,
    warn: (message) => machine.log.warn(message),
  });
  const bsp = await mountBsp(revision, layout);
  return bsp.ok ? startDevice(revision, { ...parts, metadata }) : bsp;
}

/** What power cuts left. Nothing here keeps a device from booting. */
async function cleanUp({ log }: Machine, store: Store): Promise<void> {
  const removed = await finishRemovals(store);
  if (!removed.ok) log.warn(explainStore(removed.error));
  const unfinished = await removeUnfinishedObjects(store);
  if (!unfinished.ok) log.warn(explainStore(unfinished.error));
}

/** Asks the boot loader what this boot is, and does what that takes. */
async function openUpdating(
  machine: Machine,
  { store, name }: Storage,
  loader: Loader,
  checks: { readonly useVerity: boolean; readonly accepts: Accepts },
  booted: State | null,
  device: () => RunningDevice | null,
): Promise<Updating> {
  const { config } = machine.configuration;
  let intoTrial = false;
  const log = machine.logs.logger("update");
  const ports: UpdatingPorts = {
    store,
    loader,
    log,
    now: () => performance.now(),
    setTimer: realTimer,
    wallMs: Date.now,
    reservedPercent: config.PV_STORAGE_GC_RESERVED,
    keepFactory: config.PV_STORAGE_GC_KEEP_FACTORY,
    collectBelowPercent: config.PV_STORAGE_GC_THRESHOLD,
    ...checks,
    booted: name,
    limits: limitsOf(config, booted),
    fetch: async (candidate) =>
      device()?.fetch(candidate) ?? err(failure("hubUnreachable", "no revision runs that could reach the hub")),
    running() {
      const running = device()?.running() ?? (booted === null ? null : { name, state: booted });
      invariant(running !== null, "an update begins when a revision runs");
      return running;
    },
    revisionsInUse: () => device()?.revisionsInUse() ?? new Set(),
    lastLines: (rev, container) =>
      container === null
        ? machine.logs.lastLines("pantavisor", "pantavisor.log", evidenceLines, rev)
        : machine.logs.lastLines(container, "lxc/console.log", evidenceLines, rev),
    goals: () => device()?.goals() ?? { result: "pending", missing: [] },
    stability: () => device()?.stability() ?? { stable: false, withinMs: 0 },
    swap: async (to) => device()?.swap(to) ?? err("no revision runs"),
    onChange: () => device()?.updateChanged(),
    reboot(why, { trial, force }) {
      intoTrial = trial;
      const running = device();
      if (force || running === null) {
        log.info(`reboot: ${why}`);
        void machine.end("reboot");
      } else running.power("reboot", why);
    },
  };
  machine.onReboot(async () => {
    const argument = await loader.rebootArgument(intoTrial);
    if (!argument.ok) log.error(explainLoader(argument.error));
    return argument.ok ? argument.value : null;
  });
  const resumed = await resumeUpdating(ports);
  if (resumed.ok) return resumed.value;
  log.error(`what the boot loader is about to do is unknown: ${resumed.error}`);
  return withoutLoader(ports);
}

const evidenceLines = 12;

/** A trial is over when its groups' own timeouts are, and some time for mounting and hashing what is large. */
function limitsOf(config: Config, state: State | null): UpdateLimits {
  const timeouts = (state?.device.groups ?? []).map(({ timeoutMs }) => timeoutMs ?? config.PV_UPDATER_GOALS_TIMEOUT);
  return {
    commitDelayMs: config.PV_UPDATER_COMMIT_DELAY,
    contactMs: config.PH_UPDATER_NETWORK_TIMEOUT,
    goalsMs: 10 * 60_000 + timeouts.reduce((sum, timeout) => sum + timeout, 0),
    retriesMax: config.PV_REVISION_RETRIES,
  };
}

/** Stands where there is no loader that can be asked: every update fails with the reason. */
function noLoader(why: string): Loader {
  const refused = async () => err({ kind: "unsupported", what: why } as const);
  return {
    type: "unknown",
    canTry: false,
    read: refused,
    install: refused,
    arm: refused,
    commit: refused,
    disarm: refused,
    rebootArgument: async () => ok(null),
  };
}
