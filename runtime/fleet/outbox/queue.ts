import type { Leaf } from "../wire/index.ts";

/** What waits to be sent, and what of it is on its way. Pure. */
export interface Letter {
  /** Grows: of two letters, the later one has the higher. */
  readonly id: number;
  readonly leaf: Leaf;
  readonly bytes: Uint8Array;
  /** A fleeting letter is made anew after a restart, and a later one of its leaf takes its place; a lasting one is kept until it arrived. */
  readonly lasting: boolean;
}

export interface Outbox {
  readonly letters: readonly Letter[];
  /** Of letters that were handed to the connection and are not acknowledged. */
  readonly underWay: ReadonlySet<number>;
  /** Letters that had to make room since the beginning. */
  readonly lost: number;
}

export const outboxLimits = { lettersMax: 64, bytesMax: 256 * 1024 } as const;

export const emptyOutbox: Outbox = { letters: [], underWay: new Set(), lost: 0 };

export interface Taken {
  readonly outbox: Outbox;
  /** Lasting letters that made room. */
  readonly dropped: readonly Letter[];
}

/** Takes a letter. A fleeting one replaces the one of its leaf; of lasting ones, the oldest make room. */
export function put(outbox: Outbox, letter: Letter): Taken {
  const others = letter.lasting
    ? outbox.letters
    : outbox.letters.filter(({ lasting, leaf }) => lasting || leaf !== letter.leaf);
  return fitted({ ...outbox, letters: [...others, letter] });
}

/** What happened counts for more than the lines that tell how. */
const isLines = ({ leaf }: Letter): boolean => leaf === "u/g";

/** Drops log lines, and then the oldest lasting letters, until the rest fits. */
export function fitted(outbox: Outbox): Taken {
  const lasting = outbox.letters.filter((letter) => letter.lasting);
  let bytes = lasting.reduce((sum, letter) => sum + letter.bytes.length, 0);
  const dropped: Letter[] = [];
  for (const letter of [...lasting.filter(isLines), ...lasting.filter((letter) => !isLines(letter))]) {
    const fits = lasting.length - dropped.length <= outboxLimits.lettersMax && bytes <= outboxLimits.bytesMax;
    if (fits) break;
    dropped.push(letter);
    bytes -= letter.bytes.length;
  }
  const letters = outbox.letters.filter((letter) => !dropped.includes(letter));
  return { outbox: { ...outbox, letters, lost: outbox.lost + dropped.length }, dropped };
}

/** What goes next: how things stand comes before what happened, and log lines come last. Null: nothing waits. */
export function next({ letters, underWay }: Outbox): Letter | null {
  const waiting = letters.filter(({ id }) => !underWay.has(id));
  return waiting.find(({ lasting }) => !lasting) ?? waiting.find((letter) => !isLines(letter)) ?? waiting[0] ?? null;
}

/** Of what is not acknowledged. */
export const bytesIn = ({ letters }: Outbox): number => letters.reduce((sum, { bytes }) => sum + bytes.length, 0);

export const sent = (outbox: Outbox, { id }: Letter): Outbox => ({
  ...outbox,
  underWay: new Set([...outbox.underWay, id]),
});

/** It does not go after all. */
export function held(outbox: Outbox, id: number): Outbox {
  const underWay = new Set(outbox.underWay);
  underWay.delete(id);
  return { ...outbox, underWay };
}

/** The other side has it. */
export function arrived(outbox: Outbox, id: number): Outbox {
  return { ...held(outbox, id), letters: outbox.letters.filter((letter) => letter.id !== id) };
}

/** The connection is gone: what was not acknowledged goes once more. */
export const interrupted = (outbox: Outbox): Outbox => ({ ...outbox, underWay: new Set() });
