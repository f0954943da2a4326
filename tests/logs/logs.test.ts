import { afterEach, describe, expect, test } from "bun:test";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type LogConfig, type Logs, startLogs } from "../../runtime/logs/index.ts";
import { config } from "./sample-config.ts";
import { eventually, temporaryFolder } from "./sample-container.ts";

const open: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** A collector with a folder and a console of its own. */
function sampleLogs(changes: Partial<LogConfig> = {}) {
  const folder = temporaryFolder();
  const consolePath = `${folder.path}/console`;
  const dir = `${folder.path}/logs`;
  mkdirSync(dir);
  const consoleFd = openSync(consolePath, "a");
  const logs: Logs = startLogs({ config: config(changes), consoleFd, kmsgPath: `${folder.path}/kmsg` });
  open.push(async () => {
    await logs.close();
    closeSync(consoleFd);
    folder[Symbol.dispose]();
  });
  const read = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");
  return {
    logs,
    folder: folder.path,
    dir,
    console: () => read(consolePath),
    file: (path: string) => read(`${dir}/${path}`),
  };
}

describe("the runtime's own log", () => {
  test("goes to the console until storage is there, and then to its file with what was said before", async () => {
    const { logs, dir, console, file } = sampleLogs();
    logs.logger("boot").info("early");
    await eventually("the early line", () => console().includes("\t -- [boot]: early\n"));
    logs.useStorage({ dir, rev: "7" });
    logs.logger("boot").warn("late");
    await eventually("both lines", () => file("7/pantavisor/pantavisor.log").includes("late"));
    expect(file("7/pantavisor/pantavisor.log")).toMatch(
      /^\[pantavisor\] \d+ INFO\t -- \[boot\]: early\n\[pantavisor\] \d+ WARN\t -- \[boot\]: late\n$/,
    );
    expect(console()).not.toContain("late");
  });

  test("keeps the youngest lines of an early flood, and says how many it did not", async () => {
    const { logs, dir, file } = sampleLogs({ PV_LOG_BUF_NITEMS: 2 });
    for (let i = 1; i <= 5; i++) logs.logger("boot").error(`line ${i}`);
    logs.useStorage({ dir, rev: "7" });
    await eventually("the kept lines", () => file("7/pantavisor/pantavisor.log").includes("line 5"));
    expect(file("7/pantavisor/pantavisor.log")).toContain("[logs]: 3 earlier lines were not kept");
    expect(file("7/pantavisor/pantavisor.log")).not.toContain("line 3");
  });

  test("has nothing below its level", async () => {
    const { logs, dir, file } = sampleLogs({ PV_LOG_LEVEL: 1 });
    logs.useStorage({ dir, rev: "7" });
    logs.logger("x").info("quiet");
    logs.logger("x").error("loud");
    await eventually("the error", () => file("7/pantavisor/pantavisor.log").includes("loud"));
    logs.configure(config({ PV_LOG_LEVEL: 4 }));
    logs.logger("x").debug("now");
    await eventually("the debug line", () => file("7/pantavisor/pantavisor.log").includes("now"));
    expect(file("7/pantavisor/pantavisor.log")).not.toContain("quiet");
  });

  test("is also one file of JSON lines, and on the console, when the outputs say so", async () => {
    const { logs, dir, console, file } = sampleLogs({
      PV_LOG_SERVER_OUTPUTS: ["singlefile", "stdout.pantavisor"],
      PV_LOG_TIMESTAMP: "absolute",
    });
    logs.useStorage({ dir, rev: "locals/mine" });
    logs.logger("x").info("hello");
    const text = await eventually("the JSON line", () => file("locals/mine/pv.log") || null);
    const { tsec, ...rest } = JSON.parse(text);
    expect(rest).toEqual({ tnano: 0, platform: "pantavisor", lvl: "INFO", src: "x", msg: "hello" });
    expect(Math.abs(tsec - Date.now() / 1000)).toBeLessThan(10);
    expect(console()).toContain("[x]: hello");
    expect(file("locals/mine/pantavisor/pantavisor.log")).toBe("");
  });

  test("is nowhere with nullsink", async () => {
    const { logs, dir, console } = sampleLogs({ PV_LOG_SERVER_OUTPUTS: ["nullsink"] });
    logs.useStorage({ dir, rev: "7" });
    logs.logger("x").error("hello");
    await logs.close();
    expect([existsSync(`${dir}/7`), console()]).toEqual([false, ""]);
  });

  test("is written before `fatal` returns, with all lines before it", () => {
    const { logs, dir, file } = sampleLogs();
    logs.useStorage({ dir, rev: "7" });
    logs.logger("x").info("before");
    logs.logger("x").fatal("the end");
    expect(file("7/pantavisor/pantavisor.log")).toMatch(/before\n.*the end\n$/);
  });

  test("shows on the console what ends the runtime, whatever the outputs", () => {
    const { logs, dir, console } = sampleLogs();
    logs.useStorage({ dir, rev: "7" });
    logs.logger("x").error("a mishap");
    logs.logger("x").fatal("the end");
    expect(console()).toContain("FATAL\t -- [x]: the end");
    expect(console()).not.toContain("a mishap");
  });

  test("goes to the new revision's folder after a switch", async () => {
    const { logs, dir, file } = sampleLogs();
    logs.useStorage({ dir, rev: "7" });
    logs.logger("x").info("old");
    await eventually("the first line", () => file("7/pantavisor/pantavisor.log").includes("old"));
    logs.switchRevision("8");
    logs.logger("x").info("new");
    await eventually("the second line", () => file("8/pantavisor/pantavisor.log").includes("new"));
    expect(file("7/pantavisor/pantavisor.log")).not.toContain("new");
  });

  test("is made anew when its file was removed", async () => {
    const { logs, dir, file } = sampleLogs();
    logs.useStorage({ dir, rev: "7" });
    logs.logger("x").info("one");
    await eventually("the first line", () => file("7/pantavisor/pantavisor.log").includes("one"));
    rmSync(`${dir}/7`, { recursive: true });
    logs.logger("x").info("two");
    await eventually("the second line", () => file("7/pantavisor/pantavisor.log").includes("two"));
  });

  test("drops lines on a full disk, counts them, and says so once when there is room again", async () => {
    const { logs, dir, file } = sampleLogs();
    expect(
      Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=64k", "none", dir]).exitCode,
      "this test needs root",
    ).toBe(0);
    open.push(() => void Bun.spawnSync(["umount", "-l", dir]));
    logs.useStorage({ dir, rev: "7" });
    logs.logger("x").info("first");
    await eventually("the first line", () => file("7/pantavisor/pantavisor.log").includes("first"));
    writeFileSync(`${dir}/ballast`, Buffer.alloc(40_000));
    for (let i = 0; i < 20; i++) logs.logger("x").info("a".repeat(4000));
    await eventually("the failure", () => logs.faults().failedWrites > 0);
    expect(logs.faults().droppedLines).toBe(20);
    rmSync(`${dir}/ballast`);
    logs.logger("x").info("again");
    logs.logger("x").info("and again");
    await eventually("the last line", () => file("7/pantavisor/pantavisor.log").includes("and again"));
    expect(file("7/pantavisor/pantavisor.log").match(/20 lines were lost here: ENOSPC/g)).toHaveLength(1);
    expect(logs.faults().droppedLines).toBe(20);
  });

  test("never waits for a console that takes nothing", async () => {
    const folder = temporaryFolder();
    const fifo = `${folder.path}/console`;
    expect(Bun.spawnSync(["mkfifo", fifo]).exitCode).toBe(0);
    const stuck = openSync(fifo, "r+"); // nobody reads
    const logs = startLogs({ config: config(), consoleFd: stuck });
    const before = performance.now();
    for (let i = 0; i < 2000; i++) logs.logger("x").info("b".repeat(1000));
    await Bun.sleep(100);
    logs.logger("x").fatal("the end");
    expect(performance.now() - before).toBeLessThan(1000);
    expect(logs.faults().droppedLines).toBeGreaterThan(1000);
    const closing = performance.now();
    await logs.close();
    expect(performance.now() - closing).toBeLessThan(1_500);
    closeSync(stuck);
    folder[Symbol.dispose]();
  });
});

