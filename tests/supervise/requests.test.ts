import { describe, expect, test } from "bun:test";
import { expectsReady, explainRefusal, requestRefusal } from "../../runtime/supervise/index.ts";
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
  request,
  type Scene,
  scene,
  shutdown,
  started,
  startFailed,
  tick,
} from "./scene.ts";

const start = request("web", "start");
const stop = request("web", "stop");
const restart = request("web", "restart");

function running(recovery: ReturnType<typeof recovers> | null = recovers({ policy: "always" })): Scene {
  const s = scene(planOf({ app: { web: { recovery } } }));
  s.at(0, begin);
  s.bringUp(0, "web");
  return s;
}

describe("stop", () => {
  test("halts, and stays down whatever the policy says", () => {
    const s = running();
    expect(s.at(100, stop)).toEqual(["web STARTED > STOPPING", "stop web"]);
    expect(s.view("web")).toMatchObject({ status: "STOPPING", pid: 100, userStopped: true });
    expect(s.at(200, killed("web", 9))).toEqual(["release web"]);
    expect(s.at(300, released("web"))).toEqual(["web STOPPING > STOPPED"]);
    expect(s.deadline).toBeNull();
    expect(s.view("web")).toMatchObject({ goal: "neutral", pid: null, lastEnd: null });
  });

  test("kills once what does not halt within the grace", () => {
    const s = running();
    s.at(100, stop);
    expect(s.deadline).toBe(5_100);
    expect(s.at(5_099, tick)).toEqual([]);
    expect(s.at(5_100, tick)).toEqual(["kill web"]);
    expect(s.deadline).toBeNull();
    expect(s.at(9_000, tick)).toEqual([]);
  });

  test("ends the waiting for its stability at once", () => {
    const s = running(recovers({ stableTimeoutMs: 9_000 }));
    expect(s.unstable).toEqual(["web"]);
    s.at(1, stop);
    expect(s.unstable).toEqual([]);
  });

  test("while starting, waits for the answer and halts then", () => {
    const s = scene(planOf({ app: { web: {} } }));
    s.at(0, begin);
    s.at(0, mounted("web"));
    expect(s.at(100, stop)).toEqual(["web STARTING > STOPPING", "goals reached: app reached"]);
    expect(s.at(200, started("web", 5))).toEqual(["stop web"]);
    expect(s.view("web").pid).toBe(5);
    expect(s.deadline).toBe(5_100);
  });

  test("kills a start that is not answered within the grace, and the process that may still come of it", () => {
    const s = scene(planOf({ app: { web: {} } }));
    s.at(0, begin);
    s.at(0, mounted("web"));
    s.at(100, stop);
    expect(s.at(5_100, tick)).toEqual(["kill web"]);
    expect(s.at(5_200, started("web"))).toEqual(["kill web"]);
    expect(s.at(5_300, killed("web"))).toEqual(["release web"]);
  });

  test("while starting, a start that fails is no failure any more", () => {
    const s = scene(planOf({ app: { web: {} } }));
    s.at(0, begin);
    s.at(0, mounted("web"));
    s.at(100, stop);
    expect(s.at(200, startFailed("web"))).toEqual(["release web"]);
  });

  test("while mounting, releases what the mount brings", () => {
    const s = scene(planOf({ app: { web: {} } }));
    s.at(0, begin);
    expect(s.at(100, stop)).toEqual(["web INSTALLED > STOPPING", "goals reached: app reached"]);
    expect(s.at(200, mounted("web"))).toEqual(["release web"]);
  });

  test("during a recovery pause ends the recovery", () => {
    const s = running(recovers({ retryDelayMs: 1_000 }));
    s.at(100, exited("web", 1));
    s.at(100, released("web"));
    expect(s.at(200, stop)).toEqual(["web RECOVERING > STOPPED", "goals reached: app reached"]);
    expect(s.at(5_000, tick)).toEqual([]);
  });

  test("between a crash and its release ends the recovery", () => {
    const s = running();
    s.at(100, exited("web", 1));
    s.at(200, stop);
    expect(s.at(300, released("web"))).toEqual(["web STOPPING > STOPPED"]);
  });

  test("of a container that holds later groups lets them start", () => {
    const s = scene(planOf({ platform: { bus: {} }, app: { web: {} } }));
    s.at(0, begin);
    expect(s.at(100, request("bus", "stop"))).toContain("mount web");
  });

  test("of a blocked container keeps it down when its turn comes", () => {
    const s = scene(planOf({ platform: { bus: {} }, app: { web: {} } }));
    s.at(0, begin);
    expect(s.at(100, stop)).toEqual(["web BLOCKED > STOPPED", "goals pending: platform pending bus, app reached"]);
    s.bringUp(200, "bus");
    expect(s.view("web").status).toBe("STOPPED");
  });

  test("before the revision begins keeps it down", () => {
    const s = scene(planOf({ app: { web: {} } }));
    s.at(0, stop);
    expect(s.at(100, begin)).toEqual(["goals reached: app reached"]);
  });

  test("of a stopped container changes nothing but who stopped it", () => {
    const s = running(recovers({ maxRetries: 1, backoffPolicy: { kind: "never" } }));
    for (const at of [10, 20]) {
      s.at(at, exited("web", 1));
      s.at(at, released("web"));
      s.bringUp(at, "web");
    }
    expect(s.view("web")).toMatchObject({ status: "STOPPED", goal: "pending", userStopped: false });
    expect(s.at(30, stop)).toEqual(["goals reached: app reached"]);
    expect(s.view("web")).toMatchObject({ status: "STOPPED", goal: "neutral", userStopped: true });
  });

  test("of volumes alone releases them", () => {
    const s = scene(planOf({ data: { files: { goal: "MOUNTED" } } }));
    s.at(0, begin);
    s.at(0, mounted("files"));
    expect(s.at(1, request("files", "stop"))).toEqual(["files MOUNTED > STOPPING", "release files"]);
  });
});

