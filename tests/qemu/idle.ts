/** Containers that do nothing until a test asks, and ways to ask. All share one root image, so that a revision of many is small. */
import type { ContainerSpec } from "./container.ts";
import { type ContainerStatus, containers } from "./ctl.ts";
import type { Arch } from "./host.ts";
import type { Device } from "./machine.ts";
import type { Outcome } from "./probe.ts";
import { squashfs } from "./tree.ts";

/** First process: ends with 0 on the usual requests and on SIGUSR1, with 3 on SIGUSR2; its words reach the console log. */
const idle = `#!/bin/sh
export PATH=/bin
trap 'exit 0' PWR TERM USR1
trap 'exit 3' USR2
mkdir -p /run
: >/run/here
echo "here since $(cut -d ' ' -f 1 /proc/uptime)"
[ $# = 0 ] || eval "$@"
while :; do sleep 3600 & wait $!; done
`;

/** `ask METHOD PATH [BODY]`: one request to the container's own control socket; prints the answer as it came. */
const ask = `#!/bin/sh
printf '%s %s HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\nContent-Length: %s\\r\\n\\r\\n%s' "$1" "$2" "\${#3}" "$3" |
	nc.openbsd -w 10 -U /pantavisor/pv-ctrl
`;

const root = (arch: Arch): Promise<string> =>
  squashfs(
    `idle-${arch}`,
    {
      arch,
      busybox: true,
      packages: ["netcat-openbsd"],
      pick: ["/usr/bin/nc.openbsd"],
      folders: ["dev", "proc", "sys", "run", "tmp", "etc", "mnt", "srv", "var/log"],
      files: { "/idle": idle, "/bin/ask": ask, "/etc/app.conf": "of the image\n" },
    },
    { level: 3 },
  );

/** @param more replaces what an idle container has; `command` may be another, e.g. `["/bin/sh", "-c", "exit 3"]`, or
 *  `["/idle", "words for the shell"]` to do something first */
export async function idleContainer(
  arch: Arch,
  name: string,
  group: string,
  more: Partial<ContainerSpec> = {},
): Promise<ContainerSpec> {
  return { name, root: await root(arch), command: ["/idle"], ...more, args: { PV_GROUP: group, ...more.args } };
}

/** What the device says of one container. */
export async function statusOf(device: Device, name: string): Promise<ContainerStatus> {
  return named(await containers(device), name);
}

export function named(list: readonly ContainerStatus[], name: string): ContainerStatus {
  const found = list.find((container) => container.name === name);
  if (found === undefined) throw new Error(`the device knows no container ${name}`);
  return found;
}

export async function pidOf(device: Device, name: string): Promise<number> {
  const { pid, status } = await statusOf(device, name);
  if (pid === null || pid === undefined) throw new Error(`${name} has no process: it is ${status}`);
  return pid;
}

/** Runs a shell command inside a container, in its mounts and process ids. */
export async function inside(device: Device, name: string, command: string): Promise<Outcome> {
  const pid = await idlePid(device, name);
  return device.run(`exec nsenter -t ${pid} -m -u -p -- /bin/sh -c ${quoted(command)}`);
}

/** Like {@link inside}; a non-zero exit code throws; gives standard output. */
export async function mustInside(device: Device, name: string, command: string): Promise<string> {
  const { code, stdout, stderr } = await inside(device, name, command);
  if (code !== 0) throw new Error(`in ${name}, ${command}: exit code ${code}\n${stdout}${stderr}`);
  return stdout;
}

/** The HTTP status with which a container's own control socket answers. */
export async function asks(device: Device, name: string, method: string, path: string, body = ""): Promise<number> {
  const answer = await mustInside(device, name, `ask ${method} ${path} ${quoted(body)}`);
  const status = /^HTTP\/1\.[01] (\d{3}) /.exec(answer)?.[1];
  if (status === undefined) throw new Error(`${name} asked ${method} ${path} and got no answer: ${answer}`);
  return Number(status);
}

/** Sends a signal to the first process of an idle container; gives the process. */
export async function signal(device: Device, name: string, word: "KILL" | "USR1" | "USR2"): Promise<number> {
  const pid = await idlePid(device, name);
  await device.must(`kill -${word} ${pid}`);
  return pid;
}

/** Waits until the runtime has logged `pattern` after `from`, a length of `device.log`. */
export async function logged(
  device: Device,
  pattern: RegExp,
  from = 0,
  withinMs = 60_000,
): Promise<RegExpMatchArray & { readonly end: number }> {
  const untilMs = performance.now() + withinMs;
  for (;;) {
    const match = device.log.slice(from).match(pattern);
    if (match !== null) return Object.assign(match, { end: from + (match.index ?? 0) + match[0].length });
    const over = performance.now() > untilMs ? `not within ${withinMs / 1000} s` : null;
    const why = device.endedWith === null ? over : `the machine ended (${device.endedWith})`;
    if (why !== null) throw new Error(`waited for the log to say ${pattern}: ${why}; its end:\n${tail(device.log)}`);
    await Bun.sleep(20);
  }
}

/** Asks the device until a shell command succeeds; gives its output. */
export async function eventually(device: Device, command: string, withinMs = 30_000): Promise<string> {
  const seconds = Math.ceil(withinMs / 1000);
  return device.must(
    `end=$(($(date +%s) + ${seconds})); until { ${command}; }; do [ $(date +%s) -lt $end ] || exit 99; sleep 0.2; done`,
    withinMs + 30_000,
  );
}

/** A process of an idle container that has its signal handlers: before that the kernel would drop a signal to it. */
async function idlePid(device: Device, name: string): Promise<number> {
  const pid = await pidOf(device, name);
  await eventually(device, `[ -e /proc/${pid}/root/run/here ]`);
  return pid;
}

const tail = (log: string): string => log.trimEnd().split("\n").slice(-60).join("\n");
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
