import { buildinfo } from "../buildinfo.ts";
import { type Layout, lxcPath, openContainers } from "../containers/index.ts";
import type { PowerAction, PowerAnswer } from "../control/index.ts";
import { explainLinux } from "../linux/index.ts";
import { explainLxc, type Lxc, openLxc, openMonitor } from "../lxc/index.ts";
import { err, ok, type Result } from "../result.ts";
import { type ContainerName, type RevisionName, type State, transition } from "../state/index.ts";
import { explainStore, type Store, setCurrent } from "../store/index.ts";
import { allGoals, awaitingStability, containerView, plan, type RunEnd, stateStatus } from "../supervise/index.ts";
import { type Candidate, type Failure, failure } from "../update/index.ts";
import type { DeviceClock } from "./clock.ts";
import { controlDevice } from "./control-device.ts";
import { startDebugAccess } from "./debug-access/index.ts";
import { startDebugShell } from "./debug-shell.ts";
import type { Machine } from "./machine.ts";
import type { DeviceMetadata } from "./metadata.ts";
import type { Accepts } from "./read-revision.ts";
import { keysOf, type LoadedRevision, openRevision } from "./revision.ts";
import { explainEnd, type News, type RunnableRevision, type Running, run } from "./running.ts";
import { onPowerSignals } from "./signals.ts";
import { controlSockets } from "./sockets.ts";
import type { Hub } from "./start-link.ts";
import { updateRequests } from "./update-requests.ts";
import { activity, type Goals, realTimer, type Stability, type Updating } from "./updating.ts";

const stopGraceMs = 5_000;
/** From the wish to go down until we go down with whatever still runs: two graces, and time to sweep and unmount. */
const shutdownMaxMs = 30_000;
/** Groups up to this one carry the link (reference 3.1): all that a device in safe mode starts. */
const linkGroup = "root";

/** Containers that recover become stable late, but not for ever. */
const stableMinMs = 10 * 60_000;

/** A running device, as updates see it. */
export interface RunningDevice {
  running(): { readonly name: RevisionName; readonly state: State };
  revisionsInUse(): ReadonlySet<string>;
  goals(): Goals;
  stability(): Stability;
  swap(to: { readonly name: RevisionName; readonly state: State }): Promise<Result<void, string>>;
  /** The update is in another phase, or what is recorded of a revision is another. */
  updateChanged(): void;
  /** Gets what is missing of a hub's revision. */
  fetch(candidate: Candidate): Promise<Result<void, Failure>>;
  /** Stops everything in order, then ends the machine. */
  power(action: PowerAction, message: string): PowerAnswer;
}

export interface DeviceParts {
  readonly machine: Machine;
  readonly layout: Layout;
  readonly store: Store;
  readonly metadata: DeviceMetadata;
  readonly updating: Updating;
  readonly accepts: Accepts;
  readonly clock: DeviceClock;
}

