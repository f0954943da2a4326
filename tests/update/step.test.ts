/** The table of runtime/update/model.ts, cell by cell: what is not named here changes nothing and does nothing. */
import { describe, expect, test } from "bun:test";
import { deadline, failure, step } from "../../runtime/update/index.ts";
import { type Phase, type Update, type UpdateEvent, workMs } from "../../runtime/update/model.ts";
import { revision } from "../store/world.ts";

const [old, next, other] = [revision("1"), revision("2"), revision("3")];
const limits = { commitDelayMs: 25_000, goalsMs: 600_000, contactMs: 120_000, retriesMax: 10 };
const candidate = { rev: next, origin: "local", wish: "run", retries: 0 } as const;
const why = failure("installFailed", "the disk is full of holes");
const DUE = 1_000;
const NOW = 500;

const trial = { candidate, how: "reboot" } as const;
const phases: { readonly [P in Phase["at"]]: Extract<Phase, { at: P }> } = {
  idle: { at: "idle", wellAtMs: DUE },
  checking: { at: "checking", candidate, untilMs: DUE },
  fetching: { at: "fetching", candidate, untilMs: DUE },
  installing: { at: "installing", candidate, untilMs: DUE },
  arming: { at: "arming", candidate, how: "swap", untilMs: DUE },
  leaving: { at: "leaving", why: "so it is", trial: true, untilMs: DUE },
  swapping: { at: "swapping", candidate, untilMs: DUE },
  trying: { at: "trying", ...trial, untilMs: DUE },
  testing: { at: "testing", ...trial, commitAtMs: DUE },
  stabilizing: { at: "stabilizing", ...trial, stable: false, untilMs: DUE },
  committing: { at: "committing", ...trial, untilMs: DUE },
  failing: { at: "failing", candidate, failure: why, how: "reboot", untilMs: DUE },
  returning: { at: "returning", candidate, returned: true, untilMs: DUE },
};

type WithoutTime<E> = E extends unknown ? Omit<E, "atMs"> : never;
type News = WithoutTime<UpdateEvent>;

const good = { ok: true } as const;
const bad = { ok: false, failure: why } as const;
const goals = (result: "pending" | "reached" | "missed"): News => ({ kind: "goals", result, missing: ["web"] });
const answers = ["checked", "fetched", "armed", "swapped", "committed", "returned"] as const;
const events: Readonly<Record<string, News>> = {
  offer: { kind: "offer", candidate },
  ...Object.fromEntries(answers.map((kind) => [kind, { kind, rev: next, outcome: good } as const])),
  ...Object.fromEntries(answers.map((kind) => [`${kind} badly`, { kind, rev: next, outcome: bad } as const])),
  "installed for a reboot": { kind: "installed", rev: next, how: "reboot", outcome: good },
  "installed for a swap": { kind: "installed", rev: next, how: "swap", outcome: good },
  "installed badly": { kind: "installed", rev: next, how: "swap", outcome: bad },
  recorded: { kind: "recorded", rev: next },
  "goals pending": goals("pending"),
  "goals reached": goals("reached"),
  "goals missed": goals("missed"),
  "a container failed": { kind: "containerFailed", failure: why, fatal: false },
  "a container failed for good": { kind: "containerFailed", failure: why, fatal: true },
  stable: { kind: "stable", stable: true, withinMs: 0 },
  "not stable": { kind: "stable", stable: false, withinMs: 300_000 },
  "hub there": { kind: "contact" },
  damaged: { kind: "damaged", failure: why },
};

const update = (phase: Phase, more: Partial<Update> = {}): Update => ({
  running: old,
  before: null,
  safe: false,
  limits,
  phase,
  ...more,
});

const happens = (from: Update, event: News, atMs = NOW) => step(from, { ...event, atMs } as UpdateEvent);

/** The phase and the effects, as words; records with their status. */
function told([after, effects]: ReturnType<typeof step>): string {
  const done = effects.map((effect) => {
    if (effect.kind === "record") return effect.status;
    return effect.kind === "reboot" && effect.trial ? "reboot into the trial" : effect.kind;
  });
  return [after.phase.at, ...done].join(", ");
}

