import { readText } from "../linux/index.ts";
import {
  type BootArguments,
  type ConfigWarning,
  parseBootArguments,
  type Resolution,
  resolveConfig,
} from "./config/index.ts";

/** A file that is not there says nothing; nor does one that cannot be read, since a device must boot. */
const textOf = (path: string): string | undefined => {
  const read = readText(path);
  return read.ok ? read.value : undefined;
};

export interface Configuration extends Resolution {
  readonly arguments: BootArguments;
}

/** Reads every level that is there before storage is: file, policy, kernel command line, environment (reference 10.1). */
export function readConfiguration(): Configuration {
  const commandLine = textOf("/proc/cmdline") ?? "";
  const input = { commandLine, environment: process.env };
  const where = resolveConfig(input).config;
  const file = textOf(`${where.PV_SYSTEM_ETCDIR}/pantavisor.config`);
  const { PV_POLICY: policy, PV_SYSTEM_ETCPANTAVISORDIR: folder } = resolveConfig({ ...input, file }).config;
  const resolution = resolveConfig({
    ...input,
    file,
    policy: policy === null ? undefined : textOf(`${folder}/policies/${policy}.config`),
  });
  const parsed = parseBootArguments(commandLine);
  const warnings: readonly ConfigWarning[] = [...resolution.warnings, ...parsed.warnings];
  return { ...resolution, warnings, arguments: parsed.value };
}