/** Starts what the revision holds: liblxc, the containers under supervision, the control sockets. */
export function startDevice(first: LoadedRevision, parts: DeviceParts): Result<RunningDevice, string> {
  const { machine, store, metadata, updating, accepts, clock } = parts;
  const { config, entries } = machine.configuration;
  const { logs, log } = machine;

  const opened = openLxc(lxcPath);
  if (!opened.ok) return err(explainLxc(opened.error));
  const lxc = opened.value;
  let current = runnable(first, lxc, parts, updating.view().safe);
  let loaded = first;
  if (updating.view().safe) {
    const kept = current.plan.groups.map(({ name }) => name).join(", ");
    log.error(
      `safe mode: revision ${first.name} kept crashing and there is none to go back to; only ${kept} is started`,
    );
  }
  let hub: Hub | null = null;
  const debugLog = logs.logger("debug");
  const debugAccess = startDebugAccess({
    config,
    store,
    log: debugLog,
    onChange: () => hub?.changed(),
    setTimer: realTimer,
  });
  const debugShell = config.PV_DEBUG_SHELL
    ? startDebugShell({ autologin: config.PV_DEBUG_SHELL_AUTOLOGIN, log: debugLog, setTimer: realTimer })
    : null;
  const running: Running = run(current, {
    log: logs.logger("supervise"),
    now: () => performance.now(),
    onStarted: (container, { pid }) => logs.attach(container.name, { pid, sources: container.logs }),
    onRelease: (container) => logs.detach(container.name),
    onStatus: () => hub?.changed(),
    onNews,
  });
  // Nothing of liblxc's news is kept for later, so this comes before the first container.
  const monitor = openMonitor(lxcPath, {
    onEvent: (event) => running.monitorEvent(event),
    onTrouble: (error) => log.error(explainLxc(error)),
  });
  if (!monitor.ok) return err(explainLinux(monitor.error));
  machine.onOrphan((child) => running.childReaped(child));

  let ending: PowerAction | null = null;
  function power(action: PowerAction, message: string): PowerAnswer {
    if (ending !== null) return { kind: "busy", why: `${ending} is under way`, retryAfterSeconds: 60 };
    ending = action;
    log.info(message === "" ? action : `${action}: ${message}`);
    hub?.stop();
    void debugAccess.close();
    debugShell?.end();
    running.send({ kind: "shutdown" });
    setTimeout(() => {
      log.error(`not everything stopped within ${shutdownMaxMs / 1000} s`);
      void machine.end(action);
    }, shutdownMaxMs);
    return { kind: "accepted" };
  }

  function powerRefusal(): Extract<PowerAnswer, { kind: "busy" }> | null {
    const active = activity(updating.view());
    if (active === null || ending !== null) return null;
    return { kind: "busy", why: `An update is under way: ${active.at}`, retryAfterSeconds: 600 };
  }

  /** Who asks for it means it: such an end is no crash. */
  function powerByWish(action: PowerAction, message: string): PowerAnswer {
    const refused = powerRefusal();
    if (refused !== null) return refused;
    void updating.work.well(loaded.name);
    return power(action, message);
  }

  const goals = (): Goals => {
    const told = running.view().goals ?? [];
    return { result: allGoals(running.view()), missing: told.flatMap(({ missing }) => missing) };
  };
  const stability = (): Stability => {
    const longest = Math.max(
      0,
      ...loaded.state.containers.map(({ autoRecovery }) => autoRecovery?.stableTimeoutMs ?? 0),
    );
    return {
      stable: allGoals(running.view()) === "reached" && awaitingStability(running.view()).length === 0,
      withinMs: Math.max(stableMinMs, 10 * longest),
    };
  };

  function onNews(news: News): void {
    switch (news.kind) {
      case "goals":
        hub?.changed();
        log.info(`goals ${news.result}: ${news.groups.map((group) => `${group.group} ${group.result}`).join(", ")}`);
        log.info(`status ${stateStatus(running.view())}`);
        updating.send({ kind: "goals", result: news.result, missing: news.groups.flatMap(({ missing }) => missing) });
        if (news.result !== "pending") settled();
        break;
      case "gaveUp":
        log.error(`${news.name} ${explainEnd(news.end)}, ${news.retries} retries are used up`);
        updating.send({ kind: "containerFailed", failure: failed(news.name, news.end), fatal: false });
        break;
      case "revisionFailed":
        log.fatal(`${news.name} ${explainEnd(news.end)} and is not recovered: the revision has failed`);
        updating.send({ kind: "containerFailed", failure: failed(news.name, news.end), fatal: true });
        break;
      case "stable":
        break;
      case "allStopped":
        void machine.end(ending ?? "reboot");
        return;
    }
    const now = stability();
    if (now.stable) updating.send({ kind: "stable", ...now });
  }

  /** The rest of the revision, first of all the base system we run from: it is large, and no container waits for it. */
  let restChecked = false;
  function settled(): void {
    machine.watchdog.started();
    if (restChecked) return;
    restChecked = true;
    void first.check(keysOf(first.state, null)).then((good) => {
      if (good.ok) return log.info("every object of the revision is good");
      log.fatal(`the base system is damaged: ${good.error}`);
      updating.send({ kind: "damaged", failure: failure("badObject", `the base system is damaged: ${good.error}`) });
    });
  }

  async function swap(to: { readonly name: RevisionName; readonly state: State }): Promise<Result<void, string>> {
    const way = transition(loaded.state, to.state);
    if (way.kind === "reboot") return err(`revision ${to.name} needs a reboot`);
    const next = openRevision(store, to.name, to.state, loaded.useVerity);
    // Whatever takes long comes before anything stops.
    for (const container of to.state.containers) {
      const good = way.affected.has(container.name) ? await next.prepare(container) : ok(undefined);
      if (!good.ok) return good;
    }
    const pointed = await setCurrent(store, to.name);
    if (!pointed.ok) return err(explainStore(pointed.error));
    const served = sockets.serve(to.state, way.affected);
    if (!served.ok) {
      sockets.serve(loaded.state, way.affected);
      await setCurrent(store, loaded.name);
      return served;
    }
    logs.switchRevision(to.name);
    metadata.show(to.state.containers.map(({ name }) => name));
    log.info(`revision ${loaded.name} → ${to.name}: ${describe(way.affected)}`);
    loaded = next;
    current = runnable(next, lxc, { ...parts, layout: { ...parts.layout, revision: to.name } }, false);
    running.replace(current, way.affected);
    return ok(undefined);
  }

  /** Null: the device has no hub, or cannot have one. What it takes is loaded only where there is one. */
  async function openHub(): Promise<Hub | null> {
    if (config.PV_HUB_HOST === null) return null;
    const { startLink } = await import("./start-link.ts");
    const opened = startLink({
      config,
      store,
      log: logs.logger("link"),
      updating,
      accepts,
      clock,
      metadata,
      booted: first.name,
      control: device,
      restartRefusal: powerRefusal,
      debugAccess,
      lastLines: logs.lastLines,
      running: () => loaded,
      containers: () =>
        running
          .view()
          .plan.groups.flatMap(({ members }) => members.map(({ name }) => containerView(running.view(), name))),
    });
    if (opened.ok) return opened.value;
    log.error(`no link to the hub: ${opened.error}`);
    return null;
  }

  metadata.show(first.state.containers.map(({ name }) => name));
  metadata.statusIs(() => stateStatus(running.view()));
  metadata.debugAccessIs(debugAccess.view);
  const device = controlDevice({
    current: () => current,
    name: () => loaded.name,
    running,
    config: entries,
    buildinfo,
    power: powerByWish,
    store,
    reservedPercent: config.PV_STORAGE_GC_RESERVED,
    metadata,
    updates: updateRequests({ store, updating, accepts, booted: first.name, warn: (message) => log.warn(message) }),
    debugAccess,
  });
  const onBug = (error: unknown) => logs.logger("control").error(String(error));
  const sockets = controlSockets(parts.layout.runDir, device, onBug);
  const served = sockets.serve(first.state, new Set());
  if (!served.ok) return served;
  // Whoever can signal process 1 means it, even in a trial: that one goes on, or is gone back from, at the next boot.
  onPowerSignals((action, why) => {
    if (powerByWish(action, why).kind === "busy") power(action, why);
  });
  running.send({ kind: "begin" });
  if (config.PV_DEBUG_SSH) {
    void debugAccess.open(null).then((opened) => {
      if (!opened.ok) debugLog.error(`PV_DEBUG_SSH: ${opened.error.why}`);
    });
  }
  void openHub().then((opened) => {
    if (ending === null) hub = opened;
    else opened?.stop();
  });
  return ok({
    running: () => loaded,
    revisionsInUse: () => running.revisionsInUse(),
    goals,
    stability,
    swap,
    updateChanged: () => hub?.changed(),
    fetch: async (candidate) =>
      hub?.fetch(candidate) ?? err(failure("hubUnreachable", "this device has no link to a hub")),
    power,
  });
}

