import { err, ok, type Result } from "../result.ts";
import type { Disk } from "../store/index.ts";
import { openArea } from "./area.ts";
import { diskFailed } from "./env-file.ts";
import type { Pair } from "./environment.ts";
import type { CopyPlace } from "./fw-env-config.ts";
import type { LoaderError, LoaderResult } from "./model.ts";
import { readFwEnvConfig, type UbootEnvFile } from "./open.ts";

/** One copy is replaced in one step only where it is a file of its own. */
async function openSingle(disk: Disk, { path, atBytes, sizeBytes }: CopyPlace): LoaderResult<UbootEnvFile> {
  const info = await disk.stat("loader/uboot-env", path);
  if (!info.ok) return diskFailed(info.error);
  if (info.value.type === "file" && atBytes === 0 && info.value.sizeBytes === sizeBytes) return ok({ path, sizeBytes });
  const what = `the only copy of U-Boot's environment is a part of ${path}, and a power cut could tear it: give U-Boot a redundant one`;
  return err({ kind: "unsupported", what });
}

async function openCopy({ path, atBytes, sizeBytes }: CopyPlace): Promise<Result<Pair[0], LoaderError>> {
  const area = await openArea(path, atBytes, sizeBytes);
  return area.ok ? area : diskFailed(area.error);
}

/** Opens the copies of U-Boot's environment that `/etc/fw_env.config`, or another file at `configPath`, names. */
export async function openUbootEnvPorts(disk: Disk, configPath: string): LoaderResult<Pair | UbootEnvFile> {
  const places = await readFwEnvConfig(disk, configPath);
  if (!places.ok) return places;
  const [one, two] = places.value;
  if (one === undefined) return err({ kind: "unreadable", path: configPath, problem: "it names no copy" });
  if (two === undefined) return openSingle(disk, one);
  const [first, second] = [await openCopy(one), await openCopy(two)];
  if (!first.ok) return first;
  return second.ok ? ok([first.value, second.value]) : second;
}
