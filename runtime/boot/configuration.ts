import { readText } from "../linux/index.ts";
import {
  type BootArguments,
  type ConfigInput,
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
  /** What the levels said, to be resolved again when another one is known. */
  readonly input: ConfigInput;
}

/** Where a configuration begins; both lead on to its files. */
export type ConfigurationRoot = Required<Pick<ConfigInput, "commandLine" | "environment">>;

const ownRoot = (): ConfigurationRoot => ({ commandLine: textOf("/proc/cmdline") ?? "", environment: process.env });

/** Reads every level that is there before storage is: file, policy, kernel command line, environment (reference 10.1). */
export function readConfiguration(root: ConfigurationRoot = ownRoot()): Configuration {
  const where = resolveConfig(root).config;
  const file = textOf(`${where.PV_SYSTEM_ETCDIR}/pantavisor.config`);
  const { PV_POLICY: policy, PV_SYSTEM_ETCPANTAVISORDIR: folder } = resolveConfig({ ...root, file }).config;
  return resolved({
    ...root,
    file,
    policy: policy === null ? undefined : textOf(`${folder}/policies/${policy}.config`),
  });
}

function resolved(input: ConfigInput): Configuration {
  const resolution = resolveConfig(input);
  const parsed = parseBootArguments(input.commandLine ?? "");
  const warnings: readonly ConfigWarning[] = [...resolution.warnings, ...parsed.warnings];
  return { ...resolution, warnings, arguments: parsed.value, input };
}

/** The key of the OEM file in a state; null when no OEM is configured. */
export function oemKey({ config }: Configuration): string | null {
  const { PV_OEM_NAME: name, PV_POLICY: policy } = config;
  return name === null ? null : `${name}/${policy ?? "default"}.config`;
}

/** The configuration with what the revision's OEM file says. */
export const withOem = ({ input }: Configuration, oem: string): Configuration => resolved({ ...input, oem });