const cells: { readonly [P in Phase["at"]]: Readonly<Record<string, string>> } = {
  idle: {
    offer: "checking, QUEUED, check",
    "goals reached": "idle",
    "goals missed": "idle",
    "a container failed for good": "leaving, reboot",
    damaged: "leaving, reboot",
  },
  checking: {
    checked: "installing, install",
    "checked badly": "failing, WONTGO",
    "a container failed for good": "leaving, reboot",
  },
  fetching: {
    fetched: "installing, install",
    "fetched badly": "failing, ERROR",
    "a container failed for good": "leaving, reboot",
  },
  installing: {
    "installed for a reboot": "arming, INPROGRESS, arm",
    "installed for a swap": "arming, INPROGRESS, arm",
    "installed badly": "failing, ERROR",
    "a container failed for good": "leaving, reboot",
  },
  arming: {
    armed: "swapping, swap",
    "armed badly": "failing, ERROR",
    "a container failed for good": "leaving, reboot",
  },
  leaving: {},
  swapping: {
    swapped: "trying, askGoals",
    "swapped badly": "failing, ERROR",
    "a container failed for good": "leaving, reboot",
  },
  trying: {
    "goals reached": "testing, TESTING",
    "goals missed": "failing, ERROR",
    "a container failed": "failing, ERROR",
    "a container failed for good": "failing, ERROR",
    damaged: "failing, ERROR",
  },
  testing: {
    "goals missed": "failing, ERROR",
    "a container failed": "failing, ERROR",
    "a container failed for good": "failing, ERROR",
    damaged: "failing, ERROR",
  },
  stabilizing: {
    stable: "committing, commit",
    "not stable": "stabilizing",
    "goals missed": "failing, ERROR",
    "a container failed": "failing, ERROR",
    "a container failed for good": "failing, ERROR",
    damaged: "failing, ERROR",
  },
  committing: {
    committed: "idle",
    "committed badly": "failing, ERROR",
    "a container failed": "failing, ERROR",
    "a container failed for good": "failing, ERROR",
    damaged: "failing, ERROR",
  },
  failing: { recorded: "leaving, reboot" },
  returning: {
    returned: "returning, askGoals",
    "returned badly": "leaving, reboot",
    "goals reached": "idle",
    "goals missed": "leaving, reboot",
    "a container failed for good": "leaving, reboot",
  },
};

describe.each(Object.values(phases))("$at", (phase) => {
  test.each(Object.entries(events))("%s", (name, event) => {
    const before = update(phase);
    const stepped = happens(before, event);
    const cell = cells[phase.at][name];
    if (cell === undefined) expect(stepped).toEqual([before, []]);
    else expect(told(stepped)).toBe(cell);
  });
});

test("an answer for another revision changes nothing", () => {
  for (const phase of Object.values(phases)) {
    for (const event of Object.values(events)) {
      if (!("rev" in event)) continue;
      const before = update(phase);
      expect(happens(before, { ...event, rev: other })).toEqual([before, []]);
    }
  }
});

describe("when its time is over", () => {
  const exits: { readonly [P in Phase["at"]]: string } = {
    idle: "idle, well",
    checking: "failing, abandon, WONTGO",
    fetching: "failing, abandon, ERROR",
    installing: "failing, abandon, ERROR",
    arming: "failing, abandon, ERROR",
    leaving: "leaving, abandon, reboot into the trial",
    swapping: "failing, abandon, ERROR",
    trying: "failing, ERROR",
    testing: "stabilizing, askStable",
    stabilizing: "failing, ERROR",
    committing: "failing, abandon, ERROR",
    failing: "leaving, abandon, reboot",
    returning: "leaving, abandon, reboot",
  };

  test.each(Object.values(phases))("$at", (phase) => {
    const before = update(phase);
    expect(deadline(phase)).toBe(DUE);
    expect(happens(before, { kind: "tick" }, DUE - 1)).toEqual([before, []]);
    expect(told(happens(before, { kind: "tick" }, DUE))).toBe(exits[phase.at]);
  });

  test("a reboot that hangs is forced, and again after a while", () => {
    const [after, effects] = happens(update(phases.leaving), { kind: "tick" }, DUE);
    expect(effects.at(-1)).toMatchObject({ kind: "reboot", force: true });
    expect(deadline(after.phase)).toBe(DUE + workMs.leaving);
  });

  test("a swap or a commit that hangs is taken back by a reboot: nobody knows how far it came", () => {
    for (const phase of [phases.swapping, { ...phases.committing, how: "swap" } as const]) {
      expect(happens(update(phase), { kind: "tick" }, DUE)[0].phase).toMatchObject({ at: "failing", how: "reboot" });
    }
  });
});

