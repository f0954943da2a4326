import * as v from "valibot";
import { type Findings, place, shown } from "./fault.ts";
import { limits } from "./limits.ts";
import type { Group, Json } from "./model.ts";
import { milliseconds, parseAutoRecovery } from "./recovery.ts";
import { json, list, nonEmpty, object, seconds, shaped } from "./shape.ts";

export const statusGoal = v.picklist(["MOUNTED", "STARTED", "READY"]);
export const restartPolicy = v.picklist(["system", "container"]);

const GroupShape = object({
  name: nonEmpty,
  status_goal: v.exactOptional(statusGoal, "STARTED"),
  restart_policy: v.exactOptional(restartPolicy, "container"),
  timeout: v.exactOptional(seconds),
  auto_recovery: v.exactOptional(json),
});

/** The groups of a device that says nothing about them (reference 3.1): the original's shipped skeleton. */
export const defaultGroups: readonly Group[] = [
  { name: "data", statusGoal: "MOUNTED", restartPolicy: "system", timeoutMs: 30_000, autoRecovery: null },
  { name: "root", statusGoal: "STARTED", restartPolicy: "system", timeoutMs: 30_000, autoRecovery: null },
  { name: "platform", statusGoal: "STARTED", restartPolicy: "system", timeoutMs: 30_000, autoRecovery: null },
  {
    name: "app",
    statusGoal: "STARTED",
    restartPolicy: "container",
    timeoutMs: 30_000,
    autoRecovery: {
      policy: "on-failure",
      maxRetries: 5,
      retryDelayMs: 5_000,
      backoffFactor: 2,
      resetWindowMs: 0,
      stableTimeoutMs: 30_000,
      backoffPolicy: { kind: "reboot" },
    },
  },
];

/** Reference 1.6. `steps` leads to the array inside the key's value. */
export function parseGroups(
  value: Json,
  findings: Findings,
  key: string,
  ...steps: readonly string[]
): readonly Group[] {
  const items = shaped(list(json, { min: 1, max: limits.groupsMax }), value, findings, key, ...steps);
  if (items === null) return [];
  const groups: Group[] = [];
  for (const [at, item] of items.entries()) {
    const group = parseGroup(item, findings, key, ...steps, at);
    if (group === null) continue;
    if (groups.some(({ name }) => name === group.name)) {
      findings.refuse(
        "clash",
        place(key, ...steps, at, "name"),
        `a second group ${shown(group.name)}`,
        "a name of its own",
      );
    }
    groups.push(group);
  }
  return groups;
}

function parseGroup(
  value: Json,
  findings: Findings,
  key: string,
  ...steps: readonly (string | number)[]
): Group | null {
  const shape = shaped(GroupShape, value, findings, key, ...steps);
  if (shape === null) return null;
  const { auto_recovery: recovery, timeout } = shape;
  return {
    name: shape.name,
    statusGoal: shape.status_goal,
    restartPolicy: shape.restart_policy,
    timeoutMs: timeout === undefined ? null : milliseconds(timeout, place(key, ...steps, "timeout"), findings),
    autoRecovery:
      recovery === undefined
        ? null
        : (parseAutoRecovery(recovery, findings, key, ...steps, "auto_recovery")?.block ?? null),
  };
}
