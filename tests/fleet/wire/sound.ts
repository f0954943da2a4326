/** A second reader of CBOR, written from RFC 8949 and nothing else, that only says whether a message is in our one form. */
const KEYS = [0, 1, 3];

class Cursor {
  private at = 0;
  private collections = 0;

  constructor(private readonly bytes: Buffer) {}

  get atEnd(): boolean {
    return this.at === this.bytes.length;
  }

  /** Major type and argument (section 3), in the shortest form (section 4.2.1). */
  private head(): readonly [major: number, argument: bigint] {
    const first = this.bytes.readUInt8(this.at);
    const [major, low] = [first >> 5, first & 31];
    this.at += 1;
    if (low < 24) return [major, BigInt(low)];
    if (low > 27) throw new RangeError("reserved, or of no definite length");
    const size = 1 << (low - 24);
    const argument = BigInt(
      `0x${this.bytes
        .subarray(this.at, this.at + size)
        .toString("hex")
        .padEnd(2, "x")}`,
    );
    if (this.at + size > this.bytes.length) throw new RangeError("cut off");
    this.at += size;
    const least = size === 1 ? 24n : 1n << BigInt(4 * size);
    if (argument < least || major === 7) throw new RangeError("longer than needed, or a float");
    return [major, argument];
  }

  private take(length: bigint): Buffer {
    if (length > BigInt(this.bytes.length - this.at)) throw new RangeError("cut off");
    const from = this.at;
    this.at += Number(length);
    return this.bytes.subarray(from, this.at);
  }

  item(): void {
    const [major, argument] = this.head();
    if (major <= 1 && argument > BigInt(Number.MAX_SAFE_INTEGER - major)) throw new RangeError("not exact");
    if (major === 2) this.take(argument);
    if (major === 3) new TextDecoder("utf-8", { fatal: true }).decode(this.take(argument));
    if (major === 4 || major === 5) this.collections += 1;
    if (this.collections > 64) throw new RangeError("too many");
    if (major === 4) for (let count = 0n; count < argument; count += 1n) this.item();
    if (major === 5) this.members(argument);
    if (major === 6 || (major === 7 && argument !== 20n && argument !== 21n)) throw new RangeError("not of ours");
  }

  private members(count: bigint): void {
    let before: Buffer | null = null;
    for (let left = count; left > 0n; left -= 1n) {
      const from = this.at;
      if (!KEYS.includes(this.bytes.readUInt8(from) >> 5)) throw new RangeError("no key");
      this.item();
      const key = this.bytes.subarray(from, this.at);
      if (before !== null && !follows(before, key)) throw new RangeError("not in order");
      before = key;
      this.item();
    }
  }
}

/** Numbers before negative ones before texts, each kind by length and then by bytes. */
function follows(before: Buffer, key: Buffer): boolean {
  const [one, other] = [before, key].map((bytes) => (bytes.readUInt8(0) >> 5) * 1_000_000 + bytes.length);
  return one === other ? Buffer.compare(before, key) < 0 : Number(one) < Number(other);
}

export function isSound(bytes: Uint8Array): boolean {
  const cursor = new Cursor(Buffer.from(bytes));
  try {
    cursor.item();
    return cursor.atEnd;
  } catch {
    return false;
  }
}
