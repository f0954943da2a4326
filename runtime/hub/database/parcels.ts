import type { Digest } from "../../state/index.ts";

/** Which patch. */
export interface ParcelName {
  readonly target: Digest;
  /** Null: from nothing. */
  readonly base: Digest | null;
  /** Of the patch format. */
  readonly format: number;
}

/** A patch that was made. */
export interface ParcelRecord extends ParcelName {
  readonly digest: Digest;
  readonly bytes: number;
  /** 16 bytes of chance: who has them may fetch it. */
  readonly key: Uint8Array;
  readonly askedMs: number;
}

export interface ParcelRecords {
  find(name: ParcelName): Promise<ParcelRecord | null>;
  findByKey(key: Uint8Array): Promise<ParcelRecord | null>;
  /** In place of an older one of the name. */
  set(parcel: ParcelRecord): Promise<void>;
  markAsked(name: ParcelName, atMs: number): Promise<void>;
  list(): Promise<readonly ParcelRecord[]>;
  remove(name: ParcelName): Promise<void>;
}