describe("start and restart", () => {
  test("start of a running container is nothing", () => {
    expect(running().at(1, start)).toEqual([]);
  });

  test("start of a stopped container forgets the stop and gives the goal all its time", () => {
    const s = running();
    s.at(100, stop);
    s.at(100, exited("web", 0));
    s.at(100, released("web"));
    expect(s.at(50_000, start)).toEqual(["web STOPPED > INSTALLED", "mount web", "goals pending: app pending web"]);
    expect(s.view("web").userStopped).toBe(false);
    expect(s.deadline).toBe(80_000);
  });

  test.each([start, restart])("start and restart during STOPPING start it again when it is down", (wish) => {
    const s = running();
    s.at(100, stop);
    expect(s.at(200, wish)).toEqual(["goals pending: app pending web"]);
    s.at(300, exited("web", 0));
    expect(s.at(400, released("web"))).toEqual(["web STOPPING > INSTALLED", "mount web"]);
  });

  test("restart of a running container halts it first", () => {
    const s = running();
    expect(s.at(100, restart)).toEqual(["web STARTED > STOPPING", "stop web", "goals pending: app pending web"]);
    expect(s.at(200, exited("web", 1))).toEqual(["release web"]);
    expect(s.at(300, released("web"))).toEqual(["web STOPPING > INSTALLED", "mount web"]);
    s.bringUp(300, "web");
    expect(s.view("web")).toMatchObject({ goal: "reached", autoRecovery: { currentRetries: 0 } });
  });

  test("the last wish counts: restart, then stop", () => {
    const s = running();
    s.at(100, restart);
    s.at(101, stop);
    s.at(102, exited("web", 0));
    expect(s.at(103, released("web"))).toEqual(["web STOPPING > STOPPED"]);
  });

  test.each([start, restart])("during a recovery pause they start it at once, with all its retries", (wish) => {
    const s = running(recovers({ retryDelayMs: 1_000, maxRetries: 3 }));
    s.at(100, exited("web", 1));
    s.at(100, released("web"));
    expect(s.view("web").autoRecovery?.currentRetries).toBe(1);
    expect(s.at(200, wish)).toEqual(["web RECOVERING > INSTALLED", "mount web"]);
    expect(s.view("web").autoRecovery?.currentRetries).toBe(0);
  });

  test("restart while starting stops what comes of the start and starts again", () => {
    const s = scene(planOf({ app: { web: {} } }));
    s.at(0, begin);
    s.at(0, mounted("web"));
    s.at(100, restart);
    expect(s.at(200, started("web"))).toEqual(["stop web"]);
    s.at(300, exited("web", 0));
    expect(s.at(400, released("web"))).toEqual(["web STOPPING > INSTALLED", "mount web"]);
  });

  test("a start also waits for earlier groups", () => {
    const s = scene(planOf({ platform: { bus: { goal: "READY" } }, app: { web: {} } }));
    s.at(0, begin);
    s.at(0, stop);
    expect(s.at(10, start)).toEqual([
      "web STOPPED > INSTALLED",
      "web INSTALLED > BLOCKED",
      "goals pending: platform pending bus, app pending web",
    ]);
  });
});

