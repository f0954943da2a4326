/**
 * Configuration: which value every key has, and which level gave it (reference section 10). Nothing here reads a file; the caller
 * brings texts and gets values, provenance and warnings.
 */
export { type BootArguments, parseBootArguments } from "./boot-arguments.ts";
export type { Config, KeyName } from "./keys.ts";
export type { Level } from "./level.ts";
export { type ConfigEntry, type ConfigInput, type Resolution, resolveConfig } from "./resolve.ts";
export { type SysctlSetting, sysctlPath } from "./sysctl.ts";
export type { Size } from "./value.ts";
export { type ConfigWarning, explainConfigWarning } from "./warning.ts";
