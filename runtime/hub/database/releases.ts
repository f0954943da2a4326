import type { DeviceId, Phase, Reason } from "../../fleet/terms/index.ts";
import type { Digest } from "../../state/index.ts";
import type { By } from "./by.ts";

/** What devices with a tag are to run. */
export interface NewRelease {
  readonly revision: Digest;
  readonly tag: string;
  /** As the wire has it (`n/d`). */
  readonly policy: { readonly security: boolean; readonly https: boolean; readonly whole: boolean };
  /** Milliseconds since 1970; null: it is offered for ever. */
  readonly expiryMs: number | null;
}

export interface Release extends NewRelease, By {
  /** They rise. */
  readonly number: number;
}

/** What a device is told to run. */
export interface Order {
  readonly device: DeviceId;
  /** As in `n/d`. */
  readonly sequence: number;
  readonly rev: number;
  readonly revision: Digest;
  /** The release that it serves. */
  readonly release: number;
}

export interface NewOrder extends Order {
  /** Signed for the device: what is published. */
  readonly envelope: Uint8Array;
  readonly atMs: number;
}

export interface Progress {
  readonly phase: Phase;
  readonly percent: number;
  readonly reason: Reason | null;
  readonly atMs: number;
}

export interface KeptOrder extends Order, Pick<NewRelease, "policy" | "expiryMs"> {
  readonly atMs: number;
  /** When the broker acknowledged it; null: it may not know it. */
  readonly publishedMs: number | null;
  /** When the device first spoke of it. */
  readonly takenMs: number | null;
  readonly progress: Progress | null;
}

/** All that decides what an accepted device is to run. */
export interface Standing {
  readonly device: DeviceId;
  readonly tags: readonly string[];
  /** What it last reported, as JSON. */
  readonly report: string | null;
  readonly last: KeptOrder | null;
}

/** How far a release has come: numbers of devices. */
export interface Tally {
  readonly meant: number;
  readonly taken: number;
  readonly done: number;
  readonly failed: number;
  /** Of those that failed. */
  readonly reasons: Readonly<Partial<Record<Reason | "none", number>>>;
}

export interface Publication {
  readonly device: DeviceId;
  readonly sequence: number;
  readonly envelope: Uint8Array;
  /** Of the order key that the device has. */
  readonly epoch: number;
}

/** Releases, and the orders that came of them. An order is never changed and never taken back: a later one comes in its place. */
export interface ReleaseRecords {
  /** Null: there is no such revision. */
  add(release: NewRelease, by: By): Promise<Release | null>;
  /** The newest first, with how far each has come. */
  list(max: number): Promise<readonly (Release & { readonly tally: Tally })[]>;
  /** The newest of each tag. */
  newest(): Promise<readonly Release[]>;

  /** Of every accepted device, or of one. */
  standings(device: DeviceId | null): Promise<readonly Standing[]>;
  /**
   * Keeps orders, each if no other of its device has its number or a higher one: what led to it would be out of date. The value is how
   * many were kept.
   */
  give(orders: readonly NewOrder[]): Promise<number>;
  /** The device's order of that number serves this release from now on. */
  adopt(device: DeviceId, sequence: number, release: number): Promise<void>;
  /** The last one. */
  lastOrder(device: DeviceId): Promise<KeptOrder | null>;

  /** The last order of each accepted device, if the broker has not acknowledged it: so many at most. */
  unpublished(max: number): Promise<readonly Publication[]>;
  /** Not those of a device that has another order key by now. */
  markPublished(orders: readonly Pick<Publication, "device" | "sequence" | "epoch">[], atMs: number): Promise<void>;
  /** To be published again. */
  unmarkPublished(device: DeviceId, sequence: number): Promise<void>;
  /** To be published again: all that were published since then, and of which their devices have not spoken yet. */
  unmarkUntaken(sinceMs: number): Promise<void>;

  /** The device speaks of this order; false: it was never given. */
  markTaken(device: DeviceId, sequence: number, atMs: number): Promise<boolean>;
  setProgress(device: DeviceId, sequence: number, progress: Progress): Promise<boolean>;

  /** May an accepted device have an object: is it of a revision that it was ever told to run? The policy is that of the last such order. */
  policyFor(device: DeviceId, object: Digest): Promise<Release["policy"] | null>;
}