describe("refusals", () => {
  test("a name that nobody has", () => {
    expect(requestRefusal(running().now, "../web", "stop")).toEqual({ kind: "unknownContainer" });
  });

  test("a container whose restart_policy is system, in any status and for any action", () => {
    const s = scene(planOf({ root: { net: { controllable: false } } }));
    s.at(0, begin);
    expect(requestRefusal(s.now, "net", "start")).toEqual({ kind: "notControllable" });
    expect(requestRefusal(s.now, "net", "stop")).toEqual({ kind: "notControllable" });
    expect(s.at(1, request("net", "stop"))).toEqual([]);
  });

  test("start and restart of a container that is not started yet, or has nothing to start; stop is always good", () => {
    const s = scene(planOf({ data: { files: { goal: "MOUNTED" } }, app: { web: {} } }));
    const refused = (name: string) => [
      requestRefusal(s.now, name, "start"),
      requestRefusal(s.now, name, "restart"),
      requestRefusal(s.now, name, "stop"),
    ];
    const wrong = (status: "NONE" | "INSTALLED" | "BLOCKED" | "MOUNTED") => ({ kind: "wrongStatus", status }) as const;
    expect(refused("web")).toEqual([wrong("NONE"), wrong("NONE"), null]);
    s.at(0, begin);
    expect(refused("web")).toEqual([wrong("BLOCKED"), wrong("BLOCKED"), null]);
    s.at(0, mounted("files"));
    expect(refused("web")).toEqual([wrong("INSTALLED"), wrong("INSTALLED"), null]);
    expect(refused("files")).toEqual([wrong("MOUNTED"), wrong("MOUNTED"), null]);
    expect(s.at(1, start)).toEqual([]);
    s.at(1, mounted("web"));
    expect(refused("web")).toEqual([null, null, null]);
  });

  test("are told as a sentence that quotes a strange name", () => {
    expect(explainRefusal({ kind: "unknownContainer" }, 'we"b\n')).toBe(
      String.raw`this revision has no container "we\"b\n": see "cairn ctl containers ls"`,
    );
    expect(explainRefusal({ kind: "wrongStatus", status: "BLOCKED" }, "web")).toContain("container web is BLOCKED");
  });

  test("everything while the device goes down", () => {
    const s = running();
    s.at(1, shutdown);
    expect(requestRefusal(s.now, "web", "start")).toEqual({ kind: "shuttingDown" });
    expect(s.at(2, start)).toEqual([]);
  });

  test("an event of a container that is not in the plan is a broken invariant", () => {
    expect(() => running().at(1, mounted("nobody"))).toThrow("container nobody is in the plan");
    expect(() => running().at(1, exited("nobody", 1))).toThrow("container nobody is in the plan");
  });

  test("a wish or a signal about a container that is not in the plan does nothing", () => {
    for (const wish of [request("nobody", "stop"), ready("nobody")]) expect(running().at(1, wish)).toEqual([]);
  });
});

describe("the ready signal", () => {
  test("is expected while starting and running, from containers whose goal it is", () => {
    const s = scene(planOf({ app: { web: { goal: "READY" }, db: {} } }));
    const expected = () => [expectsReady(s.now, named("web")), expectsReady(s.now, named("db"))];
    s.at(0, begin);
    expect(expected()).toEqual([false, false]);
    s.at(0, mounted("web"));
    expect(expected()).toEqual([true, false]);
    s.at(0, started("web"));
    s.bringUp(0, "db");
    expect(expected()).toEqual([true, false]);
    expect(s.at(1, ready("db"))).toEqual([]);
    s.at(1, ready("web"));
    expect(expected()).toEqual([true, false]);
    expect(s.at(2, ready("web"))).toEqual([]);
    s.at(3, stop);
    expect(expected()).toEqual([false, false]);
  });
});
