import type { Backoff, ContainerView, Device, GroupView } from "./device.ts";

/** `GET /containers`: the original's members in the original's order (reference 8.2), then `pid` and `memory`, which are Cairn's own. */
export const containersBody = (device: Device): string =>
  JSON.stringify(device.containers().map((c) => containerMembers(c, device.memoryBytes(c.name))));

export const groupsBody = (device: Device): string => JSON.stringify(device.groups().map(groupMembers));

export const configBody = (device: Device): string =>
  JSON.stringify(device.config().map(({ key, value, modified }) => ({ key, value, modified })));

/** `GET /config`: keys by their older names; a key that never had one is not in it. */
export const legacyConfigBody = (device: Device): string =>
  JSON.stringify(
    Object.fromEntries(
      device.config().flatMap(({ legacy }) => (legacy === null ? [] : [[legacy.alias, legacy.value]])),
    ),
  );

function containerMembers(c: ContainerView, memoryBytes: number | null): object {
  const recovery = c.autoRecovery;
  return {
    name: c.name,
    group: c.group,
    status: c.status,
    status_goal: c.statusGoal,
    restart_policy: c.restartPolicy,
    roles: c.roles,
    ...(recovery === null || recovery.policy === "no"
      ? {}
      : {
          auto_recovery: {
            policy: recovery.policy,
            max_retries: recovery.maxRetries,
            current_retries: recovery.currentRetries,
            stable_timeout: recovery.stableTimeoutMs / 1000,
            is_stable: String(recovery.isStable),
            backoff_policy: backoffText(recovery.backoffPolicy),
          },
        }),
    ...(c.restartPolicy === "container" ? { user_stopped: String(c.userStopped) } : {}),
    pid: c.pid,
    memory: memoryBytes,
  };
}

function groupMembers(g: GroupView): object {
  const recovery = g.autoRecovery;
  return {
    name: g.name,
    status_goal: g.statusGoal,
    restart_policy: g.restartPolicy,
    status: g.status,
    ...(recovery === null || recovery.policy === "no"
      ? {}
      : {
          auto_recovery: {
            max_retries: recovery.maxRetries,
            stable_timeout: recovery.stableTimeoutMs / 1000,
            backoff_policy: backoffText(recovery.backoffPolicy),
          },
        }),
  };
}

/** The largest unit that divides the duration: `30s`, `10min`, `1h`. */
function backoffText(backoff: Backoff): string {
  if (backoff.kind !== "wait") return backoff.kind;
  const seconds = backoff.ms / 1000;
  if (seconds >= 3600 && seconds % 3600 === 0) return `${seconds / 3600}h`;
  if (seconds >= 60 && seconds % 60 === 0) return `${seconds / 60}min`;
  return `${seconds}s`;
}
