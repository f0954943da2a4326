import type { Chunks } from "./message.ts";

/** The body of an upload between the socket, which gives bytes when they come, and who stores them, who takes them when it can. */
export interface Inbox {
  readonly chunks: Chunks;
  /** True: nobody has taken earlier bytes yet, so the client must wait. */
  put(bytes: Uint8Array): boolean;
  /** No more bytes will come; an error: because something went wrong. What came before is still read. */
  end(error?: Error): void;
  /** From now on bytes are thrown away as they come. */
  discard(): void;
}

/** `wanting`: the reader waits for bytes. */
export function openInbox(wanting: () => void): Inbox {
  const queue: Uint8Array[] = [];
  let ending: { readonly error: Error | undefined } | null = null;
  let wake: (() => void) | null = null;
  let discarding = false;
  const woken = (): void => {
    wake?.();
    wake = null;
  };
  async function* chunks(): Chunks {
    for (;;) {
      const next = queue.shift();
      if (next !== undefined) {
        yield next;
      } else if (ending !== null) {
        if (ending.error !== undefined) throw ending.error;
        return;
      } else {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        wanting();
        await promise;
      }
    }
  }
  return {
    chunks: chunks(),
    put(bytes) {
      if (discarding) return false;
      const waits = wake !== null;
      queue.push(bytes);
      woken();
      return !waits;
    },
    end(error) {
      ending ??= { error };
      woken();
    },
    discard() {
      discarding = true;
      queue.length = 0;
    },
  };
}
