import { randomBytes } from "node:crypto";
import { patchFormat } from "../../patch/index.ts";
import type { Digest } from "../../state/index.ts";
import { type Disk, explainDiskError } from "../../store/index.ts";
import type { HubDatabase, ParcelName, ParcelRecord } from "../database/index.ts";
import type { HubObjects } from "../objects/index.ts";
import type { Maker } from "./maker.ts";
import { roomFor } from "./room.ts";

export interface ParcelsPorts {
  readonly disk: Disk;
  /** It is there, and has nothing but parcels. */
  readonly folder: string;
  readonly database: Pick<HubDatabase, "parcels">;
  readonly objects: HubObjects;
  readonly maker: Maker;
  /** Milliseconds since 1970. */
  now(): number;
  log(line: string): void;
}

export interface Parcel extends ParcelRecord {
  readonly path: string;
  /** Of the object that comes of it. */
  readonly objectBytes: number;
}

/** Patches, each made once and kept; one is made at a time, and who wants it meanwhile waits for the same one. */
export interface Parcels {
  /**
   * The smallest that gives an object from one of the candidates or, where there is none of them, from nothing; what is missing is made
   * first, which may take minutes.
   * `begun`, the first digits of a parcel's digest: that one comes again if it is one of them, whatever is smaller by now.
   * `noObject`: it is not here. `notMade`: it is, and it has to be asked for again later.
   */
  choose(target: Digest, candidates: readonly Digest[], begun: string | null): Promise<Parcel | "noObject" | "notMade">;
  byKey(key: Uint8Array): Promise<Parcel | null>;
  /** Removes what is of use to nobody any more: its objects are gone, or nobody asked for it in a month. The value is how many. */
  collect(): Promise<number>;
  stop(): void;
}

/** What was made with another is made anew. */
const FORMAT = patchFormat;
const UNASKED_MS = 30 * 86_400_000;
/** When one was last asked for is kept to the hour. */
const ASKED_MS = 3_600_000;
/** What could not be made is not tried again before. */
const FAILED_MS = 600_000;
/** With a patch so many times smaller than its object, no other candidate is tried. */
const GOOD = 10;
/** Parcels that wait to be made; who wants another one asks again later. */
const WAITING_MAX = 64;
const WHY = "keep the hub's parcels";

const fileName = ({ target, base, format }: ParcelName): string => `${target}.${base ?? "none"}.${format}`;

const PARCEL = /^[0-9a-f]{64}\.(?:[0-9a-f]{64}|none)\.\d+$/;

