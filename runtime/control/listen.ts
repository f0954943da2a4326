import { chmodSync, lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { err, ok, type Result } from "../result.ts";
import { refusal } from "./answer.ts";
import { type Connection, type Serving, serveConnection } from "./connection.ts";
import { writeResponse } from "./http.ts";

/**
 * Bounds of one socket. We carry HTTP ourselves because `Bun.serve` (1.4.5) neither limits connections nor ends one that stops in
 * the middle of a request: any container could take all descriptors of PID 1.
 */
export const listenLimits = {
  /** One more cuts off the oldest that keeps us waiting: a request is answered as soon as it is whole, so that one is stuck or slow. */
  connectionsMax: 16,
} as const;

/** For one who comes while all others wait for us. */
const FULL_RETRY_SECONDS = 1;

/** `sun_path` of unix(7) without its final NUL. */
const SOCKET_PATH_BYTES_MAX = 107;

export interface ListenOptions extends Serving {
  /** Where the socket appears; missing folders are made. A socket left there by an earlier run is replaced. */
  readonly path: string;
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

type Socket = Bun.Socket<Connection>;

/**
 * Serves one caller's requests at `path` (mode 0600: root of the host or of the container). One request a connection; no client
 * can hold up another one or the runtime.
 */
export function listen({ path, ...serving }: ListenOptions): Result<Listener, ListenError> {
  const failed = (why: string): Result<Listener, ListenError> => err({ kind: "listen", path, why });
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) {
    return failed(`the path is longer than ${SOCKET_PATH_BYTES_MAX} bytes; choose a shorter PV_SYSTEM_RUNDIR`);
  }
  const open = new Set<Socket>();

  const drop = (socket: Socket): void => {
    open.delete(socket); // at once: the close event may come later
    socket.data.closed();
    socket.terminate();
  };

  try {
    mkdirSync(dirname(path), { recursive: true });
    if (!clearStale(path)) return failed("something that is not a socket is there; remove it");
    const server = Bun.listen<Connection>({
      unix: path,
      allowHalfOpen: true, // a client that says that it has sent all still waits for its answer
      socket: {
        open(socket) {
          socket.data = serveConnection(socket, serving);
          if (open.size >= listenLimits.connectionsMax) {
            const oldest = [...open].find(({ data }) => data.idle);
            if (oldest === undefined) {
              socket.write(writeResponse(refusal(503, "Too many requests at once. Try again", FULL_RETRY_SECONDS)));
              drop(socket);
              return;
            }
            drop(oldest);
          }
          open.add(socket);
        },
        data(socket, bytes) {
          socket.data.data(bytes);
        },
        drain(socket) {
          socket.data.drain();
        },
        end(socket) {
          socket.data.ended();
        },
        close(socket) {
          open.delete(socket);
          socket.data.closed();
        },
        error: drop,
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

/** False: there is something that is not a socket, which is not ours to remove. */
function clearStale(path: string): boolean {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) return true;
  if (!there.isSocket()) return false;
  unlinkSync(path);
  return true;
}
