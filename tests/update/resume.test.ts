/** Reference 4.6, row by row, and what a boot of a revision is that keeps crashing. */
import { describe, expect, test } from "bun:test";
import { type BootFacts, bootsMax, type Effect, resume } from "../../runtime/update/index.ts";
import { revision } from "../store/world.ts";

const [factory, old, next] = [revision("0"), revision("1"), revision("2")];
const limits = { commitDelayMs: 25_000, goalsMs: 600_000, contactMs: 120_000, retriesMax: 10 };
const normal: BootFacts = {
  booted: old,
  bootedStatus: "DONE",
  committed: old,
  trial: null,
  trialStatus: null,
  committedStatus: "DONE",
  retries: 0,
  origin: "local",
  boots: 0,
  previous: factory,
  interrupted: [],
};

const shown = (effect: Effect): string => {
  switch (effect.kind) {
    case "record":
      return `${effect.rev} ${effect.status}`;
    case "goBack":
      return `go back to ${effect.to}`;
    case "commit":
    case "countBoot":
      return `${effect.kind} ${effect.rev}`;
    default:
      return effect.kind;
  }
};

function boot(facts: Partial<BootFacts>) {
  const [update, effects] = resume({ ...normal, ...facts }, limits, 1_000);
  return { at: update.phase.at, safe: update.safe, does: effects.map(shown), update, effects };
}

const onTrial = { booted: next, trial: next } as const;
const wentBack = { booted: old, trial: next } as const;

describe("what a boot is", () => {
  const rows: readonly (readonly [string, Partial<BootFacts>, string, readonly string[]])[] = [
    ["nothing on trial", {}, "idle", ["countBoot 1"]],
    ["the factory's revision", { booted: factory, committed: factory, previous: null }, "idle", ["countBoot 0"]],
    ["on trial, and failed before: ERROR", { ...onTrial, trialStatus: "ERROR" }, "leaving", ["reboot"]],
    ["on trial, and refused before: WONTGO", { ...onTrial, trialStatus: "WONTGO" }, "leaving", ["reboot"]],
    ["gone back, ERROR", { ...wentBack, trialStatus: "ERROR" }, "idle", ["disarm", "countBoot 1"]],
    ["gone back, WONTGO", { ...wentBack, trialStatus: "WONTGO" }, "idle", ["disarm", "countBoot 1"]],
    ["gone back, DONE", { ...wentBack, trialStatus: "DONE" }, "idle", ["disarm", "countBoot 1"]],
    ["on trial, DONE", { ...onTrial, trialStatus: "DONE" }, "idle", ["commit 2"]],
    ...["INPROGRESS", "TESTING", "QUEUED", null].map(
      (trialStatus) =>
        [
          `gone back, ${trialStatus ?? "no record"}`,
          { ...wentBack, trialStatus },
          "idle",
          ["2 ERROR", "disarm", "countBoot 1"],
        ] as const,
    ),
    ...["INPROGRESS", "TESTING", "UPDATED", "QUEUED", null].map(
      (trialStatus) =>
        [`on trial, ${trialStatus ?? "no record"}`, { ...onTrial, trialStatus }, "trying", ["2 INPROGRESS"]] as const,
    ),
  ];

  test.each(rows)("%s", (_what, facts, at, does) => {
    expect(boot(facts)).toMatchObject({ at, does, safe: false });
  });

  test("a rollback that nobody asked for says from where to where", () => {
    const [recorded] = boot({ ...wentBack, trialStatus: "TESTING" }).effects;
    expect(recorded).toMatchObject({ message: "Unexpected rollback", failure: { reason: "unexpectedReboot" } });
  });

  test("a trial keeps its attempts, and a hub's has to reach the hub", () => {
    const { update, effects } = boot({ ...onTrial, trialStatus: "INPROGRESS", retries: 3, origin: "hub" });
    expect(update.phase).toMatchObject({ how: "reboot", candidate: { rev: next, retries: 3 } });
    expect(effects[0]).toMatchObject({ retries: 3, message: "Trying new revision" });
  });

  test("what was committed and not recorded as such is committed once more", () => {
    for (const committedStatus of ["TESTING", "INPROGRESS", "NEW", null]) {
      expect(boot({ committedStatus }).does).toEqual(["commit 1", "countBoot 1"]);
    }
    for (const committedStatus of ["DONE", "UPDATED", "ERROR"])
      expect(boot({ committedStatus }).does).toEqual(["countBoot 1"]);
  });

  test("a committed revision that was to be booted once more was", () => {
    const again = boot({ trial: old, trialStatus: "INPROGRESS", committedStatus: "INPROGRESS" });
    expect(again).toMatchObject({ at: "idle", does: ["disarm", "commit 1", "countBoot 1"] });
  });

  test("a revision that is neither committed nor on trial is no reason for anything", () => {
    expect(boot({ booted: factory })).toMatchObject({ at: "idle", does: [] });
  });

  test("a revision that failed and was started all the same, before its verdict was where the boot loader reads, is left", () => {
    for (const bootedStatus of ["ERROR", "WONTGO", "TESTING", null]) {
      const left = boot({ booted: next, bootedStatus });
      expect([bootedStatus, left.at, left.does]).toEqual([bootedStatus, "leaving", ["countBoot 2", "reboot"]]);
    }
    expect(boot({ booted: next, bootedStatus: "ERROR", committedStatus: "TESTING" }).does).toEqual([
      "commit 1",
      "countBoot 2",
      "reboot",
    ]);
  });

  test("but not for ever: where the boot loader insists, it runs", () => {
    const insisting = { booted: next, bootedStatus: "ERROR", boots: bootsMax };
    expect(boot(insisting)).toMatchObject({ at: "idle", does: [] });
  });

  test("a commit that the boot loader had not seen yet counts, though another revision runs once more", () => {
    expect(boot({ booted: factory, committedStatus: "TESTING" })).toMatchObject({ at: "idle", does: ["commit 1"] });
  });
});

