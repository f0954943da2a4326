import {
  explainLoader,
  LOADER_TYPES,
  type LoaderPorts,
  type LoaderResult,
  type LoaderType,
  openLoader,
  openUbootEnvPorts,
} from "../../../loader/index.ts";
import { ok } from "../../../result.ts";
import { type Disk, realDisk } from "../../../store/index.ts";
import type { LoaderPort } from "./facts.ts";

const WHY = "doctor";
const FW_ENV_CONFIG = "/etc/fw_env.config";

/** The file that each keeps below the storage (reference 6), for a tree whose runtime does not say. */
const FILES: readonly (readonly [file: string, type: LoaderType])[] = [
  ["boot/grubenv", "grub"],
  ["boot/uboot.txt", "uboot"],
  ["boot/rpiab.txt", "rpiab"],
  ["boot/none.txt", "none"],
];

async function typeByFile(disk: Disk, storage: string): Promise<LoaderType | null> {
  for (const [file, type] of FILES) if ((await disk.stat(WHY, `${storage}/${file}`)).ok) return type;
  return null;
}

/** Nobody mounts boot partitions here, so a Raspberry Pi's driver is refused. */
async function portsFor(type: LoaderType, ports: LoaderPorts): LoaderResult<LoaderPorts> {
  if (type !== "uboot-env") return ok(ports);
  const ubootEnv = await openUbootEnvPorts(ports.disk, FW_ENV_CONFIG);
  return ubootEnv.ok ? ok({ ...ports, ubootEnv: ubootEnv.value }) : ubootEnv;
}

/** The one place where the doctor meets a driver. */
export const readLoader: LoaderPort = async (storage, named) => {
  const known = LOADER_TYPES.find((type) => type === named);
  const type = known ?? (named === null ? await typeByFile(realDisk, storage) : null);
  if (type === null) {
    const why = named === null ? "no boot loader keeps its variables on the storage" : "no such type is known";
    return { kind: "unreadable", type: named, why };
  }
  const ports = await portsFor(type, { disk: realDisk, storage });
  const opened = ports.ok ? openLoader(type, ports.value) : ports;
  const read = opened.ok ? await opened.value.read() : opened;
  return read.ok
    ? { kind: "known", type, committed: read.value.committed, trial: read.value.trial }
    : { kind: "unreadable", type, why: explainLoader(read.error) };
};
