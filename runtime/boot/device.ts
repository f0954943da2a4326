import { buildinfo } from "../buildinfo.ts";
import { controlSocket, type Layout, lxcPath, openContainers } from "../containers/index.ts";
import { explainListenError, listen, openTransfers, type PowerAction, type PowerAnswer } from "../control/index.ts";
import { explainLinux } from "../linux/index.ts";
import { explainLxc, openLxc, openMonitor } from "../lxc/index.ts";
import { err, ok, type Result } from "../result.ts";
import type { Store } from "../store/index.ts";
import { plan, stateStatus } from "../supervise/index.ts";
import { noUpdates } from "./control-commands.ts";
import { controlDevice } from "./control-device.ts";
import type { Machine } from "./machine.ts";
import type { DeviceMetadata } from "./metadata.ts";
import { keysOf, type LoadedRevision } from "./revision.ts";
import { explainEnd, type News, type RunnableRevision, type Running, run } from "./running.ts";
import { onPowerSignals } from "./signals.ts";

const stopGraceMs = 5_000;
/** From the wish to go down until we go down with whatever still runs: two graces, and time to sweep and unmount. */
const shutdownMaxMs = 30_000;

/** Starts what the revision holds: liblxc, the containers under supervision, the control sockets. */
export function startDevice(
  machine: Machine,
  revision: LoadedRevision,
  layout: Layout,
  { store, metadata }: { readonly store: Store; readonly metadata: DeviceMetadata },
): Result<void, string> {
  const { config, entries } = machine.configuration;
  const { logs, log } = machine;
  const { state, useVerity } = revision;

  const lxc = openLxc(lxcPath);
  if (!lxc.ok) return err(explainLxc(lxc.error));
  const containers = openContainers({
    layout,
    disks: state.device.disks,
    useVerity,
    drivers: state.drivers,
    fitConfig: config.PV_BOOTLOADER_FITCONFIG,
    lxc: lxc.value,
    userMeta: metadata.userMeta,
    logItems: ({ name }) => logs.lxcItems(name),
    warn: (message) => log.warn(message),
  });
  const first: RunnableRevision = {
    name: revision.name,
    state,
    plan: plan(state, { goalsTimeoutMs: config.PV_UPDATER_GOALS_TIMEOUT, stopGraceMs }),
    containers,
    prepare: revision.prepare,
  };
  const running: Running = run(first, {
    log: logs.logger("supervise"),
    now: () => performance.now(),
    onStarted: (container, { pid }) => logs.attach(container.name, { pid, sources: container.logs }),
    onRelease: (container) => logs.detach(container.name),
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
    running.send({ kind: "shutdown" });
    setTimeout(() => {
      log.error(`not everything stopped within ${shutdownMaxMs / 1000} s`);
      void machine.end(action);
    }, shutdownMaxMs);
    return { kind: "accepted" };
  }

  function onNews(news: News): void {
    switch (news.kind) {
      case "goals":
        log.info(`goals ${news.result}: ${news.groups.map((group) => `${group.group} ${group.result}`).join(", ")}`);
        log.info(`status ${stateStatus(running.view())}`);
        if (news.result !== "pending") settled();
        return;
      case "gaveUp":
        log.error(`${news.name} ${explainEnd(news.end)}, ${news.retries} retries are used up`);
        return;
      case "revisionFailed":
        log.fatal(`${news.name} ${explainEnd(news.end)} and is not recovered: the revision has failed`);
        power("reboot", `container ${news.name} failed`);
        return;
      case "allStopped":
        void machine.end(ending ?? "reboot");
        return;
    }
  }

  /** The rest of the revision, first of all the base system we run from: it is large, and no container waits for it. */
  let restChecked = false;
  function settled(): void {
    machine.watchdog.started();
    if (restChecked) return;
    restChecked = true;
    void revision.check(keysOf(state, null)).then((good) => {
      if (good.ok) return log.info("every object of the revision is good");
      log.fatal(`the base system is damaged: ${good.error}`);
      power("reboot", "the base system is damaged");
    });
  }

  metadata.show(state.containers.map(({ name }) => name));
  metadata.statusIs(() => stateStatus(running.view()));
  const device = controlDevice({
    state,
    running,
    containers,
    config: entries,
    buildinfo,
    power,
    store,
    revision: revision.name,
    reservedPercent: config.PV_STORAGE_GC_RESERVED,
    metadata,
    updates: noUpdates,
  });
  const transfers = openTransfers();
  const onBug = (error: unknown) => logs.logger("control").error(String(error));
  const sockets = [
    { path: `${layout.runDir}/pv-ctrl`, caller: { kind: "host" } as const },
    ...state.containers.map(({ name, roles }) => ({
      path: controlSocket(name),
      caller: { kind: "container", name, roles } as const,
    })),
  ];
  for (const { path, caller } of sockets) {
    const listening = listen({ path, caller, device, transfers, onBug });
    if (!listening.ok) return err(explainListenError(listening.error));
  }
  onPowerSignals(power);
  running.send({ kind: "begin" });
  return ok(undefined);
}
