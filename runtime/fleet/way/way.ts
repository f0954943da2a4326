import { Duplex } from "node:stream";
import type { Socket } from "bun";
import { inUrl } from "../../address.ts";
import {
  beginConnect,
  boundReceiveBuffer,
  closeFd,
  duplicate,
  type Endpoint,
  openTcp,
  type SysError,
  setTcpPatience,
  type TcpPatience,
} from "../../linux/index.ts";
import { ok, type Result } from "../../result.ts";
import { carriedBy } from "./usage.ts";

export interface WayOptions {
  /** SO_RCVBUF from the first packet on, so that twice as much is under way to us or unread at most; null: as the kernel likes. */
  readonly receiveBytes: number | null;
  /** Of the connection once it is there. */
  readonly patience: TcpPatience;
  /** Bytes have come, whatever they are: nobody sees them, and nothing more is read, before this is done. */
  came?(): Promise<void>;
}

/** A TCP connection that is there or being made. */
export interface Way {
  /** Says `connect` when it is there, `error` when there will be none. */
  readonly stream: Duplex;
  /** Bytes of IP and up, both directions, so far; after `close` there are no more. */
  usedBytes(): number;
  /** SO_RCVBUF from now on: more than it was. What has been offered to the other end stays offered, so that less would be of no use. */
  widen(receiveBytes: number): void;
  /** Ends it at once, whatever was not sent yet. */
  reset(): void;
}

/** What `bun-types` has no overload for. A socket that is still being connected is taken as well. */
const adopt = Bun.connect as unknown as (options: Bun.FdSocketOptions) => Promise<Socket>;

/** What the other end has sent before it hears that we are gone comes within a round trip: so much longer it is waited for, and counted. */
const UNDER_WAY = { roundTrips: 2, minMs: 50, maxMs: 10_000 } as const;

/**
 * Begins to connect. The socket is made by hand and given to Bun, which itself cannot be asked to bound the receive buffer before TCP has
 * offered all of it to the other end.
 */
export function beginWay(to: Endpoint, options: WayOptions): Result<Way, SysError> {
  const opened = openTcp(to);
  if (!opened.ok) return opened;
  const fd = opened.value;
  if (options.receiveBytes !== null) boundReceiveBuffer(fd, options.receiveBytes); // cut to what the kernel allows, and not refused
  const begun = beginConnect(fd, to);
  const kept = begun.ok ? duplicate(fd) : begun;
  if (kept.ok) return ok(carriedOn(fd, kept.value, to, options));
  closeFd(fd);
  return kept;
}

/** `fd` becomes Bun's; `kept` is ours, another one of the same, so that what has come is known when Bun has closed its own. */
function carriedOn(fd: number, kept: number, to: Endpoint, { patience, came }: WayOptions): Way {
  const name = inUrl({ host: to.address, port: to.port });
  let socket: Socket | null = null;
  let [connected, over, abrupt, released] = [false, false, false, false];
  let bytes = 0;
  let roundTripMs = 0;
  let passing: Promise<void> | null = null;
  let writing: { readonly rest: Uint8Array; readonly done: (problem?: Error) => void } | null = null;

  const stream = new Duplex({
    allowHalfOpen: false,
    readableHighWaterMark: 1, // nothing is read before somebody wants it
    read() {
      if (passing === null) socket?.resume();
    },
    write(rest: Uint8Array, _, done) {
      writing = { rest, done };
      flush();
    },
    writev(parts, done) {
      writing = { rest: Buffer.concat(parts.map(({ chunk }) => chunk)), done };
      flush();
    },
    final(done) {
      socket?.shutdown();
      done();
    },
    destroy(problem, done) {
      // Until `kept` is closed, too, the other end hears nothing of it.
      if (abrupt) socket?.terminate();
      else socket?.close();
      const end = (): void => {
        release();
        done(problem);
      };
      count();
      const waitMs = Math.min(UNDER_WAY.maxMs, Math.max(UNDER_WAY.minMs, UNDER_WAY.roundTrips * roundTripMs));
      if (!connected || over) end();
      else setTimeout(end, waitMs).unref();
    },
  });

  function count(): void {
    if (released) return;
    const carried = carriedBy(kept, to.address.includes(":") ? 6 : 4);
    bytes = Math.max(bytes, carried.bytes);
    roundTripMs = carried.roundTripMs;
  }

  function release(): void {
    if (released) return;
    count();
    released = true;
    closeFd(kept);
  }

  function flush(): void {
    if (writing === null || !connected || socket === null) return;
    const { rest, done } = writing;
    const taken = socket.write(rest);
    writing = taken >= 0 && taken < rest.length ? { rest: rest.subarray(taken), done } : null;
    if (writing === null) done(taken < 0 ? new Error(`write EPIPE ${name}`) : undefined);
  }

  async function pass(piece: Uint8Array): Promise<void> {
    await came?.();
    passing = null;
    if (!stream.destroyed) stream.push(piece); // and `read` goes on
  }

  adopt({
    fd,
    socket: {
      open(given) {
        socket = given;
      },
      // The first time when the connection is there, and never when there will be none.
      drain() {
        if (!connected) {
          connected = true;
          setTcpPatience(kept, patience); // a kernel that refuses works without
          stream.emit("connect");
        }
        flush();
      },
      data(given, piece) {
        given.pause();
        passing = pass(piece);
      },
      async end() {
        over = true;
        await passing;
        if (!stream.destroyed) stream.push(null);
      },
      close(_, problem) {
        if (stream.destroyed) return;
        release();
        if (over && problem === undefined && writing === null) return; // `end` has told it
        over = true;
        const doing = connected ? (writing === null ? "read" : "write") : "connect";
        stream.destroy(new Error(`${doing} ${codeOf(problem)} ${name}`));
      },
    },
  }).catch((problem) => stream.destroy(problem));

  return {
    stream,
    usedBytes() {
      count();
      return bytes;
    },
    widen(receiveBytes) {
      if (!released) boundReceiveBuffer(kept, receiveBytes);
    },
    reset() {
      abrupt = true;
      stream.destroy();
    },
  };
}

/** That of the kernel; none: the other end has closed it in order. */
const codeOf = (problem: (Error & { readonly code?: unknown }) | undefined): string =>
  problem === undefined ? "EPIPE" : String(problem.code ?? problem.message);
