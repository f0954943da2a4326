/**
 * DER (ITU-T X.690 sections 8 and 10), as much of it as keys, certificates and ECDSA signatures have: tags of one byte, definite
 * lengths in their shortest form.
 */
export interface Element {
  readonly tag: number;
  readonly contents: Uint8Array;
  /** With tag and length. */
  readonly whole: Uint8Array;
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  nothing: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  /** EXPLICIT or constructed IMPLICIT context tag. */
  context: (number: number): number => 0xa0 | number,
} as const;

const NONE: Element = { tag: 0, contents: new Uint8Array(), whole: new Uint8Array() };

/**
 * Reads elements one after the other. What does not fit sets `fault`, shared by all cursors of one document, and from then on
 * everything reads as empty: the caller looks at `fault` once, at the end. Never reads outside its bytes.
 */
export class DerCursor {
  private at = 0;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly document: { fault: string | null } = { fault: null },
  ) {}

  /** What does not fit first, for people: "validity: …"; null so far. */
  get fault(): string | null {
    return this.document.fault;
  }

  fail(what: string): void {
    this.document.fault ??= what;
  }

  /** Whether there is another element; false after a fault, so loops end. */
  get more(): boolean {
    return this.document.fault === null && this.at < this.bytes.length;
  }

  /** The tag of the next element; null at the end. */
  get tag(): number | null {
    return this.more ? (this.bytes[this.at] ?? null) : null;
  }

  /** The next element, whatever its tag. */
  any(what: string): Element {
    if (!this.more) return this.refused(`${what} is missing`);
    const start = this.at;
    const [tag = 0, first = 0x80] = this.bytes.subarray(start, start + 2);
    if ((tag & 0x1f) === 0x1f) return this.refused(`${what} has a tag of several bytes`);
    let [from, length] = [start + 2, first];
    if (first >= 0x80) {
      const count = first & 0x7f;
      const digits = this.bytes.subarray(from, from + count);
      if (count === 0 || count > 4 || digits.length < count) return this.refused(`${what} has no definite length`);
      length = digits.reduce((sum, byte) => sum * 256 + byte, 0);
      if (digits[0] === 0 || length < 0x80)
        return this.refused(`${what} has a length that is not in its shortest form`);
      from += count;
    }
    if (length > this.bytes.length - from) return this.refused(`${what} is longer than what holds it`);
    this.at = from + length;
    return { tag, contents: this.bytes.subarray(from, this.at), whole: this.bytes.subarray(start, this.at) };
  }

  element(what: string, tag: number): Element {
    if (this.more && this.tag !== tag) return this.refused(`${what} has another type`);
    return this.any(what);
  }

  /** The elements inside the next one. */
  inside(what: string, tag: number = TAG.sequence): DerCursor {
    return new DerCursor(this.element(what, tag).contents, this.document);
  }

  /** A whole number that is not negative, big-endian without a leading zero (zero itself is one zero byte). */
  unsigned(what: string): Uint8Array {
    const { contents } = this.element(what, TAG.integer);
    const [first = 0xff, second] = contents;
    if (this.fault === null && (first > 0x7f || (first === 0 && second !== undefined && second < 0x80))) {
      return this.refused(`${what} is negative, or not in its shortest form`).contents;
    }
    return first === 0 && second !== undefined ? contents.subarray(1) : contents;
  }

  /** A whole number from 0 to `max`, which is below 2^31. */
  small(what: string, max: number): number {
    const digits = this.unsigned(what);
    const value = digits.length > 4 ? Number.POSITIVE_INFINITY : digits.reduce((sum, byte) => sum * 256 + byte, 0);
    if (value <= max) return value;
    this.fail(`${what} is above ${max}`);
    return 0;
  }

  boolean(what: string): boolean {
    const { contents } = this.element(what, TAG.boolean);
    if (this.fault === null && (contents.length !== 1 || (contents[0] !== 0 && contents[0] !== 0xff))) {
      this.fail(`${what} is neither true nor false`);
    }
    return contents[0] === 0xff;
  }

  /** An object identifier in its dotted form. */
  oid(what: string): string {
    const { contents } = this.element(what, TAG.oid);
    const parts: number[] = [];
    let value = 0;
    for (const [index, byte] of contents.entries()) {
      if (value === 0 && byte === 0x80) return this.noOid(what);
      value = value * 128 + (byte & 0x7f);
      if (value > 0xffff_ffff || parts.length > 32) return this.noOid(what);
      if (byte < 0x80) {
        parts.push(value);
        value = 0;
      } else if (index === contents.length - 1) return this.noOid(what);
    }
    const [first, ...rest] = parts;
    if (first === undefined) return this.noOid(what);
    const root = Math.min(2, Math.floor(first / 40));
    return [root, first - root * 40, ...rest].join(".");
  }

  private noOid(what: string): string {
    this.fail(`${what} is no object identifier`);
    return "";
  }

  /** The bytes of a bit string whose length is whole bytes, as keys and signatures are. */
  bits(what: string): Uint8Array {
    const { contents } = this.element(what, TAG.bitString);
    if (this.fault === null && contents[0] !== 0) this.fail(`${what} is no bit string of whole bytes`);
    return contents.subarray(1);
  }

  /** Nothing may follow. */
  end(what: string): void {
    if (this.more) this.fail(`something follows ${what}`);
  }

  private refused(what: string): Element {
    this.fail(what);
    return NONE;
  }
}
