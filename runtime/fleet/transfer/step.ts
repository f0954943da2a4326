import { unreachable } from "../../result.ts";
import type { Digest } from "../../state/index.ts";
import type { Block, BlockRange } from "../wire/index.ts";
import { limits } from "../wire/index.ts";
import { transferLimits } from "./limits.ts";
import {
  announced,
  type KeptParcel,
  type Now,
  type StreamBy,
  type Transfer,
  type TransferEffect,
  type TransferEvent,
  type TransferFailure,
  type Wanted,
} from "./model.ts";
import { blockBytesFor, isThin, measured, type Pace, started, windowFor } from "./pace.ts";

type Stepped = readonly [Transfer, readonly TransferEffect[]];

const { windowBlocks, blockOverheadBytes, reserveBytes, stallMinMs, stallMs, stallMaxMs, spoiltMax, streamsFailedMax } =
  transferLimits;

/** What a restart has found of the object's parcel. */
export interface Found {
  readonly parcel: KeptParcel;
  readonly keptBytes: number;
}

/** Begins without a connection. `id`: any number that no transfer had lately. */
export function newTransfer(wanted: Wanted, found: Found | null, id: number, pace: Pace, atMs: number): Transfer {
  const { bases } = wanted;
  const usable = found !== null && (found.parcel.base === null || bases.includes(found.parcel.base)) ? found : null;
  return {
    wanted: { ...wanted, bases: bases.slice(0, limits.candidatesMax) },
    phase: "moving",
    id,
    online: false,
    bases: bases.slice(0, limits.candidatesMax),
    spoilt: 0,
    parcel: usable?.parcel ?? null,
    keptBytes: usable?.keptBytes ?? 0,
    blockBytes: blockBytesFor(pace, Number.POSITIVE_INFINITY),
    early: new Map(),
    asked: new Set(),
    quietSinceMs: atMs,
    stalls: 0,
    pace,
    streaming: false,
    streamsFailed: 0,
  };
}

/** What an event makes of a transfer, and what is to be done for that, in order. Pure. */
export function step(transfer: Transfer, event: TransferEvent, now: Now): Stepped {
  if (transfer.phase === "over") return [transfer, []];
  switch (event.kind) {
    case "tick":
      return moved(transfer, now, [], due(transfer, now));
    case "online":
      // Another connection may lead through another network: what was given up is tried once more.
      return moved(
        {
          ...transfer,
          online: true,
          asked: new Set(),
          streamsFailed: Math.min(transfer.streamsFailed, streamsFailedMax - 1),
        },
        now,
        [],
        true,
      );
    case "offline":
      return [{ ...transfer, online: false, asked: new Set() }, []];
    case "block":
      return onBlock(transfer, event.block, now);
    case "streamed":
      return onStreamed(transfer, event.bytes, now);
    case "streamEnded":
      return onStreamEnded(transfer, now);
    case "opened":
      return transfer.phase === "opening" ? moved({ ...transfer, phase: "moving" }, now, []) : [transfer, []];
    case "finished":
      return transfer.phase === "finishing" ? onFinished(transfer, event.how, now) : [transfer, []];
    case "failed":
      return fail(transfer, event.failure);
    default:
      return unreachable(event);
  }
}

/** When `tick` should come; null: no need. */
export function deadline(transfer: Transfer, { moreRoomAtMs }: Pick<Now, "moreRoomAtMs">): number | null {
  if (!transfer.online || transfer.phase !== "moving" || transfer.streaming) return null;
  return transfer.asked.size > 0 ? stalledAt(transfer) : moreRoomAtMs;
}

/** A hub that has not answered so often does not answer soon. */
const SILENT = 3;

/** Something is asked for and may come at any time, or is being worked on: not the time to hang up. */
export const underWay = ({ phase, online, asked, stalls, streaming }: Transfer): boolean =>
  phase === "opening" ||
  phase === "finishing" ||
  streaming ||
  (phase === "moving" && online && asked.size > 0 && stalls < SILENT);

/** How much of the parcel is there, 0 to 1. */
export const fraction = ({ phase, parcel, keptBytes }: Transfer): number =>
  phase === "over" ? 1 : parcel === null ? 0 : keptBytes / Math.max(1, parcel.bytes);

