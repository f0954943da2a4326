import { describe, expect, test } from "bun:test";
import type { HubOrder } from "../../runtime/boot/hub-commands.ts";
import { type HubLink, type HubLinkPorts, type LinkProcess, openHubLink } from "../../runtime/boot/hub-link.ts";
import type { HubWish } from "../../runtime/boot/hub-revisions.ts";
import type { State } from "../../runtime/fleet/pipe/index.ts";
import { err, ok } from "../../runtime/result.ts";
import type { Digest, RevisionName } from "../../runtime/state/index.ts";
import { drained, virtualClock } from "../sim/clock.ts";

const settings: HubLinkPorts["settings"] = {
  hub: { host: "hub.example", port: 8443 },
  authority: "…",
  token: null,
  folder: "/storage/config/cairn",
  storage: "/storage",
  reservedPercent: 5,
  mode: { kind: "always" },
  keepaliveS: 1740,
  caps: { dayBytes: null, monthBytes: null },
  datagrams: true,
  version: "0.1.0",
};
const state = (rev: string): State => ({
  kind: "state",
  running: rev as RevisionName,
  stateDigest: "ab".repeat(32) as Digest,
  status: "DONE",
  containers: [],
  safeMode: false,
  local: false,
});

/** A link process that the test plays. */
function child() {
  const output = new TransformStream<Uint8Array, Uint8Array>();
  const writer = output.writable.getWriter();
  const ended = Promise.withResolvers<string>();
  const heard: string[] = [];
  const process: LinkProcess = {
    output: output.readable,
    say: (text) => void heard.push(text),
    ended: ended.promise,
    hangUp: () => ended.resolve("ended with code 0"),
    kill: () => ended.resolve("was killed by SIGKILL"),
  };
  return {
    process,
    heard,
    ended,
    say: (said: string | Uint8Array) => writer.write(typeof said === "string" ? new TextEncoder().encode(said) : said),
  };
}

function world({ onBegun = (_: HubLink): void => {} } = {}) {
  const clock = virtualClock();
  const children: ReturnType<typeof child>[] = [];
  const log: string[] = [];
  const begun: number[] = [];
  const heard: (HubOrder | HubWish)[] = [];
  let current = state("1");
  const userMeta: unknown[] = [];
  const clockIs = { floorMs: 5, guessed: false };
  let refusal: string | null = null;
  const write = (level: string) => (message: string) => void log.push(`${level} ${message}`);
  const link: HubLink = openHubLink({
    settings,
    log: {
      fatal: write("fatal"),
      error: write("error"),
      warn: write("warn"),
      info: write("info"),
      debug: write("debug"),
      trace: write("trace"),
    },
    state: async () => current,
    clock: {
      get now() {
        return { ...clockIs };
      },
      atLeast: (ms) => void Object.assign(clockIs, { floorMs: ms, guessed: true }),
      hubSays: async (ms) => void Object.assign(clockIs, { floorMs: ms, guessed: false }),
    },
    metadata: { hear: (message) => void userMeta.push(message) },
    start() {
      if (refusal !== null) return err(refusal);
      const started = child();
      children.push(started);
      return ok(started.process);
    },
    begun() {
      begun.push(children.length);
      onBegun(link);
    },
    hear: (message) => void heard.push(message),
    now: clock.now,
    setTimer: clock.set,
  });
  link.start();
  return {
    link,
    clock,
    children,
    log,
    begun,
    heard,
    is(next: State): void {
      current = next;
    },
    refuse(why: string | null): void {
      refusal = why;
    },
    last: () => children.at(-1) ?? child(),
    async until(ms: number): Promise<void> {
      const end = clock.now() + ms;
      clock.set(ms, () => {});
      while (clock.now() < end && clock.next()) await drained();
      await drained();
    },
  };
}

