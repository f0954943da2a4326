import { inflatedText } from "../../fleet/logs/index.ts";
import type { DeviceId } from "../../fleet/terms/index.ts";
import type { Logs as Batch } from "../../fleet/wire/index.ts";
import type { HubDatabase, LogBatch } from "../database/index.ts";

export interface LogsPorts {
  readonly database: Pick<HubDatabase, "logs" | "commands">;
  /** Milliseconds since 1970. */
  now(): number;
}

/** A batch with what it says: whole lines, each with its end; or evidence as JSON. */
export interface KeptLogs extends Omit<LogBatch, "deflated"> {
  readonly text: string;
}

export interface Logs {
  /** Keeps what a device sent; false: it was not asked for that, or it is no text within the bounds. */
  hear(device: DeviceId, batch: Batch): Promise<boolean>;
  /** The newest first. */
  list(device: DeviceId): Promise<readonly KeptLogs[]>;
  /** Why a revision failed on the device, as it told; null: it did not. */
  evidence(device: DeviceId, revision: string): Promise<KeptLogs | null>;
}

/** Of each kind, of a device. */
const KEPT_MAX = 16;

export function openLogs({ database, now }: LogsPorts): Logs {
  async function wasAskedFor(device: DeviceId, { kind, command }: Batch): Promise<boolean> {
    if (kind === "evidence") return command === null;
    const order = command === null ? null : await database.commands.find(device, command);
    return order?.operation === "logs";
  }

  async function list(device: DeviceId): Promise<readonly KeptLogs[]> {
    return (await database.logs.list(device)).flatMap(({ deflated, ...batch }) => {
      const text = inflatedText(deflated);
      return text.ok ? [{ ...batch, text: text.value }] : [];
    });
  }

  return {
    async hear(device, batch) {
      if (!inflatedText(batch.deflated).ok || !(await wasAskedFor(device, batch))) return false;
      return database.logs.keep({ ...batch, device, atMs: now() }, KEPT_MAX);
    },
    list,
    evidence: async (device, revision) =>
      (await list(device)).find((batch) => batch.kind === "evidence" && batch.revision === revision) ?? null,
  };
}