test("kernel messages go to the runtime's log, as source dmesg, and are not repeated when they are read anew", async () => {
  const { logs, folder, dir, file, console } = sampleLogs({
    PV_LOG_CAPTURE_DMESG: true,
    PV_LOG_SERVER_OUTPUTS: ["filetree", "stdout"],
  });
  const kmsg = `${folder}/kmsg`;
  expect(Bun.spawnSync(["mkfifo", kmsg]).exitCode).toBe(0);
  let writer = openSync(kmsg, "r+");
  logs.useStorage({ dir, rev: "7" });
  writeFileSync(writer, "4,1,5000000,-;voltage \x1blow\n");
  await eventually("the message", () =>
    file("7/pantavisor/pantavisor.log").includes("WARN\t -- [dmesg]: [    5.000000] voltage \\x1blow\n"),
  );
  closeSync(writer);
  await eventually("the restart", () => logs.faults().restarts["kmsg"] === 1);
  writer = openSync(kmsg, "r+");
  await Bun.sleep(400);
  writeFileSync(writer, "4,1,5000000,-;voltage low\n6,2,6000000,-;fine\n");
  await eventually("the second message", () => file("7/pantavisor/pantavisor.log").includes("[    6.000000] fine"));
  expect(file("7/pantavisor/pantavisor.log").match(/voltage/g)).toHaveLength(1);
  expect(console()).not.toContain("[dmesg]");
  closeSync(writer);
});

