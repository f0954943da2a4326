import type { Out } from "../../command.ts";
import { type Answer, type Client, explainClientError, stepPath } from "../client.ts";
import { EXIT } from "../exits.ts";
import { failureLines, outcomeOf, type ProgressRecord, readProgressRecord, statusLine } from "../progress.ts";

export const followLimits = {
  /** Between two looks. */
  pauseMs: 500,
  /** A final record that was there before counts as the new verdict when it is still the same after so long. */
  sameVerdictMs: 10_000,
} as const;

export interface Follow {
  readonly client: Client;
  readonly name: string;
  /** The record's text before the revision was told to run; null: there was none. */
  readonly before: string | null;
  readonly waitMs: number;
  readonly json: boolean;
}

/** The revision's progress record as the device has it; null when it gives none. */
export async function progressOf(client: Client, name: string): Promise<string | null> {
  const answer = await client.ask("GET", `${stepPath(name)}/progress`);
  return answer.ok && answer.value.status === 200 ? answer.value.body : null;
}

/**
 * Shows each status of a revision once, until it is final; ends with the exit code. The device may reboot meanwhile, so no answer is
 * no verdict. Goes by the record alone: it outlives the reboot, and it says why when the device came back with the old revision.
 */
export async function follow({ client, name, before, waitMs, json }: Follow, out: Out): Promise<number> {
  const startMs = performance.now();
  let shown = "";
  let silent = false;
  let fresh = false;
  for (;;) {
    const answer = await client.ask("GET", `${stepPath(name)}/progress`);
    if (!answer.ok) {
      if (!silent) out.complain(`${explainClientError(answer.error)} It may be rebooting; still waiting`);
      silent = true;
    } else {
      silent = false;
      const record = recordOf(answer.value);
      if (record === null) {
        out.complain(`the device has no progress of ${name} any more (${answer.value.status}): it was removed`);
        return EXIT.other;
      }
      fresh ||= answer.value.body !== before || performance.now() - startMs > followLimits.sameVerdictMs;
      if (fresh && record !== "busy") {
        const line = json
          ? JSON.stringify({ revision: name, progress: JSON.parse(answer.value.body) })
          : statusLine(record);
        if (line !== shown) out.print(line);
        shown = line;
        const outcome = outcomeOf(record);
        if (outcome === "well") return EXIT.done;
        if (outcome === "failed") {
          if (!json) for (const evidence of failureLines(record)) out.print(evidence);
          return EXIT.failed;
        }
      }
    }
    if (performance.now() - startMs > waitMs) {
      out.complain(
        `no verdict on ${name} after ${waitMs / 1000} s; "cairn ctl steps show-progress ${name}" tells later`,
      );
      return EXIT.busy;
    }
    await Bun.sleep(followLimits.pauseMs);
  }
}

/** Null: the revision is gone. "busy": the device could not say just now. */
function recordOf({ status, body }: Answer): ProgressRecord | "busy" | null {
  if (status === 404) return null;
  return (status === 200 ? readProgressRecord(body) : null) ?? "busy";
}
