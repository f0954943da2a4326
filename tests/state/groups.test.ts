import { describe, expect, test } from "bun:test";
import { defaultGroups, type Group, limits } from "../../runtime/state/index.ts";
import { container, everything, type Members, parsed, parsedContainer, warnings } from "./samples.ts";

const groupsOf = (members: Members): readonly string[] =>
  parsed(members).containers.map(({ name, group }) => `${name} ${group}`);

const twoGroups: Members = {
  "device.json": {
    groups: [
      { name: "root", restart_policy: "system", status_goal: "READY" },
      { name: "last", auto_recovery: { policy: "always", max_retries: 2, stable_timeout: 7 } },
    ],
  },
};

describe("groups", () => {
  test("of a state that brings none are the default ones", () => {
    expect(parsed({}).device).toMatchObject({ groups: defaultGroups, runlevels: true });
  });

  test("may be given by the caller for a state that brings none", () => {
    const own: readonly Group[] = [
      { name: "only", statusGoal: "READY", restartPolicy: "system", timeoutMs: 1, autoRecovery: null },
    ];
    const result = parsed(container("web"), { defaultGroups: own });
    expect(result.containers[0]).toMatchObject({ group: "only", statusGoal: "READY", restartPolicy: "system" });
    expect(parsed({ ...container("web"), ...twoGroups }, { defaultGroups: own }).containers[0]?.group).toBe("last");
  });

  test("of a device.json without groups are the default ones, and its other parts count", () => {
    const { device } = parsed({ "device.json": { volumes: { "pv--devmeta": { persistence: "permanent" } } } });
    expect(device).toMatchObject({ groups: defaultGroups, runlevels: true, volumes: [{ name: "pv--devmeta" }] });
  });

  test("may stand in groups.json, as an array or under groups", () => {
    const items = [{ name: "one" }, { name: "two" }];
    for (const value of [items, { groups: items }]) {
      const { device } = parsed({ "groups.json": value });
      expect(device.runlevels).toBe(false);
      expect(device.groups.map(({ name }) => name)).toEqual(["one", "two"]);
    }
  });

  test("and disks in files of their own are ignored beside a device.json", () => {
    const members = { ...twoGroups, "groups.json": [], "disks.json": [], "disks_v3.json": [] };
    expect(parsed(members).device.groups.map(({ name }) => name)).toEqual(["root", "last"]);
    expect(warnings(members)).toEqual(
      ["groups.json", "disks.json", "disks_v3.json"].map((key) => `${key}: ignored: device.json is there`),
    );
  });

  test("keep auto_recovery wherever they stand, and their timeout in milliseconds", () => {
    const { groups } = parsed(everything).device;
    expect(groups.map(({ timeoutMs }) => timeoutMs)).toEqual([30_000, 60_000]);
    expect(groups[1]?.autoRecovery).toEqual({
      policy: "on-failure",
      maxRetries: 5,
      retryDelayMs: 5_000,
      backoffFactor: 2,
      resetWindowMs: 300_000,
      stableTimeoutMs: 30_000,
      backoffPolicy: { kind: "wait", ms: 600_000, text: "10min" },
    });
  });
});

describe("a container without group", () => {
  test("goes to root when it is the first and nobody else is there, the others to platform", () => {
    expect(groupsOf({ ...container("a", { group: "app" }), ...container("b"), ...container("c") })).toEqual([
      "a app",
      "b root",
      "c platform",
    ]);
  });

  test("goes to platform when another one names root, even a later one", () => {
    expect(groupsOf({ ...container("a"), ...container("b", { group: "root" }) })).toEqual(["a platform", "b root"]);
  });

  test("goes to the group of its runlevel", () => {
    const members = {
      ...container("a", { runlevel: "app" }),
      ...container("b", { runlevel: "root" }),
      ...container("c"),
    };
    expect(groupsOf(members)).toEqual(["a app", "b root", "c platform"]);
    expect(warnings(members)).toEqual([]);
  });

  test("and with an unknown runlevel is treated as without one, with a warning", () => {
    const members = container("a", { runlevel: "boot" });
    expect(groupsOf(members)).toEqual(["a root"]);
    expect(warnings(members)).toEqual([
      'a/run.json, runlevel: "boot" is ignored: wanted one of data, root, platform, app',
    ]);
  });

  test("goes to the last of the device's own groups, with a warning", () => {
    const members = { ...container("a"), ...container("b", { runlevel: "root" }), ...twoGroups };
    expect(groupsOf(members)).toEqual(["a last", "b root"]);
    expect(warnings(members)).toEqual(['a/run.json: it names no group: it goes to the last one, "last"']);
  });
});

