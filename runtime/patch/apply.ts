import { ok } from "../result.ts";
import type { DiskResult } from "../store/index.ts";
import { NumberReader, signedOf } from "./bytes.ts";
import { ofDisk, PatchError, type PatchFault } from "./fault.ts";
import { MAGIC, PACKINGS, PARTS, type Part, type Parts, SECTION_BYTES_MAX, VERSION, VERSION_PLAIN } from "./format.ts";
import { unpack } from "./packing.ts";
import { SHIFTS_MAX, type Shift, shiftWords } from "./shifts.ts";
import { PatchSource } from "./source.ts";

/** A file that is read by position, such as the store's `OpenFile` with its size. */
export interface RandomRead {
  readonly sizeBytes: number;
  /** Fills `into` from byte `atBytes` on; the value is how many bytes came, 0 at the end. */
  read(into: Uint8Array, atBytes: number): DiskResult<number>;
}

export interface Applying {
  readonly base: RandomRead | null;
  readonly patch: AsyncIterable<Uint8Array>;
  /** Of the object that is wanted. */
  readonly objectBytes: number;
}

const COLLECTED_BYTES = 1 << 18;
/** Bytes that come at once, at most. */
const CHUNK_BYTES = 64 << 10;

const refuse = (fault: PatchFault): never => {
  throw new PatchError(fault);
};

/**
 * The bytes of the object, in order, in chunks of at most 64 KiB, each valid until the next, exactly `objectBytes` of them. Whoever takes
 * them checks the object's digest: a patch may be whole and yet not the one that was wanted. Memory: a few sections of 2 MiB and what
 * unpacking takes, whatever is made. Throws {@link PatchError} at the first thing that is wrong; the chunks before are worth nothing then.
 */
export async function* applyPatch({ base, patch, objectBytes }: Applying): AsyncGenerator<Uint8Array> {
  const source = new PatchSource(patch);
  try {
    const { baseBytes, shifts } = await readHeader(source, base, objectBytes);
    const shifted = base === null || shifts.length === 0 ? base : shiftedBase(base, shifts);
    const making = { base: shifted, baseBytes, objectBytes, chunks: new Chunks(), madeBytes: 0, basePosition: 0 };
    while (making.madeBytes < objectBytes) {
      const parts = await readParts(source);
      const rawBytes = PARTS.reduce((sum, part) => sum + parts[part].length, 0);
      yield* section(parts, making);
      // the collector sees only the handles of such large buffers, and would let many of them gather
      if (rawBytes > COLLECTED_BYTES) Bun.gc(true);
    }
    if (!(await source.atEnd())) refuse({ kind: "trailing" });
  } finally {
    await source.close();
  }
}

interface Header {
  /** So many of the base may be used: 0 when the patch wants none. */
  readonly baseBytes: number;
  readonly shifts: readonly Shift[];
}

async function readHeader(source: PatchSource, base: RandomRead | null, objectBytes: number): Promise<Header> {
  const magic = await source.take(MAGIC.length + 1);
  if (MAGIC.some((byte, at) => magic[at] !== byte)) refuse({ kind: "notPatch" });
  const version = magic[MAGIC.length] ?? 0;
  if (version !== VERSION && version !== VERSION_PLAIN) refuse({ kind: "version", version });
  const says = await source.number("size of the object");
  if (says !== objectBytes) refuse({ kind: "objectBytes", says, wanted: objectBytes });
  const baseNumber = await source.number("size of the base");
  const baseBytes = Math.max(0, baseNumber - 1);
  const has = base?.sizeBytes ?? null;
  if (baseNumber > 0 && has !== baseBytes) refuse({ kind: "baseBytes", says: baseBytes, has });
  return { baseBytes, shifts: version === VERSION_PLAIN ? [] : await readShifts(source, baseBytes) };
}

async function readShifts(source: PatchSource, baseBytes: number): Promise<readonly Shift[]> {
  const count = await source.number("count of shifts");
  if (count > SHIFTS_MAX) refuse({ kind: "shift", at: SHIFTS_MAX });
  const shifts: Shift[] = [];
  for (let at = 0; at < count; at += 1) {
    const number = (): Promise<number> => source.number("shift");
    const start = 4 * (await number());
    const end = start + 4 * (await number());
    const [tag, low] = [await number(), await number()];
    const high = low + (await number());
    const add = signedOf(await number());
    const isSane =
      start < end && end <= baseBytes && tag < 4 && low < high && high <= 2 ** 32 && Math.abs(add) < 2 ** 32;
    shifts.push(isSane ? { start, end, tag, low, high, add } : refuse({ kind: "shift", at }));
  }
  return shifts;
}

/** The base as its shifts make it. Whole words are read. */
const shiftedBase = (base: RandomRead, shifts: readonly Shift[]): RandomRead => ({
  sizeBytes: base.sizeBytes,
  async read(into, at) {
    if (shifts.every(({ start, end }) => at + into.length <= start || end <= at)) return base.read(into, at);
    const from = at - (at % 4);
    const words = new Uint8Array(Math.min(base.sizeBytes, Math.ceil((at + into.length) / 4) * 4) - from);
    await fill(base, words, from);
    shiftWords(words, from, shifts);
    into.set(words.subarray(at - from, at - from + into.length));
    return ok(into.length);
  },
});

