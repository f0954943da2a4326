import { type Loader, type LoaderError, type LoaderPorts, openLoader, openUbootEnvPorts } from "../loader/index.ts";
import type { Result } from "../result.ts";
import type { Disk } from "../store/index.ts";
import type { Config } from "./config/index.ts";

/** The boot loader of this device, as the configuration names it. `rpi` is needed for type `rpiab`. */
export async function loaderOf(
  config: Config,
  disk: Disk,
  rpi?: LoaderPorts["rpi"],
): Promise<Result<Loader, LoaderError>> {
  const type = config.PV_BOOTLOADER_TYPE;
  const ports = { disk, storage: config.PV_STORAGE_MNTPOINT, ...(rpi === undefined ? {} : { rpi }) };
  if (type !== "uboot-env") return openLoader(type, ports);
  const ubootEnv = await openUbootEnvPorts(disk, `${config.PV_SYSTEM_ETCDIR}/fw_env.config`);
  return ubootEnv.ok ? openLoader(type, { ...ports, ubootEnv: ubootEnv.value }) : ubootEnv;
}