/** Sooner on a link that is known to be fast, but the hub may take its time to make a parcel. */
function stalledAt({ quietSinceMs, stalls, parcel, pace, asked, blockBytes }: Transfer): number {
  const { bytesPerS } = pace;
  const firstMs =
    parcel === null || bytesPerS === null
      ? stallMs
      : Math.min(stallMs, stallMinMs + (4_000 * asked.size * blockBytes) / bytesPerS);
  return quietSinceMs + Math.min(stallMaxMs, firstMs * 2 ** Math.min(stalls, 20));
}

const due = (transfer: Transfer, { atMs }: Now): boolean => transfer.asked.size > 0 && atMs >= stalledAt(transfer);

/** The first block that is lacking. */
const nextOf = ({ keptBytes, blockBytes }: Transfer): number => Math.floor(keptBytes / blockBytes);

/** How many blocks there are; null: nobody has said. */
const blocksOf = ({ parcel, blockBytes }: Transfer): number | null =>
  parcel === null ? null : Math.ceil(parcel.bytes / blockBytes);

function onBlock(transfer: Transfer, block: Block, now: Now): Stepped {
  if (block.transfer !== transfer.id || transfer.phase === "finishing" || transfer.streaming) return [transfer, []];
  if (block.index === 0) return onFirst(transfer, block, now);
  return onOther(transfer, block, now);
}

/** Block 0 says what parcel it is of, and may say that it is another one by now. */
function onFirst(transfer: Transfer, block: Block, now: Now): Stepped {
  const { object, whole } = transfer.wanted;
  if (block.parcel === null) {
    if (block.bytes.length > 0) return [transfer, []];
    return fail(transfer, { reason: "objectMissing", message: `the hub has not got object ${object}` });
  }
  if (block.parcel.digest === transfer.parcel?.digest) return onOther(transfer, block, now);
  const parcel = announced(block.parcel, transfer.bases);
  const blocks = block.parcel.bytes / transfer.blockBytes;
  if (parcel === null || parcel.bytes === 0 || blocks > limits.blocksMax || !fits(parcel, transfer.blockBytes, block)) {
    return fail(transfer, {
      reason: "badObject",
      message: `the hub offers object ${object} in a parcel that makes no sense`,
    });
  }
  if (parcel.base === null && transfer.bases.length < transfer.wanted.bases.length && !whole) {
    return fail(transfer, badPatch(object));
  }
  // Blocks of two parcels must not be mixed: those of the other one, which may still come, have the old number.
  const other = transfer.parcel !== null;
  const spoilt = transfer.spoilt + Number(other);
  if (spoilt === spoiltMax) return fail(transfer, badObject(object));
  const opened: Transfer = {
    ...transfer,
    phase: "opening",
    parcel,
    keptBytes: 0,
    spoilt,
    ...(other ? { id: following(transfer.id), asked: new Set<number>(), early: new Map<number, Uint8Array>() } : {}),
  };
  const [after, effects] = onOther(opened, { ...block, transfer: opened.id }, now);
  return [after, [{ kind: "open", parcel }, ...effects]];
}

/** Blocks count when they are of the window and lacking, asked for or not: who reorders does no harm, and who floods gets nothing kept. */
function onOther(transfer: Transfer, { index, bytes }: Block, now: Now): Stepped {
  const { parcel, early } = transfer;
  const next = nextOf(transfer);
  const lacking = index >= next && index < next + windowBlocks && !early.has(index);
  if (!lacking || (parcel !== null && !fits(parcel, transfer.blockBytes, { index, bytes }))) return [transfer, []];
  if (parcel === null && bytes.length !== transfer.blockBytes) return [transfer, []]; // the last one cannot be told yet
  const came: Transfer = {
    ...transfer,
    early: new Map([...early, [index, bytes]]),
    asked: withoutUpTo(transfer.asked, index),
    quietSinceMs: now.atMs,
    stalls: 0,
    pace: measured(transfer.pace, bytes.length, transfer.quietSinceMs, now.atMs),
  };
  return moved(came, now, []);
}

/** What was asked for before the one that came, and has not come, is lost: connections keep the order. */
function withoutUpTo(asked: ReadonlySet<number>, index: number): ReadonlySet<number> {
  const inOrder = [...asked];
  const at = inOrder.indexOf(index);
  return at < 0 ? asked : new Set(inOrder.slice(at + 1));
}

function fits(parcel: KeptParcel, blockBytes: number, { index, bytes }: Pick<Block, "index" | "bytes">): boolean {
  return bytes.length > 0 && bytes.length === Math.min(blockBytes, parcel.bytes - index * blockBytes);
}

