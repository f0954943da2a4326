import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  CONNECT_BYTES,
  deadline,
  type Link,
  type LinkEffect,
  type LinkEvent,
  type Mode,
  type Now,
  newLink,
  step,
  usual,
} from "../../../runtime/fleet/link/index.ts";

const always: Mode = { kind: "always" };
const daily: Mode = { kind: "wake", everyMs: 24 * 3600_000 };

/** A link, its clock, and what it asked for. */
class Scene {
  atMs = 1_000;
  random = 0.5;
  roomBytes = Number.POSITIVE_INFINITY;
  moreRoomAtMs = 0;
  readonly done: LinkEffect["kind"][] = [];
  link: Link;

  constructor(mode: Mode) {
    this.link = newLink({ mode, ...usual }, this.atMs);
  }

  get now(): Now {
    const { atMs, random, roomBytes, moreRoomAtMs } = this;
    return { atMs, random, roomBytes, moreRoomAtMs };
  }

  send(...events: readonly (LinkEvent["kind"] | LinkEvent)[]): this {
    for (const event of events) {
      const [link, effects] = step(
        this.link,
        typeof event === "string" ? ({ kind: event } as LinkEvent) : event,
        this.now,
      );
      this.link = link;
      this.done.push(...effects.map(({ kind }) => kind));
    }
    return this;
  }

  after(ms: number, ...events: readonly (LinkEvent["kind"] | LinkEvent)[]): this {
    this.atMs += ms;
    return this.send(...events);
  }

  /** How long the link waits from now on. */
  get waitMs(): number {
    return (deadline(this.link) ?? Number.POSITIVE_INFINITY) - this.atMs;
  }

  took(): readonly string[] {
    return this.done.splice(0);
  }
}

const online = (mode: Mode): Scene => {
  const scene = new Scene(mode).send("tick").after(1_000, "connected").after(500, "heard");
  scene.took();
  return scene;
};

describe("a link that stays", () => {
  test("connects at once, and is left alone while it is connected", () => {
    const scene = new Scene(always).send("tick");
    expect(scene.took()).toEqual(["connect"]);
    scene.after(1_000, "connected").after(500, "heard", { kind: "busy", busy: false });
    expect(scene.waitMs).toBe(Number.POSITIVE_INFINITY);
    expect(scene.after(10 * 24 * 3600_000, "tick").took()).toEqual([]);
  });

  test("waits longer after each failure, up to ten minutes, and spreads it", () => {
    const scene = new Scene(always);
    const waits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map(() => {
      scene.random = 0.999;
      scene.send("tick").after(0, "closed");
      const { waitMs } = scene;
      scene.atMs += waitMs;
      return Math.ceil(waitMs / 1000);
    });
    expect(waits).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600, 600]);
    scene.random = 0.001;
    expect(scene.send("tick", "closed").waitMs).toBeLessThan(1_000);
  });

  test("a broker that takes it and hangs up again is a failure; one that says something first is tried again within half a minute", () => {
    const scene = new Scene(always);
    for (let round = 0; round < 8; round += 1) {
      scene.send("tick", "connected", "closed");
      scene.atMs += scene.waitMs;
    }
    expect(scene.link.failures).toBe(8);
    for (let round = 0; round < 8; round += 1) {
      scene.send("tick", "connected", "heard", "closed");
      expect(scene.waitMs).toBe(16_000);
      scene.atMs += scene.waitMs;
    }
  });

  test("a day without a hub leaves most of a small budget until it is nearly over, and its first outages are as short as ever", () => {
    const dayMs = 24 * 3600_000;
    const inVainBytes = 420;
    /** When each attempt was given up. */
    const outage = (roomBytes: number): readonly number[] => {
      const scene = new Scene(always);
      scene.moreRoomAtMs = dayMs;
      const failed: number[] = [];
      for (let seed = 1; scene.atMs < dayMs; failed.push(scene.atMs)) {
        scene.roomBytes = roomBytes - failed.length * inVainBytes;
        seed = (seed * 48_271) % 0x7fff_ffff;
        scene.random = seed / 0x7fff_ffff;
        scene.after(scene.waitMs, "tick").after(90_000, "tick");
      }
      return failed;
    };
    const before = (failed: readonly number[], ms: number): number => failed.filter((atMs) => atMs < ms).length;
    const [small, endless] = [outage(50_000), outage(Number.POSITIVE_INFINITY)];
    expect(before(small, 0.9 * dayMs) * inVainBytes).toBeLessThan(25_000);
    expect(before(small, 0.5 * dayMs)).toBeGreaterThan(8);
    expect(small.slice(0, 8)).toEqual(endless.slice(0, 8));
    expect(endless.length * inVainBytes).toBeGreaterThan(50_000); // as it was without that
  });

  test("a revision on trial is not kept waiting by the budget", () => {
    const scene = new Scene(always).send({ kind: "trial", trial: true });
    Object.assign(scene, { roomBytes: 20_000, moreRoomAtMs: 24 * 3600_000, random: 1 });
    for (let failures = 0; failures < 20; failures += 1) scene.after(scene.waitMs, "tick").after(90_000, "tick");
    expect(scene.waitMs).toBeLessThanOrEqual(usual.backoffOnTrialMs);
  });

  test("a connection that was good for a minute makes up for all failures", () => {
    const scene = new Scene(always);
    for (let round = 0; round < 8; round += 1) {
      scene.send("tick", "connected", "closed");
      scene.atMs += scene.waitMs;
    }
    scene.send("tick", "connected", "heard").after(60_000, "heard", "closed");
    expect(scene.waitMs).toBe(1_000);
  });

  test("an attempt that hangs is dropped", () => {
    const scene = new Scene(always).send("tick");
    expect(scene.after(89_999, "tick").took()).toEqual(["connect"]);
    expect(scene.after(1, "tick").took()).toEqual(["drop"]);
    expect(scene.link.phase.at).toBe("waiting");
    expect(scene.send("connected").took()).toEqual(["drop"]);
    expect(scene.link.phase.at).toBe("waiting");
  });
});

