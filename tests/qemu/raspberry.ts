/** A Raspberry Pi 3 in QEMU, started from its card, and a container that reports from there. */
import { rm } from "node:fs/promises";
import type { ContainerSpec } from "./container.ts";
import { type Device, runFolder, start } from "./machine.ts";
import { probeContainer } from "./probe.ts";
import { type Card, type CardSpec, makeCard } from "./raspberry-card.ts";
import { firmware } from "./raspberry-firmware.ts";
import { scriptContainer } from "./script-container.ts";

const arch = "aarch64";

/** Makes a card and starts the machine with it, with four processors or with the first one alone. A reset starts what was started first,
 *  and ends the machine unless it `reboots`. */
export async function startCard(
  name: string,
  spec: CardSpec,
  { reboots = false, oneProcessor = false } = {},
): Promise<{ readonly device: Device; readonly card: Card }> {
  const folder = await runFolder(name);
  try {
    const card = await makeCard(folder, spec);
    const { options, files } = await firmware(card, folder);
    const command = [
      ...["qemu-system-aarch64", "-nodefaults", "-display", "none", "-M", "raspi3b", "-accel", "tcg", "-m", "1024"],
      // Those that wait for the kernel to call them turn and turn: beside a boot loader that is most of the time.
      ...(oneProcessor ? ["-global", "bcm2837.enabled-cpus=1"] : []),
      ...(reboots ? [] : ["-no-reboot"]),
      ...options,
      ...["-drive", `if=sd,format=raw,file=${card.path}`],
      ...["-serial", "chardev:console"], // the full UART, ttyAMA0
    ];
    return { device: await start({ name }, { folder, disk: card.path, files, command }), card };
  } catch (cause) {
    await rm(folder, { recursive: true });
    throw cause;
  }
}

/** A container that says what it sees outside, and orders the end when every goal is reached: the board has no line for the harness' own. */
export async function witness(): Promise<ContainerSpec> {
  const script = `export PATH=/bin
outside() { nsenter -t 1 -m -u -- /bin/sh -c "$1"; }
echo "sees $(outside "grep ' /storage ' /proc/mounts")"
echo "sees partition" $(outside "od -An -tu1 /proc/device-tree/chosen/bootloader/partition")
until outside "grep -q 'goals reached' /storage/logs/0/pantavisor/pantavisor.log"; do sleep 1; done
outside "cairn ctl cmd poweroff"
while :; do sleep 1000; done
`;
  const { args = {} } = await probeContainer(arch);
  return scriptContainer(arch, "witness", script, { spec: { args } });
}

/** What it said. */
export const seen = ({ log }: Device): readonly string[] =>
  [...log.matchAll(/^\[witness\].*: sees (.*?)(?:\\x0d)?$/gm)].map(([, what = ""]) => what);
