import { type Address, inUrl } from "../../address.ts";
import {
  BLOCK_BYTES,
  type Cookie,
  keysOf,
  OVERHEAD_BYTES,
  readBlock,
  readCookie,
  requestDatagram,
} from "../sealed/index.ts";
import { type Asking, asked, asking, came, deadline, mayCome, refused, silent } from "./asking.ts";
import type { OpenDatagramSocket } from "./socket.ts";
import { NobodyAnswers } from "./way.ts";

/** Where a parcel is, and what of it is wanted. */
export interface DatagramFetch extends Address {
  /** What opens it. */
  readonly key: Uint8Array;
  /** Its length, and from which byte of it on it is wanted. */
  readonly parcelBytes: number;
  readonly from: number;
  /** How many bytes from there on. */
  readonly bytes: number;
  /** Where blocks are kept that came before their turn, when there may be an outage: a power cut in it would take them. */
  readonly early: EarlyBlocks;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Monotonic milliseconds. */
  now(): number;
  readonly setTimer: (ms: number, fire: () => void) => () => void;
  /** Ends true when the hub has answered over the session: the link is there. */
  alive(): Promise<boolean>;
  /** So many bytes of IP and up have come or gone. */
  carried(bytes: number): void;
  /** So many may, from now on, with those that are awaited; with less than a block needs it ends. */
  room(): number;
  /** So many are asked for, and may come at any time. */
  awaits(bytes: number): Promise<void>;
  readonly open: OpenDatagramSocket;
}

/** By index. */
export interface EarlyBlocks {
  find(): Promise<ReadonlyMap<number, Uint8Array>>;
  keep(blocks: ReadonlyMap<number, Uint8Array>): Promise<void>;
}

/** Networks without UDP, and hubs that do not have it, are not asked again after so many silences while the link was there. */
const SILENCES_FIRST = 4;
/** One that has answered before comes back after an outage, as the link does. */
const GONE_MS = 15 * 60_000;
/** Without a block between them: on a way that changes our address each time there would be no end to it. */
const COOKIES_MAX = 3;
const NO_ROOM = "there is no room in the budget";
/** Of IP and up. */
const REQUEST_BYTES_MAX = 200;
/** Of IP and up: one that nobody has asked for may be there before it is noticed that nothing is left. */
const UNASKED_BYTES = 1_500;
/** Counted while it waits, too: nobody can refuse what comes. */
const WAITING_MAX = 64;

/** Those bytes of a parcel, in order. Throws when they do not come; what came before is good. */
export async function* fetchDatagrams(what: DatagramFetch): AsyncGenerator<Uint8Array> {
  const { key, from, bytes, parcelBytes, signal, now, setTimer, alive, carried, room, awaits } = what;
  const keys = keysOf(key);
  const end = from + bytes;
  let state: Asking = asking(Math.floor(from / BLOCK_BYTES), Math.ceil(end / BLOCK_BYTES), now());
  const early = new Map<number, Uint8Array>();
  /** Which of them the disk has. */
  let kept = "";

  /** What can be handed on when a block is there; its value: it was of use. */
  function* taken(index: number, content: Uint8Array): Generator<Uint8Array, boolean> {
    const first = state.next;
    const [after, useful] = came(state, index, now());
    state = after;
    if (useful) early.set(index, content);
    for (let turn = first; turn < state.next; turn += 1) {
      const whole = early.get(turn);
      early.delete(turn);
      const at = turn * BLOCK_BYTES;
      if (whole !== undefined) yield whole.subarray(Math.max(0, from - at), Math.max(0, end - at));
    }
    return useful;
  }

  async function keepEarly(): Promise<void> {
    const indices = [...early.keys()].join();
    if (indices === kept) return;
    kept = indices;
    await what.early.keep(early);
  }

  for (const [index, content] of await what.early.find())
    if (content.length === lengthOf(index, parcelBytes)) yield* taken(index, content);

  const waiting: Uint8Array[] = [];
  let wake = (): void => {};
  const socket = await what.open(what, (datagram) => {
    carried(datagram.length + socket.headerBytes);
    if (waiting.length < WAITING_MAX) waiting.push(datagram);
    wake();
  });
  const blockBytes = BLOCK_BYTES + OVERHEAD_BYTES + socket.headerBytes;
  let cookie: Cookie | null = null;
  let cookies = 0;
  let heardMs: number | null = null;
  let [askedMs, aliveMs, refusals] = [now(), Number.NEGATIVE_INFINITY, 0];

  async function ask(): Promise<void> {
    const most =
      Math.floor((room() - REQUEST_BYTES_MAX) / blockBytes) - (mayCome(state, now()).length - state.asked.length);
    if (most < 1 && state.asked.length === 0) throw new Error(NO_ROOM);
    const [after, runs] = asked(state, now(), most);
    state = after;
    await awaits(awaitedBytes());
    if (runs.length === 0 || signal.aborted) return;
    askedMs = now();
    const datagram = requestDatagram(keys, { cookie, runs });
    carried(datagram.length + socket.headerBytes);
    socket.send(datagram);
  }

  const awaitedBytes = (): number => UNASKED_BYTES + REQUEST_BYTES_MAX + state.asked.length * blockBytes;

  /** What comes next, or null when it is time. */
  async function next(): Promise<Uint8Array | null> {
    const there = waiting.shift();
    if (there !== undefined || signal.aborted) return there ?? null;
    const { promise, resolve } = Promise.withResolvers<void>();
    wake = resolve;
    const stop = setTimer(Math.max(0, deadline(state) - now()), resolve);
    await promise;
    stop();
    return waiting.shift() ?? null;
  }

  const onAbort = (): void => wake();
  signal.addEventListener("abort", onAbort);
  try {
    while (state.next < state.end) {
      await ask();
      const datagram = await next();
      if (signal.aborted) throw new Error("nobody wants it any more");
      if (room() <= 0) throw new Error(NO_ROOM);
      if (datagram === null) {
        if (now() < deadline(state)) continue;
        state = silent(state);
        await keepEarly();
        if (heardMs === null) {
          if (aliveMs >= askedMs) refusals += 1;
          void alive().then((yes) => {
            if (yes) aliveMs = now();
          });
        }
        const gone = heardMs === null ? refusals === SILENCES_FIRST : now() - heardMs > GONE_MS;
        if (gone) throw new NobodyAnswers(`no datagram comes from ${inUrl(what)}`);
        continue;
      }
      const given = readCookie(keys, datagram);
      if (given !== null && (cookie === null || !Buffer.from(cookie).equals(given))) {
        cookies += 1;
        if (cookies > COOKIES_MAX) throw new Error(`${inUrl(what)} takes none of the cookies that it gives`);
        [cookie, heardMs] = [given, now()];
        state = refused(state);
        continue;
      }
      const block = readBlock(keys, datagram);
      if (block === null || block.bytes.length !== lengthOf(block.index, parcelBytes)) continue;
      if (yield* taken(block.index, block.bytes)) [heardMs, cookies] = [now(), 0];
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    socket.close();
    // The hub sends what it was asked for all the same.
    if (heardMs !== null) carried(mayCome(state, now()).length * blockBytes);
    await awaits(0);
    await keepEarly();
  }
}

const lengthOf = (index: number, parcelBytes: number): number =>
  Math.min(BLOCK_BYTES, parcelBytes - index * BLOCK_BYTES);
