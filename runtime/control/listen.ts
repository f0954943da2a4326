import { chmodSync, lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { err, ok, type Result } from "../result.ts";
import type { Device } from "./device.ts";
import { CONTINUE, httpLimits, type Progress, readRequest, writeResponse } from "./http.ts";
import type { Caller, ControlResponse } from "./message.ts";
import { refusal, respond } from "./respond.ts";

/**
 * Bounds of one socket. We carry HTTP ourselves because `Bun.serve` (1.4.5) neither limits connections nor ends one that stops in
 * the middle of a request: any container could take all descriptors of PID 1.
 */
export const listenLimits = {
  /** One more cuts off the oldest: a request is answered as soon as it is whole, so who stays long is stuck or slow. */
  connectionsMax: 16,
  /** From the connection to the last byte of the answer, however busy the client looks. */
  connectionMaxMs: 5000,
} as const;

/** `sun_path` of unix(7) without its final NUL. */
const SOCKET_PATH_BYTES_MAX = 107;

export interface ListenOptions {
  /** Where the socket appears; missing folders are made. A socket left there by an earlier run is replaced. */
  readonly path: string;
  readonly caller: Caller;
  readonly device: Device;
  /** Hears of requests that ended in a bug of ours; the caller of the API got a 500. */
  readonly onBug: (error: unknown) => void;
}

export interface Listener {
  readonly path: string;
  /** Takes the socket away and drops every connection. */
  close(): void;
}

export interface ListenError {
  readonly kind: "listen";
  readonly path: string;
  readonly why: string;
}

export const explainListenError = (error: ListenError): string => `control socket ${error.path}: ${error.why}`;

interface Connection {
  received: Buffer;
  /** Of the answer, still to be sent; null while there is no answer. */
  unsent: Buffer | null;
  continued: boolean;
  timer: Timer | null;
}

type Socket = Bun.Socket<Connection>;

/**
 * Serves one caller's requests at `path` (mode 0600: root of the host or of the container). One request a connection, all bounded
 * by {@link listenLimits}.
 */
export function listen({ path, caller, device, onBug }: ListenOptions): Result<Listener, ListenError> {
  const failed = (why: string): Result<Listener, ListenError> => err({ kind: "listen", path, why });
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) {
    return failed(`the path is longer than ${SOCKET_PATH_BYTES_MAX} bytes; choose a shorter PV_SYSTEM_RUNDIR`);
  }
  const open = new Set<Socket>();

  const drop = (socket: Socket): void => {
    open.delete(socket); // at once: the close event may come later
    socket.terminate();
  };
  const serve = (socket: Socket): void => {
    const { data } = socket;
    const progress = readRequest(data.received);
    if (progress.kind === "more") {
      if (progress.expectsContinue && !data.continued) {
        data.continued = true;
        socket.write(CONTINUE);
      }
      return;
    }
    data.unsent = writeResponse(responseTo(progress));
    data.received = Buffer.alloc(0);
    flush(socket);
  };
  const responseTo = (progress: Exclude<Progress, { kind: "more" }>): ControlResponse => {
    switch (progress.kind) {
      case "malformed":
        return refusal(400, "Unsupported protocol");
      case "tooLarge":
        return refusal(413, `Request is larger than ${httpLimits.bodyBytesMax} bytes`);
      case "complete":
        try {
          return respond(caller, progress.request, device);
        } catch (error) {
          onBug(error);
          return refusal(500, "Internal error");
        }
    }
  };

  try {
    mkdirSync(dirname(path), { recursive: true });
    if (!clearStale(path)) return failed("something that is not a socket is there; remove it");
    const server = Bun.listen<Connection>({
      unix: path,
      socket: {
        open(socket) {
          socket.data = { received: Buffer.alloc(0), unsent: null, continued: false, timer: null };
          const [oldest] = open;
          if (oldest !== undefined && open.size >= listenLimits.connectionsMax) drop(oldest);
          open.add(socket);
          socket.data.timer = setTimeout(() => drop(socket), listenLimits.connectionMaxMs);
        },
        data(socket, bytes) {
          if (!open.has(socket) || socket.data.unsent !== null) return;
          socket.data.received = Buffer.concat([socket.data.received, bytes]);
          serve(socket);
        },
        drain: flush,
        close(socket) {
          if (socket.data.timer !== null) clearTimeout(socket.data.timer);
          open.delete(socket);
        },
        error(socket) {
          drop(socket);
        },
      },
    });
    chmodSync(path, 0o600);
    return ok({
      path,
      close() {
        server.stop(true);
        clearStale(path);
      },
    });
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error));
  }
}

/** Sends what the kernel takes now; the rest follows when it says that it takes more. */
function flush(socket: Socket): void {
  const { data } = socket;
  if (data.unsent === null) return;
  data.unsent = data.unsent.subarray(Math.max(0, socket.write(data.unsent)));
  // Bytes still queued on a Unix socket outlive its closing, so even a refused client that has not stopped sending reads this.
  if (data.unsent.length === 0) socket.end();
}

/** False: there is something that is not a socket, which is not ours to remove. */
function clearStale(path: string): boolean {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) return true;
  if (!there.isSocket()) return false;
  unlinkSync(path);
  return true;
}
