import {
  type CopyPlace,
  type Loader,
  type LoaderError,
  type LoaderPorts,
  type LoaderResult,
  openArea,
  openLoader,
  readFwEnvConfig,
} from "../loader/index.ts";
import { err, ok, type Result } from "../result.ts";
import type { Disk } from "../store/index.ts";
import type { Config } from "./config/index.ts";

/** One copy is replaced in one step only where it is a file of its own. */
async function openSingle(disk: Disk, { path, atBytes, sizeBytes }: CopyPlace): LoaderResult<LoaderPorts["ubootEnv"]> {
  const info = await disk.stat("boot/loader", path);
  if (!info.ok) return err({ kind: "disk", error: info.error });
  if (info.value.type === "file" && atBytes === 0 && info.value.sizeBytes === sizeBytes) return ok({ path, sizeBytes });
  const what = `the only copy of U-Boot's environment is a part of ${path}, and a power cut could tear it: give U-Boot a redundant one`;
  return err({ kind: "unsupported", what });
}

async function openUbootEnv(disk: Disk, configPath: string): LoaderResult<LoaderPorts["ubootEnv"]> {
  const places = await readFwEnvConfig(disk, configPath);
  if (!places.ok) return places;
  const [one, two] = places.value;
  if (one === undefined) return ok(undefined);
  if (two === undefined) return openSingle(disk, one);
  const first = await openArea(one.path, one.atBytes, one.sizeBytes);
  if (!first.ok) return err({ kind: "disk", error: first.error });
  const second = await openArea(two.path, two.atBytes, two.sizeBytes);
  return second.ok ? ok([first.value, second.value]) : err({ kind: "disk", error: second.error });
}

/** The boot loader of this device, as the configuration names it. `rpi` is needed for type `rpiab`. */
export async function loaderOf(
  config: Config,
  disk: Disk,
  rpi?: LoaderPorts["rpi"],
): Promise<Result<Loader, LoaderError>> {
  const type = config.PV_BOOTLOADER_TYPE;
  const ports = { disk, storage: config.PV_STORAGE_MNTPOINT, ...(rpi === undefined ? {} : { rpi }) };
  if (type !== "uboot-env") return openLoader(type, ports);
  const ubootEnv = await openUbootEnv(disk, `${config.PV_SYSTEM_ETCDIR}/fw_env.config`);
  if (!ubootEnv.ok) return ubootEnv;
  return openLoader(type, ubootEnv.value === undefined ? ports : { ...ports, ubootEnv: ubootEnv.value });
}
