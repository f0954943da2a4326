import { expect, test } from "bun:test";
import { appendFileSync, mkdirSync, openSync } from "node:fs";
import { IN } from "../../runtime/logs/kernel.ts";
import { keepRunning } from "../../runtime/logs/part.ts";
import { openUpkeep } from "../../runtime/logs/upkeep.ts";
import { openWatcher } from "../../runtime/logs/watcher.ts";
import { eventually, temporaryFolder } from "./sample-container.ts";

const broken = (why: unknown): never => {
  throw new Error(`the watcher broke: ${why}`);
};

test("sizes are looked at after another process has written, and again only after it has written again", async () => {
  using dir = temporaryFolder();
  const watcher = openWatcher(broken);
  let sweeps = 0;
  const upkeep = openUpkeep({
    watcher: () => watcher,
    sweep: async () => void sweeps++,
    dueBytes: () => 1000,
    delays: { laterMs: 50, soonMs: 5 },
  });
  upkeep.watchFolder(dir.path);
  await Bun.sleep(100);
  expect(sweeps).toBe(0);
  for (const round of [1, 2]) {
    appendFileSync(`${dir.path}/console.log`, "line\n");
    appendFileSync(`${dir.path}/console.log`, "line\n");
    await eventually("a sweep", () => sweeps === round);
    await Bun.sleep(150);
    expect(sweeps).toBe(round);
  }
  await upkeep.close();
  await watcher.close();
});

test("sizes are looked at sooner when much was written", async () => {
  let sweeps = 0;
  const upkeep = openUpkeep({
    watcher: () => null,
    sweep: async () => void sweeps++,
    dueBytes: () => 1000,
    delays: { laterMs: 60_000, soonMs: 5 },
  });
  upkeep.wrote(999);
  await Bun.sleep(50);
  expect(sweeps).toBe(0);
  upkeep.wrote(1);
  await eventually("a sweep", () => sweeps === 1);
  await upkeep.close();
});

test("a watch tells once, also when two share a folder, and one that was closed tells nothing", async () => {
  using dir = temporaryFolder();
  const watcher = openWatcher(broken);
  const fd = openSync(dir.path, "r");
  const told: string[] = [];
  watcher.watch(fd, IN.CREATE, () => told.push("a"));
  watcher.watch(fd, IN.CREATE, () => told.push("b"));
  watcher.watch(fd, IN.CREATE, () => told.push("c"))?.close();
  for (let i = 0; i < 5000; i++) mkdirSync(`${dir.path}/${i}`);
  await eventually("both told", () => told.length === 2);
  await Bun.sleep(20);
  expect(told.sort()).toEqual(["a", "b"]);
  await watcher.close();
});

test("a part that cannot start or breaks is started again, and counted", async () => {
  const reasons: string[] = [];
  let attempts = 0;
  let breakIt: (why: unknown) => void = () => {};
  const part = keepRunning(
    (whenBroken) => {
      if (++attempts === 1) throw new Error("not yet");
      breakIt = whenBroken;
      return { close: () => Promise.resolve() };
    },
    (why) => reasons.push(String(why)),
  );
  expect([part.current === null, reasons]).toEqual([true, ["Error: not yet"]]);
  await eventually("the second attempt", () => part.current);
  breakIt("worn out");
  expect([part.current === null, reasons.at(-1)]).toEqual([true, "worn out"]);
  await part.close();
});