describe("the link's process", () => {
  test("is told the settings first, then the state, and again when it is another", async () => {
    const { link, last, until, is } = world();
    await until(1_000);
    expect(last().heard.map((line) => JSON.parse(line))).toEqual([
      { kind: "settings", ...settings, clock: { floorMs: 5, guessed: false } },
      state("1"),
    ] as never);
    for (let times = 0; times < 5; times += 1) link.changed();
    await until(1_000);
    expect(last().heard).toHaveLength(2);
    is(state("2"));
    for (let times = 0; times < 5; times += 1) link.changed();
    await until(1_000);
    expect(
      last()
        .heard.slice(2)
        .map((line) => JSON.parse(line).running),
    ).toEqual(["2"]);
  });

  test("starts again when it ends, later each time, and is told everything anew", async () => {
    const { children, until, last, log } = world();
    const started: number[] = [];
    await until(1_000);
    expect(last().heard).toHaveLength(2);
    for (let round = 0; round < 12; round += 1) {
      last().ended.resolve("ended with code 1");
      await drained();
      const before = children.length;
      let waited = 0;
      while (children.length === before) {
        await until(1_000);
        waited += 1;
      }
      started.push(waited);
    }
    expect(started).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    await until(1_000);
    expect(last().heard).toHaveLength(2);
    expect(log[0]).toBe("error the link to the hub ended with code 1; it starts again in 1 s");
  });

  test("each start is told of, and what is said before it has started again is not kept", async () => {
    const { link, until, last, begun } = world();
    expect(begun).toEqual([1]);
    link.say({ kind: "room", enough: true });
    expect(last().heard).toEqual([
      `${JSON.stringify({ kind: "settings", ...settings, clock: { floorMs: 5, guessed: false } })}\n`,
      '{"kind":"room","enough":true}\n',
    ]);
    last().ended.resolve("ended with code 1");
    await drained();
    link.say({ kind: "room", enough: false });
    await until(1_000);
    expect(begun).toEqual([1, 2]);
    expect(last().heard.join("")).not.toContain("room");
  });

  test("hears what is said as it begins, the first time and every other time", async () => {
    const trial = { kind: "trial", waits: true } as const;
    const { last, until } = world({ onBegun: (link) => link.say(trial) });
    const said = () => last().heard.map((line) => JSON.parse(line).kind);
    expect(said()).toEqual(["settings", "trial"]);
    last().ended.resolve("ended with code 1");
    await until(1_000);
    expect(said().slice(0, 2)).toEqual(["settings", "trial"]);
  });

  test("starts again soon when it had run for long", async () => {
    const { until, last, children } = world();
    for (let round = 0; round < 5; round += 1) {
      last().ended.resolve("ended");
      await until(60_000);
    }
    await until(11 * 60_000);
    last().ended.resolve("ended");
    await until(1_000);
    const count = children.length;
    last().ended.resolve("ended");
    await until(2_000);
    expect(children).toHaveLength(count + 1);
  });

  test("that cannot be started is tried again", async () => {
    const { until, refuse, last, children, log } = world();
    refuse("cannot be started: ENOMEM");
    last().ended.resolve("ended");
    await until(4_000);
    expect(log.filter((line) => line.includes("ENOMEM"))).toHaveLength(2);
    refuse(null);
    await until(10_000);
    expect(children).toHaveLength(2);
  });

  test("hangs up with the device, and does not start again", async () => {
    const { link, until, children, log } = world();
    link.stop();
    await until(3600_000);
    expect(children).toHaveLength(1);
    expect(log).toEqual([]);
  });
});

describe("what it says", () => {
  test("reaches the log: where the device waits, what it is, what goes wrong", async () => {
    const { last, log } = world();
    for (const message of [
      { kind: "waiting", id: "abcdefghijklm", code: "k7q2mz" },
      { kind: "joined", id: "abcdefghijklm", fleet: "lab" },
      { kind: "log", level: "warn", message: "the hub cannot be reached" },
    ])
      await last().say(`${JSON.stringify(message)}\n`);
    await drained();
    expect(log).toEqual([
      "warn this device waits to be accepted by the hub: id abcdefghijklm, code k7q2mz",
      "info this device is abcdefghijklm in fleet lab",
      "warn the hub cannot be reached",
    ]);
  });

  test("at a length that no honest link has is taken a little at a time, and nothing of it is lost", async () => {
    const { last, log, until } = world();
    const said = Array.from({ length: 1_000 }, (_, at) => ({ kind: "log", level: "warn", message: `${at}` }));
    void last().say(said.map((message) => `${JSON.stringify(message)}\n`).join(""));
    await drained();
    expect(log.length).toBeGreaterThan(100);
    expect(log.length).toBeLessThan(300);
    await until(1_000);
    expect(log.length).toBeLessThan(400);
    await until(60_000);
    expect(log).toEqual(said.map(({ message }) => `warn ${message}`));
  });

  test("of the time reaches the clock, and is answered; a link that starts later knows it", async () => {
    const { last, until } = world();
    const answers = () =>
      last()
        .heard.map((line) => JSON.parse(line))
        .filter(({ kind }) => kind === "clock");
    await last().say('{"kind":"clock","atMs":7,"signed":false}\n');
    await drained();
    expect(answers()).toEqual([{ kind: "clock", floorMs: 7, guessed: true }]);
    await last().say('{"kind":"clock","atMs":9,"signed":true}\n');
    await drained();
    expect(answers().at(-1)).toEqual({ kind: "clock", floorMs: 9, guessed: false });
    last().ended.resolve("ended");
    await drained();
    await until(1_000);
    expect(JSON.parse(last().heard[0] ?? "").clock).toEqual({ floorMs: 9, guessed: false });
  });

  test("that concerns revisions is handed on", async () => {
    const { last, heard } = world();
    const rev = "7" as RevisionName;
    const messages: HubWish[] = [
      { kind: "contact" },
      { kind: "desired", rev, state: "ab".repeat(32) as Digest },
      { kind: "fetched", rev, failure: { reason: "badPatch", message: "…" } },
      { kind: "fetched", rev, failure: null },
      { kind: "needRoom", bytes: 4096 },
    ];
    for (const message of messages) await last().say(`${JSON.stringify(message)}\n`);
    await drained();
    expect(heard).toEqual(messages);
  });

  test.each([
    ["something unknown", '{"kind":"reboot"}\n'],
    ["no JSON", "x\n"],
    ["a line without end", "x".repeat(300_000)],
    ["no UTF-8", Uint8Array.of(0xff, 10)],
  ])("%s ends it", async (_, text) => {
    const { last, log, until } = world();
    const first = last();
    const killed = first.ended.promise;
    await first.say(text);
    expect(await killed).toBe("was killed by SIGKILL");
    await until(1_000);
    expect(log[0]).toMatch(/says what it must not/);
    expect(last()).not.toBe(first);
  });
});
