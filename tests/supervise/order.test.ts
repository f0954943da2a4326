import { expect, test } from "bun:test";
import { groupStatus, stateStatus } from "../../runtime/supervise/index.ts";
import {
  begin,
  exited,
  mounted,
  mountFailed,
  planOf,
  ready,
  recovers,
  released,
  request,
  scene,
  started,
  startFailed,
  tick,
} from "./scene.ts";

test("groups start in order, the members of one at once, each towards its own goal", () => {
  const s = scene(planOf({ data: { files: { goal: "MOUNTED" } }, app: { db: {}, web: { goal: "READY" } } }));
  expect(s.at(0, begin)).toEqual([
    "files NONE > INSTALLED",
    "db NONE > INSTALLED",
    "web NONE > INSTALLED",
    "mount files",
    "db INSTALLED > BLOCKED",
    "web INSTALLED > BLOCKED",
    "goals pending: data pending files, app pending db web",
  ]);
  expect(s.at(10, mounted("files"))).toEqual([
    "files INSTALLED > MOUNTED",
    "db BLOCKED > INSTALLED",
    "mount db",
    "web BLOCKED > INSTALLED",
    "mount web",
    "goals pending: data reached, app pending db web",
  ]);
  expect(s.at(20, mounted("web"))).toEqual(["web INSTALLED > MOUNTED", "web MOUNTED > STARTING", "start web"]);
  expect(s.at(30, mounted("db"))).toEqual(["db INSTALLED > MOUNTED", "db MOUNTED > STARTING", "start db"]);
  expect(s.at(40, started("web", 7))).toEqual(["web STARTING > STARTED"]);
  expect(s.at(50, started("db", 8))).toEqual(["db STARTING > STARTED"]);
  expect(s.at(60, ready("web"))).toEqual(["web STARTED > READY", "goals reached: data reached, app reached"]);
  expect(s.view("web")).toMatchObject({ status: "READY", goal: "reached", pid: 7 });
  expect(s.deadline).toBeNull();
});

test("a plan without containers has its goals reached as soon as it begins", () => {
  expect(scene(planOf({})).at(0, begin)).toEqual(["goals reached: "]);
  expect(scene(planOf({ data: {}, app: {} })).at(0, begin)).toEqual(["goals reached: data reached, app reached"]);
});

test("an empty group holds nobody", () => {
  const s = scene(planOf({ data: {}, app: { web: {} } }));
  expect(s.at(0, begin)).toContain("mount web");
});

test("a group is held by every group before it, not only by the last", () => {
  const s = scene(planOf({ root: { net: {} }, platform: {}, app: { web: {} } }));
  expect(s.at(0, begin)).toContain("web INSTALLED > BLOCKED");
});

test("a ready signal that overtakes the answer to the start counts", () => {
  const s = scene(planOf({ app: { web: { goal: "READY" } } }));
  s.at(0, begin);
  s.at(0, mounted("web"));
  expect(s.at(5, ready("web"))).toEqual([]);
  expect(s.at(10, started("web"))).toEqual(["web STARTING > READY", "goals reached: app reached"]);
});

test("the goal timer runs from the first mount; missing the goal lets the next group start and stops nothing", () => {
  const s = scene(planOf({ platform: { bus: { goal: "READY" }, slow: {} }, app: { web: {} } }));
  s.at(1_000, begin);
  s.bringUp(2_000, "bus");
  expect(s.deadline).toBe(31_000);
  expect(s.at(30_999, tick)).toEqual([]);
  expect(s.at(31_000, tick)).toEqual([
    "web BLOCKED > INSTALLED",
    "mount web",
    "goals missed: platform missed bus slow, app pending web",
  ]);
  expect(s.view("bus")).toMatchObject({ status: "STARTED", goal: "missed" });
  s.bringUp(32_000, "slow", "web");
  expect(s.at(33_000, ready("bus"))).toEqual(["bus STARTED > READY", "goals reached: platform reached, app reached"]);
});

test("one member that missed its goal frees later groups even while another is on its way", () => {
  const s = scene(planOf({ platform: { quick: { goalTimeoutMs: 1_000 }, slow: {} }, app: { web: {} } }));
  s.at(0, begin);
  expect(s.at(1_000, tick)).toContain("mount web");
  expect(s.view("slow").goal).toBe("pending");
});

test("a container that waits for an earlier group does not use up its time", () => {
  const s = scene(planOf({ platform: { bus: {} }, app: { web: { goalTimeoutMs: 1_000 } } }));
  s.at(0, begin);
  s.at(20_000, tick);
  expect(s.view("web")).toMatchObject({ status: "BLOCKED", goal: "pending" });
  s.bringUp(20_000, "bus");
  expect(s.deadline).toBe(21_000);
});

test("a timeout of nothing never holds a later group", () => {
  const s = scene(planOf({ platform: { bus: { goalTimeoutMs: 0 } }, app: { web: {} } }));
  expect(s.at(0, begin)).toContain("mount web");
});

