import { describe, expect, test } from "bun:test";
import { delayMs, judge } from "../../runtime/supervise/recovery.ts";
import {
  begin,
  exited,
  killed,
  mounted,
  mountFailed,
  planOf,
  ready,
  recovers,
  released,
  type Scene,
  scene,
  started,
  startFailed,
  tick,
} from "./scene.ts";

const crash = { kind: "exit", code: 1 } as const;
const fine = { kind: "exit", code: 0 } as const;

/** Runs, ends, is released at the same moment. */
function crashAt(s: Scene, atMs: number, name = "web"): readonly string[] {
  const effects = s.at(atMs, exited(name, 1));
  s.at(atMs, released(name));
  return effects;
}

function running(recovery: ReturnType<typeof recovers> | null, goal: "STARTED" | "READY" = "STARTED"): Scene {
  const s = scene(planOf({ app: { web: { recovery, goal } } }));
  s.at(0, begin);
  s.bringUp(0, "web");
  return s;
}

describe("which end is recovered", () => {
  test.each(["always", "unless-stopped"] as const)("%s: every end", (policy) => {
    for (const end of [fine, crash, { kind: "signal", signal: 9 }, { kind: "startFailed", reason: "" }] as const) {
      expect(judge(recovers({ policy }), { end, retries: 0, uptimeMs: 0 }).kind).toBe("retry");
    }
  });

  test("on-failure: every end but exit code 0", () => {
    const verdict = (end: Parameters<typeof judge>[1]["end"]) =>
      judge(recovers({ policy: "on-failure" }), { end, retries: 0, uptimeMs: 0 }).kind;
    expect(verdict(fine)).toBe("finished");
    expect(verdict(crash)).toBe("retry");
    expect(verdict({ kind: "signal", signal: 15 })).toBe("retry");
    expect(verdict({ kind: "mountFailed", reason: "" })).toBe("retry");
    expect(verdict({ kind: "startFailed", reason: "" })).toBe("retry");
  });

  test("no recovery: any end fails the revision, exit code 0 too", () => {
    const s = running(null);
    expect(s.at(5, exited("web", 0))).toEqual([
      "web STARTED > STOPPING",
      "revision failed: web at exit 0 after 0",
      "release web",
      "goals pending: app pending web",
    ]);
    expect(s.at(6, released("web"))).toEqual(["web STOPPING > STOPPED"]);
    expect(s.view("web")).toMatchObject({ pid: null, autoRecovery: null, lastEnd: { kind: "exit", code: 0 } });
  });

  test("a failed mount and a failed start are recovered like a crash", () => {
    const s = scene(planOf({ app: { web: { recovery: recovers({ retryDelayMs: 100 }) } } }));
    s.at(0, begin);
    expect(s.at(0, mountFailed("web"))).toContain("recovering web from mountFailed (no such disk): retry 1 in 100");
    s.at(0, released("web"));
    s.at(100, tick);
    s.at(100, mounted("web"));
    expect(s.at(100, startFailed("web"))).toContain("recovering web from startFailed (no driver): retry 2 in 100");
  });

  test("death by signal is told as such", () => {
    expect(running(recovers()).at(1, killed("web", 9))).toContain("recovering web from signal 9: retry 1 in 0");
  });
});

