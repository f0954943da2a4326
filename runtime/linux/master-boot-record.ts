import { err, ok, type Result } from "../result.ts";

/** A disk's first sector with a partition table of the old kind (MBR): four entries of 16 bytes at 446, 0xaa55 at 510. */
export const MBR_BYTES = 512;
const TABLE = { entries: 446, entryBytes: 16, count: 4, magic: 510 } as const;
/** Of an entry: type, first sector and how many, little-endian; at 5 the last sector as cylinder, head and sector. */
const ENTRY = { lastChs: 5, type: 4, start: 8, sectors: 12 } as const;
/** A last sector that those three bytes cannot express: what reads them goes by {@link ENTRY.start} and {@link ENTRY.sectors}. */
const BEYOND_CHS = Uint8Array.of(0xfe, 0xff, 0xff);
const PROTECTS_GPT = 0xee;
const EXTENDED: ReadonlySet<number> = new Set([0x05, 0x0f, 0x85]);
/** Partitions end where those of partitioning programs do: at a whole MiB. */
const ALIGN_SECTORS = 2048;
const SECTORS_MAX = 0xffff_ffff;

export interface GrownTable {
  /** The whole sector: one write, which a power cut does not tear. */
  readonly sector: Uint8Array;
  /** Size of the partition in it, in sectors of 512 bytes. */
  readonly sectors: number;
}

/**
 * The table with partition `number` (from 1) reaching to the end of a disk of so many sectors; `null` when it does already. The error
 * says why it cannot: no MBR, no such partition, or another one behind it.
 */
export function growLastPartition(
  mbr: Uint8Array,
  number: number,
  diskSectors: number,
): Result<GrownTable | null, string> {
  const table = Buffer.from(mbr);
  if (table.length !== MBR_BYTES || table.readUInt16LE(TABLE.magic) !== 0xaa55) return err("the disk has no MBR");
  const entries = Array.from({ length: TABLE.count }, (_, index) => {
    const at = TABLE.entries + index * TABLE.entryBytes;
    const type = table.readUInt8(at + ENTRY.type);
    return { at, type, start: table.readUInt32LE(at + ENTRY.start), sectors: table.readUInt32LE(at + ENTRY.sectors) };
  });
  if (entries.some(({ type }) => type === PROTECTS_GPT)) return err("the disk has a GPT; only an MBR is rewritten");
  const own = entries[number - 1];
  if (own === undefined || own.type === 0 || EXTENDED.has(own.type))
    return err(`partition ${number} is no primary one of the disk's MBR`);
  if (entries.some(({ type, start }) => type !== 0 && start > own.start))
    return err(`another partition is behind partition ${number}`);

  const end = Math.floor(diskSectors / ALIGN_SECTORS) * ALIGN_SECTORS;
  const sectors = Math.min(end - own.start, SECTORS_MAX);
  if (sectors <= own.sectors) return ok(null);
  table.set(BEYOND_CHS, own.at + ENTRY.lastChs);
  table.writeUInt32LE(sectors, own.at + ENTRY.sectors);
  return ok({ sector: table, sectors });
}
