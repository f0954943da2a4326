/**
 * Random plans and random histories under the oracle's eyes. A failure prints seed and path: give both to `fc.assert`
 * to repeat it.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import {
  containerView,
  type Effect,
  groupStatus,
  nextDeadline,
  type Plan,
  type Status,
  stateStatus,
  step,
  supervision,
} from "../../runtime/supervise/index.ts";
import {
  begin,
  exited,
  type Happening,
  mounted,
  mountFailed,
  planOf,
  ready,
  recovers,
  released,
  replan,
  request,
  shutdown,
  started,
  startFailed,
  tick,
  type Wanted,
} from "./scene.ts";
import { type Move, world } from "./world.ts";

const recovery = fc.option(
  fc.record({
    policy: fc.constantFrom("always" as const, "on-failure" as const, "unless-stopped" as const),
    maxRetries: fc.integer({ min: 0, max: 3 }),
    retryDelayMs: fc.constantFrom(0, 1_000, 5_000),
    backoffFactor: fc.constantFrom(1, 1.5, 2, 100),
    resetWindowMs: fc.constantFrom(0, 10_000),
    stableTimeoutMs: fc.constantFrom(0, 8_000),
    backoffPolicy: fc.constantFrom(
      { kind: "reboot" as const },
      { kind: "never" as const },
      { kind: "wait" as const, ms: 600_000, text: "10min" },
    ),
  }),
  { freq: 4, nil: null },
);

const member = fc.record({
  goal: fc.constantFrom("MOUNTED" as const, "STARTED" as const, "STARTED" as const, "READY" as const),
  goalTimeoutMs: fc.constantFrom(0, 1_000, 30_000, 30_000),
  recovery: recovery.map((block) => (block === null ? null : recovers(block))),
  controllable: fc.constantFrom(true, true, true, false),
});

/** Two definitions for each place in each group: a revision has one of them there, or nothing. */
interface Universe {
  readonly groups: readonly (readonly (readonly [Wanted, Wanted])[])[];
  readonly stopGraceMs: number;
}
type Choices = readonly (0 | 1 | null)[];

const universes: fc.Arbitrary<Universe> = fc.record({
  groups: fc.array(fc.array(fc.tuple(member, member), { maxLength: 3, size: "max" }), { maxLength: 3, size: "max" }),
  stopGraceMs: fc.constantFrom(0, 5_000),
});
const choices: fc.Arbitrary<Choices> = fc.array(fc.constantFrom(0, 0, 0, 0, 0, 0, 1, null), {
  minLength: 9,
  maxLength: 9,
});

function planFrom({ groups, stopGraceMs }: Universe, chosen: Choices): Plan {
  const named = groups.map((places, g) => {
    const members = places.flatMap((place, i) => {
      const choice = chosen[g * 3 + i] ?? null;
      return choice === null ? [] : [[`c${g}${i}`, place[choice]] as const];
    });
    return [`g${g}`, Object.fromEntries(members)] as const;
  });
  return { ...planOf(Object.fromEntries(named)), stopGraceMs };
}

const which = fc.nat(8);
const ends = fc.constantFrom(
  { kind: "exit", code: 0 } as const,
  { kind: "exit", code: 1 } as const,
  { kind: "signal", signal: 9 } as const,
);
const action = fc.constantFrom("start" as const, "stop" as const, "restart" as const);

type Chosen = Exclude<Move, { do: "replan" }> | { readonly do: "replan"; chosen: Choices; more: readonly number[] };
const movesIn = (universe: Universe, moves: readonly Chosen[]): readonly Move[] =>
  moves.map((m) => (m.do === "replan" ? { do: m.do, plan: planFrom(universe, m.chosen), more: m.more } : m));

const move: fc.Arbitrary<Chosen> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("replan" as const),
      chosen: choices,
      more: fc.array(fc.nat(8), { maxLength: 2 }),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant("answer" as const),
      which,
      fails: fc.constantFrom(false, false, false, true),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("end" as const), which, end: ends, late: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("ready" as const), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wish" as const), which, action }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      ms: fc.oneof(fc.nat(100), fc.nat(10_000), fc.constantFrom(1_000, 5_000, 30_000, 4_000_000)),
      lazy: fc.boolean(),
    }),
  },
);

const histories = fc.record({
  first: choices,
  early: fc.array(move, { maxLength: 3 }),
  middle: fc.array(move, { maxLength: 80, size: "max" }),
  stubborn: fc.boolean(),
});

setDefaultTimeout(60_000); // two seconds are enough on an idle machine; others may be at work on it
const runs = { numRuns: 1_500, includeErrorInReport: true };

test("whatever happens, no rule is broken; when the faults stop, every container comes to rest where it belongs", () => {
  fc.assert(
    fc.property(universes, histories, (universe, { first, early, middle, stubborn }) => {
      const w = world(planFrom(universe, first));
      for (const m of movesIn(universe, [...early, { do: "begin" }, ...middle])) w.play(m);
      w.calm(stubborn);
      for (const {
        member: { goal },
        status,
        userStopped,
        left,
      } of w.oracle.watched.values()) {
        expect(status).toBe(userStopped || left ? "STOPPED" : goal);
      }
      expect(w.oracle.leaving.size).toBe(0);
      expect(w.oracle.goals).not.toBe("pending");
      expect(w.oracle.allStopped).toBe(0);
    }),
    runs,
  );
});