/** A revision with what runs it. */
function runnable(
  revision: LoadedRevision,
  lxc: Lxc,
  { machine: { configuration, logs, log }, layout, metadata }: DeviceParts,
  safe: boolean,
): RunnableRevision {
  const { config } = configuration;
  const { name, state, useVerity, prepare } = revision;
  const timing = { goalsTimeoutMs: config.PV_UPDATER_GOALS_TIMEOUT, stopGraceMs };
  return {
    name,
    state,
    prepare,
    plan: plan(state, timing, safe ? { upTo: lastGroupInSafeMode(state) } : {}),
    containers: openContainers({
      layout,
      disks: state.device.disks,
      useVerity,
      drivers: state.drivers,
      fitConfig: config.PV_BOOTLOADER_FITCONFIG,
      lxc,
      userMeta: metadata.userMeta,
      logItems: (container) => logs.lxcItems(container.name),
      warn: (message) => log.warn(message),
    }),
  };
}

const lastGroupInSafeMode = ({ device: { groups } }: State): string =>
  (groups.find(({ name }) => name === linkGroup) ?? groups[0])?.name ?? linkGroup;

const describe = (affected: ReadonlySet<ContainerName>): string =>
  affected.size === 0 ? "nothing differs" : `exchanging ${[...affected].join(", ")}`;

function failed(container: ContainerName, end: RunEnd): Failure {
  const exit = end.kind === "exit" ? { code: end.code } : end.kind === "signal" ? { signal: String(end.signal) } : null;
  return { reason: "containerFailed", message: `${container} ${explainEnd(end)}`, container, exit };
}
