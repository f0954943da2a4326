import { endianness, hostname, machine, networkInterfaces, release, type, version } from "node:os";
import { readText, systemInfo } from "../linux/index.ts";

/**
 * What the runtime says of the machine in device-meta (reference 9.2). Nothing of it is kept: it is looked at when somebody asks, so
 * that a device that nobody asks writes nothing.
 */

/** What does not change while the machine runs. */
export function constantFacts(): ReadonlyMap<string, string> {
  const facts = new Map<string, string>([
    ["pantavisor.arch", `${machine()}/64/${endianness() === "LE" ? "EL" : "EB"}`],
    [
      "pantavisor.uname",
      JSON.stringify({
        "kernel.name": type(),
        "kernel.release": release(),
        "kernel.version": version(),
        "node.name": hostname(),
        machine: machine(),
      }),
    ],
  ]);
  const cpu = readText("/proc/cpuinfo");
  const cpuModel = cpu.ok ? cpuModelIn(cpu.value) : null;
  if (cpuModel !== null) facts.set("pantavisor.cpumodel", cpuModel);
  const board = readText("/proc/device-tree/model");
  if (board.ok) facts.set("pantavisor.dtmodel", board.value.replace(/\0.*$/s, "").trim());
  return facts;
}

/** x86 has a line for each processor; of ARM only some boards name a model. */
export const cpuModelIn = (cpuinfo: string): string | null =>
  /^(?:model name|Model|Hardware|Processor)\s*:\s*(.+)$/m.exec(cpuinfo)?.[1]?.trim() ?? null;

/** What does. */
export function changingFacts(): ReadonlyMap<string, string> {
  const facts = new Map([
    ["interfaces", interfaces()],
    ["time", time(Date.now())],
  ]);
  const info = systemInfo();
  if (info.ok) {
    const { loads, memUnit, uptime, ...counts } = info.value;
    const named = { uptime, "loads.0": loads[0], "loads.1": loads[1], "loads.2": loads[2], ...counts };
    facts.set("sysinfo", JSON.stringify({ ...named, mem_unit: memUnit }));
  }
  return facts;
}

/** `{"eth0.ipv4":["…"],"eth0.ipv6":["…"],"eth0.mac":"…"}`: interfaces that are up and have an address. */
function interfaces(): string {
  const members = Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) => {
    const of = (family: string) => addresses.filter((one) => one.family === family).map(({ address }) => address);
    const [ipv4, ipv6] = [of("IPv4"), of("IPv6")];
    return [
      ...(ipv4.length === 0 ? [] : [[`${name}.ipv4`, ipv4] as const]),
      ...(ipv6.length === 0 ? [] : [[`${name}.ipv6`, ipv6] as const]),
      [`${name}.mac`, addresses[0]?.mac ?? ""] as const,
    ];
  });
  return JSON.stringify(Object.fromEntries(members));
}

/** gettimeofday(2); the kernel's time zone is UTC. */
const time = (ms: number): string =>
  JSON.stringify({
    timeval: { tv_sec: Math.floor(ms / 1000), tv_usec: (ms % 1000) * 1000 },
    timezone: { tz_minuteswest: 0, tz_dsttime: 0 },
  });