async function readParts(source: PatchSource): Promise<Parts> {
  const parts: Partial<Record<Part, Uint8Array>> = {};
  let room = SECTION_BYTES_MAX;
  for (const part of PARTS) {
    const head = await source.number(`size of ${part}`);
    const rawBytes = Math.floor(head / 4);
    if (rawBytes > room) refuse({ kind: "partBytes", part, bytes: rawBytes, bytesMax: room });
    const packing = PACKINGS[head % 4] ?? refuse({ kind: "packing", part, packing: head % 4 });
    const packedBytes = packing === "stored" ? rawBytes : await source.number(`packed size of ${part}`);
    // packed it is smaller, or it would be stored
    if (packedBytes > rawBytes) refuse({ kind: "partBytes", part, bytes: packedBytes, bytesMax: rawBytes });
    const raw = await unpack({ packing, bytes: await source.take(packedBytes) }, rawBytes);
    parts[part] = raw ?? refuse({ kind: "unpacked", part });
    room -= rawBytes;
  }
  return parts as Parts;
}

interface Making {
  readonly base: RandomRead | null;
  readonly baseBytes: number;
  readonly objectBytes: number;
  readonly chunks: Chunks;
  madeBytes: number;
  /** Where the last copy ended. */
  basePosition: number;
}

async function* section(parts: Parts, making: Making): AsyncGenerator<Uint8Array> {
  const { base, baseBytes, objectBytes, chunks } = making;
  const [steps, gaps, differences, news] = PARTS.map((part) => new PartReader(part, parts[part])) as [
    PartReader,
    PartReader,
    PartReader,
    PartReader,
  ];
  if (steps.left === 0) refuse({ kind: "idle" });
  let equal = nextGap(gaps);
  while (steps.left > 0) {
    const inserted = steps.number();
    const copied = steps.number();
    if (inserted + copied === 0) refuse({ kind: "idle" });
    const left = objectBytes - making.madeBytes;
    if (inserted + copied > left) refuse({ kind: "pastObject", bytes: inserted + copied - left, objectBytes });
    making.madeBytes += inserted + copied;
    for (let rest = inserted; rest > 0; ) {
      const into = chunks.space(rest);
      into.set(news.take(into.length));
      rest -= into.length;
      if (chunks.isFull) yield chunks.take();
    }
    if (copied === 0) continue;
    let from = making.basePosition + signedOf(steps.number());
    if (from < 0 || from + copied > baseBytes) refuse({ kind: "outsideBase", from, bytes: copied, baseBytes });
    making.basePosition = from + copied;
    for (let rest = copied; rest > 0; ) {
      const into = chunks.space(rest);
      if (base !== null) await fill(base, into, from);
      let at = 0;
      for (; equal < into.length - at; equal = nextGap(gaps)) {
        at += equal;
        into[at] = (into[at] as number) + differences.byte();
        at += 1;
      }
      equal -= into.length - at;
      from += into.length;
      rest -= into.length;
      if (chunks.isFull) yield chunks.take();
    }
  }
  for (const part of [gaps, differences, news]) {
    if (part.left > 0) refuse({ kind: "unused", part: part.part, bytes: part.left });
  }
  if (Number.isFinite(equal)) refuse({ kind: "unused", part: "gaps", bytes: 1 });
  if (!chunks.isEmpty) yield chunks.take();
}

/** Without another difference, all that comes is equal. */
const nextGap = (gaps: PartReader): number => (gaps.left === 0 ? Number.POSITIVE_INFINITY : gaps.number());

async function fill(base: RandomRead, into: Uint8Array, from: number): Promise<void> {
  for (let filled = 0; filled < into.length; ) {
    const bytes = ofDisk(await base.read(into.subarray(filled), from + filled));
    if (bytes === 0) refuse({ kind: "baseShort", at: from + filled });
    filled += bytes;
  }
}

/** Bytes of a part, from its beginning to its end. */
class PartReader {
  private at = 0;
  private readonly numbers = new NumberReader();
  constructor(
    readonly part: Part,
    private readonly bytes: Uint8Array,
  ) {}

  get left(): number {
    return this.bytes.length - this.at;
  }

  byte(): number {
    const byte = this.bytes[this.at] ?? refuse({ kind: "used", part: this.part });
    this.at += 1;
    return byte;
  }

  number(): number {
    for (;;) {
      const number = this.numbers.next(this.byte());
      if (number === undefined) return refuse({ kind: "number", of: this.part });
      if (number !== null) return number;
    }
  }

  take(count: number): Uint8Array {
    if (count > this.left) refuse({ kind: "used", part: this.part });
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }
}

/** Short pieces come together in one chunk. */
class Chunks {
  private readonly chunk = new Uint8Array(CHUNK_BYTES);
  private used = 0;

  /** Room for as many of the next `wanted` bytes as there is; counts as used. */
  space(wanted: number): Uint8Array {
    const from = this.used;
    this.used = Math.min(CHUNK_BYTES, from + wanted);
    return this.chunk.subarray(from, this.used);
  }

  get isFull(): boolean {
    return this.used === CHUNK_BYTES;
  }

  get isEmpty(): boolean {
    return this.used === 0;
  }

  take(): Uint8Array {
    const taken = this.chunk.subarray(0, this.used);
    this.used = 0;
    return taken;
  }
}
