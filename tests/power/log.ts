/**
 * Reads what QEMU's blklogwrites driver recorded, in the format of dm-log-writes: a sector with the superblock, then for each request a
 * sector with its entry and, for a write, the written bytes; all numbers little-endian. Sources: QEMU block/blklogwrites.c, Linux
 * Documentation/admin-guide/device-mapper/log-writes.rst.
 *
 * An entry stands where its request was complete in the device's volatile cache. What is flushed by then comes before the entry of
 * the flush, which is written at once because nothing is flushed on this machine (`cache.no-flush`).
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { err, ok, type Result } from "../../runtime/result.ts";

const MAGIC = 0x6a736677736872n;
const VERSION = 1n;
const FLAG = { flush: 1n, fua: 2n, discard: 4n, mark: 8n } as const;
const KNOWN = 15n;
const ENTRIES_MAX = 1 << 22;
/** Far above what a virtio disk takes in one request. */
const WRITE_BYTES_MAX = 64 << 20;
export const SECTOR_BYTES = 512;

/** `flush`: everything before is durable. `mark`: put into the log by a person, means nothing to the disk. */
export type LogEntry =
  | { readonly kind: "flush" | "mark" }
  | {
      readonly kind: "write";
      /** Of the disk, in sectors of 512 bytes. */
      readonly sector: number;
      readonly sectors: number;
      /** Durable by itself. */
      readonly fua: boolean;
      /** Where the bytes stand in the log's file; null: zeros (a discard). */
      readonly dataAt: number | null;
    };

export type WriteEntry = Extract<LogEntry, { kind: "write" }>;

export interface WriteLog {
  readonly entries: readonly LogEntry[];
  /** The bytes of a write, or of the sectors [`from`, `from` + `count`) of it. */
  data(entry: WriteEntry, from?: number, count?: number): Uint8Array;
  close(): void;
}

/** `badLog`: at byte `at` there is not what the format wants. */
export interface BadLog {
  readonly kind: "badLog";
  readonly at: number;
  readonly problem: string;
}

const bad = (at: number, problem: string): Result<never, BadLog> => err({ kind: "badLog", at, problem });

interface Header {
  readonly sectorBytes: number;
  readonly count: number;
}

function header(bytes: Buffer): Result<Header, BadLog> {
  if (bytes.length < SECTOR_BYTES || bytes.readBigUInt64LE(0) !== MAGIC) return bad(0, "no log of writes");
  if (bytes.readBigUInt64LE(8) !== VERSION) return bad(8, `version ${bytes.readBigUInt64LE(8)} is not known`);
  const [count, sectorBytes] = [bytes.readBigUInt64LE(16), bytes.readUInt32LE(24)];
  if (count > BigInt(ENTRIES_MAX)) return bad(16, `${count} entries, at most ${ENTRIES_MAX}`);
  if (sectorBytes !== SECTOR_BYTES) return bad(24, `sectors of ${sectorBytes} bytes, not ${SECTOR_BYTES}`);
  return ok({ sectorBytes, count: Number(count) });
}

function entryOf(bytes: Buffer, at: number, diskSectors: number): Result<LogEntry, BadLog> {
  const [sector, sectors, flags] = [bytes.readBigUInt64LE(0), bytes.readBigUInt64LE(8), bytes.readBigUInt64LE(16)];
  if ((flags & ~KNOWN) !== 0n) return bad(at, `flags 0x${flags.toString(16)} are not known`);
  if ((flags & FLAG.mark) !== 0n) return ok({ kind: "mark" });
  if (sectors === 0n) return (flags & FLAG.flush) === 0n ? bad(at, "a write of nothing") : ok({ kind: "flush" });
  if ((flags & FLAG.flush) !== 0n) return bad(at, "a flush that writes, which QEMU does not log");
  if (sector + sectors > BigInt(diskSectors)) return bad(at, `sectors ${sector} + ${sectors} are beyond the disk`);
  const discard = (flags & FLAG.discard) !== 0n;
  if (!discard && sectors * BigInt(SECTOR_BYTES) > BigInt(WRITE_BYTES_MAX))
    return bad(at, `${sectors} sectors at once`);
  return ok({
    kind: "write",
    sector: Number(sector),
    sectors: Number(sectors),
    fua: (flags & FLAG.fua) !== 0n,
    dataAt: discard ? null : at + SECTOR_BYTES,
  });
}

/** Reads the entries and leaves the written bytes in the file, to be asked for. `diskBytes`: no write reaches beyond. */
export function openLog(path: string, diskBytes: number): Result<WriteLog, BadLog> {
  const fd = openSync(path, "r");
  const read = (at: number, bytes: number): Buffer => {
    const into = Buffer.alloc(bytes);
    return into.subarray(0, readSync(fd, into, 0, bytes, at));
  };
  const parsed = readEntries(read, fstatSync(fd).size, Math.floor(diskBytes / SECTOR_BYTES));
  if (!parsed.ok) {
    closeSync(fd);
    return parsed;
  }
  return ok({
    entries: parsed.value,
    data(entry, from = 0, count = entry.sectors - from) {
      if (from < 0 || count < 0 || from + count > entry.sectors) throw new RangeError("sectors outside of the write");
      const bytes = count * SECTOR_BYTES;
      if (entry.dataAt === null) return new Uint8Array(bytes);
      const data = read(entry.dataAt + from * SECTOR_BYTES, bytes);
      if (data.length !== bytes) throw new Error(`${path} was cut off while it was read`);
      return data;
    },
    close: () => closeSync(fd),
  });
}

function readEntries(
  read: (at: number, bytes: number) => Buffer,
  fileBytes: number,
  diskSectors: number,
): Result<readonly LogEntry[], BadLog> {
  const head = header(read(0, SECTOR_BYTES));
  if (!head.ok) return head;
  const entries: LogEntry[] = [];
  let at = SECTOR_BYTES;
  while (entries.length < head.value.count) {
    const bytes = read(at, SECTOR_BYTES);
    if (bytes.length !== SECTOR_BYTES) return bad(at, `entry ${entries.length} of ${head.value.count} is missing`);
    const entry = entryOf(bytes, at, diskSectors);
    if (!entry.ok) return entry;
    at += SECTOR_BYTES;
    if (entry.value.kind === "write" && entry.value.dataAt !== null) at += entry.value.sectors * SECTOR_BYTES;
    if (at > fileBytes) return bad(at, `the bytes of entry ${entries.length} are missing`);
    entries.push(entry.value);
  }
  return ok(entries);
}

/** The sentence for a person. */
export const explainBadLog = ({ at, problem }: BadLog): string => `the log of writes, byte ${at}: ${problem}`;
