import { describe, expect, test } from "bun:test";
import { allGoals } from "../../runtime/supervise/index.ts";
import {
  begin,
  exited,
  killed,
  mounted,
  named,
  planOf,
  ready,
  recovers,
  released,
  replan,
  request,
  type Scene,
  scene,
  shutdown,
  started,
  tick,
} from "./scene.ts";

const two = planOf({ app: { db: {}, web: {} } });

/** A scene in which all of these run since 0 ms. */
function runs(plan: Parameters<typeof scene>[0], ...names: readonly string[]): Scene {
  const s = scene(plan);
  s.at(0, begin);
  s.bringUp(0, ...names);
  return s;
}

test("an identical plan restarts nothing and tells the goals at once", () => {
  const s = runs(two, "db", "web");
  const before = s.now;
  expect(s.at(100, replan(planOf({ app: { db: {}, web: {} } })))).toEqual(["goals reached: app reached"]);
  expect(s.now.containers).toEqual(before.containers);
});

test("an affected container halts, is released and starts with its new definition; the other one is left alone", () => {
  const s = runs(two, "db", "web");
  const next = planOf({ app: { db: {}, web: { goal: "READY", goalTimeoutMs: 1_000 } } });
  const db = s.now.containers.get(named("db"));
  expect(s.at(100, replan(next, "web"))).toEqual([
    "web STARTED > STOPPING",
    "stop web",
    "goals pending: app pending web",
  ]);
  expect(s.at(110, exited("web", 0))).toEqual(["release web"]);
  expect(s.at(120, released("web"))).toEqual(["web STOPPING > INSTALLED", "mount web"]);
  expect(s.deadline).toBe(1_120);
  s.bringUp(130, "web");
  expect(s.view("web")).toMatchObject({ status: "STARTED", goal: "pending" });
  expect(s.at(140, ready("web"))).toEqual(["web STARTED > READY", "goals reached: app reached"]);
  expect(s.now.containers.get(named("db"))).toEqual(db);
});

test("an affected container that does not halt is killed after the grace, and started all the same", () => {
  const s = runs(two, "db", "web");
  s.at(100, replan(two, "web"));
  expect(s.deadline).toBe(5_100);
  expect(s.at(5_100, tick)).toEqual(["kill web"]);
  s.at(5_110, killed("web"));
  expect(s.at(5_120, released("web"))).toEqual(["web STOPPING > INSTALLED", "mount web"]);
});

test("a replaced container has no past: not the user's stop, not its retries, not its last end", () => {
  const recovery = recovers({ maxRetries: 1, backoffPolicy: { kind: "never" } });
  const plan = planOf({ app: { db: {}, web: { recovery } } });
  const s = runs(plan, "db", "web");
  for (const end of [1, 2]) {
    s.at(10, exited("web", end));
    s.at(10, released("web"));
    if (end === 1) s.bringUp(10, "web");
  }
  s.at(20, request("db", "stop"));
  s.at(30, exited("db", 0));
  s.at(40, released("db"));
  expect([s.view("db").status, s.view("web").status]).toEqual(["STOPPED", "STOPPED"]);
  expect(s.at(50, replan(plan, "db", "web"))).toEqual([
    "db STOPPED > INSTALLED",
    "web STOPPED > INSTALLED",
    "mount db",
    "mount web",
    "goals pending: app pending db web",
  ]);
  expect(s.view("db")).toMatchObject({ userStopped: false });
  expect(s.view("web")).toMatchObject({ lastEnd: null, autoRecovery: { currentRetries: 0 } });
});

test("an unaffected container keeps the user's stop, its recovery and its timers", () => {
  const recovery = recovers({ retryDelayMs: 1_000, stableTimeoutMs: 2_000 });
  const plan = planOf({ app: { a: {}, b: { recovery }, c: { recovery } } });
  const s = runs(plan, "a", "b", "c");
  s.at(10, request("a", "stop"));
  s.at(20, exited("a", 0));
  s.at(30, released("a"));
  s.at(40, exited("b", 1));
  s.at(50, released("b"));
  expect(s.at(500, replan(plan))).toEqual(["goals pending: app pending b"]);
  expect(s.view("a")).toMatchObject({ status: "STOPPED", userStopped: true });
  expect(s.at(1_050, tick)).toEqual(["b RECOVERING > INSTALLED", "mount b"]);
  expect(s.at(2_000, tick)).toEqual(["stable c"]);
});

test("a goal that was missed before stays missed, a stability that was reached stays reached", () => {
  const recovery = recovers({ stableTimeoutMs: 2_000 });
  const plan = planOf({ app: { db: { recovery }, web: { goal: "READY" } } });
  const s = runs(plan, "db", "web");
  s.at(2_000, tick);
  s.at(30_000, tick);
  expect(s.at(40_000, replan(plan))).toEqual(["goals missed: app missed web"]);
  expect(s.unstable).toEqual([]);
  expect(allGoals(s.now)).toBe("missed");
});

