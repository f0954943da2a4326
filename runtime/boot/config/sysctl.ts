import type { Level } from "./level.ts";

/** A kernel parameter to write, as the configuration spelled it: `PV_SYSCTL_NET_IPV4_IP_FORWARD` or `sysctl.net.ipv4.ip_forward`. */
export interface SysctlSetting {
  readonly key: string;
  readonly value: string;
  readonly modified: Level;
}

const NEW_SPELLING = /^PV_SYSCTL_[A-Z0-9]+(?:_[A-Z0-9]+)*$/i;
const OLD_SPELLING = /^sysctl(?:\.[A-Za-z0-9_-]+)+$/;

export const isSysctlKey = (key: string): boolean => NEW_SPELLING.test(key) || OLD_SPELLING.test(key);

/**
 * The file below `/proc/sys` that a setting writes. In the upper-case spelling `_` stands for both `/` and `_`: it is a `/` where
 * what came before is a folder, which only `isDirectory` can know. `key` must come from a {@link SysctlSetting}.
 */
export function sysctlPath(key: string, isDirectory: (path: string) => boolean): string {
  if (OLD_SPELLING.test(key)) return `/proc/sys/${key.slice("sysctl.".length).replaceAll(".", "/")}`;
  const [first = "", ...words] = key.slice("PV_SYSCTL_".length).toLowerCase().split("_");
  return words.reduce((path, word) => path + (isDirectory(path) ? "/" : "_") + word, `/proc/sys/${first}`);
}
