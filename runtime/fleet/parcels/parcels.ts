import * as v from "valibot";
import { err, ok } from "../../result.ts";
import { type Digest, parseDigest } from "../../state/index.ts";
import {
  type Disk,
  type DiskError,
  type DiskResult,
  explainDiskError,
  makeFolders,
  type NewFile,
} from "../../store/index.ts";
import type { EarlyBlocks } from "../datagrams/index.ts";
import { parsedBy } from "../parsed-by.ts";
import type { KeptParcel } from "../transfer/index.ts";
import { earlyBlocks } from "./early.ts";
import { FRAME_BYTES_MAX, FrameError, framed, frames } from "./frames.ts";

const WHY = "fleet/parcel";
const MODE = 0o600;
/** What a power cut may cost: the bytes of so long, or so many. */
const SYNC_MS = 1_000;
const SYNC_BYTES = 1 << 20;

/**
 * Parcels on the disk, from their beginning on. A parcel's bytes are in files `<object>.<number>`, one for each time that it was gone
 * on with, because files are only ever written from their beginning; what came before its turn is in `<object>.early`. Each is a row of frames: first what parcel it is, and from which
 * byte of it on this file goes; then the bytes. Where files overlap, the later one counts.
 */
export interface Parcels {
  /** What is there of the parcel of an object; null: nothing. */
  find(object: Digest): DiskResult<ParcelFile | null>;
  /** A new parcel; another one of the object is forgotten. */
  begin(object: Digest, parcel: KeptParcel): DiskResult<ParcelFile>;
  forget(object: Digest): DiskResult<void>;
  /** Forgets the parcels of all objects but these. */
  keepOnly(objects: ReadonlySet<Digest>): DiskResult<void>;
}

export interface ParcelFile {
  readonly parcel: KeptParcel;
  readonly keptBytes: number;
  /** Durable a moment later, or after `sync`. */
  append(bytes: Uint8Array): DiskResult<void>;
  sync(): DiskResult<void>;
  /** Blocks behind what is kept, between which some are lacking. */
  readonly early: EarlyBlocks;
  /** All that is kept, in order. What fails ends it with an exception. */
  read(): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** A file, and from where to where its bytes count. */
interface Segment {
  readonly path: string;
  readonly from: number;
  readonly to: number;
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const digest = parsedBy(parseDigest, "digest");
const Header = v.pipe(
  v.string(),
  v.parseJson(),
  v.strictObject({
    digest,
    bytes: count,
    objectBytes: count,
    base: v.nullable(digest),
    key: v.nullable(v.pipe(v.string(), v.hexadecimal())),
    from: count,
  }),
);
type Header = v.InferOutput<typeof Header>;

const NAME = /^([0-9a-f]{64})\.(?:(\d{6})|early)$/;

/** Parcels in `base`/parcels. `now`: monotonic milliseconds. */
export async function openParcels(disk: Disk, base: string, now: () => number): DiskResult<Parcels> {
  const made = await makeFolders(disk, WHY, base, "parcels");
  if (!made.ok) return made;
  const folder = made.value;

  const named = async (): DiskResult<
    readonly { readonly object: string; readonly number: number | null; readonly path: string }[]
  > => {
    const names = await disk.list(WHY, folder);
    if (!names.ok) return names;
    return ok(
      names.value.map((name) => {
        const [, object = "", number] = NAME.exec(name) ?? [];
        return { object, number: number === undefined ? null : Number(number), path: `${folder}/${name}` };
      }),
    );
  };
  const remove = async (unwanted: (object: string) => boolean): DiskResult<void> => {
    const all = await named();
    if (!all.ok) return all;
    for (const { object, path } of all.value) {
      const gone = unwanted(object) ? await disk.unlink(WHY, path) : ok(undefined);
      if (!gone.ok && gone.error.kind !== "missing" && gone.error.kind !== "isFolder") return gone;
    }
    return ok(undefined);
  };
  const open = (object: Digest, parcel: KeptParcel, segments: readonly Segment[], number: number): ParcelFile =>
    new Segments(disk, folder, object, parcel, segments, number, now);

  return ok({
    async find(object) {
      const all = await named();
      if (!all.ok) return all;
      const read: { readonly header: Header; readonly segment: Segment }[] = [];
      let last = 0;
      for (const { path, number } of all.value.filter((one) => one.object === object)) {
        if (number === null) continue;
        last = number;
        const scanned = await scan(disk, path);
        if (!scanned.ok) return scanned;
        if (scanned.value !== null) read.push(scanned.value);
      }
      const latest = read.at(-1)?.header;
      if (latest === undefined) return ok(null);
      const { from: _, key, ...parcel } = latest;
      const segments = joined(
        read.filter(({ header }) => header.digest === parcel.digest).map(({ segment }) => segment),
      );
      const kept = { ...parcel, key: key === null ? null : new Uint8Array(Buffer.from(key, "hex")) };
      const file = open(object, kept, segments, last + 1);
      return ok(file.keptBytes > kept.bytes ? null : file);
    },
    async begin(object, parcel) {
      const all = await named();
      if (!all.ok) return all;
      // Names that come back after a power cut have lower numbers.
      const own = all.value.filter((one) => one.object === object);
      const number = 1 + Math.max(0, ...own.map((one) => one.number ?? 0));
      const gone = await remove((one) => one === object);
      return gone.ok ? ok(open(object, parcel, [], number)) : gone;
    },
    forget: (object) => remove((one) => one === object),
    keepOnly: (objects) => remove((one) => !objects.has(one as Digest)),
  });
}

/** Null: the file begins with nothing that makes sense. */
async function scan(
  disk: Disk,
  path: string,
): DiskResult<{ readonly header: Header; readonly segment: Segment } | null> {
  const opened = await disk.open(WHY, path);
  if (!opened.ok) return opened;
  try {
    let header: Header | null = null;
    let to = 0;
    for await (const bytes of frames(opened.value)) {
      if (header !== null) {
        to += bytes.length;
        continue;
      }
      const parsed = v.safeParse(Header, Buffer.from(bytes).toString("utf8"));
      if (!parsed.success) return ok(null);
      header = parsed.output;
      to = header.from;
    }
    return ok(header === null ? null : { header, segment: { path, from: header.from, to } });
  } catch (thrown) {
    if (!(thrown instanceof FrameError)) throw thrown;
    return err({ kind: "io", call: "read", path, why: WHY, code: thrown.message });
  } finally {
    await opened.value.close();
  }
}

/** In order, each up to where the next begins; without those that nothing leads up to. */
function joined(segments: readonly Segment[]): readonly Segment[] {
  const row: Segment[] = [];
  for (const segment of segments) {
    while ((row.at(-1)?.from ?? -1) >= segment.from) row.pop();
    const before = row.pop();
    const end = before?.to ?? 0;
    if (before !== undefined) row.push({ ...before, to: Math.min(end, segment.from) });
    if (segment.from <= end) row.push(segment);
  }
  return row;
}

class Segments implements ParcelFile {
  private writing: { readonly file: NewFile; unsynced: number; syncedMs: number } | null = null;

