/** PID 1's own duties: from the hand-over by the initramfs to a running revision, and down again (design, section 4). */
import { type Layout, trailDir } from "../containers/index.ts";
import { err, invariant, type Result } from "../result.ts";
import { mountBsp } from "./bsp.ts";
import { startDevice } from "./device.ts";
import { type Machine, startMachine } from "./machine.ts";
import { openDeviceMetadata } from "./metadata.ts";
import { addOemLevel } from "./oem.ts";
import { loadRevision, openStorage } from "./revision.ts";
import { explainStorageError, mountStorage } from "./storage.ts";

/** The device runtime. Never returns: it ends in a reboot, a power-off, or a kernel panic that reboots. */
export async function runtime(): Promise<never> {
  invariant(process.pid === 1, "the runtime is process 1");
  const machine = startMachine();
  const started = await startRevision(machine);
  if (!started.ok) return machine.giveUp(started.error);
  return new Promise<never>(() => {});
}

async function startRevision(machine: Machine): Promise<Result<void, string>> {
  const { config, arguments: boot } = machine.configuration;
  const mounted = await mountStorage(config);
  if (!mounted.ok) return err(explainStorageError(mounted.error));
  const storage = await openStorage(config.PV_STORAGE_MNTPOINT, boot.rev);
  if (!storage.ok) return storage;
  const layout: Layout = {
    storage: config.PV_STORAGE_MNTPOINT,
    revision: storage.value.name,
    runDir: config.PV_SYSTEM_RUNDIR,
    logDir: config.PV_LOG_DIR.replace(/\/+$/, ""),
  };
  machine.logs.useStorage({ dir: layout.logDir, rev: layout.revision });

  const revision = await loadRevision(storage.value, config.PV_SECUREBOOT_HANDLERS && !boot.verityOff);
  if (!revision.ok) return revision;
  for (const { path, message } of revision.value.state.warnings) machine.log.warn(`${path}: ${message}`);
  const configuration = await addOemLevel(machine.configuration, revision.value, trailDir(layout));
  if (!configuration.ok) return err(`the OEM configuration: ${configuration.error}`);
  machine.configure(configuration.value);
  const { store } = storage.value;
  const metadata = await openDeviceMetadata({
    config: configuration.value.config,
    store,
    revision: revision.value.name,
    warn: (message) => machine.log.warn(message),
  });
  const bsp = await mountBsp(revision.value, layout);
  return bsp.ok ? startDevice(machine, revision.value, layout, { store, metadata }) : bsp;
}