describe("what depends on more than phase and event", () => {
  test("a trial that began by boot is taken back by one, a swap by a swap, what never ran by nothing", () => {
    const recorded = (how: "reboot" | "swap" | null) =>
      told(happens(update({ ...phases.failing, how }), { kind: "recorded", rev: next }));
    expect(recorded("reboot")).toBe("leaving, reboot");
    expect(recorded("swap")).toBe("returning, disarm, swapBack");
    expect(recorded(null)).toBe("idle, disarm");
  });

  test("whoever asks for a boot gets one", () => {
    const asked = { ...candidate, wish: "reboot" } as const;
    const [arming] = happens(update({ ...phases.installing, candidate: asked }), {
      kind: "installed",
      rev: next,
      how: "swap",
      outcome: good,
    });
    expect(arming.phase).toMatchObject({ at: "arming", how: "reboot" });
    expect(told(happens(arming, { kind: "armed", rev: next, outcome: good }))).toBe("leaving, reboot into the trial");
  });

  test("a hub's revision is fetched, and refused after too many attempts", () => {
    const hubs = { ...candidate, origin: "hub" } as const;
    const checked: News = { kind: "checked", rev: next, outcome: good };
    expect(told(happens(update({ ...phases.checking, candidate: hubs }), checked))).toBe(
      "fetching, DOWNLOADING, fetch",
    );
    const offered = (retries: number) =>
      told(happens(update(phases.idle), { kind: "offer", candidate: { ...hubs, retries } }));
    expect(offered(9)).toBe("checking, QUEUED, check");
    expect(offered(10)).toBe("failing, WONTGO");
  });

  test("a hub's trial ends with a word of the hub's, which counts when everything else is good, and loses without", () => {
    const hubs = { ...candidate, origin: "hub" } as const;
    for (const phase of [phases.trying, phases.testing, phases.stabilizing]) {
      const early = update({ ...phase, candidate: hubs });
      expect(happens(early, { kind: "contact" })).toEqual([early, []]);
    }
    const [stable, nothing] = happens(update({ ...phases.stabilizing, candidate: hubs }), events["stable"] as News);
    expect(nothing).toEqual([]);
    expect(stable.phase).toMatchObject({ stable: true, untilMs: NOW + limits.contactMs });
    expect(happens(stable, events["not stable"] as News)).toEqual([stable, []]); // it has its time, and no more
    expect(told(happens(stable, { kind: "contact" }))).toBe("committing, commit");
    const [late] = happens(stable, { kind: "tick" }, NOW + limits.contactMs);
    expect(late.phase).toMatchObject({ at: "failing", failure: { reason: "hubUnreachable" } });
  });

  test("after a swap the new revision runs, and after its return the old one", () => {
    const [swapped] = happens(update(phases.swapping, { safe: true }), { kind: "swapped", rev: next, outcome: good });
    expect(swapped).toMatchObject({ running: next, before: old, safe: false });
    const back = update({ ...phases.returning, returned: false }, { running: next, before: old });
    expect(happens(back, { kind: "returned", rev: next, outcome: good })[0].running).toBe(old);
    expect(happens(back, goals("reached"))).toEqual([back, []]); // these are still the failed one's
  });

  test("in safe mode nothing reboots the device by itself, and nobody counts as well", () => {
    const safe = update(phases.idle, { safe: true });
    expect(happens(safe, { kind: "containerFailed", failure: why, fatal: true })).toEqual([safe, []]);
    expect(happens(safe, { kind: "damaged", failure: why })).toEqual([safe, []]);
    expect(deadline(happens(safe, goals("reached"))[0].phase)).toBeNull();
  });

  test("a revision is well some time after its goals, and that is told once", () => {
    const [reached] = happens(update({ at: "idle", wellAtMs: null }), goals("reached"));
    expect(deadline(reached.phase)).toBe(NOW + limits.commitDelayMs);
    const [well] = happens(reached, { kind: "tick" }, NOW + limits.commitDelayMs);
    expect(deadline(well.phase)).toBeNull();
  });
});
