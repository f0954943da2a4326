/**
 * `make bench-boot`: from the hand-over to process 1 until N containers run, Cairn against a BusyBox script that mounts the same
 * images and runs `lxc-start` for each, and checks nothing. Same kernel, initramfs, base system, containers and machine; QEMU counts
 * instructions (`-icount shift=0`: one is 1 ns), so a run repeats itself. Then memory, in an ordinary run. Prints figures; passes
 * no judgement beyond "over budget". Environment: ARCH; COUNTS, such as "1 4 16".
 */
import { join } from "node:path";
import { type Arch, arches, hostArch, repository } from "../qemu/host.ts";
import {
  type BaseOptions,
  boot,
  type ContainerSpec,
  probeContainer,
  type Revision,
  revision,
  scriptContainer,
} from "../qemu/index.ts";

const arch: Arch = arches.find((known) => known === process.env["ARCH"]) ?? hostArch();
const counts = (process.env["COUNTS"] ?? "1 4 16").split(" ").map(Number);
const names = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `b${String(index + 1).padStart(2, "0")}`);

/** Each container has an image of its own, as different programs would: nothing is hashed or cached once for all. */
const sleeper = (name: string): Promise<ContainerSpec> =>
  scriptContainer(arch, name, `echo "<5>bench: ${name} runs" >/dev/kmsg\nexec sleep 2147483647\n`, {
    tree: { files: { "/etc/name": `${name}\n` } },
    spec: { args: { PV_GROUP: "app", PV_SECURITY_FULLDEV: "yes", PV_DISABLE_AUTODEV: "yes" } },
  });

const sleepers = (count: number): Promise<readonly ContainerSpec[]> => Promise.all(names(count).map(sleeper));

/** The peer: what somebody without a runtime would write. */
const script = (count: number): string => `mkdir -p /dev/pts && mount -t devpts -o ptmxmode=666 devpts /dev/pts
for folder in run tmp var volumes; do mount -t tmpfs tmpfs /$folder; done
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /var/lib/lxc
: >/run/resolv.conf
mount -o loop,ro /storage/trails/0/bsp/modules.squashfs "/lib/modules/$(uname -r)"
for name in ${names(count).join(" ")}; do
	mkdir -p /volumes/$name/root.squashfs /volumes/$name/lxc-overlay
	mount -o loop,ro /storage/trails/0/$name/root.squashfs /volumes/$name/root.squashfs
	mount -t tmpfs tmpfs /volumes/$name/lxc-overlay
	lxc-start -n $name -f /storage/trails/0/$name/lxc.container.conf -d
done
while :; do sleep 3600; done
`;

/** The base system is read once before the hand-over: what is left is computing, not unpacking. */
const warmUp = `#!/bin/sh
find / -xdev -type f -exec cat {} + >/dev/null
echo "<5>initramfs: revision 0 takes over" >/dev/kmsg
`;

interface Spans {
  /** Milliseconds from the hand-over until each container's own process has spoken, in the order they did. */
  readonly runsMs: readonly number[];
}

const kernelTime = (line: string, pattern: RegExp): number | null => {
  const match = /^\[\s*(\d+\.\d+)\] (.*)$/.exec(line);
  return match !== null && pattern.test(match[2] ?? "") ? Number(match[1]) * 1000 : null;
};

async function spans(made: Revision, count: number, name: string): Promise<Spans> {
  await using device = await boot({
    name,
    arch,
    revision: made,
    icount: "shift=0",
    memoryMib: 1024,
    append: ["PV_LOG_SERVER_OUTPUTS=filetree"],
  });
  await device.console(
    names(count).map(() => /bench: b\d+ runs/),
    600_000,
  );
  const lines = device.log.split(/\r?\n/);
  const times = (pattern: RegExp) => lines.flatMap((line) => kernelTime(line, pattern) ?? []);
  const start = times(/^initramfs: revision 0 takes over/).at(-1) ?? Number.NaN;
  return { runsMs: times(/^bench: b\d+ runs/).map((at) => at - start) };
}

const last = ({ runsMs }: Spans): number => runsMs.at(-1) ?? Number.NaN;
const ms = (value: number): string => `${value.toFixed(0).padStart(6)} ms`;

interface Round {
  readonly title: string;
  readonly base: BaseOptions;
  /** What the script does first. */
  readonly scriptHead: string;
}

const cairn = join(repository, "dist", `cairn-${arch}`);
const rounds: readonly Round[] = [
  { title: "cold: the base system is unpacked as it is used", base: {}, scriptHead: "#!/bin/sh\n" },
  {
    title: "warm: the base system is in memory before the hand-over",
    base: { cairn, init: `${warmUp}exec /usr/bin/cairn\n` },
    scriptHead: warmUp,
  },
];

for (const { title, base, scriptHead } of rounds) {
  console.log(`\nHand-over to process 1 until all containers run, ${arch}, -icount shift=0\n${title}`);
  for (const count of counts) {
    const containers = await sleepers(count);
    const ours = await revision({ arch, containers, base });
    const peers = await revision({ arch, containers, base: { cairn, init: scriptHead + script(count) } });
    const cairnMs = last(await spans(ours, count, `bench-cairn-${count}`));
    const scriptMs = last(await spans(peers, count, `bench-script-${count}`));
    const ratio = cairnMs / scriptMs;
    const verdict = ratio <= 1 ? "within budget (1.00)" : "OVER BUDGET (1.00)";
    console.log(
      `${String(count).padStart(3)} containers  cairn ${ms(cairnMs)}  script ${ms(scriptMs)}  ratio ${ratio.toFixed(2)}  ${verdict}`,
    );
  }
}

/** Sums one field of smaps_rollup, in KiB, over processes. */
const sum = (text: string, field: string): number =>
  [...text.matchAll(new RegExp(`^${field}:\\s+(\\d+) kB`, "gm"))].reduce((total, match) => total + Number(match[1]), 0);

console.log(`\nMemory after a minute of idling, ${arch}`);
for (const count of counts) {
  const containers = [...(await sleepers(count)), await probeContainer(arch)];
  await using device = await boot({
    name: `bench-memory-${count}`,
    arch,
    revision: await revision({ arch, containers }),
  });
  await device.console([/goals reached/], 300_000);
  await Bun.sleep(60_000);
  const own = await device.must("cat /proc/1/smaps_rollup");
  const monitors = await device.must(
    "for p in /proc/[0-9]*; do grep -q 'lxc monitor' $p/cmdline 2>/dev/null && cat $p/smaps_rollup; done; true",
  );
  const anonymousMib = sum(own, "Anonymous") / 1024;
  const monitorMib = sum(monitors, "Pss") / 1024 / (count + 1);
  console.log(
    `${String(count).padStart(3)} containers  process 1: anonymous ${anonymousMib.toFixed(1)} MiB (budget 20), ` +
      `Pss ${(sum(own, "Pss") / 1024).toFixed(1)} MiB; Pss of each monitor ${monitorMib.toFixed(2)} MiB (budget 1.2)`,
  );
}

const { sizes } = await revision({ arch, containers: [], base: { compact: true } });
const image = (sizes["kernel"] ?? 0) + (sizes["initramfs"] ?? 0) + (sizes["base system"] ?? 0);
console.log(`\nBase image (kernel, initramfs, base system): ${(image / 2 ** 20).toFixed(1)} MiB (budget 64 on x86_64)`);