describe("a job that is done (on-failure, exit code 0)", () => {
  test("stays STOPPED, fails nothing, and keeps the goal it had", () => {
    const s = scene(planOf({ root: { setup: { recovery: recovers() } }, app: { web: {} } }));
    s.at(0, begin);
    s.bringUp(0, "setup");
    s.bringUp(0, "web");
    expect(s.at(9, exited("setup", 0))).toEqual(["setup STARTED > STOPPING", "finished setup", "release setup"]);
    expect(s.at(9, released("setup"))).toEqual(["setup STOPPING > STOPPED"]);
    expect(s.view("setup")).toMatchObject({ goal: "reached", status: "STOPPED" });
    expect(s.deadline).toBeNull();
  });

  test("counts as STARTED when it ended before its start was answered", () => {
    const s = scene(planOf({ root: { setup: { recovery: recovers() } }, app: { web: {} } }));
    s.at(0, begin);
    s.at(0, mounted("setup"));
    expect(s.at(1, exited("setup", 0))).toContain("mount web");
    expect(s.at(2, started("setup"))).toEqual([]);
  });

  test("misses the goal READY when it never said so", () => {
    const s = running(recovers(), "READY");
    s.at(1, exited("web", 0));
    s.at(1, released("web"));
    expect(s.view("web").goal).toBe("pending");
    expect(s.at(30_000, tick)).toEqual(["goals missed: app missed web"]);
  });

  test("does not keep a commit waiting for its stability", () => {
    const s = running(recovers({ stableTimeoutMs: 9_000 }));
    expect(s.unstable).toEqual(["web"]);
    s.at(1, exited("web", 0));
    s.at(1, released("web"));
    expect(s.unstable).toEqual([]);
  });
});

describe("delays", () => {
  test("retry_delay times backoff_factor, each time", () => {
    const s = running(recovers({ retryDelayMs: 5_000, backoffFactor: 2 }));
    let at = 0;
    for (const [retries, delay] of [5_000, 10_000, 20_000, 40_000].entries()) {
      expect(crashAt(s, at)).toContain(`recovering web from exit 1: retry ${retries + 1} in ${delay}`);
      at += delay;
      expect(s.at(at, tick)).toContain("mount web");
      s.bringUp(at, "web");
    }
  });

  test("the pause counts from the release, and nothing starts before it is over", () => {
    const s = running(recovers({ retryDelayMs: 5_000 }));
    s.at(1_000, exited("web", 1));
    expect(s.at(3_000, released("web"))).toEqual(["web STOPPING > RECOVERING"]);
    expect(s.deadline).toBe(8_000);
    expect(s.at(7_999, tick)).toEqual([]);
    expect(s.at(8_000, tick)).toEqual(["web RECOVERING > INSTALLED", "mount web"]);
  });

  test("no delay: mounted again as soon as it is released", () => {
    const s = running(recovers());
    s.at(1, exited("web", 1));
    expect(s.at(2, released("web"))).toEqual(["web STOPPING > INSTALLED", "mount web"]);
  });

  test("the factor stops at an hour; a longer retry_delay stands; fractions become whole milliseconds", () => {
    expect(delayMs(recovers({ retryDelayMs: 5_000, backoffFactor: 2 }), 11)).toBe(3_600_000);
    expect(delayMs(recovers({ retryDelayMs: 5_000, backoffFactor: 2 }), 100_000)).toBe(3_600_000);
    expect(delayMs(recovers({ retryDelayMs: 7_200_000, backoffFactor: 3 }), 4)).toBe(7_200_000);
    expect(delayMs(recovers({ retryDelayMs: 0, backoffFactor: 2 }), 100_000)).toBe(0);
    expect(delayMs(recovers({ retryDelayMs: 1_001, backoffFactor: 1.5 }), 2)).toBe(1_502);
  });
});