export function openParcels({ disk, folder, database, objects, maker, now, log }: ParcelsPorts): Parcels {
  const records = database.parcels;
  const pathOf = (name: ParcelName): string => `${folder}/${fileName(name)}`;
  const making = new Map<string, Promise<ParcelRecord | null>>();
  const failedMs = new Map<string, number>();
  let queue: Promise<unknown> = Promise.resolve();
  let stopped = false;
  let count = 0;

  async function isWhole(record: ParcelRecord): Promise<boolean> {
    const info = await disk.stat(WHY, pathOf(record));
    return info.ok && info.value.sizeBytes === record.bytes;
  }

  async function find(name: ParcelName): Promise<ParcelRecord | null> {
    const record = await records.find(name);
    return record !== null && (await isWhole(record)) ? record : null;
  }

  /** Null: it cannot be made now. */
  function obtain(name: ParcelName): Promise<ParcelRecord | null> {
    const key = fileName(name);
    const there = making.get(key);
    if (there !== undefined) return there;
    const isMuch = making.size >= WAITING_MAX;
    const coming = (async () => (await find(name)) ?? (isMuch ? null : await inTurn(() => make(name))))();
    making.set(key, coming);
    const leave = (): void => void making.delete(key);
    coming.then(leave, leave);
    return coming;
  }

  function inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = queue.then(act, act);
    queue = done.catch(() => undefined);
    return done;
  }

  async function make(name: ParcelName): Promise<ParcelRecord | null> {
    const key = fileName(name);
    if (stopped || (failedMs.get(key) ?? Number.NEGATIVE_INFINITY) > now() - FAILED_MS) return null;
    failedMs.delete(key);
    const target = await objects.file(name.target);
    const base = name.base === null ? null : await objects.file(name.base);
    if (target === null || (name.base !== null && base === null)) return null;
    if (!(await makeRoom(name))) return null;
    count += 1;
    const temporary = `${folder}/${count}.tmp`;
    const made = await maker.make({ base, target, out: temporary });
    const wrong = made.ok ? await keep(name, temporary, made.value.target) : made.error;
    if (made.ok && wrong === null) {
      const { digest, bytes } = made.value;
      const record: ParcelRecord = { ...name, digest, bytes, key: new Uint8Array(randomBytes(16)), askedMs: now() };
      return (await remembered(record)) ? record : null;
    }
    if (!stopped) log(`parcel: ${wrong}`);
    failedMs.set(key, now());
    await disk.unlink(WHY, temporary);
    return null;
  }

  /** False: no parcel of any size may be made for it now. */
  async function makeRoom(name: ParcelName): Promise<boolean> {
    const space = await disk.space(WHY, folder);
    if (!space.ok) {
      log(explainDiskError(space.error));
      return false;
    }
    const bytes = (await objects.size(name.target)) ?? 0; // a patch is hardly ever larger
    const going = roomFor({ ...name, bytes }, await records.list(), space.value, now());
    for (const record of going ?? []) await remove(record);
    if (going === null) log(`parcel: there is no room for one of ${name.target}`);
    return going !== null;
  }

  /** False: it is of no use, for nobody will find it. */
  async function remembered(record: ParcelRecord): Promise<boolean> {
    try {
      await records.set(record);
      return true;
    } catch (thrown) {
      log(`parcel: ${String(thrown)}`);
      failedMs.set(fileName(record), now());
      await disk.unlink(WHY, pathOf(record));
      return false;
    }
  }

  /** Puts it in its place; otherwise the sentence why not. */
  async function keep(name: ParcelName, temporary: string, gives: Digest): Promise<string | null> {
    if (gives !== name.target) return `object ${name.target} has the bytes of ${gives}: send it again`;
    const moved = await disk.rename(WHY, temporary, pathOf(name));
    const kept = moved.ok ? await disk.fsync(WHY, folder) : moved;
    return kept.ok ? null : explainDiskError(kept.error);
  }

  async function asked(record: ParcelRecord): Promise<void> {
    if (now() - record.askedMs <= ASKED_MS) return;
    await records.markAsked(record, now()).catch((thrown) => log(`parcel: ${String(thrown)}`)); // it is good all the same
  }

  async function remove(record: ParcelRecord): Promise<void> {
    await records.remove(record);
    await disk.unlink(WHY, pathOf(record));
  }

  /** Removes files that an end between their making and their record left. */
  async function sweep(): Promise<number> {
    const names = await disk.list(WHY, folder);
    const known = new Set((await records.list()).map(fileName));
    const stray = names.ok
      ? names.value.filter((name) => PARCEL.test(name) && !known.has(name) && !making.has(name))
      : [];
    for (const name of stray) await disk.unlink(WHY, `${folder}/${name}`);
    return stray.length;
  }

  return {
    async choose(target, candidates, begun) {
      const objectBytes = await objects.size(target);
      if (objectBytes === null) return "noObject";
      const found: ParcelRecord[] = [];
      for (const base of new Set(candidates)) {
        if (base === target || (await objects.size(base)) === null) continue;
        const made = await obtain({ target, base, format: FORMAT });
        if (made !== null) found.push(made);
        if (made !== null && made.bytes * GOOD <= objectBytes) break;
      }
      // None of these is larger than the object compressed would be (`makePatch`), which takes long to learn.
      const plain: ParcelName = { target, base: null, format: FORMAT };
      const whole = found.length === 0 ? await obtain(plain) : begun === null ? null : await find(plain);
      if (whole !== null) found.push(whole);
      const same = found.find(({ digest }) => begun !== null && digest.startsWith(begun));
      const best = same ?? found.toSorted((a, b) => a.bytes - b.bytes)[0];
      if (best === undefined) return "notMade";
      await asked(best);
      return { ...best, path: pathOf(best), objectBytes };
    },
    async byKey(key) {
      const record = await records.findByKey(key);
      const objectBytes = record === null ? null : await objects.size(record.target);
      if (record === null || objectBytes === null || !(await isWhole(record))) return null;
      await asked(record);
      return { ...record, path: pathOf(record), objectBytes };
    },
    async collect() {
      let removed = 0;
      for (const record of await records.list()) {
        const isThere = async (digest: Digest | null) => digest === null || (await objects.size(digest)) !== null;
        const isOfUse =
          record.format === FORMAT &&
          now() - record.askedMs < UNASKED_MS &&
          (await isThere(record.target)) &&
          (await isThere(record.base));
        if (isOfUse) continue;
        await remove(record);
        removed += 1;
      }
      return removed + (await sweep());
    },
    stop() {
      stopped = true;
      maker.stop();
    },
  };
}