describe("liblxc's own log files", () => {
  test("get a folder, a level and a bounded console log", () => {
    const { logs, dir } = sampleLogs({ PV_LOG_DIR_MAXSIZE: { kind: "bytes", bytes: 20 << 20 }, PV_LXC_LOG_LEVEL: 1 });
    expect(logs.lxcItems("web")).toEqual([]);
    logs.useStorage({ dir, rev: "7" });
    expect(logs.lxcItems("web")).toEqual([
      ["lxc.log.file", `${dir}/7/web/lxc/lxc.log`],
      ["lxc.log.level", "1"],
      ["lxc.console.logfile", `${dir}/7/web/lxc/console.log`],
      ["lxc.console.size", String(2 << 20)],
      ["lxc.console.rotate", "1"],
    ]);
    expect(statSync(`${dir}/7/web/lxc`).isDirectory()).toBe(true);
  });

  test("are found under the new revision too when their container goes on running", () => {
    const { logs, dir, file } = sampleLogs();
    logs.useStorage({ dir, rev: "7" });
    logs.lxcItems("web");
    const monitor = openSync(`${dir}/7/web/lxc/console.log`, "a");
    logs.attach("web", { pid: process.pid, sources: [] });
    logs.switchRevision("8");
    rmSync(`${dir}/7`, { recursive: true }); // garbage collection
    writeFileSync(monitor, "still here\n");
    expect(file("8/web/lxc/console.log")).toBe("still here\n");
    closeSync(monitor);
  });

  test("are shown on the console when the outputs say so", async () => {
    const { logs, dir, console } = sampleLogs({ PV_LOG_SERVER_OUTPUTS: ["filetree", "stdout.containers"] });
    logs.useStorage({ dir, rev: "7" });
    logs.lxcItems("web");
    logs.attach("web", { pid: process.pid, sources: [] });
    writeFileSync(`${dir}/7/web/lxc/console.log`, "login:\x1b[0m\n");
    await eventually("the line", () => console().includes("\t -- [lxc/console.log]: login:\\x1b[0m\n"));
    expect(console()).toContain("[web] ");
  });
});

test("a log that is larger than its limit is rotated soon after it was written", async () => {
  const { logs, dir } = sampleLogs({ PV_LOG_DIR_MAXSIZE: { kind: "bytes", bytes: 400_000 } });
  logs.useStorage({ dir, rev: "7" });
  for (let i = 0; i < 40; i++) logs.logger("x").info(`${i} ${"x".repeat(1000)}`);
  const log = `${dir}/7/pantavisor/pantavisor.log`;
  await eventually("the archive", () => existsSync(`${log}.1.gz`) && statSync(log).size < 1000);
  expect(logs.lastLines("pantavisor", "pantavisor.log", 5)).toEqual([]);
  logs.logger("x").info("after");
  await eventually("the line after it", () =>
    logs.lastLines("pantavisor", "pantavisor.log", 5).at(-1)?.endsWith("after"),
  );
});

test("no call throws when the log folder cannot be used at all", async () => {
  const { logs, folder } = sampleLogs();
  writeFileSync(`${folder}/file`, "");
  logs.useStorage({ dir: `${folder}/file`, rev: "7" });
  logs.logger("x").error("nowhere");
  expect(logs.lxcItems("web")).toEqual([]);
  logs.attach("web", { pid: 999_999_999, sources: null });
  logs.detach("web");
  logs.switchRevision("8");
  await eventually("the failed write", () => logs.faults().failedWrites > 0);
  expect(logs.faults().restarts).toHaveProperty("lxcItems");
});
