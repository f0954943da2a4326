import type { PowerAction } from "../control/index.ts";

/**
 * Signals by which `reboot`, `halt` and `poweroff` of BusyBox ask an init (busybox init/halt.c), and Ctrl-Alt-Del, which arrives as
 * SIGINT once the kernel's own reaction is off (reboot(2)).
 */
const asked: Readonly<Record<"SIGTERM" | "SIGINT" | "SIGUSR1" | "SIGUSR2", PowerAction>> = {
  SIGTERM: "reboot",
  SIGINT: "reboot",
  SIGUSR1: "poweroff",
  SIGUSR2: "poweroff",
};

export function onPowerSignals(power: (action: PowerAction, why: string) => void): void {
  for (const [signal, action] of Object.entries(asked)) process.on(signal, () => power(action, `signal ${signal}`));
}