/** Keeps what is in order, finishes when that is all, and asks for more when it is time. */
function moved(transfer: Transfer, now: Now, before: readonly TransferEffect[], again = false): Stepped {
  if (transfer.phase !== "moving") return [transfer, before];
  const [kept, keeps] = inTurn(transfer);
  const effects = [...before, ...keeps];
  if (kept.parcel !== null && kept.keptBytes === kept.parcel.bytes) {
    const finishing: Transfer = { ...kept, phase: "finishing", streaming: false, asked: new Set() };
    return [finishing, [...effects, { kind: "finish", parcel: kept.parcel }]];
  }
  const [after, asks] = ask(again ? stalled(kept) : kept, now);
  return [after, [...effects, ...asks]];
}

const stalled = (transfer: Transfer): Transfer => ({
  ...transfer,
  stalls: transfer.asked.size > 0 ? transfer.stalls + 1 : transfer.stalls,
  asked: new Set(),
});

function inTurn(transfer: Transfer): Stepped {
  if (transfer.parcel === null) return [transfer, []];
  const effects: TransferEffect[] = [];
  const early = new Map(transfer.early);
  let { keptBytes } = transfer;
  for (let index = nextOf(transfer); ; index += 1) {
    const bytes = early.get(index);
    if (bytes === undefined) break;
    early.delete(index);
    if (!fits(transfer.parcel, transfer.blockBytes, { index, bytes })) continue; // it came before its length was known
    const more = bytes.subarray(keptBytes - index * transfer.blockBytes);
    effects.push({ kind: "keep", bytes: more });
    keptBytes += more.length;
  }
  return [{ ...transfer, early, keptBytes }, effects];
}

function ask(given: Transfer, now: Now): Stepped {
  if (!given.online || given.streaming) return [given, []];
  const streamed = streamOf(given, now);
  if (streamed !== null) return given.asked.size > 0 ? [given, []] : stream(given, streamed);
  // The next window, when half of the last is there.
  if (given.asked.size > windowFor(given.pace, given.blockBytes) / 2) return [given, []];
  const roomFor = (blockBytes: number): number =>
    Math.floor((now.roomBytes - reserveBytes) / (blockBytes + blockOverheadBytes));
  const transfer = resized(given, now.roomBytes - reserveBytes - blockOverheadBytes);
  if (transfer === null) return [given, []];
  const next = nextOf(transfer);
  const window = windowFor(transfer.pace, transfer.blockBytes);
  const end = Math.min(next + window, blocksOf(transfer) ?? Number.POSITIVE_INFINITY);
  const lacking: number[] = [];
  for (let index = next; index < end; index += 1) {
    if (!transfer.early.has(index) && !transfer.asked.has(index)) lacking.push(index);
  }
  // It may be one that is not wanted, or that comes in datagrams.
  const cautious = transfer.parcel === null && (transfer.spoilt > 0 || inDatagrams(transfer));
  const some = lacking.slice(
    0,
    Math.max(
      0,
      cautious ? Math.min(1, roomFor(transfer.blockBytes)) : roomFor(transfer.blockBytes) - transfer.asked.size,
    ),
  );
  if (some.length === 0) return [transfer, []];
  const idle = transfer.asked.size === 0;
  const asked: Transfer = {
    ...transfer,
    asked: new Set([...transfer.asked, ...some]),
    quietSinceMs: now.atMs,
    pace: idle ? started(transfer.pace, now.atMs) : transfer.pace,
  };
  return [asked, [{ kind: "ask", request: requestOf(asked, some) }]];
}

/** How much of the parcel is to come as a stream; null: nothing, blocks are asked for. */
function streamOf(transfer: Transfer, { roomBytes }: Now): { readonly by: StreamBy; readonly bytes: number } | null {
  const { wanted, parcel, keptBytes, streamsFailed } = transfer;
  if (parcel === null || parcel.key === null || streamsFailed === streamsFailedMax) return null;
  const fitting = (connectBytes: number, overhead: number): number =>
    Math.min(parcel.bytes - keptBytes, Math.floor((roomBytes - reserveBytes - connectBytes) / (1 + overhead)));
  if (inDatagrams(transfer)) {
    const bytes = fitting(transferLimits.datagramConnectBytes, transferLimits.datagramOverhead);
    // The rest of what has come so comes so, too.
    const least = Math.min(transferLimits.datagramBytesMin, Math.max(1, parcel.bytes - keptBytes));
    const isLarge = parcel.bytes >= transferLimits.datagramBytesMin;
    return isLarge && bytes >= least ? { by: "datagrams", bytes } : null;
  }
  const bytes = wanted.https ? fitting(transferLimits.streamConnectBytes, transferLimits.streamOverhead) : 0;
  return bytes >= transferLimits.streamBytesMin ? { by: "https", bytes } : null;
}

