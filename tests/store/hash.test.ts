import { afterEach, expect, test } from "bun:test";
import { truncateSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { type Disk, openStore, realDisk } from "../../runtime/store/index.ts";
import { emptyFolder, must, mustFail, removeFolders, sha256 } from "./world.ts";

afterEach(removeFolders);

const CHUNK = 256 * 1024;

test.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 5 * CHUNK + 7])(
  "a file of %d bytes has its SHA-256",
  async (size) => {
    const root = emptyFolder();
    const bytes = new Uint8Array(size).map((_, n) => n * 31);
    writeFileSync(`${root}/f`, bytes);
    const { digest, info } = must(await openStore(realDisk, root).hashing.hash("test", `${root}/f`));
    expect([digest, info.sizeBytes]).toEqual([sha256(bytes), size]);
  },
);

test("reads may be as short as they like", async () => {
  const root = emptyFolder();
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), fc.integer({ min: 1, max: 9 }), async (bytes, most) => {
      writeFileSync(`${root}/f`, bytes);
      const open: Disk["open"] = async (why, path) => {
        const opened = await realDisk.open(why, path);
        if (!opened.ok) return opened;
        const { read } = opened.value;
        return { ok: true, value: { ...opened.value, read: (into, at) => read(into.subarray(0, most), at) } };
      };
      const hashed = await openStore({ ...realDisk, open }, root).hashing.hash("test", `${root}/f`);
      expect(must(hashed).digest).toBe(sha256(bytes));
    }),
    { numRuns: 50 },
  );
});

test("a file that is cut while it is read is not hashed", async () => {
  const root = emptyFolder();
  writeFileSync(`${root}/f`, new Uint8Array(3 * CHUNK));
  const open: Disk["open"] = async (why, path) => {
    const opened = await realDisk.open(why, path);
    truncateSync(path, CHUNK);
    return opened;
  };
  expect(mustFail(await openStore({ ...realDisk, open }, root).hashing.hash("test", `${root}/f`)).kind).toBe(
    "changing",
  );
});

test("memory does not grow with the file", async () => {
  const root = emptyFolder();
  writeFileSync(`${root}/f`, "");
  truncateSync(`${root}/f`, 192 << 20); // a sparse file: nothing is written
  const { hashing } = openStore(realDisk, root);
  const anonymousMib = async (): Promise<number> =>
    Number(/^RssAnon:\s+(\d+)/m.exec(await Bun.file("/proc/self/status").text())?.[1]) / 1024;
  const before = await anonymousMib();
  must(await hashing.hash("test", `${root}/f`));
  expect((await anonymousMib()) - before).toBeLessThan(32);
});
