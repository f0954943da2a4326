import { expect, test } from "bun:test";
import {
  begin,
  exited,
  killed,
  mounted,
  planOf,
  recovers,
  released,
  request,
  scene,
  shutdown,
  started,
  tick,
} from "./scene.ts";

test("all processes are asked to halt at once; volumes alone go when no process is left", () => {
  const s = scene(planOf({ data: { files: { goal: "MOUNTED" } }, app: { db: {}, web: {} } }));
  s.at(0, begin);
  s.at(0, mounted("files"));
  s.bringUp(0, "db", "web");
  expect(s.at(100, shutdown)).toEqual(["db STARTED > STOPPING", "stop db", "web STARTED > STOPPING", "stop web"]);
  s.at(200, exited("db", 0));
  expect(s.at(210, released("db"))).toEqual(["db STOPPING > STOPPED"]);
  expect(s.at(5_100, tick)).toEqual(["kill web"]);
  expect(s.at(5_110, killed("web"))).toEqual(["release web"]);
  expect(s.at(5_120, released("web"))).toEqual(["web STOPPING > STOPPED", "files MOUNTED > STOPPING", "release files"]);
  expect(s.at(5_130, released("files"))).toEqual(["files STOPPING > STOPPED", "all stopped"]);
  expect(s.at(5_140, shutdown)).toEqual([]);
  expect(s.at(5_150, begin)).toEqual([]);
});

test("work that is under way is undone when it is answered; nothing new begins", () => {
  const recovery = recovers({ retryDelayMs: 1_000 });
  const s = scene(planOf({ app: { a: {}, b: {}, c: { recovery } }, late: { d: {} } }));
  s.at(0, begin);
  s.at(0, mounted("b"));
  s.bringUp(0, "c");
  s.at(0, exited("c", 1));
  s.at(0, released("c"));
  expect(s.at(100, shutdown)).toEqual([
    "a INSTALLED > STOPPING",
    "b STARTING > STOPPING",
    "c RECOVERING > STOPPED",
    "d BLOCKED > STOPPED",
  ]);
  expect(s.deadline).toBe(5_100);
  expect(s.at(110, mounted("a"))).toEqual(["release a"]);
  expect(s.at(120, started("b"))).toEqual(["stop b"]);
  expect(s.at(130, exited("b", 0))).toEqual(["release b"]);
  s.at(140, released("b"));
  expect(s.at(150, released("a"))).toEqual(["a STOPPING > STOPPED", "all stopped"]);
});

test("a restart that was asked for ends in a stop", () => {
  const s = scene(planOf({ app: { web: {} } }));
  s.at(0, begin);
  s.bringUp(0, "web");
  s.at(10, request("web", "restart"));
  s.at(20, shutdown);
  s.at(30, exited("web", 0));
  expect(s.at(40, released("web"))).toEqual(["web STOPPING > STOPPED", "all stopped"]);
});

test("without anything running it is complete at once, also before the revision began", () => {
  expect(scene(planOf({})).at(0, shutdown)).toEqual(["all stopped"]);
  expect(scene(planOf({ app: { web: {} } })).at(0, shutdown)).toEqual(["web NONE > STOPPED", "all stopped"]);
});
