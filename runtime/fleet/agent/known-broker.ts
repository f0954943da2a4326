import type { Result } from "../../result.ts";
import { type DiskResult, explainDiskError } from "../../store/index.ts";
import { type Answer, type Broker, type EnrolFault, explainEnrol } from "../enrol/index.ts";
import { withinBudget } from "./join.ts";
import type { Meter } from "./meter.ts";

export interface KnownBrokerPorts {
  /** As the hub said before. */
  readonly first: Broker;
  readonly meter: Meter;
  /** Monotonic milliseconds. */
  now(): number;
  /** Asks the hub, as in the beginning. */
  ask(): Promise<Result<Answer, EnrolFault>>;
  keep(broker: Broker): DiskResult<void>;
  warn(message: string): void;
}

/** Where the broker is. The hub may have got another one: a device that has met none for a day asks it, once a day. */
export interface KnownBroker {
  readonly current: Broker;
  met(): void;
  /** Nobody was there. */
  missed(): Promise<void>;
}

const AWAY_MS = 24 * 3600_000;

export function openKnownBroker({ first, meter, now, ask, keep, warn }: KnownBrokerPorts): KnownBroker {
  let current = first;
  /** Or asked about. */
  let metMs = now();
  return {
    get current() {
      return current;
    },
    met() {
      metMs = now();
    },
    async missed() {
      if (now() - metMs < AWAY_MS) return;
      metMs = now();
      const answer = await withinBudget({ meter, ask, warn });
      if (answer === null) return;
      if (!answer.ok) return warn(explainEnrol(answer.error));
      if (answer.value.kind !== "enrolled") return;
      const { broker } = answer.value.membership;
      if (isSame(broker, current)) return;
      current = broker;
      const kept = await keep(broker);
      if (!kept.ok) warn(explainDiskError(kept.error)); // after a restart it asks again
    },
  };
}

const isSame = (one: Broker, other: Broker): boolean =>
  one.host === other.host && one.port === other.port && one.authority === other.authority;