const inDatagrams = ({ wanted, pace }: Transfer): boolean => wanted.datagrams && isThin(pace);

function stream(transfer: Transfer, { by, bytes }: { readonly by: StreamBy; readonly bytes: number }): Stepped {
  const { parcel, keptBytes } = transfer;
  if (parcel === null) return [transfer, []];
  // Counted as failed until something comes of it.
  const streamsFailed = transfer.streamsFailed + 1;
  const streaming: Transfer = { ...transfer, streaming: true, streamsFailed, early: new Map() };
  return [streaming, [{ kind: "stream", by, parcel, from: keptBytes, bytes }]];
}

function onStreamed(transfer: Transfer, bytes: Uint8Array, now: Now): Stepped {
  const lacking = (transfer.parcel?.bytes ?? 0) - transfer.keptBytes;
  if (!transfer.streaming || bytes.length === 0 || bytes.length > lacking) return [transfer, []];
  const keptBytes = transfer.keptBytes + bytes.length;
  const pace = measured(transfer.pace, bytes.length, transfer.quietSinceMs, now.atMs);
  const came: Transfer = { ...transfer, keptBytes, streamsFailed: 0, pace, quietSinceMs: now.atMs };
  return moved(came, now, [{ kind: "keep", bytes }]);
}

const onStreamEnded = (transfer: Transfer, now: Now): Stepped =>
  transfer.streaming ? moved({ ...transfer, streaming: false }, now, []) : [transfer, []];

const requestOf = ({ id, wanted, blockBytes, bases, parcel }: Transfer, missing: readonly number[]) => ({
  transfer: id,
  object: wanted.object,
  blockBytes,
  candidates: bases,
  missing: runs(missing),
  parcel: parcel === null ? null : parcel.digest.slice(0, 16),
});

/** Blocks of another length when the link has turned out to be another one; null: first what is on its way comes. */
function resized(transfer: Transfer, mostBytes: number): Transfer | null {
  const blockBytes = blockBytesFor(transfer.pace, mostBytes);
  if (blockBytes === transfer.blockBytes || transfer.early.size > 0) return transfer;
  if (transfer.asked.size > 0) return blockBytes > transfer.blockBytes ? null : transfer;
  return { ...transfer, blockBytes, id: following(transfer.id) };
}

export const following = (id: number): number => (id + 1) % 2 ** 32;

function runs(ascending: readonly number[]): readonly BlockRange[] {
  const found: { readonly from: number; count: number }[] = [];
  for (const index of ascending) {
    const last = found.at(-1);
    if (last !== undefined && last.from + last.count === index) last.count += 1;
    else found.push({ from: index, count: 1 });
  }
  return found;
}

function onFinished(transfer: Transfer, how: "stored" | "wrongParcel" | "badPatch", now: Now): Stepped {
  const { object, whole } = transfer.wanted;
  if (how === "stored") return [{ ...transfer, phase: "over" }, [{ kind: "done" }]];
  const base = transfer.parcel?.base ?? null;
  if (how === "badPatch" && base === null) return fail(transfer, badObject(object));
  const bases = how === "badPatch" ? transfer.bases.filter((one) => one !== base) : transfer.bases;
  if (how === "badPatch" && bases.length === 0 && !whole) return fail(transfer, badPatch(object));
  const spoilt = transfer.spoilt + 1;
  if (spoilt === spoiltMax) return fail(transfer, badObject(object));
  const again: Transfer = {
    ...transfer,
    phase: "moving",
    id: following(transfer.id),
    bases,
    spoilt,
    parcel: null,
    keptBytes: 0,
    early: new Map(),
    asked: new Set(),
  };
  return moved(again, now, []);
}

const badPatch = (object: Digest): TransferFailure => ({
  reason: "badPatch",
  message: `no patch gives object ${object}, and the whole object may not come`,
});
const badObject = (object: Digest): TransferFailure => ({
  reason: "badObject",
  message: `object ${object} arrives with wrong bytes`,
});

const fail = (transfer: Transfer, failure: TransferFailure): Stepped => [
  { ...transfer, phase: "over", streaming: false, asked: new Set(), early: new Map() },
  [{ kind: "fail", failure }],
];