describe("a container takes from its group what it does not say itself:", () => {
  test("goal and restart policy", () => {
    expect(parsedContainer({ group: "root" }, twoGroups)).toMatchObject({
      statusGoal: "READY",
      restartPolicy: "system",
    });
    expect(
      parsedContainer({ group: "root", status_goal: "STARTED", restart_policy: "container" }, twoGroups),
    ).toMatchObject({ statusGoal: "STARTED", restartPolicy: "container" });
  });

  test("auto_recovery, as a whole block", () => {
    expect(parsedContainer({}, twoGroups).autoRecovery).toMatchObject({ policy: "always", maxRetries: 2 });
    expect(parsedContainer({ auto_recovery: { policy: "on-failure" } }, twoGroups).autoRecovery).toMatchObject({
      policy: "on-failure",
      maxRetries: 0,
      stableTimeoutMs: 0,
    });
  });

  test("auto_recovery also when its own block has no policy, with a warning", () => {
    const run = { group: "last", auto_recovery: { max_retries: 9 } };
    expect(parsedContainer(run, twoGroups).autoRecovery).toMatchObject({ policy: "always", maxRetries: 2 });
    expect(warnings({ ...container("web", run), ...twoGroups })).toEqual([
      'web/run.json, auto_recovery: ignored: it has no policy, so the group "last" decides',
    ]);
  });

  test("but it opts out of recovery with policy no", () => {
    expect(parsedContainer({ auto_recovery: { policy: "no" } }, twoGroups).autoRecovery?.policy).toBe("no");
  });

  test("and without any block it is not recovered", () => {
    expect(parsedContainer({ group: "root" }, twoGroups).autoRecovery).toBeNull();
  });
});

describe("auto_recovery", () => {
  const recovery = (block: Members) => parsedContainer({ auto_recovery: { policy: "always", ...block } }).autoRecovery;

  test.each([
    ["reboot", { kind: "reboot" }],
    ["never", { kind: "never" }],
    ["30", { kind: "wait", ms: 30_000, text: "30" }],
    ["45s", { kind: "wait", ms: 45_000, text: "45s" }],
    ["2min", { kind: "wait", ms: 120_000, text: "2min" }],
    ["1h", { kind: "wait", ms: 3_600_000, text: "1h" }],
    ["0s", { kind: "wait", ms: 0, text: "0s" }],
  ] as const)("reads the backoff policy %p", (text, policy) => {
    expect(recovery({ backoff_policy: text })?.backoffPolicy).toEqual(policy);
  });

  test.each(["", "5 min", "1d", "-1s", "1.5h", "s", "constructor", "1e3"])(
    "takes the backoff policy %p as reboot, with a warning",
    (text) => {
      const run = { auto_recovery: { policy: "always", backoff_policy: text } };
      expect(parsedContainer(run).autoRecovery?.backoffPolicy).toEqual({ kind: "reboot" });
      expect(warnings(container("web", run))[0]).toContain(`${JSON.stringify(text)} counts as "reboot"`);
    },
  );

  test("takes a factor below 1 as 1 and negative retries as unlimited, with warnings", () => {
    const run = { auto_recovery: { policy: "always", backoff_factor: 0.5, max_retries: -1 } };
    expect(parsedContainer(run).autoRecovery).toMatchObject({ backoffFactor: 1, maxRetries: 0 });
    expect(warnings(container("web", run))).toHaveLength(2);
  });

  test("cuts a duration that no timer can hold, with a warning", () => {
    const run = { auto_recovery: { policy: "always", reset_window: 1e9, backoff_policy: "999999999h" } };
    const longest = limits.durationSecondsMax * 1000;
    expect(longest).toBeLessThan(2 ** 31);
    expect(parsedContainer(run).autoRecovery).toMatchObject({
      resetWindowMs: longest,
      backoffPolicy: { kind: "wait", ms: longest },
    });
    expect(warnings(container("web", run))).toHaveLength(2);
  });
});