describe("a link that wakes", () => {
  test("leaves when all is quiet, and comes back a day later, give or take", () => {
    const scene = online(daily).send({ kind: "busy", busy: false });
    expect(scene.after(9_999, "tick").took()).toEqual([]);
    expect(scene.after(1, "tick").took()).toEqual(["disconnect"]);
    scene.send("closed");
    expect(scene.waitMs).toBe(24 * 3600_000);
    scene.random = 0;
    expect(online(daily).send({ kind: "busy", busy: false }).waitMs).toBe(10_000);
    expect(scene.after(24 * 3600_000, "tick").took()).toEqual(["connect"]);
  });

  test("stays while there is work, but not for ever", () => {
    const scene = online(daily);
    expect(scene.after(5 * 60_000, "tick").took()).toEqual([]);
    expect(scene.after(10 * 60_000, "tick").took()).toEqual(["disconnect"]);
  });

  test("a hub that keeps talking does not keep it awake", () => {
    const scene = online(daily).send({ kind: "busy", busy: false });
    for (let second = 0; second < 899; second += 1) scene.after(1_000, "heard");
    expect(scene.took()).toEqual([]);
    expect(scene.after(1_000, "heard", "tick").took()).toEqual(["disconnect"]);
  });

  test("something urgent wakes it; a backoff it does not cut short", () => {
    const scene = online(daily).send({ kind: "busy", busy: false }).after(10_000, "tick", "closed");
    scene.took();
    expect(scene.send("urgent").took()).toEqual(["connect"]);
    scene.send("closed");
    expect(scene.send("urgent").took()).toEqual([]);
  });

  test("a farewell that nobody answers is over after a while", () => {
    const scene = online(daily).send({ kind: "busy", busy: false }).after(10_000, "tick");
    scene.took();
    expect(scene.after(10_000, "tick").took()).toEqual(["drop"]);
    expect(scene.link.phase).toMatchObject({ at: "waiting", why: "sleep" });
  });
});

describe("a revision on trial", () => {
  test("hears of contact once, when the hub is heard after it asked", () => {
    const scene = online(always).send({ kind: "trial", trial: true });
    expect(scene.took()).toEqual([]);
    expect(scene.send("heard", "heard").took()).toEqual(["contact"]);
  });

  test("wakes a link that sleeps, keeps it awake, and shortens a backoff", () => {
    const asleep = online(daily).send({ kind: "busy", busy: false }).after(10_000, "tick", "closed");
    asleep.took();
    expect(asleep.send({ kind: "trial", trial: true }).took()).toEqual(["connect"]);
    expect(asleep.send("connected", { kind: "busy", busy: false }).after(3600_000, "tick").took()).toEqual([]);

    const failing = new Scene(always);
    for (let round = 0; round < 10; round += 1) {
      failing.send("tick", "closed");
      failing.atMs += failing.waitMs;
    }
    failing.send("tick", "closed");
    expect(failing.waitMs).toBe(300_000);
    expect(failing.send({ kind: "trial", trial: true }).waitMs).toBe(10_000);
    failing.atMs += 10_000;
    expect(failing.send("tick", "closed").waitMs).toBe(10_000);
  });
});

