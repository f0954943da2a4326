import type { DeviceId, Operation, Outcome } from "../../fleet/terms/index.ts";
import type { By } from "./by.ts";

/** What a device is ordered to do, once. */
export interface Command {
  readonly device: DeviceId;
  /** As in `n/c`. */
  readonly id: number;
  readonly operation: Operation;
  readonly argument: string;
  readonly expiryMs: number;
}

export interface NewCommand extends Command {
  /** Signed for the device: what is published. */
  readonly envelope: Uint8Array;
}

export interface KeptCommand extends Command, By {
  /** When the broker acknowledged it; null: it may not know it. */
  readonly publishedMs: number | null;
  readonly answer: CommandAnswer | null;
}

export interface CommandAnswer {
  readonly code: Outcome;
  readonly text: string;
  readonly atMs: number;
}

export interface CommandPublication extends Pick<NewCommand, "device" | "id" | "expiryMs" | "envelope"> {
  /** Of the order key that the device has. */
  readonly epoch: number;
}

/** Commands to devices, each with its audit line. */
export interface CommandRecords {
  /** Of a device's commands the highest; 0: it had none. */
  lastId(device: DeviceId): Promise<number>;
  /**
   * Keeps a command and, of its device, no more than `keepMax`. False: the device is not accepted, or another command has its number or a
   * higher one.
   */
  add(command: NewCommand, keepMax: number, by: By): Promise<boolean>;
  /** The newest first. */
  list(device: DeviceId): Promise<readonly KeptCommand[]>;
  find(device: DeviceId, id: number): Promise<KeptCommand | null>;
  /** Those of accepted devices that the broker has not acknowledged and that have not expired by then, in their order: so many at most. */
  unpublished(nowMs: number, max: number): Promise<readonly CommandPublication[]>;
  /** Not those of a device that has another order key by now. */
  markPublished(commands: readonly Pick<CommandPublication, "device" | "id" | "epoch">[], atMs: number): Promise<void>;
  /** Those of a device that are not answered are to be published again; the value is how many those are. */
  unmarkPublished(device: DeviceId, nowMs: number): Promise<number>;
  /** False: there is no such command. */
  answer(device: DeviceId, id: number, answer: CommandAnswer): Promise<boolean>;
}
