import * as v from "valibot";
import { type Findings, place, shown } from "./fault.ts";
import { limits } from "./limits.ts";
import type { AutoRecovery, BackoffPolicy, Json } from "./model.ts";
import { integer, object, seconds, shaped } from "./shape.ts";

const Shape = object({
  policy: v.exactOptional(v.picklist(["no", "always", "on-failure", "unless-stopped"])),
  max_retries: v.exactOptional(integer, 0),
  retry_delay: v.exactOptional(seconds, 0),
  backoff_factor: v.exactOptional(v.number(), 1),
  reset_window: v.exactOptional(seconds, 0),
  stable_timeout: v.exactOptional(seconds, 0),
  backoff_policy: v.exactOptional(v.string(), "reboot"),
});

/** Reference 2.8. `saysPolicy` is false when the block leaves out `policy`: a container then takes its group's block. */
export function parseAutoRecovery(
  value: Json,
  findings: Findings,
  key: string,
  ...steps: readonly (string | number)[]
): { readonly block: AutoRecovery; readonly saysPolicy: boolean } | null {
  const shape = shaped(Shape, value, findings, key, ...steps);
  if (shape === null) return null;
  const at = (name: string) => place(key, ...steps, name);
  if (shape.max_retries < 0) findings.warn(at("max_retries"), `${shape.max_retries} counts as 0, which is unlimited`);
  if (shape.backoff_factor < 1) findings.warn(at("backoff_factor"), `${shape.backoff_factor} counts as 1`);
  const block: AutoRecovery = {
    policy: shape.policy ?? "no",
    maxRetries: Math.max(0, shape.max_retries),
    retryDelayMs: milliseconds(shape.retry_delay, at("retry_delay"), findings),
    backoffFactor: Math.max(1, shape.backoff_factor),
    resetWindowMs: milliseconds(shape.reset_window, at("reset_window"), findings),
    stableTimeoutMs: milliseconds(shape.stable_timeout, at("stable_timeout"), findings),
    backoffPolicy: parseBackoffPolicy(shape.backoff_policy, at("backoff_policy"), findings),
  };
  return { block, saysPolicy: shape.policy !== undefined };
}

/** Seconds of the state as milliseconds, cut to what a timer can hold. */
export function milliseconds(count: number, path: string, findings: Findings): number {
  if (count > limits.durationSecondsMax) findings.warn(path, `cut to ${limits.durationSecondsMax} s, the longest kept`);
  return Math.min(count, limits.durationSecondsMax) * 1000;
}

const SECONDS_PER_UNIT: { readonly [unit: string]: number } = { "": 1, s: 1, min: 60, h: 3600 };

function parseBackoffPolicy(text: string, path: string, findings: Findings): BackoffPolicy {
  if (text === "reboot" || text === "never") return { kind: text };
  const [, count, unit] = /^([0-9]{1,9})(s|min|h|)$/.exec(text) ?? [];
  const perUnit = SECONDS_PER_UNIT[unit ?? "none"];
  if (count !== undefined && perUnit !== undefined) {
    return { kind: "wait", ms: milliseconds(Number(count) * perUnit, path, findings), text };
  }
  findings.warn(
    path,
    `${shown(text)} counts as "reboot": wanted "reboot", "never" or a duration such as "30s", "5min", "1h"`,
  );
  return { kind: "reboot" };
}
