import type { Dice } from "./dice.ts";

type Mutation = (bytes: Buffer, dice: Dice, corpus: readonly Uint8Array[]) => Buffer;

/** Bytes that lengths and types begin with, and those at the edges of their ranges. */
const EDGES = [
  0x00, 0x01, 0x02, 0x03, 0x06, 0x1f, 0x30, 0x31, 0x7f, 0x80, 0x81, 0x82, 0x84, 0x88, 0xa0, 0xa3, 0xfe, 0xff,
];

function replaced(bytes: Buffer, start: number, end: number, other: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, start), other, bytes.subarray(end)]);
}

function inserted(bytes: Buffer, dice: Dice, other: Uint8Array): Buffer {
  const at = dice.roll(bytes.length + 1);
  return replaced(bytes, at, at, other);
}

const piece = (bytes: Uint8Array, dice: Dice): Uint8Array => {
  const start = dice.roll(bytes.length + 1);
  return bytes.subarray(start, start + dice.roll(64));
};

const MUTATIONS: readonly Mutation[] = [
  (bytes, dice) => {
    const at = dice.roll(bytes.length + 1);
    return replaced(bytes, at, at + 1, Uint8Array.of(dice.pick(EDGES)));
  },
  (bytes, dice) => {
    const at = dice.roll(bytes.length + 1);
    return replaced(bytes, at, at + 1, Uint8Array.of((bytes[at] ?? 0) ^ (1 << dice.roll(8))));
  },
  (bytes, dice) => {
    const at = dice.roll(bytes.length + 1);
    return replaced(bytes, at, at + 1, Uint8Array.of((bytes[at] ?? 0) + (dice.roll(2) === 0 ? 1 : 255)));
  },
  (bytes, dice) => inserted(bytes, dice, Uint8Array.of(dice.pick(EDGES), dice.pick(EDGES))),
  (bytes, dice) => {
    const at = dice.roll(bytes.length + 1);
    return replaced(bytes, at, at + dice.roll(16), new Uint8Array());
  },
  (bytes, dice, corpus) => {
    const at = dice.roll(bytes.length + 1);
    return replaced(bytes, at, at + dice.roll(64), piece(dice.pick(corpus), dice));
  },
  (bytes, dice) => {
    const at = dice.roll(bytes.length + 1);
    return replaced(bytes, at, at, piece(bytes, dice));
  },
  (bytes, dice) => bytes.subarray(0, dice.roll(bytes.length + 1)),
  // A length of several bytes that says more than there is.
  (bytes, dice) => {
    const at = dice.roll(bytes.length + 1);
    return replaced(bytes, at, at + 1, Uint8Array.of(0x84, ...Array.from({ length: 4 }, () => dice.pick(EDGES))));
  },
];

/** Those that make inputs large; one in a hundred gets one. */
const HEAVY: readonly Mutation[] = [
  (bytes, dice) => inserted(bytes, dice, Buffer.alloc(dice.roll(20_000), dice.pick(EDGES))),
  (_, dice) => Buffer.alloc(dice.roll(40_000), Uint8Array.of(0x30, dice.pick(EDGES))),
];

/** One to three mutations of one of the corpus. */
export function mutantBytes(dice: Dice, corpus: readonly Uint8Array[]): Uint8Array {
  let bytes: Buffer = Buffer.from(dice.pick(corpus));
  for (let count = 1 + dice.roll(3); count > 0; count -= 1) bytes = dice.pick(MUTATIONS)(bytes, dice, corpus);
  if (dice.roll(100) === 0) bytes = dice.pick(HEAVY)(bytes, dice, corpus);
  return bytes;
}

const TAR_BLOCK = 512;

/** Bytes of a target's input. */
export const asBytes = (input: string | Uint8Array): Uint8Array =>
  typeof input === "string" ? Buffer.from(input, "latin1") : input;

/** A mutant of archives. Most get right check sums again, or no reader would look further than those. */
export function mutantArchive(dice: Dice, corpus: readonly Uint8Array[]): Uint8Array {
  const bytes = Buffer.from(mutantBytes(dice, corpus));
  if (dice.roll(4) === 0) return bytes;
  for (let at = 0; at + TAR_BLOCK <= bytes.length; at += TAR_BLOCK) {
    const block = bytes.subarray(at, at + TAR_BLOCK);
    if (block.toString("latin1", 257, 262) !== "ustar") continue;
    const sum = block.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 0x20 : byte), 0);
    block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  }
  return bytes;
}