describe("the budget", () => {
  test("with less than a connection costs, none is made until there is more", () => {
    const scene = new Scene(always);
    scene.roomBytes = CONNECT_BYTES - 1;
    scene.moreRoomAtMs = scene.atMs + 7_200_000;
    expect(scene.send("tick").took()).toEqual([]);
    expect(scene.waitMs).toBe(7_200_000 + 1_800_000);
    scene.send("urgent", { kind: "trial", trial: true });
    expect(scene.took()).toEqual([]);
    scene.roomBytes = CONNECT_BYTES;
    expect(scene.after(9_000_000, "tick").took()).toEqual(["connect"]);
  });

  test("when it is nearly used up, the link says farewell", () => {
    const scene = online(always);
    scene.roomBytes = 511;
    scene.moreRoomAtMs = scene.atMs + 1_000;
    expect(scene.send("tick").took()).toEqual(["disconnect"]);
    expect(scene.send("closed").link.phase).toMatchObject({ at: "waiting", why: "budget" });
    expect(scene.waitMs).toBe(1_000 + 1_800_000);
  });

  test.each(["heard", "tick", "urgent"] as const)("when it is used up, the link hangs up (%s)", (event) => {
    for (const scene of [online(always), online(daily).send({ kind: "busy", busy: false }).after(10_000, "tick")]) {
      scene.took();
      scene.roomBytes = 0;
      expect(scene.send(event).took()).toEqual(["drop"]);
      expect(scene.link.phase).toMatchObject({ at: "waiting", why: "budget" });
      expect(scene.send("closed").link.phase).toMatchObject({ at: "waiting", why: "budget" });
    }
  });
});

const events = fc.array(
  fc.tuple(
    fc.constantFrom<LinkEvent>(
      { kind: "tick" },
      { kind: "connected" },
      { kind: "heard" },
      { kind: "closed" },
      { kind: "busy", busy: true },
      { kind: "busy", busy: false },
      { kind: "urgent" },
      { kind: "trial", trial: true },
      { kind: "trial", trial: false },
    ),
    fc.record({
      ms: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 100_000 })),
      random: fc.double({ min: 0, max: 0.999, noNaN: true }),
      roomBytes: fc.constantFrom(0, 100, CONNECT_BYTES, Number.POSITIVE_INFINITY),
    }),
  ),
  { maxLength: 60 },
);

test.each([always, daily])("whatever happens, one connection at a time and a time for everything (%j)", (mode) => {
  fc.assert(
    fc.property(events, (history) => {
      let atMs = 0;
      let link = newLink({ mode, ...usual }, atMs);
      let open = false;
      for (const [event, { ms, random, roomBytes }] of history) {
        atMs += ms;
        const before = link.phase;
        const [after, effects] = step(link, event, { atMs, random, roomBytes, moreRoomAtMs: atMs + 1_000 });
        for (const { kind } of effects) {
          if (kind === "connect") {
            expect(open).toBe(false);
            expect(roomBytes).toBeGreaterThanOrEqual(CONNECT_BYTES);
            open = true;
          }
          if (kind === "drop") open = false;
          if (kind === "contact") expect(link.trial).toBe(true);
        }
        if (event.kind === "closed") open = false;
        // A connection is only where the phase says so; every phase but a connection that stays has an end.
        if (after.phase.at === "waiting") expect(open).toBe(false);
        if (after.phase !== before && (after.phase.at === "connecting" || after.phase.at === "leaving"))
          expect(after.phase.untilMs).toBeGreaterThan(atMs);
        expect(deadline(after) !== null || (after.phase.at === "online" && mode.kind === "always")).toBe(true);
        if (before.at === "waiting" && after.phase.at === "online") throw new Error("online without a connection");
        link = after;
      }
    }),
    { numRuns: 3000 },
  );
});
