import { NUMBER_BYTES_MAX } from "./format.ts";

/** Bytes that are written one after the other. */
export class Growing {
  private bytes: Uint8Array<ArrayBuffer> = new Uint8Array(256);
  length = 0;

  byte(value: number): void {
    if (this.length === this.bytes.length) this.grow(1);
    this.bytes[this.length] = value;
    this.length += 1;
  }

  /** LEB128. Above 2^31 shifts would cut it. */
  number(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) + 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }

  /** Zigzag: 0, -1, 1, -2 become 0, 1, 2, 3. */
  signed(value: number): void {
    this.number(value < 0 ? -2 * value - 1 : 2 * value);
  }

  all(bytes: Uint8Array): void {
    if (this.length + bytes.length > this.bytes.length) this.grow(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** What was written; belongs to the caller, and this begins anew. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.bytes.subarray(0, this.length);
    this.bytes = new Uint8Array(256);
    this.length = 0;
    return taken;
  }

  private grow(by: number): void {
    const larger = new Uint8Array(Math.max(2 * this.bytes.length, this.length + by));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}

/** What a number in a patch is, byte by byte: a number so far, or one that is complete, or none that a maker writes. */
export class NumberReader {
  private value = 0;
  private scale = 1;
  private count = 0;

  /** A number, or null: wants more; or undefined: too large, or longer than it need be. */
  next(byte: number): number | null | undefined {
    this.value += (byte & 0x7f) * this.scale;
    this.scale *= 0x80;
    this.count += 1;
    if (this.count > NUMBER_BYTES_MAX || this.value > Number.MAX_SAFE_INTEGER) return undefined;
    if (byte >= 0x80) return null;
    if (byte === 0 && this.count > 1) return undefined;
    const { value } = this;
    this.value = 0;
    this.scale = 1;
    this.count = 0;
    return value;
  }
}

/** Of zigzag. */
export const signedOf = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2);
