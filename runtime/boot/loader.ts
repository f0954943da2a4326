import { explainLoader, type Loader, type LoaderPorts, openLoader, openUbootEnvPorts } from "../loader/index.ts";
import { err, ok, type Result } from "../result.ts";
import type { Store } from "../store/index.ts";
import { openBootPartitions } from "./boot-partitions.ts";
import type { Config } from "./config/index.ts";

/** What the driver of this type needs beside the storage tree. */
async function portsOf(config: Config, { disk, root: storage }: Store): Promise<Result<LoaderPorts, string>> {
  switch (config.PV_BOOTLOADER_TYPE) {
    case "uboot-env": {
      const ubootEnv = await openUbootEnvPorts(disk, `${config.PV_SYSTEM_ETCDIR}/fw_env.config`);
      return ubootEnv.ok ? ok({ disk, storage, ubootEnv: ubootEnv.value }) : err(explainLoader(ubootEnv.error));
    }
    case "rpiab": {
      const rpi = await openBootPartitions(storage);
      return rpi.ok ? ok({ disk, storage, rpi: rpi.value }) : rpi;
    }
    default:
      return ok({ disk, storage });
  }
}

/** The boot loader of the running device, as `PV_BOOTLOADER_TYPE` names it. Reads no variable yet. The error is for people. */
export async function openDeviceLoader(config: Config, store: Store): Promise<Result<Loader, string>> {
  const ports = await portsOf(config, store);
  if (!ports.ok) return err(`type ${config.PV_BOOTLOADER_TYPE}: ${ports.error}`);
  const loader = openLoader(config.PV_BOOTLOADER_TYPE, ports.value);
  if (loader.ok) return loader;
  const { error } = loader;
  return err(error.kind === "unsupported" ? error.what : explainLoader(error));
}
