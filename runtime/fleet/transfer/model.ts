/**
 * One object on its way from the hub to the device, as types: blocks of one parcel are asked for in windows, kept in order, and make the
 * object when all are there. Plain immutable data; `step.ts` decides.
 *
 * | phase       | what is going on                                     | waits for                    | when its time is over        |
 * |-------------|------------------------------------------------------|------------------------------|------------------------------|
 * | `moving`    | blocks come; or there is no connection, or no budget | a block, a connection, room  | asks again for what is lacking |
 * | `opening`   | a new parcel: is there room for it on the disk?      | opened                       | never                        |
 * | `finishing` | all is there: the parcel becomes the object          | finished                     | never                        |
 * | `over`      | done, or failed                                      | nothing                      | never                        |
 */
import type { Digest } from "../../state/index.ts";
import type { Reason } from "../terms/index.ts";
import type { Block, BlockRequest, Parcel } from "../wire/index.ts";
import type { Pace } from "./pace.ts";

export interface Wanted {
  readonly object: Digest;
  /** Objects that are there and that a patch could be made from, the likeliest first. */
  readonly bases: readonly Digest[];
  /** Where a patch turned out to be wrong, the object itself may come. */
  readonly whole: boolean;
  /** A large parcel may come in one stream, over HTTPS. */
  readonly https: boolean;
  /** On a thin link it may come in datagrams. */
  readonly datagrams: boolean;
}

/** A stream of bytes beside the session. */
export type StreamBy = "https" | "datagrams";

/** A parcel whose blocks are kept, from its beginning on. */
export interface KeptParcel {
  readonly digest: Digest;
  readonly bytes: number;
  readonly objectBytes: number;
  /** What the patch is for; null: nothing. */
  readonly base: Digest | null;
  /** What opens the parcel over HTTPS and in datagrams; null: it comes in blocks only. */
  readonly key: Uint8Array | null;
}

export type Phase = "moving" | "opening" | "finishing" | "over";

export interface Transfer {
  readonly wanted: Wanted;
  readonly phase: Phase;
  /** What blocks are told apart by; another parcel, or blocks of another length, have another number. */
  readonly id: number;
  readonly online: boolean;
  /** Bases without those whose patch was wrong. */
  readonly bases: readonly Digest[];
  /** Parcels that came to nothing. */
  readonly spoilt: number;
  readonly parcel: KeptParcel | null;
  /** From the parcel's beginning, handed over to be kept. */
  readonly keptBytes: number;
  readonly blockBytes: number;
  /** Blocks that came before their turn. */
  readonly early: ReadonlyMap<number, Uint8Array>;
  /** Blocks that were asked for and have not come, in the order in which they should. */
  readonly asked: ReadonlySet<number>;
  /** Since the last block that was of use, or the last request. */
  readonly quietSinceMs: number;
  /** Requests in a row that led to nothing. */
  readonly stalls: number;
  readonly pace: Pace;
  /** The parcel comes as a stream, and no blocks are asked for. */
  readonly streaming: boolean;
  /** Streams in a row that brought nothing. */
  readonly streamsFailed: number;
}

/** What every event knows. */
export interface Now {
  /** Monotonic. */
  readonly atMs: number;
  /** Bytes that may be carried now. */
  readonly roomBytes: number;
  /** When there will be more, at the latest. */
  readonly moreRoomAtMs: number;
}

export type TransferEvent =
  | { readonly kind: "tick" }
  | { readonly kind: "online" }
  | { readonly kind: "offline" }
  | { readonly kind: "block"; readonly block: Block }
  /** The next bytes of the stream. */
  | { readonly kind: "streamed"; readonly bytes: Uint8Array }
  | { readonly kind: "streamEnded" }
  /** There is room for the parcel and its object, and what comes can be kept. */
  | { readonly kind: "opened" }
  /** `wrongParcel`: its digest is another one. `badPatch`: it does not give the object. Both are gone by then. */
  | { readonly kind: "finished"; readonly how: "stored" | "wrongParcel" | "badPatch" }
  /** The device cannot go on with it, for a reason of its own. */
  | { readonly kind: "failed"; readonly failure: TransferFailure };

export interface TransferFailure {
  readonly reason: Reason;
  /** A sentence. */
  readonly message: string;
}

export type TransferEffect =
  | { readonly kind: "ask"; readonly request: BlockRequest }
  /** Begin to keep a parcel, and forget any other one of this object. */
  | { readonly kind: "open"; readonly parcel: KeptParcel }
  /** The next bytes of the parcel. */
  | { readonly kind: "keep"; readonly bytes: Uint8Array }
  /** So many bytes of the parcel, from one of them on. */
  | {
      readonly kind: "stream";
      readonly by: StreamBy;
      readonly parcel: KeptParcel;
      readonly from: number;
      readonly bytes: number;
    }
  | { readonly kind: "finish"; readonly parcel: KeptParcel }
  | { readonly kind: "done" }
  | { readonly kind: "fail"; readonly failure: TransferFailure };

/** A parcel as the hub announced it, with the name of its base; null: it names one that it was not offered. */
export function announced({ base, ...parcel }: Parcel, offered: readonly Digest[]): KeptParcel | null {
  if (base === null) return { ...parcel, base };
  const named = offered[base];
  return named === undefined ? null : { ...parcel, base: named };
}
