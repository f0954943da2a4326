import { chmodSync, existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import {
  CGROUP_ROOT,
  explainLinux,
  kernelIdentity,
  killCgroup,
  loadModule,
  modulesFolder,
  readModuleIndex,
  sweepCgroup,
  viaNode,
} from "../linux/index.ts";
import { type Lxc, startContainer } from "../lxc/index.ts";
import { err, ok, type Result } from "../result.ts";
import type { Container, DriverAliases } from "../state/index.ts";
import { automaticMounts, type HostFacts } from "./automatic-mounts.ts";
import { wantedDrivers } from "./drivers.ts";
import { type ContainerError, type DriverCause, explainDriverCause } from "./error.ts";
import { exportHook, offerExports } from "./exports.ts";
import {
  configOverlayDir,
  containerLogDir,
  containerPrivateDir,
  exportsDir,
  lxcPath,
  lxcRootfsMount,
  monitorCgroup,
  payloadCgroup,
  trailDir,
  volumeDir,
} from "./layout.ts";
import { type AmendedConfig, type Amendments, amendLxcConfig } from "./lxc-config.ts";
import { type MountWorld, mountPlan } from "./mount-plan.ts";
import { mountVolumes, unmountBelow, unmountVolumes } from "./volumes.ts";

/** What the containers of a revision share. */
export interface ContainerWorld extends MountWorld {
  readonly drivers: DriverAliases;
  /** `PV_BOOTLOADER_FITCONFIG`. */
  readonly fitConfig: string | null;
  readonly lxc: Lxc;
  /** The value of a key of user-meta, "" when there is none: driver options may name it. */
  userMeta(key: string): string;
  /** `lxc.log.*` and `lxc.console.*` items for a container. */
  logItems(container: Container): readonly (readonly [key: string, value: string])[];
  warn(message: string): void;
}

export interface StartedContainer {
  /** Init of the container, in the host's pid namespace; 0 when it has ended already. */
  readonly pid: number;
  /** liblxc's monitor process, a child of PID 1; null: it has ended already. */
  readonly monitorPid: number | null;
}

const graceOfLeftoversMs = 5_000;

const cgroup = (path: string): string => `${CGROUP_ROOT}/${path}`;

/** Mounts a container's volumes, storage and configuration overlay. All or nothing. */
export function mountContainer(container: Container, world: ContainerWorld): Result<void, ContainerError> {
  const plan = mountPlan(container, world);
  return plan.ok ? mountVolumes(plan.value) : plan;
}

/** Loads a container's drivers. An optional one that fails is a warning. */
function loadDrivers(container: Container, world: ContainerWorld): Result<void, ContainerError> {
  const wanted = wantedDrivers(container.drivers, world.drivers, world.fitConfig, world.userMeta);
  if (wanted.length === 0) return ok(undefined);
  const index = readModuleIndex();
  for (const { alias, required, modules } of wanted) {
    const cause = ((): DriverCause | null => {
      if (modules === null) return { kind: "undefinedAlias" };
      if (!index.ok) return index.error;
      for (const { module, options } of modules) {
        const loaded = loadModule(index.value, { module, options });
        if (!loaded.ok) return loaded.error;
      }
      return null;
    })();
    if (cause === null) continue;
    if (required) return err({ kind: "driver", alias, cause });
    world.warn(
      `container ${container.name}: optional driver "${alias}" is not loaded: it ${explainDriverCause(cause)}`,
    );
  }
  return ok(undefined);
}

/** A merged root keeps `/lib` as a link to `usr/lib`; only the plain forms of that link are followed. */
function libFolder(container: Container): HostFacts["libFolder"] {
  const root = container.rootVolume;
  if (root === null) return "lib";
  try {
    const target = readlinkSync(`${volumeDir(container.name, root.file)}/lib`);
    return target === "usr/lib" || target === "/usr/lib" ? "usr/lib" : "lib";
  } catch {
    return "lib";
  }
}

function hostFacts(container: Container): HostFacts {
  const modules = modulesFolder();
  return {
    modulesRelease: existsSync(modules) ? kernelIdentity().release : null,
    hasFirmware: existsSync("/lib/firmware"),
    libFolder: libFolder(container),
  };
}

/** Prepares a container's folders, writes its final LXC configuration where liblxc and its tools look for it. */
function writeConfig(
  container: Container,
  world: ContainerWorld,
  logItems: Amendments["logItems"],
): Result<AmendedConfig, ContainerError> {
  if (container.config === null) return err({ kind: "unsupported", what: "its run.json names no LXC configuration" });
  if (container.network.mode === "pool") {
    return err({
      kind: "unsupported",
      what: `network pool "${container.network.pool}": pools come in a later version`,
    });
  }
  const { layout } = world;
  const path = `${trailDir(layout)}/${container.name}/${container.config}`;
  const hook = `${containerPrivateDir(container.name)}/export.sh`;
  try {
    const folders = [
      `${lxcPath}/${container.name}`,
      lxcRootfsMount,
      containerPrivateDir(container.name),
      `${containerLogDir(layout, container.name)}/lxc`,
      `${layout.runDir}/user-meta.${container.name}`,
      `${layout.runDir}/device-meta.${container.name}`,
    ];
    for (const folder of folders) mkdirSync(folder, { recursive: true });
    if (container.exports.length > 0) {
      writeFileSync(hook, exportHook(container));
      chmodSync(hook, 0o755);
    }
    const amended = amendLxcConfig(readFileSync(path, "utf8"), {
      hostname: container.name,
      forcedHostname: container.network.hostname,
      configOverlay: container.hasConfigOverlay ? configOverlayDir(container.name) : null,
      rootfsMount: lxcRootfsMount,
      payloadCgroup: payloadCgroup(container.name),
      monitorCgroup: monitorCgroup(container.name),
      mounts: automaticMounts(container, layout, hostFacts(container)),
      mountHooks: container.exports.length > 0 ? [hook] : [],
      logItems,
    });
    for (const line of amended.dropped) world.warn(`container ${container.name}: "${line}" means nothing to cgroup v2`);
    writeFileSync(`${lxcPath}/${container.name}/config`, amended.text);
    return ok(amended);
  } catch (cause) {
    return err({ kind: "file", path, cause: cause instanceof Error ? cause.message : String(cause) });
  }
}

/** Loads a container's drivers, writes its configuration and starts it. */
async function start(
  container: Container,
  world: ContainerWorld,
  signal: AbortSignal,
): Promise<Result<StartedContainer, ContainerError>> {
  const drivers = loadDrivers(container, world);
  if (!drivers.ok) return drivers;
  const logItems = world.logItems(container);
  const written = writeConfig(container, world, logItems);
  if (!written.ok) return written;
  const monitorPid = await startContainer({
    name: container.name,
    lxcPath,
    command: written.value.command,
    folder: `${trailDir(world.layout)}/${container.name}`,
    logFile: new Map(logItems).get("lxc.log.file") ?? null,
    signal,
  });
  if (!monitorPid.ok) return monitorPid;
  const handle = world.lxc.container(container.name);
  if (!handle.ok) return handle;
  const pid = handle.value.initPid() ?? 0;
  handle.value.free();
  const missing = pid > 0 ? offerExports(container, pid) : [];
  for (const problem of missing) world.warn(`container ${container.name}: ${problem}`);
  return ok({ pid, monitorPid: monitorPid.value });
}

/** Null: gone, with all that ran in it. */
async function leftOf(path: string): Promise<string | null> {
  const swept = await sweepCgroup(cgroup(path), graceOfLeftoversMs);
  return swept.ok ? null : explainLinux(swept.error);
}

/**
 * The containers of one revision, as far as this machine is concerned: which run is `supervise/`'s decision. A container is started,
 * halted, killed and released by the revision that mounted it, also when another one has taken over meanwhile.
 */
export interface Containers {
  mount(container: Container): Result<void, ContainerError>;
  start(container: Container): Promise<Result<StartedContainer, ContainerError>>;
  /** Asks init to halt (`lxc.signal.halt`) and returns at once. */
  halt(container: Container): void;
  /** SIGKILL to everything in the container, at once. */
  kill(container: Container): void;
  /** After init is gone: sweeps cgroups, then mounts, those it exported included. The value lists what could not be cleaned up. */
  release(container: Container): Promise<readonly string[]>;
  /** `memory.current` of the container in bytes, null when it has no cgroup. */
  memoryBytes(container: Container): number | null;
}

export function openContainers(world: ContainerWorld): Containers {
  const starts = new Map<string, AbortController>();
  const kill = (container: Container): void => {
    starts.get(container.name)?.abort();
    killCgroup(cgroup(payloadCgroup(container.name)));
  };
  return {
    mount: (container) => mountContainer(container, world),
    async start(container) {
      const giveUp = new AbortController();
      starts.set(container.name, giveUp);
      const started = await start(container, world, giveUp.signal);
      starts.delete(container.name);
      return started;
    },
    halt(container) {
      const handle = world.lxc.container(container.name);
      const asked = handle.ok ? handle.value.shutdown(0) : handle;
      if (handle.ok) handle.value.free();
      if (!asked.ok) kill(container);
    },
    kill,
    async release(container) {
      kill(container);
      const problems = [await leftOf(payloadCgroup(container.name)), await leftOf(monitorCgroup(container.name))];
      const folder = `${lxcPath}/${container.name}`;
      const removed = viaNode("rm", { path: folder }, () => rmSync(folder, { recursive: true, force: true }));
      const plan = mountPlan(container, world);
      const busy = [
        ...(removed.ok ? [] : [removed.error]),
        ...unmountBelow(`${exportsDir}/${container.name}`),
        ...(plan.ok ? unmountVolumes(plan.value) : []),
      ];
      return [...problems.filter((problem) => problem !== null), ...busy.map((error) => explainLinux(error))];
    },
    memoryBytes(container) {
      try {
        return Number(readFileSync(`${cgroup(payloadCgroup(container.name))}/memory.current`, "utf8"));
      } catch {
        return null;
      }
    },
  };
}
