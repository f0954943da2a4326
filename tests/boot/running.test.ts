import { describe, expect, test } from "bun:test";
import { explainEnd, type News, type RunnableRevision, type Running, run } from "../../runtime/boot/running.ts";
import type { Containers, StartedContainer } from "../../runtime/containers/index.ts";
import type { Logger } from "../../runtime/logs/index.ts";
import { err, ok, type Result } from "../../runtime/result.ts";
import type { Container } from "../../runtime/state/index.ts";
import { plan } from "../../runtime/supervise/index.ts";
import { container, type Members, parsed } from "../state/samples.ts";
import { named } from "../supervise/scene.ts";

const keys = (run: Members): Members => container("web", { group: "app", restart_policy: "container", ...run });

/** A machine that does what it is told and writes down what that was; `pending` holds checks that take until a test ends them. */
function device(run_json: Members, { stopGraceMs = 10_000, slowChecks = false, more = {} as Members } = {}) {
  const did: string[] = [];
  const news: News[] = [];
  const pending: ((result: Result<void, string>) => void)[] = [];
  const answers = {
    mount: ok(undefined) as ReturnType<Containers["mount"]>,
    start: [] as (StartedContainer | string)[],
    release: [] as string[],
  };
  let pid = 100;
  /** What is done of any other revision than the first is written down with its name. */
  function revision(name: string, members: Members): RunnableRevision {
    const state = parsed(members);
    const note = (what: string, of: Container) =>
      void did.push(`${what} ${of.name}${name === "1" ? "" : ` of ${name}`}`);
    const containers: Containers = {
      mount(of) {
        note("mount", of);
        return answers.mount;
      },
      async start(of) {
        note("start", of);
        pid += 2;
        const next = answers.start.shift() ?? { pid, monitorPid: pid - 1 };
        return typeof next === "string" ? err({ kind: "unsupported", what: next }) : ok(next);
      },
      halt: (of) => note("halt", of),
      kill: (of) => note("kill", of),
      async release(of) {
        note("release", of);
        return answers.release;
      },
      memoryBytes: () => null,
    };
    return {
      name,
      state,
      plan: plan(state, { goalsTimeoutMs: 60_000, stopGraceMs }),
      containers,
      prepare: () =>
        slowChecks ? new Promise((resolve) => void pending.push(resolve)) : Promise.resolve(ok<void>(undefined)),
    };
  }
  const first = revision("1", { ...keys(run_json), ...more });
  const say = (level: string) => (message: string) => void did.push(`${level}: ${message}`);
  const quiet = () => {};
  const log: Logger = { fatal: quiet, error: say("error"), warn: say("warn"), info: quiet, debug: quiet, trace: quiet };
  const running: Running = run(first, {
    log,
    now: () => performance.now(),
    onStarted: ({ name }, started) => void did.push(`attach ${name} ${started.pid}`),
    onRelease: ({ name }) => void did.push(`detach ${name}`),
    onStatus: () => {},
    onNews: (effect) => void news.push(effect),
  });
  const name = named("web");
  const at = (who: string) => running.view().containers.get(named(who))?.phase.at;
  return { running, name, did, news, pending, answers, revision, at, status: () => at("web") };
}

const exit = (code: number, container = "web") =>
  ({ kind: "exit", container, status: { kind: "exit", code } }) as Parameters<Running["monitorEvent"]>[0];
const always = { auto_recovery: { policy: "always" } };

async function eventually(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200 && !holds(); turn++) await Bun.sleep(5);
  expect(holds()).toBe(true);
}

test("a container is checked, mounted, started, and its logs attached", async () => {
  const { running, did, status } = device(always);
  running.send({ kind: "begin" });
  await eventually(() => status() === "started");
  expect(did).toEqual(["mount web", "start web", "attach web 102"]);
});

