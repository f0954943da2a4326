import { err, ok, type Result } from "../../result.ts";

/** Silence after which the other side counts as gone. As long as the original's client waits. */
const SILENCE_MAX_MS = 240_000;
/** Received and not yet read; above it the socket is not read, so that the sender waits. */
const UNREAD_BYTES_MAX = 1 << 20;

/**
 * A Unix stream socket with back-pressure in both directions. `fetch` of Bun 1.4.5 has none: it gathers what it receives in memory. And
 * `node:net` throws away an answer that came before the other side stopped reading, which is how a server refuses a large body.
 */
export interface Wire {
  /** False: the other side takes no more, or has begun to answer; what it said can still be read. */
  write(bytes: Uint8Array): Promise<boolean>;
  /** What came next; null at the end. Throws {@link WireBroken} on silence. */
  read(): Promise<Uint8Array | null>;
  close(): void;
}

export class WireBroken extends Error {
  override readonly name = "WireBroken";
}

/** Connects; the error is the errno's name. */
export async function openWire(path: string): Promise<Result<Wire, string>> {
  const received: Uint8Array[] = [];
  let unreadBytes = 0;
  let ended = false;
  let paused = false;
  let wake: (() => void) | null = null;
  const changed = (): void => wake?.();

  const waiting = async (): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    wake = resolve;
    const timer = setTimeout(
      () => reject(new WireBroken(`nothing happened for ${SILENCE_MAX_MS / 1000} s`)),
      SILENCE_MAX_MS,
    );
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      wake = null;
    }
  };
  const over = (): void => {
    ended = true;
    changed();
  };

  let socket: Bun.Socket;
  try {
    socket = await Bun.connect({
      unix: path,
      socket: {
        data(from, bytes) {
          received.push(new Uint8Array(bytes)); // the buffer is the socket's own
          unreadBytes += bytes.byteLength;
          if (unreadBytes > UNREAD_BYTES_MAX && !paused) {
            paused = true;
            from.pause();
          }
          changed();
        },
        drain: changed,
        end: over,
        close: over,
        error: over,
      },
    });
  } catch (error) {
    return err(error instanceof Error && "code" in error ? String(error.code) : String(error));
  }

  return ok({
    async write(bytes) {
      for (let sent = 0; sent < bytes.byteLength; ) {
        if (ended || received.length > 0) return false;
        const taken = socket.write(bytes.subarray(sent));
        if (taken < 0) return false;
        sent += taken;
        if (sent < bytes.byteLength) await waiting();
      }
      return true;
    },
    async read() {
      for (;;) {
        const next = received.shift();
        if (next !== undefined) {
          unreadBytes -= next.byteLength;
          if (paused && unreadBytes <= UNREAD_BYTES_MAX / 2) {
            paused = false;
            socket.resume();
          }
          return next;
        }
        if (ended) return null;
        await waiting();
      }
    },
    close: () => void socket.terminate(),
  });
}