describe("a container of the old plan only", () => {
  const one = planOf({ app: { db: {} } });

  test("leaves: it is in no goal and no view, and is forgotten when it is released", () => {
    const s = runs(two, "db", "web");
    expect(s.at(100, replan(one))).toEqual(["web STARTED > STOPPING", "stop web", "goals reached: app reached"]);
    expect(() => s.view("web")).toThrow("container web is in the plan");
    expect([...s.now.leaving.keys()]).toEqual([named("web")]);
    for (const wish of [ready("web"), request("web", "start")]) expect(s.at(110, wish)).toEqual([]);
    expect(s.at(5_100, tick)).toEqual(["kill web"]);
    expect(s.at(5_110, killed("web"))).toEqual(["release web"]);
    expect(s.at(5_120, released("web"))).toEqual(["web STOPPING > STOPPED"]);
    expect(s.now.leaving.size).toBe(0);
    expect(s.deadline).toBeNull();
  });

  test("that is down, or waits, is forgotten at once", () => {
    const s = runs(planOf({ data: { files: { goal: "READY" } }, app: { db: {}, web: {} } }), "files");
    s.at(10, request("db", "stop"));
    expect(s.at(100, replan(planOf({ data: { files: { goal: "READY" } }, app: {} })))).toEqual([
      "web BLOCKED > STOPPED",
      "goals pending: data pending files, app reached",
    ]);
    expect(s.now.leaving.size).toBe(0);
  });

  test("is waited for by a shutdown", () => {
    const s = runs(two, "db", "web");
    s.at(100, replan(one));
    expect(s.at(200, shutdown)).toEqual(["db STARTED > STOPPING", "stop db"]);
    s.at(210, exited("db", 0));
    expect(s.at(220, released("db"))).toEqual(["db STOPPING > STOPPED"]);
    s.at(230, exited("web", 0));
    expect(s.at(240, released("web"))).toEqual(["web STOPPING > STOPPED", "all stopped"]);
  });

  test("that comes back while it is leaving starts anew after its release, affected or not", () => {
    const s = runs(two, "db", "web");
    s.at(100, replan(one));
    expect(s.at(200, replan(two))).toEqual(["goals pending: app pending web"]);
    expect(s.view("web").status).toBe("STOPPING");
    s.at(210, exited("web", 0));
    expect(s.at(220, released("web"))).toEqual(["web STOPPING > INSTALLED", "mount web"]);
    s.bringUp(230, "web");
    expect(s.now.leaving.size).toBe(0);
    expect(allGoals(s.now)).toBe("reached");
  });
});

test("a container of the new plan only begins, after the groups before it", () => {
  const s = runs(planOf({ data: { files: {} }, app: {} }), "files");
  const next = planOf({ data: { files: {} }, app: { web: {} } });
  expect(s.at(100, replan(next, "files"))).toEqual([
    "files STARTED > STOPPING",
    "stop files",
    "web NONE > INSTALLED",
    "web INSTALLED > BLOCKED",
    "goals pending: data pending files, app pending web",
  ]);
  s.at(110, exited("files", 0));
  s.at(120, released("files"));
  s.at(130, mounted("files"));
  expect(s.at(140, started("files"))).toEqual([
    "files STARTING > STARTED",
    "web BLOCKED > INSTALLED",
    "mount web",
    "goals pending: data reached, app pending web",
  ]);
});

test("going back while the new plan still comes up: the last plan counts", () => {
  const s = runs(two, "db", "web");
  s.at(100, replan(planOf({ app: { db: {}, web: { goal: "READY" } } }), "web"));
  s.at(110, exited("web", 0));
  s.at(120, released("web"));
  expect(s.at(130, replan(two, "web"))).toEqual(["web INSTALLED > STOPPING", "goals pending: app pending web"]);
  expect(s.at(140, mounted("web"))).toEqual(["release web"]);
  expect(s.at(150, released("web"))).toEqual(["web STOPPING > INSTALLED", "mount web"]);
  s.at(160, mounted("web"));
  expect(s.at(170, started("web"))).toEqual(["web STARTING > STARTED", "goals reached: app reached"]);
});

test("before the revision begins it replaces the plan, and nothing is started or told", () => {
  const s = scene(two);
  expect(s.at(0, replan(planOf({ app: { db: {}, api: {} } }), "db"))).toEqual(["web NONE > STOPPED"]);
  expect([...s.now.containers.keys()]).toEqual(["db", "api"].map(named));
  expect(s.at(10, begin)).toEqual([
    "db NONE > INSTALLED",
    "api NONE > INSTALLED",
    "mount db",
    "mount api",
    "goals pending: app pending db api",
  ]);
});

test("during a shutdown it does nothing", () => {
  const s = runs(two, "db", "web");
  s.at(100, shutdown);
  const before = s.now;
  expect(s.at(110, replan(planOf({ app: { api: {} } }), "web"))).toEqual([]);
  expect(s.now).toEqual(before);
});

test("what ended and stays down is not waited for to become stable, from its end on", () => {
  const recovery = recovers({ maxRetries: 1, stableTimeoutMs: 2_000, backoffPolicy: { kind: "never" } });
  const s = runs(planOf({ app: { web: { recovery } } }), "web");
  expect(s.unstable).toEqual(["web"]);
  s.at(10, exited("web", 1));
  expect(s.unstable).toEqual(["web"]);
  s.at(10, released("web"));
  s.bringUp(10, "web");
  s.at(20, exited("web", 1));
  expect(s.unstable).toEqual([]);
});
