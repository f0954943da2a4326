/** The recorded disk at one moment after the other: a base that only goes forward, and for each cut a copy that shares its blocks. */
import { closeSync, constants, copyFileSync, openSync, rmSync, writeSync } from "node:fs";
import { invariant } from "../../runtime/result.ts";
import type { Cut, Piece } from "./cuts.ts";
import { type LogEntry, SECTOR_BYTES, type WriteLog } from "./log.ts";

/** One partition as a file of its own, from sector `start` of the disk on. */
interface Region {
  readonly path: string;
  readonly start: number;
}

export interface CutDiskSpec {
  readonly log: WriteLog;
  /** The disk before the first write, in two files on a file system that can share blocks: up to the storage partition, and the rest. */
  readonly boot: string;
  readonly storage: string;
  /** First sector of the storage partition. */
  readonly storageStart: number;
  /** Sectors of the storage partition. */
  readonly storageSectors: number;
}

/** What a check gets. */
export interface CutImage {
  readonly boot: string;
  readonly storage: string;
  /** For each sector of the storage partition the entry that wrote it, plus one; 0: as it was at the beginning. */
  readonly writers: Uint32Array;
}

export class CutDisk {
  readonly #spec: CutDiskSpec;
  readonly #writers: Uint32Array;
  #applied = 0;

  constructor(spec: CutDiskSpec) {
    this.#spec = spec;
    this.#writers = new Uint32Array(spec.storageSectors);
  }

  /** Makes the image of a cut, lets `look` at it, and removes it. Cuts come in the order of what is durable. */
  async with<T>(cut: Cut, look: (image: CutImage) => Promise<T>): Promise<T> {
    this.#advance(cut.durable);
    const [boot, storage] = [`${this.#spec.boot}.cut`, `${this.#spec.storage}.cut`];
    copyFileSync(this.#spec.boot, boot, constants.COPYFILE_FICLONE);
    copyFileSync(this.#spec.storage, storage, constants.COPYFILE_FICLONE);
    const before = this.#write(cut.pieces, { boot, storage });
    try {
      return await look({ boot, storage, writers: this.#writers });
    } finally {
      for (const { at, old } of before.toReversed()) this.#writers.set(old, at);
      rmSync(boot);
      rmSync(storage);
    }
  }

  #advance(to: number): void {
    invariant(to >= this.#applied, "the base only goes forward");
    const pieces: Piece[] = [];
    for (let entry = this.#applied; entry < to; entry += 1) {
      const found = this.#spec.log.entries[entry];
      if (found?.kind === "write") pieces.push({ entry, from: 0, count: found.sectors });
    }
    this.#write(pieces, this.#spec);
    this.#applied = to;
  }

  /** Writes pieces into the files; gives what `writers` said before, in order. */
  #write(
    pieces: readonly Piece[],
    into: { readonly boot: string; readonly storage: string },
  ): readonly { readonly at: number; readonly old: Uint32Array }[] {
    const { log, storageStart, storageSectors } = this.#spec;
    const changed: { at: number; old: Uint32Array }[] = [];
    const files = new Map<string, number>();
    const fileOf = (path: string): number => {
      const fd = files.get(path) ?? openSync(path, "r+");
      files.set(path, fd);
      return fd;
    };
    try {
      for (const { entry: index, from, count } of pieces) {
        const entry: LogEntry | undefined = log.entries[index];
        invariant(entry?.kind === "write", "a piece is of a write");
        const sector = entry.sector + from;
        const inStorage = sector >= storageStart && sector < storageStart + storageSectors;
        const region: Region = inStorage ? { path: into.storage, start: storageStart } : { path: into.boot, start: 0 };
        if (!inStorage && sector >= storageStart) continue; // the partition table's second copy
        writeWhole(fileOf(region.path), log.data(entry, from, count), (sector - region.start) * SECTOR_BYTES);
        if (!inStorage) continue;
        const at = sector - storageStart;
        changed.push({ at, old: this.#writers.slice(at, at + count) });
        this.#writers.fill(index + 1, at, at + count);
      }
    } finally {
      for (const fd of files.values()) closeSync(fd);
    }
    return changed;
  }
}

function writeWhole(fd: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, at + done);
}