describe("a committed revision that keeps crashing", () => {
  const crashing = { boots: bootsMax } as const;

  test("has so many boots", () => {
    expect(boot({ boots: bootsMax - 1 })).toMatchObject({ at: "idle", does: ["countBoot 1"] });
  });

  test("is recorded, then gone back from, then rebooted", () => {
    const back = boot(crashing);
    expect(back).toMatchObject({ at: "leaving", safe: false, does: ["1 ERROR", "go back to 0", "reboot"] });
    expect(back.effects[0]).toMatchObject({ failure: { reason: "crashLoop" } });
  });

  test("with none to go back to starts in safe mode", () => {
    for (const previous of [null, old]) {
      expect(boot({ ...crashing, previous })).toMatchObject({ at: "idle", safe: true, does: [] });
    }
  });

  test("after a failed trial gets rid of that one first", () => {
    const does = ["disarm", "1 ERROR", "go back to 0", "reboot"];
    expect(boot({ ...crashing, ...wentBack, trialStatus: "ERROR" })).toMatchObject({ at: "leaving", does });
  });

  test("is not asked when another one is on trial", () => {
    expect(boot({ ...crashing, ...onTrial, trialStatus: "INPROGRESS" }).at).toBe("trying");
  });
});

test("what a power cut caught before its trial is over, whatever this boot is", () => {
  const interrupted = [{ rev: revision("locals/a"), retries: 0 }];
  expect(boot({ interrupted }).does).toEqual(["locals/a ERROR", "countBoot 1"]);
  expect(boot({ ...onTrial, trialStatus: "ERROR", interrupted }).does).toEqual(["locals/a ERROR", "reboot"]);
  expect(boot({ ...onTrial, trialStatus: "INPROGRESS", interrupted }).at).toBe("trying");
  expect(boot({ interrupted }).effects[0]).toMatchObject({ failure: { reason: "aborted" }, message: "Update aborted" });
});
