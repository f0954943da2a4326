import { err, ok, type Result, unreachable } from "../result.ts";
import type { Bsp } from "../state/index.ts";
import { type Disk, readFile } from "../store/index.ts";
import { diskFailed } from "./env-file.ts";
import { type Environment, fileEnvironment, type Pair, pairEnvironment } from "./environment.ts";
import { environmentLoader } from "./environment-loader.ts";
import type { Format } from "./format.ts";
import { type CopyPlace, parseFwEnvConfig } from "./fw-env-config.ts";
import { grubenv } from "./grubenv.ts";
import { inTurn } from "./in-turn.ts";
import type { Loader, LoaderError, LoaderResult } from "./model.ts";
import { openRpiab, type RpiabPorts } from "./rpiab.ts";
import { singleCopy } from "./uboot-binary.ts";
import { ubootText } from "./uboot-text.ts";
import type { Variables } from "./variables.ts";

/** What `PV_BOOTLOADER_TYPE` may say. */
export const LOADER_TYPES = ["uboot", "uboot-pvk", "grub", "rpiab", "uboot-ab", "uboot-env", "none"] as const;
export type LoaderType = (typeof LOADER_TYPES)[number];

export interface LoaderPorts {
  readonly disk: Disk;
  /** Top folder of the storage tree. */
  readonly storage: string;
  /** For `uboot-env`: what {@link readFwEnvConfig} gave, its areas opened. */
  readonly ubootEnv?: Pair | UbootEnvFile;
  /** For `rpiab`. */
  readonly rpi?: Pick<RpiabPorts, "selector" | "partitions">;
}

/** U-Boot's environment without a second copy, as a file of its own, which is replaced whole. */
export interface UbootEnvFile {
  readonly path: string;
  readonly sizeBytes: number;
}

const FW_ENV_CONFIG_BYTES_MAX = 16 * 1024;

/** Reads `/etc/fw_env.config`. */
export async function readFwEnvConfig(disk: Disk, path: string): LoaderResult<readonly CopyPlace[]> {
  const read = await readFile(disk, "loader/fw-env-config", path, FW_ENV_CONFIG_BYTES_MAX);
  if (!read.ok) return diskFailed(read.error);
  const places = parseFwEnvConfig(new TextDecoder().decode(read.value));
  return places.ok ? places : err({ kind: "unreadable", path, problem: places.error });
}

const complete = (bsp: Bsp | null): boolean => bsp !== null && bsp.linux !== null && bsp.initrd !== null;
const lacksKernel = (bsp: Bsp | null): string | null => (complete(bsp) ? null : "linux and initrd");
const lacksFit = (bsp: Bsp | null): string | null =>
  complete(bsp) || (bsp !== null && bsp.fit !== null) ? null : "fit, and no linux and initrd";
const lacksNothing = (): null => null;

const unsupported = (what: string): Result<never, LoaderError> => err({ kind: "unsupported", what });

function openUbootEnv({ disk, ubootEnv }: LoaderPorts): Result<Loader, LoaderError> {
  if (ubootEnv === undefined) return unsupported("type uboot-env needs /etc/fw_env.config");
  const environment =
    "path" in ubootEnv
      ? fileEnvironment({ disk, path: ubootEnv.path, format: singleCopy(ubootEnv.sizeBytes) })
      : pairEnvironment(ubootEnv);
  const forget = ["pv_trying"]; // the script has it here, and would take the next trial of that name for a failed one
  return ok(environmentLoader({ type: "uboot-env", canTry: true, environment, lacks: lacksFit, forget }));
}

/** The driver for a type of boot loader; touches nothing yet. `unsupported`: a type or port that is not there. */
export function openLoader(type: LoaderType, ports: LoaderPorts): Result<Loader, LoaderError> {
  const driver = openDriver(type, ports);
  return driver.ok ? ok(inTurn(driver.value)) : driver;
}

function openDriver(type: LoaderType, ports: LoaderPorts): Result<Loader, LoaderError> {
  const { disk, storage, rpi } = ports;
  const inBoot = (name: string, format: Format<Variables>): Environment =>
    fileEnvironment({ disk, path: `${storage}/boot/${name}`, format });
  const forget: readonly string[] = [];
  switch (type) {
    case "grub": {
      const environment = inBoot("grubenv", grubenv);
      return ok(environmentLoader({ type, canTry: true, environment, lacks: lacksKernel, forget }));
    }
    case "uboot":
    case "uboot-pvk": {
      const environment = inBoot("uboot.txt", ubootText);
      return ok(environmentLoader({ type, canTry: true, environment, lacks: lacksFit, forget }));
    }
    case "none": {
      const environment = inBoot("none.txt", ubootText);
      return ok(environmentLoader({ type, canTry: false, environment, lacks: lacksNothing, forget }));
    }
    case "uboot-env":
      return openUbootEnv(ports);
    case "rpiab":
      return rpi === undefined
        ? unsupported("type rpiab needs the boot partitions of a Raspberry Pi")
        : ok(openRpiab({ disk, storage, ...rpi }));
    case "uboot-ab":
      return unsupported("type uboot-ab is not supported by this version");
    default:
      return unreachable(type);
  }
}
