/** PID 1's own duties: from the hand-over by the initramfs to a running revision, and down again (design, section 4). */
import { buildinfo, version } from "../buildinfo.ts";
import { controlSocket, type Layout, lxcPath, openContainers } from "../containers/index.ts";
import { explainListenError, listen, type PowerAction } from "../control/index.ts";
import { type ExitedChild, explainLinux, startReaper } from "../linux/index.ts";
import { startLogs } from "../logs/index.ts";
import { explainLxc, openLxc, openMonitor } from "../lxc/index.ts";
import { invariant } from "../result.ts";
import { plan, stateStatus } from "../supervise/index.ts";
import { mountBsp } from "./bsp.ts";
import { explainConfigWarning } from "./config/index.ts";
import { readConfiguration } from "./configuration.ts";
import { controlDevice } from "./control-device.ts";
import { mountEarly } from "./early-mounts.ts";
import { settleKernel } from "./kernel-settings.ts";
import { endMachine } from "./power.ts";
import { loadRevision } from "./revision.ts";
import { explainEnd, type News, type Running, run } from "./running.ts";
import { onPowerSignals } from "./signals.ts";
import { explainStorageError, mountStorage } from "./storage.ts";
import { startWatchdog } from "./watchdog.ts";

/** How long a failure stays readable on the console before the reboot that it ends in (reference 5.2). */
const failurePauseMs = 20_000;
const stopGraceMs = 5_000;

/** The device runtime. Never returns: it ends in a reboot, a power-off, or a kernel panic that reboots. */
export async function runtime(): Promise<never> {
  invariant(process.pid === 1, "the runtime is process 1");
  const early = mountEarly();
  if (!early.ok) throw new Error(`early mounts: ${explainLinux(early.error)}`);

  const configuration = readConfiguration();
  const { config } = configuration;
  const logs = startLogs({ config });
  const log = logs.logger("boot");
  log.info(`cairn ${version}`);
  for (const missed of early.value) log.debug(explainLinux(missed));
  for (const warning of configuration.warnings) log.warn(explainConfigWarning(warning));

  const watchdog = startWatchdog(config, log);
  settleKernel(configuration.sysctls, log);
  let running: Running | null = null;
  startReaper((child: ExitedChild) => running?.childReaped(child));

  /** For what no retry can mend: the boot loader may know a better revision. */
  const fail = async (why: string): Promise<never> => {
    log.fatal(`${why}; rebooting in ${failurePauseMs / 1000} s`);
    await Bun.sleep(failurePauseMs);
    await logs.close();
    return endMachine("reboot", console.log);
  };

  const storage = await mountStorage(config);
  if (!storage.ok) return fail(explainStorageError(storage.error));
  const rev = configuration.arguments.rev;
  if (rev === null) return fail("the kernel command line names no revision (pv_rev=)");
  const revision = await loadRevision(
    config.PV_STORAGE_MNTPOINT,
    rev,
    config.PV_SECUREBOOT_HANDLERS && !configuration.arguments.verityOff,
  );
  if (!revision.ok) return fail(revision.error);
  const { state, useVerity } = revision.value;
  const layout: Layout = {
    storage: config.PV_STORAGE_MNTPOINT,
    revision: rev,
    runDir: config.PV_SYSTEM_RUNDIR,
    logDir: config.PV_LOG_DIR.replace(/\/+$/, ""),
  };
  logs.useStorage({ dir: layout.logDir, rev });
  for (const { path, message } of state.warnings) log.warn(`${path}: ${message}`);

  const bsp = await mountBsp(revision.value, layout);
  if (!bsp.ok) return fail(bsp.error);

  const lxc = openLxc(lxcPath);
  if (!lxc.ok) return fail(explainLxc(lxc.error));
  const monitor = openMonitor(lxcPath, {
    onEvent: (event) => running?.monitorEvent(event),
    onTrouble: (error) => log.error(explainLxc(error)),
  });
  if (!monitor.ok) return fail(explainLinux(monitor.error));

  const containers = openContainers({
    layout,
    disks: state.device.disks,
    useVerity,
    drivers: state.drivers,
    fitConfig: config.PV_BOOTLOADER_FITCONFIG,
    lxc: lxc.value,
    logItems: ({ name }) => logs.lxcItems(name),
    warn: (message) => log.warn(message),
  });

  let ending: PowerAction | null = null;
  const power = (action: PowerAction, message: string) => {
    if (ending !== null) return { kind: "busy", why: `${ending} is under way`, retryAfterSeconds: 60 } as const;
    ending = action;
    log.info(`${action}: ${message}`);
    watchdog.shuttingDown();
    running?.send({ kind: "shutdown" });
    return { kind: "accepted" } as const;
  };

  const onNews = (news: News): void => {
    switch (news.kind) {
      case "goals":
        log.info(`goals ${news.result}: ${news.groups.map((group) => `${group.group} ${group.result}`).join(", ")}`);
        if (running !== null) log.info(`status ${stateStatus(running.view())}`);
        if (news.result !== "pending") watchdog.started();
        return;
      case "gaveUp":
        log.error(`${news.name} ${explainEnd(news.end)}, ${news.retries} retries are used up`);
        return;
      case "revisionFailed":
        log.error(`${news.name} ${explainEnd(news.end)} and is not recovered: the revision has failed`);
        power("reboot", `container ${news.name} failed`);
        return;
      case "allStopped":
        void logs.close().then(() => endMachine(ending ?? "reboot", console.log));
        return;
    }
  };

  running = run(state, plan(state, { goalsTimeoutMs: config.PV_UPDATER_GOALS_TIMEOUT, stopGraceMs }), {
    containers,
    log: logs.logger("supervise"),
    now: () => performance.now(),
    validate: revision.value.validate,
    onStarted: (container, { pid }) => logs.attach(container.name, { pid, sources: container.logs }),
    onRelease: (container) => logs.detach(container.name),
    onNews,
  });

  const device = controlDevice({
    state,
    running,
    containers,
    config: configuration.entries,
    buildinfo,
    power,
  });
  const onBug = (error: unknown) => logs.logger("control").error(String(error));
  const sockets = [
    { path: `${layout.runDir}/pv-ctrl`, caller: { kind: "host" } as const },
    ...state.containers.map(({ name, roles }) => ({
      path: controlSocket(name),
      caller: { kind: "container", name, roles } as const,
    })),
  ];
  for (const { path, caller } of sockets) {
    const listening = listen({ path, caller, device, onBug });
    if (!listening.ok) log.error(explainListenError(listening.error));
  }
  onPowerSignals(power);
  running.send({ kind: "begin" });
  return new Promise<never>(() => {});
}