test("an exit releases it and starts it again, logs detached before anything is unmounted", async () => {
  const { running, did, status } = device(always);
  running.send({ kind: "begin" });
  await eventually(() => status() === "started");
  did.length = 0;
  running.monitorEvent(exit(3));
  await eventually(() => status() === "started");
  expect(did.slice(1)).toEqual(["detach web", "release web", "mount web", "start web", "attach web 104"]);
  expect(did[0]).toContain("web exited with code 3");
});

test("an exit is heard once, and never of a container that does not run or that nobody knows", async () => {
  const { running, did, status } = device({ auto_recovery: { policy: "on-failure" } });
  running.monitorEvent(exit(0));
  running.send({ kind: "begin" });
  await eventually(() => status() === "started");
  running.monitorEvent({ ...exit(1), container: "other" });
  running.monitorEvent({ kind: "state", container: "web", state: "STOPPED" });
  expect(status()).toBe("started");
  running.monitorEvent(exit(0));
  running.monitorEvent(exit(1));
  await eventually(() => status() === "stopped");
  expect(did.filter((line) => line === "release web")).toHaveLength(1);
  running.monitorEvent(exit(1));
  expect(status()).toBe("stopped");
});

test("a container that ended before its start was answered is not attached; its record says how it ended", async () => {
  const { running, did, answers, status } = device({ auto_recovery: { policy: "on-failure" } });
  answers.start.push({ pid: 0, monitorPid: 7 });
  running.send({ kind: "begin" });
  await eventually(() => did.includes("start web"));
  expect(status()).toBe("starting");
  running.monitorEvent(exit(0));
  await eventually(() => status() === "stopped");
  expect(did).toEqual(["mount web", "start web", "detach web", "release web"]);
});

describe("a failure to begin", () => {
  test("in a check or a mount is told, released and recovered, without a start", async () => {
    const { running, did, pending, answers, status } = device(always, { slowChecks: true });
    running.send({ kind: "begin" });
    await eventually(() => pending.length === 1);
    pending.shift()?.(err("web/root.squashfs: wrong bytes"));
    await eventually(() => pending.length === 1);
    expect(did.slice(0, 1)).toEqual(["error: web: web/root.squashfs: wrong bytes"]);
    expect(did.slice(-2)).toEqual(["detach web", "release web"]);
    answers.mount = err({ kind: "unknownDisk", volume: "a", disk: "b" });
    did.length = 0;
    pending.shift()?.(ok(undefined));
    await eventually(() => pending.length === 1);
    expect(did).not.toContain("start web");
    expect(did[1]).toStartWith('error: web: volume a wants disk "b"');
    expect(status()).toBe("mounting");
  });

  test("in a start is told, released and recovered", async () => {
    const { running, did, answers, status } = device(always);
    answers.start.push("no such program");
    running.send({ kind: "begin" });
    await eventually(() => status() === "started");
    expect(did).toContain("error: web: no such program");
    expect(did.filter((line) => line === "release web")).toHaveLength(1);
  });

  test("of what does not recover fails the revision", async () => {
    const { running, news, answers, status } = device({ auto_recovery: { policy: "no" } });
    answers.start.push("no such program");
    running.send({ kind: "begin" });
    await eventually(() => status() === "stopped");
    expect(news.filter(({ kind }) => kind === "revisionFailed")).toEqual([
      { kind: "revisionFailed", name: "web", end: { kind: "startFailed", reason: "no such program" }, retries: 0 },
    ] as never);
  });
});

test("a shutdown while objects are checked waits for the answer, releases what was mounted, and starts nothing", async () => {
  const { running, did, news, pending, status } = device(always, { slowChecks: true });
  running.send({ kind: "begin" });
  await eventually(() => pending.length === 1);
  running.send({ kind: "shutdown" });
  expect(news.map(({ kind }) => kind)).not.toContain("allStopped");
  pending[0]?.(ok(undefined));
  await eventually(() => status() === "stopped");
  expect(did).toEqual(["mount web", "detach web", "release web"]);
  expect(news.at(-1)?.kind).toBe("allStopped");
});