describe("the last retry", () => {
  const twice = (backoffPolicy: ReturnType<typeof recovers>["backoffPolicy"]): Scene => {
    const s = running(recovers({ maxRetries: 2, backoffPolicy }));
    for (const at of [1, 2]) {
      crashAt(s, at);
      s.bringUp(at, "web");
    }
    expect(s.view("web").autoRecovery).toMatchObject({ currentRetries: 2, maxRetries: 2 });
    return s;
  };

  test("reboot: the revision fails", () => {
    const s = twice({ kind: "reboot" });
    expect(crashAt(s, 3)).toContain("revision failed: web at exit 1 after 2");
    expect(s.view("web").status).toBe("STOPPED");
  });

  test("never: the container stays down, holds its goal until the time is over, and the revision goes on", () => {
    const s = twice({ kind: "never" });
    expect(crashAt(s, 3)).toContain("gave up web at exit 1 after 2: stays down");
    expect(s.view("web")).toMatchObject({ status: "STOPPED", goal: "pending", userStopped: false });
    expect(s.at(30_003, tick)).toEqual(["goals missed: app missed web"]);
    expect(s.deadline).toBeNull();
  });

  test("a duration: it pauses, and its retries begin anew", () => {
    const s = twice({ kind: "wait", ms: 600_000, text: "10min" });
    expect(crashAt(s, 3)).toContain("gave up web at exit 1 after 2: pauses 600000");
    expect(s.view("web")).toMatchObject({ status: "RECOVERING", autoRecovery: { currentRetries: 0 } });
    s.at(600_003, tick);
    s.bringUp(600_003, "web");
    expect(crashAt(s, 600_004)).toContain("recovering web from exit 1: retry 1 in 0");
  });

  test("a run longer than reset_window forgives the retries before it; one just as long does not", () => {
    const block = recovers({ maxRetries: 2, resetWindowMs: 60_000, retryDelayMs: 1_000, backoffFactor: 2 });
    expect(judge(block, { end: crash, retries: 2, uptimeMs: 60_000 })).toEqual({ kind: "fail" });
    expect(judge(block, { end: crash, retries: 2, uptimeMs: 60_001 })).toEqual({
      kind: "retry",
      retry: 1,
      delayMs: 1_000,
    });
    expect(judge({ ...block, resetWindowMs: 0 }, { end: crash, retries: 2, uptimeMs: 9e9 })).toEqual({ kind: "fail" });
  });
});

describe("stability", () => {
  const block = recovers({ stableTimeoutMs: 30_000 });

  test("is told this long after the goal is reached, once", () => {
    const s = running(block);
    expect(s.view("web").autoRecovery?.isStable).toBe(false);
    expect(s.deadline).toBe(30_000);
    expect(s.at(29_999, tick)).toEqual([]);
    expect(s.at(30_000, tick)).toEqual(["stable web"]);
    expect(s.at(30_001, tick)).toEqual([]);
    expect(s.view("web").autoRecovery?.isStable).toBe(true);
    expect(s.unstable).toEqual([]);
    expect(s.deadline).toBeNull();
  });

  test("counts from READY when that is the goal", () => {
    const s = running(block, "READY");
    s.at(20_000, ready("web"));
    expect(s.at(49_999, tick)).toEqual([]);
    expect(s.at(50_000, tick)).toEqual(["stable web"]);
  });

  test("is lost by every restart", () => {
    const s = running(block);
    s.at(30_000, tick);
    crashAt(s, 40_000);
    s.bringUp(40_000, "web");
    expect(s.view("web").autoRecovery?.isStable).toBe(false);
    expect(s.unstable).toEqual(["web"]);
    expect(s.at(70_000, tick)).toEqual(["stable web"]);
  });

  test("without a stable_timeout it comes with the goal and nobody waits for it", () => {
    const s = running(recovers(), "READY");
    expect(s.view("web").autoRecovery?.isStable).toBe(false);
    expect(s.unstable).toEqual([]);
    expect(s.at(1, ready("web"))).not.toContain("stable web");
    expect(s.view("web").autoRecovery?.isStable).toBe(true);
  });

  test("is not waited for from volumes, nor from a container that was given up", () => {
    const never = recovers({ stableTimeoutMs: 30_000, maxRetries: 1, backoffPolicy: { kind: "never" } });
    const s = scene(
      planOf({ data: { files: { goal: "MOUNTED", recovery: never } }, app: { web: { recovery: never } } }),
    );
    s.at(0, begin);
    s.at(0, mounted("files"));
    s.bringUp(0, "web");
    expect(s.unstable).toEqual(["web"]);
    crashAt(s, 1);
    expect(s.unstable).toEqual(["web"]);
    s.bringUp(1, "web");
    crashAt(s, 2);
    expect(s.unstable).toEqual([]);
  });
});