test("whenever the device goes down, everything stops, and that is told once", () => {
  fc.assert(
    fc.property(universes, histories, fc.array(move, { maxLength: 20 }), (universe, history, last) => {
      const { first, early, middle, stubborn } = history;
      const w = world(planFrom(universe, first));
      const moves = movesIn(universe, [...early, { do: "begin" }, ...middle, { do: "shutdown" }, ...last]);
      for (const m of moves) w.play(m);
      w.calm(stubborn);
      for (const { status, dirty, alive } of w.oracle.watched.values()) {
        expect({ status, dirty, alive }).toEqual({ status: "STOPPED", dirty: false, alive: false });
      }
      expect(w.oracle.allStopped).toBe(1);
    }),
    runs,
  );
});

type Replanned = `${Status | "new"} replanned ${Status}` | `${Status} left`;

test("the histories come to every effect and every status often enough to prove something", () => {
  const seen = new Map<string, number>();
  const note = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
  for (const [universe, { first, middle }] of fc.sample(fc.tuple(universes, histories), { numRuns: 1_500, seed: 1 })) {
    const w = world(planFrom(universe, first), (effect) => note(effect.kind === "status" ? effect.to : effect.kind));
    for (const m of movesIn(universe, [{ do: "begin" }, ...middle, { do: "shutdown" }])) {
      const was = new Map([...w.oracle.watched].map(([name, { status }]) => [name, status]));
      w.play(m);
      if (m.do !== "replan") continue;
      for (const [name, { status }] of w.oracle.watched) note(`${was.get(name) ?? "new"} replanned ${status}`);
      for (const [name] of w.oracle.leaving) note(`${was.get(name)} left`);
    }
  }
  const wanted: readonly (Effect["kind"] | Status | Replanned)[] = [
    ...(["mount", "start", "stop", "kill", "release", "recovering", "finished", "gaveUp", "revisionFailed"] as const),
    ...(["stable", "goals", "allStopped"] as const),
    ...(["INSTALLED", "BLOCKED", "MOUNTED", "STARTING", "STARTED", "READY"] as const),
    ...(["RECOVERING", "STOPPING", "STOPPED"] as const),
    ...(["STARTED replanned STARTED", "STARTED replanned STOPPING", "STARTING replanned STOPPING"] as const),
    ...(["STOPPED replanned INSTALLED", "STOPPING replanned STOPPING", "new replanned STOPPING"] as const),
    ...(["new replanned INSTALLED", "new replanned BLOCKED", "STARTED left", "STOPPING left"] as const),
  ];
  expect(wanted.filter((what) => (seen.get(what) ?? 0) < 20)).toEqual([]);
});

test("no event throws in any state, however impossible; what is shown stays sound", () => {
  const names = ["c00", "c01", "c10"] as const;
  const happening: fc.Arbitrary<Happening> = fc
    .tuple(fc.constantFrom(...names), fc.nat(14), action, ends)
    .map(([name, kind, wish, end]) => {
      const every: readonly Happening[] = [
        begin,
        tick,
        tick,
        shutdown,
        mounted(name),
        mountFailed(name),
        started(name),
        startFailed(name),
        { ...exited(name, 0), end } as Happening,
        released(name),
        released(name),
        ready(name),
        request(name, wish),
      ];
      return every[kind % every.length] ?? begin;
    });
  const replanning = fc.record({ to: fc.nat(2), affected: fc.subarray([...names]) });
  const timed = fc.array(fc.tuple(fc.oneof({ weight: 9, arbitrary: happening }, replanning), fc.nat(20_000)), {
    maxLength: 80,
    size: "max",
  });
  fc.assert(
    fc.property(fc.tuple(member, member, member), timed, ([a, b, c], history) => {
      const plans = [
        { g0: { c00: a, c01: b }, g1: { c10: c } },
        { g0: { c01: c }, g1: { c10: c, c00: a } },
        { g0: {}, g1: {} },
      ];
      let now = supervision(planOf(plans[0] ?? {}));
      let atMs = 0;
      for (const [what, afterMs] of history) {
        atMs += afterMs;
        const happens = "to" in what ? replan(planOf(plans[what.to] ?? {}), ...what.affected) : what;
        if ("name" in happens && !now.containers.has(happens.name) && !now.leaving.has(happens.name)) continue;
        [now] = step(now, { ...happens, atMs });
        for (const [name] of now.containers) expect(containerView(now, name).name).toBe(name);
        expect(Number.isFinite(nextDeadline(now) ?? 0)).toBe(true);
        expect([groupStatus(now, "g0"), groupStatus(now, "g1")]).toContain(stateStatus(now));
      }
    }),
    runs,
  );
});
