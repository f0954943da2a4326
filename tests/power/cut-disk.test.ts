import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CutDisk } from "./cut-disk.ts";
import { openLog } from "./log.ts";
import { filled, logBytes, logFile } from "./written-log.ts";

/** Sectors 0 to 3 are the boot partition, 4 to 11 the storage, 12 and 13 the partition table's second copy. */
function sample() {
  const folder = mkdtempSync(join(tmpdir(), "cairn-cut-"));
  const [boot, storage] = [join(folder, "boot.img"), join(folder, "storage.img")];
  writeFileSync(boot, filled(9, 4));
  writeFileSync(storage, filled(9, 8));
  const log = openLog(
    logFile(
      logBytes([
        { write: 4, bytes: filled(1, 2) },
        { write: 1, bytes: filled(2) },
        "flush",
        { write: 5, bytes: filled(3, 3) },
        { write: 12, bytes: filled(4) },
        { write: 6, bytes: filled(5) },
      ]),
    ),
    14 * 512,
  );
  if (!log.ok) throw new Error(log.error.problem);
  return { folder, disk: new CutDisk({ log: log.value, boot, storage, storageStart: 4, storageSectors: 8 }) };
}

/** The first byte of each sector. */
const sectors = (path: string): readonly number[] => {
  const bytes = readFileSync(path);
  return Array.from({ length: bytes.length / 512 }, (_, at) => bytes[at * 512] ?? -1);
};

test("a cut shows what is durable and its pieces, and the next one nothing of those", async () => {
  const { folder, disk } = sample();
  const look = (durable: number, pieces: readonly { entry: number; from: number; count: number }[]) =>
    disk.with({ name: "", durable, pieces }, async ({ boot, storage, writers }) => ({
      boot: sectors(boot),
      storage: sectors(storage),
      writers: [...writers],
    }));
  expect(await look(0, [{ entry: 0, from: 1, count: 1 }])).toEqual({
    boot: [9, 9, 9, 9],
    storage: [9, 1, 9, 9, 9, 9, 9, 9],
    writers: [0, 1, 0, 0, 0, 0, 0, 0],
  });
  const both = [
    { entry: 3, from: 0, count: 3 },
    { entry: 4, from: 0, count: 1 },
    { entry: 5, from: 0, count: 1 },
  ];
  expect(await look(3, both)).toEqual({
    boot: [9, 2, 9, 9],
    storage: [1, 3, 5, 3, 9, 9, 9, 9],
    writers: [1, 4, 6, 4, 0, 0, 0, 0],
  });
  expect(await look(3, [])).toEqual({
    boot: [9, 2, 9, 9],
    storage: [1, 1, 9, 9, 9, 9, 9, 9],
    writers: [1, 1, 0, 0, 0, 0, 0, 0],
  });
  expect((await look(6, [])).storage).toEqual([1, 3, 5, 3, 9, 9, 9, 9]);
  expect(look(3, [])).rejects.toThrow("only goes forward");
  rmSync(folder, { recursive: true });
});

test("an image is gone and undone also when whoever looks at it throws", async () => {
  const { folder, disk } = sample();
  const broken = disk.with({ name: "", durable: 0, pieces: [{ entry: 0, from: 0, count: 2 }] }, async ({ storage }) => {
    throw new Error(storage);
  });
  const seen = await broken.catch((cause: Error) => cause.message);
  expect(await Bun.file(String(seen)).exists()).toBe(false);
  const next = await disk.with({ name: "", durable: 0, pieces: [] }, async ({ writers }) => [...writers]);
  expect(next).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  rmSync(folder, { recursive: true });
});