test("a crash before the goal holds the next group, and recovery does not give more time", () => {
  const recovery = recovers({ retryDelayMs: 4_000 });
  const s = scene(planOf({ platform: { bus: { goal: "READY", recovery } }, app: { web: {} } }));
  s.at(0, begin);
  s.bringUp(0, "bus");
  s.at(10_000, exited("bus", 1));
  s.at(10_000, released("bus"));
  expect(s.view("bus")).toMatchObject({ status: "RECOVERING", goal: "pending" });
  expect(s.view("web").status).toBe("BLOCKED");
  s.at(14_000, tick);
  s.bringUp(14_000, "bus");
  expect(s.deadline).toBe(30_000);
  expect(s.at(30_000, tick)).toContain("mount web");
});

test("a crash after the goal makes it pending again, with the whole timeout to come back", () => {
  const recovery = recovers({ retryDelayMs: 60_000 });
  const s = scene(planOf({ platform: { bus: { recovery } } }));
  s.at(0, begin);
  s.bringUp(0, "bus");
  expect(s.at(100_000, exited("bus", 1))).toEqual([
    "bus STARTED > STOPPING",
    "recovering bus from exit 1: retry 1 in 60000",
    "release bus",
    "goals pending: platform pending bus",
  ]);
  s.at(100_000, released("bus"));
  expect(s.at(130_000, tick)).toEqual(["goals missed: platform missed bus"]);
  expect(s.at(160_000, tick)).toEqual(["bus RECOVERING > INSTALLED", "mount bus"]);
  s.bringUp(160_000, "bus");
  expect(s.view("bus").goal).toBe("reached");
});

test("a recovered container waits for earlier groups like any other, and then counts its own time", () => {
  const recovery = recovers();
  const s = scene(planOf({ platform: { bus: { goal: "READY", recovery } }, app: { web: { recovery } } }));
  s.at(0, begin);
  s.bringUp(0, "bus");
  s.at(0, ready("bus"));
  s.bringUp(0, "web");
  s.at(50, exited("bus", 1));
  s.at(50, exited("web", 1));
  expect(s.at(50, released("web"))).toEqual(["web STOPPING > INSTALLED", "web INSTALLED > BLOCKED"]);
  s.at(60, released("bus"));
  s.bringUp(60, "bus");
  expect(s.at(60, ready("bus"))).toEqual([
    "bus STARTED > READY",
    "web BLOCKED > INSTALLED",
    "mount web",
    "goals pending: platform reached, app pending web",
  ]);
  expect(s.deadline).toBe(30_050);
});

test.each([
  [
    "a mount",
    (s: ReturnType<typeof scene>) => s.at(5, mountFailed("web")),
    "web INSTALLED > STOPPING",
    "mountFailed (no such disk)",
  ],
  [
    "a start",
    (s: ReturnType<typeof scene>) => {
      s.at(5, mounted("web"));
      return s.at(5, startFailed("web"));
    },
    "web STARTING > STOPPING",
    "startFailed (no driver)",
  ],
])("%s that fails is released, and fails the revision when there is no recovery", (_what, fail, status, why) => {
  const s = scene(planOf({ app: { web: {} } }));
  s.at(0, begin);
  expect(fail(s)).toEqual([status, `revision failed: web at ${why} after 0`, "release web"]);
  expect(s.at(6, released("web"))).toEqual(["web STOPPING > STOPPED"]);
  expect(s.at(30_000, tick)).toEqual(["goals missed: app missed web"]);
});

test("volumes alone never become a process", () => {
  const s = scene(planOf({ data: { files: { goal: "MOUNTED" } } }));
  s.at(0, begin);
  expect(s.at(1, mounted("files"))).toEqual(["files INSTALLED > MOUNTED", "goals reached: data reached"]);
  expect(s.at(2, started("files"))).toEqual([]);
  expect(s.view("files")).toMatchObject({ status: "MOUNTED", pid: null });
});

test("the roll-up shows the member that is farthest from running, and READY when all have their goals", () => {
  const s = scene(
    planOf({ data: { files: { goal: "MOUNTED" } }, app: { db: { recovery: recovers({ retryDelayMs: 9 }) }, web: {} } }),
  );
  expect(stateStatus(s.now)).toBe("NONE");
  s.at(0, begin);
  expect([groupStatus(s.now, "data"), groupStatus(s.now, "app"), stateStatus(s.now)]).toEqual([
    "INSTALLED",
    "BLOCKED",
    "INSTALLED",
  ]);
  s.at(0, mounted("files"));
  s.bringUp(0, "db");
  s.at(0, mounted("web"));
  expect([groupStatus(s.now, "data"), groupStatus(s.now, "app"), stateStatus(s.now)]).toEqual([
    "READY",
    "STARTING",
    "STARTING",
  ]);
  s.at(1, exited("db", 1));
  s.at(1, released("db"));
  expect(stateStatus(s.now)).toBe("RECOVERING");
  s.at(2, request("db", "stop"));
  expect(stateStatus(s.now)).toBe("STARTING");
  s.at(3, started("web"));
  expect(stateStatus(s.now)).toBe("READY");
  expect(stateStatus(scene(planOf({})).now)).toBe("READY");
});
