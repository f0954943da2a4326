/**
 * Where a setting came from, lowest first (reference 10.1). The words are those that `GET /config2` shows as `modified`.
 * Levels that no feature fills yet (program arguments, cloud client, commands) are added with that feature.
 */
export const LEVELS = [
  "default",
  "pv conf file",
  "ph conf file",
  "policy",
  "oem config",
  "pv cmdline",
  "ph cmdline",
  "env",
  "metadata",
] as const;

export type Level = (typeof LEVELS)[number];

/** Reference 10.2, column "allowed": C, H, CO, COR and so on. */
export type LevelSet = ReadonlySet<Level>;

const device = ["pv conf file", "policy", "pv cmdline", "env"] as const;
const cloud = ["ph conf file", "policy", "ph cmdline", "env"] as const;

export const C: LevelSet = new Set(device);
export const CO: LevelSet = new Set([...device, "oem config"]);
export const COR: LevelSet = new Set([...device, "oem config", "metadata"]);
export const HO: LevelSet = new Set([...cloud, "oem config"]);
export const HOR: LevelSet = new Set([...cloud, "oem config", "metadata"]);
/** C without the policy file: the key that names the policy cannot come from it. */
export const C_NOT_POLICY: LevelSet = new Set(["pv conf file", "pv cmdline", "env"] as const);
export const ENV_ONLY: LevelSet = new Set(["env"] as const);
