import type { DeviceId } from "../../fleet/terms/index.ts";
import type { By } from "./by.ts";

export interface MetaChange {
  readonly set: ReadonlyMap<string, string>;
  readonly remove: readonly string[];
}

/** How far user-meta of a device is. Sequences rise with each key that is changed. */
export interface MetaStanding {
  readonly device: DeviceId;
  /** Of the last change. */
  readonly sequence: number;
  /** As far as the device said that it has come. */
  readonly taken: number;
  /** As far as the broker has acknowledged, and when. */
  readonly sent: number;
  readonly sentMs: number;
  /** Device-meta was asked for with this sequence, and when; 0: never. */
  readonly asked: number;
  readonly askedMs: number;
}

export interface UserMetaRow {
  readonly key: string;
  /** Null: removed. */
  readonly value: string | null;
  readonly sequence: number;
}

/** Metadata of devices: theirs as they tell it, and what is wanted there. */
export interface MetaRecords {
  user(device: DeviceId): Promise<ReadonlyMap<string, string>>;
  device(device: DeviceId): Promise<ReadonlyMap<string, string>>;
  standing(device: DeviceId): Promise<MetaStanding>;
  /** What is there already changes nothing. False: it would be more than `limits`, and nothing has changed. */
  changeUser(
    device: DeviceId,
    change: MetaChange,
    limits: { readonly keysMax: number; readonly bytesMax: number },
    by: By,
  ): Promise<boolean>;
  /** Changes after `sequence`, in their order. */
  since(device: DeviceId, sequence: number): Promise<readonly UserMetaRow[]>;
  /** The device is so far; sequences go on above that, if they were not as far. Removals that it knows of are forgotten. */
  take(device: DeviceId, sequence: number): Promise<void>;
  /** Device-meta is to be told again. */
  ask(device: DeviceId, atMs: number): Promise<void>;
  /** Accepted devices of which the broker has not got the last change. */
  unsent(max: number): Promise<readonly MetaStanding[]>;
  markSent(device: DeviceId, sequence: number, atMs: number): Promise<void>;
  /** The broker has lost it. */
  unmarkSent(device: DeviceId): Promise<void>;
  /** False: nobody knows the device, or it would be more than `limits`. */
  changeDevice(
    device: DeviceId,
    change: MetaChange & { readonly whole: boolean },
    limits: { readonly keysMax: number; readonly bytesMax: number },
  ): Promise<boolean>;
}