  constructor(
    private readonly disk: Disk,
    private readonly folder: string,
    private readonly object: Digest,
    readonly parcel: KeptParcel,
    private segments: readonly Segment[],
    private number: number,
    private readonly now: () => number,
  ) {}

  get early(): EarlyBlocks {
    return earlyBlocks(this.disk, `${this.folder}/${this.object}.early`, this.parcel.digest, WHY);
  }

  get keptBytes(): number {
    return this.segments.at(-1)?.to ?? 0;
  }

  async append(bytes: Uint8Array): DiskResult<void> {
    for (let at = 0; at < bytes.length; at += FRAME_BYTES_MAX) {
      const written = await this.write(bytes.subarray(at, at + FRAME_BYTES_MAX));
      if (!written.ok) return written;
    }
    return ok(undefined);
  }

  private async write(bytes: Uint8Array): DiskResult<void> {
    const begun = this.writing === null ? await this.begin() : ok(undefined);
    if (!begun.ok) return begun;
    const { writing } = this;
    if (writing === null) return ok(undefined);
    const written = await writing.file.write(framed(bytes));
    if (!written.ok) return this.broken(written.error);
    const segment = this.segments.at(-1);
    if (segment !== undefined) {
      this.segments = [...this.segments.slice(0, -1), { ...segment, to: segment.to + bytes.length }];
    }
    writing.unsynced += bytes.length;
    const dueMs = writing.syncedMs + SYNC_MS;
    return writing.unsynced >= SYNC_BYTES || this.now() >= dueMs ? this.sync() : ok(undefined);
  }

  private async begin(): DiskResult<void> {
    const number = this.number;
    this.number += 1; // what was written to a file that failed may be torn: the next bytes go to another one
    const path = `${this.folder}/${this.object}.${String(number).padStart(6, "0")}`;
    const created = await this.disk.create(WHY, path, MODE);
    if (!created.ok) return created;
    this.writing = { file: created.value, unsynced: 0, syncedMs: Number.NEGATIVE_INFINITY };
    const from = this.keptBytes;
    const { key, ...parcel } = this.parcel;
    const header: Header = { ...parcel, key: key === null ? null : Buffer.from(key).toString("hex"), from };
    const written = await created.value.write(framed(Buffer.from(JSON.stringify(header))));
    if (!written.ok) return this.broken(written.error);
    const named = await this.disk.fsync(WHY, this.folder);
    if (!named.ok) return this.broken(named.error);
    this.segments = [...this.segments, { path, from, to: from }];
    return ok(undefined);
  }

  private async broken(error: DiskError): DiskResult<void> {
    await this.close();
    return err(error);
  }

  async sync(): DiskResult<void> {
    const { writing } = this;
    if (writing === null || writing.unsynced === 0) return ok(undefined);
    const synced = await writing.file.fsync();
    if (!synced.ok) return this.broken(synced.error);
    writing.unsynced = 0;
    writing.syncedMs = this.now();
    return ok(undefined);
  }

  async *read(): AsyncGenerator<Uint8Array> {
    for (const { path, from, to } of this.segments) {
      const opened = await this.disk.open(WHY, path);
      if (!opened.ok) throw new FrameError(explainDiskError(opened.error));
      try {
        let at = from;
        let first = true;
        for await (const bytes of frames(opened.value)) {
          if (!first && at < to) yield bytes.subarray(0, to - at);
          if (!first) at += bytes.length;
          first = false;
          if (at >= to) break;
        }
      } finally {
        await opened.value.close();
      }
    }
  }

  async close(): Promise<void> {
    const { writing } = this;
    this.writing = null;
    await writing?.file.close();
  }
}
