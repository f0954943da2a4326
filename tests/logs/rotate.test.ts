import { expect, test } from "bun:test";
import {
  appendFileSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { budgetOf } from "../../runtime/logs/budget.ts";
import { rotate } from "../../runtime/logs/rotate.ts";
import { sweep } from "../../runtime/logs/sweep.ts";
import { classify, listLogFiles } from "../../runtime/logs/tree.ts";
import { config } from "./sample-config.ts";
import { mainLoopBeat, temporaryFolder } from "./sample-container.ts";

/** What gzip(1) makes of an archive, so that a second implementation reads it. */
const unzipped = (path: string): string => {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["gzip", "-dc", path]);
  if (exitCode !== 0) throw new Error(stderr.toString());
  return stdout.toString();
};

test("a rotated log is whole in its archive, its writer goes on at the start of the emptied file", async () => {
  using dir = temporaryFolder();
  const log = `${dir.path}/lxc.log`;
  const writer = openSync(log, "a"); // O_APPEND, as liblxc opens it
  const text = Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`).join("");
  writeSync(writer, text);
  expect(await rotate(log)).toEqual({ ok: true, value: { archive: `${log}.1.gz` } });
  writeSync(writer, "after\n");
  expect(unzipped(`${log}.1.gz`)).toBe(text);
  expect(readFileSync(log, "utf8")).toBe("after\n");
  await rotate(log);
  expect(unzipped(`${log}.2.gz`)).toBe("after\n");
  expect(readdirSync(dir.path).sort()).toEqual(["lxc.log", "lxc.log.1.gz", "lxc.log.2.gz"]);
  closeSync(writer);
});

test("no line is lost that this process writes while a log is being rotated", async () => {
  using dir = temporaryFolder();
  const log = `${dir.path}/syslog`;
  writeFileSync(log, "x".repeat(4 << 20));
  let written = 0;
  const writing = setInterval(() => appendFileSync(log, `<${++written}>`), 1);
  let all = "";
  for (let i = 0; i < 5; i++) {
    const rotated = await rotate(log);
    if (rotated.ok && rotated.value.archive !== null) all += unzipped(rotated.value.archive);
  }
  clearInterval(writing);
  all += readFileSync(log, "utf8");
  expect(written).toBeGreaterThan(3);
  expect([...all.matchAll(/<(\d+)>/g)].map((m) => Number(m[1]))).toEqual(
    Array.from({ length: written }, (_, i) => i + 1),
  );
});

test("50 MB are rotated in little memory, and the main loop is not held up", async () => {
  using dir = temporaryFolder();
  const log = `${dir.path}/console.log`;
  const fd = openSync(log, "a");
  for (let i = 0; i < 50; i++) writeSync(fd, Buffer.from(`${i} `.repeat(1 << 19)).subarray(0, 1 << 20));
  closeSync(fd);
  Bun.gc(true);
  const before = process.memoryUsage().rss;
  const loop = mainLoopBeat();
  expect((await rotate(log)).ok).toBe(true);
  expect(loop.stop()).toBeLessThan(50);
  expect(process.memoryUsage().rss - before).toBeLessThan(16 << 20);
});

test("a log that is a link is not rotated: what it leads to stays as it is", async () => {
  using dir = temporaryFolder();
  writeFileSync(`${dir.path}/precious`, "as it was");
  symlinkSync("precious", `${dir.path}/syslog`);
  expect(await rotate(`${dir.path}/syslog`)).toMatchObject({ ok: false, error: { kind: "rotate" } });
  expect(readFileSync(`${dir.path}/precious`, "utf8")).toBe("as it was");
  expect(readdirSync(dir.path).sort()).toEqual(["precious", "syslog"]);
});

test.each([
  ["7/web/var/log/syslog", "live", "7/web", "7/web/var/log/syslog"],
  ["7/web/var/log/syslog.12.gz", "archive", "7/web", "7/web/var/log/syslog"],
  ["7/web/var/log/syslog.12.part", "archive", "7/web", "7/web/var/log/syslog"],
  ["7/web/lxc/console.log.1", "archive", "7/web", "7/web/lxc/console.log"],
  ["7/pv.log", "live", "7/pv.log", "7/pv.log"],
  ["70/web/var/log/syslog", "archive", "70/web", "70/web/var/log/syslog"],
  ["locals/mine/web/lxc/lxc.log", "archive", "locals/mine/web", "locals/mine/web/lxc/lxc.log"],
] as const)("%s is %s of %s while revision 7 runs", (path, role, owner, series) => {
  expect(classify(path, "7")).toMatchObject({ role, owner, series });
});

test("a log that has a name in the old and in the new revision counts once, as live", async () => {
  using dir = temporaryFolder();
  for (const rev of ["6", "7"]) mkdirSync(`${dir.path}/${rev}/web/lxc`, { recursive: true });
  writeFileSync(`${dir.path}/6/web/lxc/lxc.log`, "12345");
  linkSync(`${dir.path}/6/web/lxc/lxc.log`, `${dir.path}/7/web/lxc/lxc.log`);
  symlinkSync("7", `${dir.path}/current`);
  const seen = await listLogFiles(dir.path, "7");
  expect(seen.map(({ path, bytes, role }) => [path, bytes, role]).sort()).toEqual([
    ["6/web/lxc/lxc.log", 0, "archive"],
    ["7/web/lxc/lxc.log", 5, "live"],
  ]);
});

test("a sweep counts all revisions, removes the oldest first and leaves what is live", async () => {
  using dir = temporaryFolder();
  const put = (path: string, bytes: number, ageSec: number): void => {
    mkdirSync(dirname(`${dir.path}/${path}`), { recursive: true });
    writeFileSync(`${dir.path}/${path}`, Buffer.alloc(bytes, 65));
    utimesSync(`${dir.path}/${path}`, 1e9 - ageSec, 1e9 - ageSec);
  };
  put("6/web/var/log/syslog", 400_000, 500);
  put("6/web/var/log/syslog.1.gz", 300_000, 600);
  put("7/web/var/log/syslog.1.gz", 200_000, 10);
  put("7/web/var/log/syslog", 20_000, 1);
  put("7/web/lxc/console.log", 90_000, 1);
  const budget = budgetOf(config({ PV_LOG_DIR_MAXSIZE: { kind: "bytes", bytes: 1_000_000 } }), null);
  expect(await sweep({ dir: dir.path, rev: "7" }, budget)).toEqual({
    rotated: 1,
    removed: 1,
    emptied: 0,
    failures: [],
  });
  const left = await listLogFiles(dir.path, "7");
  expect(left.map(({ path }) => path).sort()).toEqual([
    "6/web/var/log/syslog",
    "7/web/lxc/console.log",
    "7/web/lxc/console.log.1.gz",
    "7/web/var/log/syslog",
    "7/web/var/log/syslog.1.gz",
  ]);
  expect(statSync(`${dir.path}/7/web/lxc/console.log`).size).toBe(0);
  expect(unzipped(`${dir.path}/7/web/lxc/console.log.1.gz`)).toBe("A".repeat(90_000));
});
