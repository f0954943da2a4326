import type { Budget } from "./budget.ts";
import type { LxcLogItem } from "./model.ts";

/** `lxc.console.size` is rounded up to a power of two, at least a page (liblxc, `set_config_console_size`). */
const CONSOLE_BYTES_MIN = 4096;
/** Up to 2 GiB; a console log is kept far below it by rotation. */
const CONSOLE_BYTES_MAX = 2 ** 31;

/**
 * What liblxc is told about its own two log files, lxc.container.conf(5). The container's monitor process writes both. liblxc
 * never bounds `lxc.log`, so it is rotated here. The console log is rotated here too, at the same size as every log; the bound
 * that liblxc gets is the power of two above twice that size, so that it only acts (a single `console.log.1`) when a container
 * writes faster than we look or when we are not there to look.
 */
export function lxcLogItems(folder: string, budget: Budget, level: number): readonly LxcLogItem[] {
  const consoleBytes = 2 ** Math.ceil(Math.log2(Math.max(CONSOLE_BYTES_MIN, 2 * budget.rotateAtBytes)));
  return [
    ["lxc.log.file", `${folder}/lxc.log`],
    ["lxc.log.level", String(level)],
    ["lxc.console.logfile", `${folder}/console.log`],
    ["lxc.console.size", String(Math.min(CONSOLE_BYTES_MAX, consoleBytes))],
    ["lxc.console.rotate", "1"],
  ];
}