test("a stop asks first and kills what does not halt within the grace, by a timer of its own", async () => {
  const { running, name, did, status } = device(always, { stopGraceMs: 30 });
  running.send({ kind: "begin" });
  await eventually(() => status() === "started");
  running.send({ kind: "request", name, action: "stop" });
  expect(did.at(-1)).toBe("halt web");
  await eventually(() => did.includes("kill web"));
  running.monitorEvent(exit(0));
  await eventually(() => status() === "stopped");
});

test("what a release leaves behind is a warning, and the next start comes all the same", async () => {
  const { running, did, answers, status } = device(always);
  running.send({ kind: "begin" });
  await eventually(() => status() === "started");
  answers.release = ["umount2(/volumes/web/x): EBUSY"];
  running.monitorEvent(exit(1));
  await eventually(() => did.filter((line) => line === "start web").length === 2);
  expect(did).toContain("warn: web: left behind: umount2(/volumes/web/x): EBUSY");
});

describe("a monitor that ends", () => {
  const reaped = (pid: number) => ({ pid, status: { kind: "exit" as const, code: 1 } });

  test("after its record changes nothing, even when the loop was held up in between", async () => {
    const { running, did, status } = device({ auto_recovery: { policy: "on-failure" } });
    running.send({ kind: "begin" });
    await eventually(() => status() === "started");
    running.childReaped(reaped(101));
    const until = performance.now() + 300;
    while (performance.now() < until); // as the starts of other containers do
    setTimeout(() => running.monitorEvent(exit(0)), 1); // the FIFO is read in the next turn
    await eventually(() => status() === "stopped");
    expect(did.filter((line) => line.startsWith("warn"))).toEqual([]);
  });

  test("without a record is the container's end", async () => {
    const { running, did, news, status } = device({ auto_recovery: { policy: "no" } });
    running.send({ kind: "begin" });
    await eventually(() => status() === "started");
    running.childReaped(reaped(101));
    await eventually(() => status() === "stopped");
    expect(did).toContain("warn: web: its monitor ended without a report");
    expect(news.find(({ kind }) => kind === "revisionFailed")).toMatchObject({ end: { kind: "exit", code: 1 } });
  });

  test("is not mistaken for the monitor of the next run, nor for another child", async () => {
    const { running, did, status } = device(always);
    running.send({ kind: "begin" });
    await eventually(() => status() === "started");
    running.childReaped(reaped(999));
    running.childReaped(reaped(101));
    running.monitorEvent(exit(0));
    await eventually(() => did.filter((line) => line === "start web").length === 2);
    await Bun.sleep(300);
    expect(status()).toBe("started");
    expect(did.join()).not.toContain("without a report");
  });
});

