import type { Result } from "../../result.ts";
import { explainDiskError } from "../../store/index.ts";
import { type Answer, ENQUIRY_BYTES, type EnrolFault, explainEnrol, type Membership } from "../enrol/index.ts";
import type { Meter } from "./meter.ts";

export interface JoinPorts {
  readonly meter: Meter;
  ask(): Promise<Result<Answer, EnrolFault>>;
  /** In [0, 1). */
  random(): number;
  /** False: the agent is to end. */
  sleep(ms: number): Promise<boolean>;
  /** An operator has to accept the device. */
  waiting(code: string): void;
  warn(message: string): void;
}

const FIRST_WAIT_MS = 15_000;
/** Who waits for an operator costs some kilobytes each time it asks. */
const WAIT_MAX_MS = 3600_000;
/** Asking with less would leave nothing for the connection that follows. */
const ROOM_BYTES = 2 * ENQUIRY_BYTES;

/** Asks the hub until the device is one of the fleet, more and more rarely, and within the budget. Null: the agent is to end. */
export async function join(ports: JoinPorts): Promise<Membership | null> {
  let code: string | null = null;
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(WAIT_MAX_MS, 2 * waitMs)) {
    const answer = await withinBudget(ports);
    if (answer?.ok && answer.value.kind === "enrolled") return answer.value.membership;
    if (answer?.ok && answer.value.kind === "waiting" && answer.value.code !== code) {
      ({ code } = answer.value);
      ports.waiting(code);
    }
    if (answer !== null && !answer.ok) ports.warn(explainEnrol(answer.error));
    if (!(await ports.sleep(waitMs * (0.5 + ports.random())))) return null;
  }
}

/** Asks the hub once. Null: there is no room in the budget. */
export async function withinBudget({
  meter,
  ask,
  warn,
}: Pick<JoinPorts, "meter" | "ask" | "warn">): Promise<Result<Answer, EnrolFault> | null> {
  if (meter.room() < ROOM_BYTES) return null;
  const promised = await meter.promise(ENQUIRY_BYTES);
  if (!promised.ok) {
    warn(explainDiskError(promised.error));
    return null;
  }
  meter.carried(ENQUIRY_BYTES);
  return ask();
}
