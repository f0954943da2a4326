import { explainSys, type SysError } from "../linux/index.ts";
import { unreachable } from "../result.ts";

/** What can go wrong between us and liblxc. */
export type LxcError =
  /** liblxc.so.1 or something it needs is not installed; `detail` is what the loader says. */
  | { readonly kind: "lxcMissing"; readonly detail: string }
  /** A version whose struct lxc_container we do not know. */
  | { readonly kind: "lxcVersion"; readonly version: string }
  /** The version is right but the table of functions does not behave as its header says. */
  | { readonly kind: "lxcAbi"; readonly version: string; readonly detail: string }
  /** A call that said no. `hint` holds what its log says, when that helps. */
  | {
      readonly kind: "lxc";
      readonly call: string;
      readonly container: string;
      readonly args: Readonly<Record<string, string | number>>;
      /** error_num of the container: an exit status or errno of liblxc's own choosing; 0 when it set none. */
      readonly errorNumber: number;
      readonly hint: string;
    };

/** Bytes in the monitor FIFO that are no record. */
export type BadRecord = { readonly kind: "badRecord"; readonly wanted: string; readonly found: string };

/** What {@link openMonitor} may report. */
export type MonitorError = BadRecord | SysError;

/** One sentence: what was done, to which container, and what to look at. */
export function explainLxc(e: LxcError | MonitorError): string {
  switch (e.kind) {
    case "lxcMissing":
      return `liblxc.so.1 cannot be loaded (${e.detail}): install liblxc 5.0 to 6.x`;
    case "lxcVersion":
      return `liblxc ${e.version} is installed, Cairn knows 5.0 to 6.x: install one of these`;
    case "lxcAbi":
      return `liblxc ${e.version} does not behave as its header says (${e.detail}): it was built with other settings, install an unchanged one`;
    case "lxc": {
      const args = Object.entries(e.args).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
      const number = e.errorNumber === 0 ? "" : ` (error ${e.errorNumber})`;
      return `container ${e.container}: ${e.call}(${args.join(", ")}) failed${number}${e.hint === "" ? "" : `: ${e.hint}`}`;
    }
    case "badRecord":
      return `LXC's monitor FIFO: wants ${e.wanted}, has ${e.found}; events may be lost`;
    case "sys":
      return explainSys(e);
    default:
      return unreachable(e);
  }
}

/** A log line of liblxc: program, perhaps a container, time (year to milliseconds), level, subsystem, place, text. */
const ERROR_LINE = /^lxc\S* (?:\S+ )?\d{14}\.\d{3} (?:ERROR|CRIT|ALERT|FATAL)\s+\S+ - \S+ - (.*)$/gm;

const ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /apparmor|mac_admin|allow_incomplete/i,
    "the kernel's AppArmor lacks what liblxc wants: boot with apparmor=0, or set lxc.apparmor.profile=unconfined or lxc.apparmor.allow_incomplete=1",
  ],
  [/allocate (?:console|tty)/i, "is devpts mounted at /dev/pts?"],
  [/cgroup/i, "is cgroup v2 mounted at /sys/fs/cgroup, with the controllers that the configuration names?"],
  [
    /overlay/i,
    "is the kernel built with CONFIG_OVERLAY_FS, and is the upper folder on a file system that can carry it?",
  ],
];

/** What an LXC log says went wrong: its first error, which is the cause, and our advice for the known ones. */
export function hintFromLog(log: string): string {
  const lines = [...log.matchAll(ERROR_LINE)].map(([, text = ""]) => text);
  const first = lines[0];
  if (first === undefined) return "";
  const advice = ADVICE.find(([pattern]) => lines.some((line) => pattern.test(line)))?.[1];
  return advice === undefined ? first : `${first}; ${advice}`;
}
