import type { DeviceId } from "../../fleet/terms/index.ts";

/** Log lines of a device: those that a command asked for, or the evidence of a failure. */
export interface LogBatch {
  readonly device: DeviceId;
  readonly kind: "requested" | "evidence";
  readonly revision: string;
  /** Id of the command; null for evidence. */
  readonly command: number | null;
  /** As it came (`u/g`). */
  readonly deflated: Uint8Array;
  readonly atMs: number;
}

export interface LogRecords {
  /**
   * Keeps a batch in place of one for the same command, or about the same revision's failure; and of its kind, of the device, no more than
   * `keepMax`. False: nobody knows the device.
   */
  keep(batch: LogBatch, keepMax: number): Promise<boolean>;
  /** The newest first. */
  list(device: DeviceId): Promise<readonly LogBatch[]>;
}