describe("another revision", () => {
  const db = container("db", { group: "app", restart_policy: "container" });
  const affected = (...names: string[]) => new Set(names.map(named));

  async function both(options: Parameters<typeof device>[1] = {}) {
    const made = device(always, { ...options, more: db });
    made.running.send({ kind: "begin" });
    await eventually(() => made.at("db") === "started" && made.at("web") === "started");
    made.did.length = 0;
    return made;
  }

  test("takes an affected container down with what it was mounted with, and brings its own up; nothing is done to the other", async () => {
    const { running, did, news, revision, at } = await both();
    running.replace(revision("2", { ...keys(always), ...db }), affected("web"));
    expect(did).toEqual(["halt web"]);
    running.monitorEvent(exit(0));
    await eventually(() => at("web") === "started");
    expect(did).toEqual([
      "halt web",
      "detach web",
      "release web",
      "mount web of 2",
      "start web of 2",
      "attach web 106",
    ]);
    expect(news.slice(-2)).toMatchObject([
      { kind: "goals", result: "pending" },
      { kind: "goals", result: "reached" },
    ]);
    expect(at("db")).toBe("started");
  });

  test("is what a container is started from that ends later; until then its own one is in use", async () => {
    const { running, did, news, revision, at } = await both();
    expect(running.revisionsInUse()).toEqual(new Set(["1"]));
    running.replace(revision("2", { ...keys(always), ...db }), affected("db"));
    running.monitorEvent(exit(0, "db"));
    await eventually(() => at("db") === "started");
    expect(running.revisionsInUse()).toEqual(new Set(["1", "2"]));
    did.length = 0;
    running.monitorEvent(exit(1));
    await eventually(() => at("web") === "started");
    expect(did.slice(1)).toEqual(["detach web", "release web", "mount web of 2", "start web of 2", "attach web 108"]);
    expect(running.revisionsInUse()).toEqual(new Set(["2"]));
    expect(news.at(-1)).toMatchObject({ kind: "goals", result: "reached" });
  });

  test("without a container halts it, kills it after the grace, and hears of its end", async () => {
    const { running, did, revision, at } = await both({ stopGraceMs: 30 });
    running.replace(revision("2", db), affected());
    expect(at("web")).toBeUndefined();
    await eventually(() => did.includes("kill web"));
    running.childReaped({ pid: 101, status: { kind: "exit", code: 1 } });
    await eventually(() => running.view().leaving.size === 0);
    expect(did).toEqual([
      "halt web",
      "kill web",
      "warn: web: its monitor ended without a report",
      "detach web",
      "release web",
    ]);
    expect(at("db")).toBe("started");
  });

  test("with another container mounts and starts it", async () => {
    const { running, did, revision, at } = device(always);
    running.send({ kind: "begin" });
    await eventually(() => at("web") === "started");
    did.length = 0;
    running.replace(revision("2", { ...keys(always), ...db }), affected());
    await eventually(() => at("db") === "started");
    expect(did).toEqual(["mount db of 2", "start db of 2", "attach db 104"]);
  });

  test("that comes while an older one is checked: what that mounts is undone by the older one", async () => {
    const { running, did, pending, revision, at } = device(always, { slowChecks: true });
    running.send({ kind: "begin" });
    await eventually(() => pending.length === 1);
    running.replace(revision("2", keys(always)), affected("web"));
    pending.shift()?.(ok(undefined));
    await eventually(() => pending.length === 1);
    expect(did).toEqual(["mount web", "detach web", "release web"]);
    pending.shift()?.(ok(undefined));
    await eventually(() => at("web") === "started");
    expect(did.slice(3)).toEqual(["mount web of 2", "start web of 2", "attach web 102"]);
  });

  test("that comes while an unaffected container is checked lets it start from its own", async () => {
    const { running, did, pending, revision, at } = device(always, { slowChecks: true });
    running.send({ kind: "begin" });
    await eventually(() => pending.length === 1);
    running.replace(revision("2", keys(always)), affected());
    pending.shift()?.(ok(undefined));
    await eventually(() => at("web") === "started");
    expect(did).toEqual(["mount web", "start web", "attach web 102"]);
    expect(running.revisionsInUse()).toEqual(new Set(["1"]));
  });

  test("during a shutdown is nothing", async () => {
    const { running, did, news, revision } = await both();
    running.send({ kind: "shutdown" });
    running.replace(revision("2", keys(always)), affected("web"));
    running.monitorEvent(exit(0));
    running.monitorEvent(exit(0, "db"));
    await eventually(() => news.at(-1)?.kind === "allStopped");
    expect(did.filter((line) => line.endsWith("of 2"))).toEqual([]);
    expect(running.revisionsInUse().size).toBe(0);
  });
});

test("how a run ended is said in words", () => {
  expect(explainEnd({ kind: "exit", code: 3 })).toBe("exited with code 3");
  expect(explainEnd({ kind: "signal", signal: 9 })).toBe("was killed by signal 9");
  expect(explainEnd({ kind: "mountFailed", reason: "no space" })).toBe("no space");
});
