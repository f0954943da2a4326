/** A device's network: a namespace of its own, joined to ours by a link that this process carries, packet by packet. */
import { Channel, type Shape } from "./channel.ts";
import type { Tally } from "./tally.ts";
import { openTun, type Tun } from "./tun.ts";

export const HUB_ADDRESS = "10.77.0.1";
const DEVICE_ADDRESS = "10.77.0.2";

/** Bytes of IP and up at the device's interface: what has come, and what was sent, lost or not. */
export interface Carried {
  readonly toDevice: Tally;
  readonly fromDevice: Tally;
}

export interface Network extends Disposable {
  /** The words before a command that make it run on the device's side. */
  readonly onDevice: readonly string[];
  carried(): Carried;
  /** Null: as fast as it goes. */
  shape(shape: Shape | null): void;
  cut(): void;
  /** Of the device; who has none neither hears nor says anything. */
  power(on: boolean): void;
}

function must(...words: readonly string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...words]);
  if (exitCode !== 0) throw new Error(`${words.join(" ")}: ${stderr}`);
  return stdout.toString();
}

/** Needs a network namespace of our own, and the rights of its root. */
export function openNetwork(random: () => number): Network {
  const holder = Bun.spawn(["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sleep", "infinity"], {
    stdio: ["ignore", "ignore", "ignore"],
  });
  const onDevice = ["nsenter", "--target", String(holder.pid), "--net", "--"];
  const own = must("readlink", "/proc/self/ns/net");
  while (must("readlink", `/proc/${holder.pid}/ns/net`) === own) Bun.sleepSync(5);

  const toDevice = new Channel((packet) => device.write(packet), random);
  const fromDevice = new Channel((packet) => hub.write(packet), random);
  const hub: Tun = openTun("hub0", (packet) => toDevice.send(packet));
  const device: Tun = openTun("dev0", (packet) => fromDevice.send(packet));
  must("ip", "link", "set", "lo", "up");
  // As the README asks of a hub whose devices are away again and again; before the hub, since a socket has what its listener was born with.
  must("sysctl", "-qew", "net.ipv4.tcp_rto_max_ms=15000", "net.ipv4.tcp_retries2=100");
  must("ip", "link", "set", "dev0", "netns", String(holder.pid));
  const ends = [
    { name: "hub0", at: [], address: HUB_ADDRESS, peer: DEVICE_ADDRESS },
    { name: "dev0", at: onDevice, address: DEVICE_ADDRESS, peer: HUB_ADDRESS },
  ] as const;
  for (const { name, at, address, peer } of ends) {
    // Nothing but what programs send is to cross.
    must(...at, "sysctl", "-qw", `net.ipv6.conf.${name}.disable_ipv6=1`);
    must(...at, "ip", "addr", "add", address, "peer", peer, "dev", name);
    must(...at, "ip", "link", "set", name, "up");
  }
  return {
    onDevice,
    carried: () => ({ toDevice: toDevice.come.tally, fromDevice: fromDevice.sent.tally }),
    shape(shape) {
      for (const channel of [toDevice, fromDevice]) Object.assign(channel, { shape, cut: false });
    },
    cut() {
      for (const channel of [toDevice, fromDevice]) channel.cut = true;
    },
    power(on) {
      for (const channel of [toDevice, fromDevice]) channel.off = !on;
    },
    [Symbol.dispose]() {
      holder.kill();
    },
  };
}
