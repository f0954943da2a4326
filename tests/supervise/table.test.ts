/**
 * The table of runtime/supervise/model.ts, cell by cell. A cell names the phase that comes of it, what comes after a
 * release, and what is done; `·` is nothing at all.
 */
import { expect, test } from "bun:test";
import type { Member, Phase, Supervised } from "../../runtime/supervise/model.ts";
import type { ContainerEvent } from "../../runtime/supervise/moves.ts";
import { transition } from "../../runtime/supervise/transitions.ts";
import {
  begin,
  exited,
  mounted,
  mountFailed,
  named,
  ready,
  recovers,
  released,
  request,
  shutdown,
  started,
  startFailed,
  tick,
} from "./scene.ts";

const stay = { kind: "stay" } as const;
const run = { pid: 100, startedAtMs: 0, stable: false, stableAtMs: 1_000 } as const;

const phases: { readonly [P in Phase["at"]]: Extract<Phase, { at: P }> } = {
  none: { at: "none" },
  waiting: { at: "waiting", blocked: true },
  mounting: { at: "mounting" },
  mounted: { at: "mounted" },
  starting: { at: "starting", saidReady: false },
  started: { at: "started", run },
  ready: { at: "ready", run },
  cancellingMount: { at: "cancellingMount", after: stay },
  cancellingStart: { at: "cancellingStart", after: stay, killAtMs: 1_000 },
  halting: { at: "halting", pid: 100, after: stay, killAtMs: 1_000 },
  releasing: { at: "releasing", after: { kind: "recover", delayMs: 500 } },
  recovering: { at: "recovering", untilMs: 1_000 },
  stopped: { at: "stopped" },
};

const member: Member = {
  name: named("web"),
  group: "app",
  goal: "READY",
  goalTimeoutMs: 30_000,
  recovery: recovers({ stableTimeoutMs: 1_000 }),
  controllable: true,
};
const successor: Member = { ...member, goal: "STARTED", recovery: null };

const columns = [
  mounted("web"),
  mountFailed("web"),
  started("web"),
  startFailed("web"),
  exited("web", 1),
  released("web"),
  ready("web"),
  request("web", "start"),
  request("web", "stop"),
  request("web", "restart"),
  begin,
  tick,
  shutdown,
  { kind: "replaced", member: successor } as const,
  { kind: "removed" } as const,
];

const end = "releasing:recover +recovering +release";
const rest = "releasing:stay +release";
const cancel = "cancellingStart:";

// biome-ignore format: in the order of the columns above
const table: { readonly [P in Phase["at"]]: readonly string[] } = {
  //                mounted    mountFailed  started  startFailed  exited  released      ready       start  stop  restart  begin  tick  shutdown  replaced  removed
  none:            ["·",       "·",   "·",                  "·",  "·",    "·",          "·",        "·", "stopped", "·", "waiting", "·", "stopped", "renewed", "stopped"],
  waiting:         ["·",       "·",   "·",                  "·",  "·",    "·",          "·",        "·", "stopped", "·", "·", "·", "stopped", "renewed", "stopped"],
  mounting:        ["mounted", end,   "·",                  "·",  "·",    "·",          "·",        "·", "cancellingMount:stay", "·", "·", "·", "cancellingMount:stay", "cancellingMount:start", "cancellingMount:stay"],
  mounted:         ["·",       "·",   "·",                  "·",  "·",    "·",          "·",        "·", rest, "·", "·", "·", "·", "releasing:start +release", rest],
  starting:        ["·",       "·",   "started",            end,  end,    "·",          "starting", "·", `${cancel}stay`, `${cancel}start`, "·", "·", `${cancel}stay`, `${cancel}start`, `${cancel}stay`],
  started:         ["·",       "·",   "·",                  "·",  end,    "·",          "ready",    "·", "halting:stay +stop", "halting:start +stop", "·", "started +stable", "halting:stay +stop", "halting:start +stop", "halting:stay +stop"],
  ready:           ["·",       "·",   "·",                  "·",  end,    "·",          "·",        "·", "halting:stay +stop", "halting:start +stop", "·", "ready +stable", "halting:stay +stop", "halting:start +stop", "halting:stay +stop"],
  cancellingMount: [rest,      rest,  "·",                  "·",  "·",    "·",          "·",        "cancellingMount:start", "cancellingMount:stay", "cancellingMount:start", "·", "·", "·", "cancellingMount:start", "·"],
  cancellingStart: ["·",       "·",   "halting:stay +stop", rest, rest,   "·",          "·",        `${cancel}start`, `${cancel}stay`, `${cancel}start`, "·", "cancellingStart:stay +kill", "·", `${cancel}start`, "·"],
  halting:         ["·",       "·",   "·",                  "·",  rest,   "·",          "·",        "halting:start", "halting:stay", "halting:start", "·", "halting:stay +kill", "·", "halting:start", "·"],
  releasing:       ["·",       "·",   "·",                  "·",  "·",    "recovering", "·",        "releasing:start", "releasing:stay", "releasing:start", "·", "·", "releasing:stay", "releasing:start", "releasing:stay"],
  recovering:      ["·",       "·",   "·",                  "·",  "·",    "·",          "·",        "waiting", "stopped", "waiting", "·", "waiting", "stopped", "waiting", "stopped"],
  stopped:         ["·",       "·",   "·",                  "·",  "·",    "·",          "·",        "waiting", "stopped", "waiting", "·", "·", "·", "waiting", "·"],
};

const inPhase = (phase: Phase): Supervised => ({
  member,
  phase,
  goalTimer: { at: "unarmed" },
  retries: 0,
  userStopped: false,
  finished: false,
  lastEnd: null,
});

function cell(before: Supervised, event: ContainerEvent): string {
  const [after, effects] = transition(before, event, 5_000);
  if (Bun.deepEquals(before, after) && effects.length === 0) return "·";
  const inPlace = Bun.deepEquals(before.phase, after.phase) && before.member !== after.member;
  if (inPlace && effects.length === 0) return "renewed";
  const next = "after" in after.phase ? `${after.phase.at}:${after.phase.after.kind}` : after.phase.at;
  return [next, ...effects.map(({ kind }) => `+${kind}`)].join(" ");
}

for (const phase of Object.values(phases)) {
  test(`${phase.at}: every event does what the table says`, () => {
    expect(columns.map((happening) => cell(inPhase(phase), { ...happening, atMs: 1_000 }))).toEqual([
      ...table[phase.at],
    ]);
  });

  test(`${phase.at}: whoever is replaced has the new definition and no past`, () => {
    const end = { kind: "exit", code: 1 } as const;
    const before: Supervised = { ...inPhase(phase), retries: 2, userStopped: true, finished: true, lastEnd: end };
    const timed: Supervised = { ...before, goalTimer: { at: "over" } };
    const [after] = transition(timed, { kind: "replaced", member: successor, atMs: 1_000 }, 5_000);
    expect(after).toEqual({ ...inPhase(after.phase), member: successor });
  });
}
