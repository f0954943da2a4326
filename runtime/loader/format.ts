import type { Result } from "../result.ts";

/** The value does not fit into the file. */
export interface TooLarge {
  readonly kind: "tooLarge";
  readonly bytes: number;
  readonly bytesMax: number;
}

/** The bytes of a small file of a boot loader, both ways. Pure. */
export interface Format<T> {
  /** No larger file is read. */
  readonly bytesMax: number;
  /** What stands for a file that is not there; null: it must be there. */
  readonly missing: T | null;
  /** The error says what is wrong with the bytes. */
  decode(bytes: Uint8Array): Result<T, string>;
  encode(value: T): Result<Uint8Array, TooLarge>;
}

/**
 * Text of a boot loader as Latin-1, one character a byte: none of them knows encodings, and what others wrote goes back as it came.
 */
export const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
export const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));
