import { NumberReader } from "./bytes.ts";
import { PatchError } from "./fault.ts";

/** A patch that comes in pieces of any size, read in pieces of the reader's sizes. */
export class PatchSource {
  private readonly pieces: AsyncIterator<Uint8Array>;
  private piece: Uint8Array = new Uint8Array();

  constructor(patch: AsyncIterable<Uint8Array>) {
    this.pieces = patch[Symbol.asyncIterator]();
  }

  /** Whether nothing is left. */
  async atEnd(): Promise<boolean> {
    while (this.piece.length === 0) {
      const next = await this.pieces.next();
      if (next.done === true) return true;
      this.piece = next.value;
    }
    return false;
  }

  /** Exactly `count` bytes, which are the caller's; `truncated` otherwise. The caller has seen that so many may be asked for. */
  async take(count: number): Promise<Uint8Array> {
    const taken = new Uint8Array(count);
    for (let filled = 0; filled < count; ) {
      if (await this.atEnd()) throw new PatchError({ kind: "truncated" });
      const part = this.piece.subarray(0, count - filled);
      taken.set(part, filled);
      filled += part.length;
      this.piece = this.piece.subarray(part.length);
    }
    return taken;
  }

  async number(of: string): Promise<number> {
    const reader = new NumberReader();
    for (;;) {
      const [byte] = await this.take(1);
      const number = reader.next(byte ?? 0);
      if (number === undefined) throw new PatchError({ kind: "number", of });
      if (number !== null) return number;
    }
  }

  /** Whoever sends the patch need not go on. */
  async close(): Promise<void> {
    await this.pieces.return?.();
  }
}
