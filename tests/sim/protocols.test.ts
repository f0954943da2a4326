import { describe, expect, test } from "bun:test";
import { type Disk, type DiskResult, saveFile } from "../../runtime/store/index.ts";
import { campaign, mustHold, type Story, seeds, shrunken } from "./campaign.ts";
import type { Rates } from "./power.ts";
import { commitsPairs, installs, inTurn, putsObjects, type Save, savesVersions, writeNew } from "./protocols.ts";

const cuts: Rates = { cut: 0.02, noSpace: 0, io: 0 };
const everything: Rates = { cut: 0.02, noSpace: 0.005, io: 0.01 };

const FOLDER = "/storage";

/**
 * As boot loaders need it that read ext4 without its journal: the new file is at home before its name changes, then the name is. An
 * earlier call may have failed when its last step was left: then the loader still finds the spare under the old name.
 */
const exchanged: Save = (disk, path, bytes) =>
  inTurn(
    () => disk.settle("test", FOLDER),
    () => writeNew(disk, `${path}.next`, bytes, true),
    () => disk.fsync("test", FOLDER),
    () => disk.settle("test", FOLDER),
    () => disk.exchange("test", path, `${path}.next`),
    () => disk.fsync("test", FOLDER),
    () => disk.settle("test", FOLDER),
  );

const saved: Save = (disk, path, bytes) => saveFile(disk, "test", path, bytes);

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const text = (bytes: Uint8Array | null): string => decoder.decode(bytes ?? new Uint8Array());

const both = (disk: Disk, value: string): DiskResult<void> =>
  saveFile(disk, "test", "/storage/both", encoder.encode(`${value} ${value}`));

const good: readonly (readonly [string, Story])[] = [
  ["saveFile", savesVersions(saved, "machine")],
  ["putObject", putsObjects],
  ["installRevision", installs],
  ["a settled exchange of names, for the boot loader", savesVersions(exchanged, "loader")],
  ["a commit in one file", commitsPairs(both, (disk) => text(disk.peek("/storage/both")).split(" "))],
];

describe("survives every cut and every error:", () => {
  test.each(good)(
    "%s",
    async (name, story) => {
      await mustHold(name, story, everything, seeds(10_000));
    },
    120_000,
  );
});

/** Protocols that look right. */
const renamedWithoutFsync: Save = (disk, path, bytes) =>
  inTurn(
    () => writeNew(disk, `${path}.tmp`, bytes, false),
    () => disk.rename("test", `${path}.tmp`, path),
    () => disk.fsync("test", FOLDER),
  );

const withoutFolder: Save = (disk, path, bytes) =>
  inTurn(
    () => writeNew(disk, `${path}.tmp`, bytes, true),
    () => disk.rename("test", `${path}.tmp`, path),
  );

const inPlace: Save = (disk, path, bytes) =>
  inTurn(
    () => writeNew(disk, path, bytes, true),
    () => disk.fsync("test", FOLDER),
  );

const renamedAndSettled: Save = (disk, path, bytes) =>
  inTurn(
    () => saveFile(disk, "test", path, bytes),
    () => disk.settle("test", FOLDER),
  );

const exchangedTooEarly: Save = (disk, path, bytes) =>
  inTurn(
    () => writeNew(disk, `${path}.next`, bytes, true),
    () => disk.fsync("test", FOLDER),
    () => disk.exchange("test", path, `${path}.next`),
    () => disk.fsync("test", FOLDER),
    () => disk.settle("test", FOLDER),
  );

const notSettledBefore: Save = (disk, path, bytes) =>
  inTurn(
    () => writeNew(disk, `${path}.next`, bytes, true),
    () => disk.fsync("test", FOLDER),
    () => disk.settle("test", FOLDER),
    () => disk.exchange("test", path, `${path}.next`),
    () => disk.fsync("test", FOLDER),
    () => disk.settle("test", FOLDER),
  );

const neverSettled: Save = (disk, path, bytes) =>
  inTurn(
    () => writeNew(disk, `${path}.next`, bytes, true),
    () => disk.fsync("test", FOLDER),
    () => disk.settle("test", FOLDER),
    () => disk.exchange("test", path, `${path}.next`),
    () => disk.fsync("test", FOLDER),
  );

/** Linux tells of bytes it could not write once; the next fsync is happy. */
const fsyncAgain: Save = (disk, path, bytes) =>
  inTurn(
    async () => {
      const gone = await disk.unlink("test", `${path}.tmp`);
      if (!gone.ok && gone.error.kind !== "missing") return gone;
      const file = await disk.create("test", `${path}.tmp`, 0o644);
      if (!file.ok) return file;
      const written = await file.value.write(bytes);
      if (!written.ok) return written;
      const synced = await file.value.fsync();
      const again = synced.ok ? synced : await file.value.fsync();
      await file.value.close();
      return again;
    },
    () => disk.rename("test", `${path}.tmp`, path),
    () => disk.fsync("test", FOLDER),
  );

const oneThenOther = (disk: Disk, value: string): DiskResult<void> =>
  inTurn(
    () => saveFile(disk, "test", "/storage/one", encoder.encode(value)),
    () => saveFile(disk, "test", "/storage/other", encoder.encode(value)),
  );

const SOME_SEEDS = Array.from({ length: 300 }, (_, at) => at + 1);

/** With the number of accidents that suffice. */
const bad: readonly (readonly [string, Story, Rates, number])[] = [
  ["a rename before the file's fsync", savesVersions(renamedWithoutFsync, "machine"), cuts, 0],
  ["a rename without the folder's fsync", savesVersions(withoutFolder, "machine"), cuts, 0],
  ["writing the file itself", savesVersions(inPlace, "machine"), cuts, 1],
  ["a second fsync after one that failed", savesVersions(fsyncAgain, "machine"), everything, 2],
  ["a rename that a boot loader reads", savesVersions(renamedAndSettled, "loader"), cuts, 1],
  ["an exchange before the new file is settled", savesVersions(exchangedTooEarly, "loader"), cuts, 1],
  ["an exchange again after its settling failed", savesVersions(notSettledBefore, "loader"), everything, 2],
  ["an exchange that is not settled", savesVersions(neverSettled, "loader"), cuts, 0],
  [
    "a commit in two steps",
    commitsPairs(oneThenOther, (disk) => [text(disk.peek("/storage/one")), text(disk.peek("/storage/other"))]),
    cuts,
    1,
  ],
];

describe("is caught within some hundred seeds and shrunken to what it takes:", () => {
  test.each(bad)("%s", async (name, story, rates, enough) => {
    const { failure, stories } = await campaign(name, story, rates, SOME_SEEDS);
    if (failure === null) throw new Error(`${name} was not caught in ${stories} stories`);
    const smallest = await shrunken(story, failure);
    expect(smallest.accidents.length).toBeLessThanOrEqual(enough);
  });
});
