import { expect, test } from "bun:test";
import { parseState, type State } from "../../runtime/state/index.ts";
import { type Plan, plan } from "../../runtime/supervise/index.ts";
import { named } from "./scene.ts";

const config = { goalsTimeoutMs: 120_000, stopGraceMs: 5_000 };
const onFailure = { policy: "on-failure", max_retries: 5, retry_delay: 5, backoff_factor: 2, stable_timeout: 30 };

function parsed(members: { readonly [key: string]: unknown }): State {
  const state = parseState(JSON.stringify({ "#spec": "pantavisor-service-system@1", ...members }));
  if (!state.ok) throw new Error(JSON.stringify(state.error));
  return state.value;
}

const planned = (members: { readonly [key: string]: unknown }): Plan => plan(parsed(members), config);

const run = (name: string, keys: object) => ({
  [`${name}/run.json`]: { "#spec": "service-manifest-run@1", name, ...keys },
});

const device = {
  "web/lxc.container.conf": "0".repeat(64),
  "api/lxc.container.conf": "0".repeat(64),
  "device.json": {
    groups: [
      { name: "data", status_goal: "MOUNTED", restart_policy: "system", timeout: 30 },
      { name: "empty" },
      { name: "app", status_goal: "STARTED", auto_recovery: onFailure },
    ],
  },
};

test("groups keep their order, members the order of the state, timeouts become each member's", () => {
  const made = planned({
    ...device,
    ...run("web", { type: "lxc", config: "lxc.container.conf", group: "app", status_goal: "READY" }),
    ...run("files", { group: "data" }),
    ...run("api", { type: "lxc", config: "lxc.container.conf", group: "app" }),
  });
  expect(made.stopGraceMs).toBe(5_000);
  expect(made.groups.map(({ name, members }) => [name, members.map((member) => member.name)])).toEqual([
    ["data", [named("files")]],
    ["empty", []],
    ["app", [named("web"), named("api")]],
  ]);
  expect(made.groups[0]?.members[0]).toEqual({
    name: named("files"),
    group: "data",
    goal: "MOUNTED",
    goalTimeoutMs: 30_000,
    recovery: null,
    controllable: false,
  });
  expect(made.groups[2]?.members[0]).toMatchObject({
    goal: "READY",
    goalTimeoutMs: 120_000,
    controllable: true,
    recovery: { policy: "on-failure", maxRetries: 5, retryDelayMs: 5_000, backoffFactor: 2, stableTimeoutMs: 30_000 },
  });
});

test("a plan up to a group has that group and those before it", () => {
  const state = parsed({ ...device, ...run("files", { group: "data" }) });
  const upTo = (group: string) => plan(state, config, { upTo: group }).groups.map(({ name }) => name);
  expect(upTo("data")).toEqual(["data"]);
  expect(upTo("empty")).toEqual(["data", "empty"]);
  expect(upTo("app")).toEqual(plan(state, config).groups.map(({ name }) => name));
  expect(() => upTo("apps")).toThrow('"apps" is a group of the state');
});

test("a container may opt out of its group's recovery", () => {
  const optOut = { type: "lxc", config: "lxc.container.conf", group: "app", auto_recovery: { policy: "no" } };
  const [, , app] = planned({ ...device, ...run("web", optOut) }).groups;
  expect(app?.members[0]?.recovery).toBeNull();
});
