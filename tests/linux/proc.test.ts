import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { parseCmdline, readPidStat, readProcessMemory } from "../../runtime/linux/index.ts";
import {
  parseCgroupPath,
  parseFilesystems,
  parseMeminfo,
  parsePidStat,
  parseSmapsRollup,
} from "../../runtime/linux/proc.ts";

test("the kernel command line is split as the kernel does it", () => {
  expect(parseCmdline('ro root=LABEL=pv  a="b c" "d e=f g" quiet x= y=1=2 z="" m=a"b c"d -- init args=1\n')).toEqual([
    { key: "ro" },
    { key: "root", value: "LABEL=pv" },
    { key: "a", value: "b c" },
    { key: "d e", value: "f g" },
    { key: "quiet" },
    { key: "x", value: "" },
    { key: "y", value: "1=2" },
    { key: "z", value: "" },
    { key: "m", value: 'a"b c"d' },
  ]);
});

test("a quote that is never closed holds to the end", () => {
  expect(parseCmdline('a="b c')).toEqual([{ key: "a", value: "b c" }]);
});

test("a process name may hold blanks and parentheses", () => {
  const rest = "S 42 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 987654 0 0";
  expect(parsePidStat(`7 (a) (b c) ${rest}\n`)).toEqual({
    ok: true,
    value: { pid: 7, comm: "a) (b c", state: "S", ppid: 42, startTicks: 987654, holdsFiles: true },
  });
});

test.each([
  ["a process, by the kernel's account", "S", 4194560, 1, true],
  ["one that ends: without program and memory, and with its files still", "R", 4195076, 1, true],
  ["one whose first thread has ended before the others", "Z", 4195076, 3, true],
  ["one that waits to be reaped", "Z", 4195076, 1, false],
  ["a thread of the kernel's", "I", 69238880, 1, false],
] as const)("%s: files may be open", (_what, state, flags, threads, holdsFiles) => {
  const text = `7 (a) ${state} 1 7 7 0 -1 ${flags} 0 0 0 0 0 0 0 0 20 0 ${threads} 0 987654 0\n`;
  expect(parsePidStat(text)).toMatchObject({ ok: true, value: { startTicks: 987654, holdsFiles } });
});

test("who is killed has files open until it is said that he has none", async () => {
  const large = `globalThis.held = Buffer.alloc(2 ** 28, 1); console.log("there"); setInterval(() => {}, 1000)`;
  const child = Bun.spawn([process.execPath, "-e", large], { stdout: "pipe" });
  await child.stdout.getReader().read();
  child.kill("SIGKILL");
  const holds = (): boolean => {
    const stat = readPidStat(child.pid); // until we wait for it, it is there
    return stat.ok && stat.value.holdsFiles;
  };
  let looks = 0;
  while (holds()) looks += 1;
  expect(readdirSync(`/proc/${child.pid}/fd`)).toEqual([]);
  expect(looks).toBeGreaterThan(0);
  await child.exited;
});

test.each(["", "7 sh S 1", "x (sh) S 1"])("%p is no stat line", (text) => {
  expect(parsePidStat(text)).toMatchObject({ ok: false, error: { kind: "malformed" } });
});

test("this process is found under its pid", () => {
  expect(readPidStat("self")).toMatchObject({ ok: true, value: { pid: process.pid, ppid: process.ppid } });
  expect(readPidStat(2 ** 22 + 1)).toMatchObject({ ok: false, error: { code: "ENOENT" } });
});

test("memory is given in bytes", () => {
  const meminfo =
    "MemTotal: 1000 kB\nMemFree: 500 kB\nMemAvailable: 700 kB\nCached: 1 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n";
  expect(parseMeminfo(meminfo)).toMatchObject({ ok: true, value: { totalBytes: 1_024_000, availableBytes: 716_800 } });
  expect(parseMeminfo("MemTotal: 1000 kB\n")).toMatchObject({ ok: false, error: { wanted: 'a line "MemFree: … kB"' } });
  const sizes = ["Rss", "Pss", "Pss_Anon", "Pss_File", "Anonymous", "Private_Dirty", "Swap"];
  const rollup = `0-1 ---p 0 0:0 0 [rollup]\n${sizes.map((name, at) => `${name}:   ${at + 1} kB`).join("\n")}\n`;
  expect(parseSmapsRollup(rollup)).toMatchObject({ ok: true, value: { pssBytes: 2048, pssAnonBytes: 3072 } });
  const own = readProcessMemory("self");
  expect(own.ok && own.value.rssBytes >= own.value.pssBytes && own.value.pssBytes > 0).toBe(true);
});

test("of a process's cgroups the one of version 2 counts", () => {
  expect(parseCgroupPath("4:memory:/a\n0::/lxc/web\n")).toEqual({ ok: true, value: "/lxc/web" });
  expect(parseCgroupPath("4:memory:/a\n")).toMatchObject({ ok: false, error: { kind: "malformed" } });
});

test("file systems without a device are marked", () => {
  expect(parseFilesystems("nodev\tsysfs\n\text4\n")).toEqual([
    { name: "sysfs", nodev: true },
    { name: "ext4", nodev: false },
  ]);
});
