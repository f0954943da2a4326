import { afterEach, expect, test } from "bun:test";
import { onPowerSignals } from "../../runtime/boot/signals.ts";

const signals = ["SIGTERM", "SIGINT", "SIGUSR1", "SIGUSR2"] as const;
const before = signals.map((signal) => process.listeners(signal));
afterEach(() => {
  for (const [at, signal] of signals.entries())
    for (const listener of process.listeners(signal))
      if (!before[at]?.includes(listener)) process.off(signal, listener as () => void);
});

test("the signals of halt, poweroff, reboot and Ctrl-Alt-Del ask for what their programs mean", async () => {
  const asked: string[] = [];
  onPowerSignals((action, why) => void asked.push(`${action}: ${why}`));
  for (const signal of signals) {
    process.kill(process.pid, signal);
    while (!asked.some((line) => line.endsWith(signal))) await Bun.sleep(1);
  }
  expect(asked).toEqual([
    "reboot: signal SIGTERM",
    "reboot: signal SIGINT",
    "poweroff: signal SIGUSR1",
    "poweroff: signal SIGUSR2",
  ]);
});
