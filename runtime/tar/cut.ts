import { invariant } from "../result.ts";
import { isZero } from "./header.ts";
import { BLOCK, filling } from "./layout.ts";
import type { TarFault } from "./model.ts";
import { BadTar } from "./model.ts";

/** Cuts a stream into headers and bodies; one chunk in memory. `member` names where we are for those who read of a fault. */
export function cut(source: AsyncIterable<Uint8Array>, member: () => string, mayEndInFilling: boolean) {
  const chunks = source[Symbol.asyncIterator]();
  let held: Uint8Array = new Uint8Array();
  let ended = false;
  let atBytes = 0;
  /** Of the current body: which one it is, bytes not yet taken, and the filling of its last block. */
  let turn = 0;
  let left = 0;
  let filled = 0;

  const refuse = (detail: string): never => {
    const fault: TarFault = { kind: "cutOff", member: member(), detail };
    throw new BadTar(fault);
  };
  /** Up to `most` bytes; null at the end of the stream. */
  const take = async (most: number): Promise<Uint8Array | null> => {
    while (held.byteLength === 0 && !ended) {
      const next = await chunks.next();
      if (next.done === true) ended = true;
      else held = next.value;
    }
    if (held.byteLength === 0) return null;
    const taken = held.subarray(0, most);
    held = held.subarray(taken.byteLength);
    atBytes += taken.byteLength;
    return taken;
  };
  async function* body(mine: number, sizeBytes: number): AsyncGenerator<Uint8Array> {
    for (let wanted = sizeBytes; wanted > 0; ) {
      invariant(mine === turn, "the contents of a member are read before the next one is asked for");
      const part = await take(wanted);
      if (part === null) refuse("in the middle of a file");
      else {
        wanted -= part.byteLength;
        left = wanted;
        yield part;
      }
    }
  }
  return {
    /** The next block; null at the end of the stream. */
    async block(): Promise<Uint8Array | null> {
      const first = await take(BLOCK);
      if (first === null || first.byteLength === BLOCK) return first;
      const block = new Uint8Array(BLOCK);
      block.set(first);
      for (let at = first.byteLength; at < BLOCK; ) {
        const part = await take(BLOCK - at);
        if (part === null) return refuse("in the middle of a header");
        block.set(part, at);
        at += part.byteLength;
      }
      return block;
    },
    /** The contents that stand behind the header that was just read. */
    body(sizeBytes: number): AsyncIterable<Uint8Array> {
      turn++;
      left = sizeBytes;
      filled = filling(sizeBytes);
      return body(turn, sizeBytes);
    },
    /** Over what is left of the current body. */
    async pass(): Promise<void> {
      turn++;
      const over = async (bytes: number, mayEnd: boolean): Promise<void> => {
        for (let rest = bytes; rest > 0; ) {
          const part = await take(rest);
          if (part === null && mayEnd) return;
          if (part === null) refuse("behind a header");
          else rest -= part.byteLength;
        }
      };
      await over(left, false);
      await over(filled, mayEndInFilling);
      left = 0;
      filled = 0;
    },
    /** True when nothing but NUL is left. */
    async onlyZeros(): Promise<boolean> {
      for (let part = await take(1 << 20); part !== null; part = await take(1 << 20)) if (!isZero(part)) return false;
      return true;
    },
    atBytes: () => atBytes,
    /** The source is told that nobody reads on. */
    async leave(): Promise<void> {
      if (!ended) await chunks.return?.();
    },
  };
}
