import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { Digest } from "../../runtime/state/index.ts";
import {
  explainStore,
  installRevision,
  neededBytes,
  openStore,
  putObject,
  realDisk,
  spaceFor,
  storageSpace,
} from "../../runtime/store/index.ts";
import { watchfulDisk } from "./disks.ts";
import {
  emptyFolder,
  type Files,
  files,
  must,
  mustFail,
  putObjects,
  removeFolders,
  revision,
  sha256,
  stateOf,
  stream,
} from "./world.ts";

afterEach(removeFolders);

/** Sizes as a source gives them. */
const sizesOf = (of: Files): ReadonlyMap<Digest, number> =>
  new Map(
    Object.values(of).flatMap((content) =>
      typeof content === "string" ? [[sha256(content), Buffer.byteLength(content)] as const] : [],
    ),
  );
const quick = (root: string) => openStore(watchfulDisk(realDisk).disk, root);

/** What is on the disk below a folder, hard links counted once, in whole blocks. */
function usedBytes(folder: string): number {
  const du = Bun.spawnSync(["du", "--block-size=1", "--summarize", folder]);
  return Number.parseInt(du.stdout.toString(), 10);
}

describe("neededBytes", () => {
  test("is never less than what storing and installing takes, and not absurdly more", async () => {
    const contents = fc.string({ maxLength: 9000, unit: "binary-ascii" });
    const keys = fc.stringMatching(/^[a-z]{1,3}(\/[a-z]{1,20}){0,3}\/[a-z]{1,9}(\.bind)?$/);
    const some = fc.dictionary(keys, contents, { minKeys: 1, maxKeys: 12, noNullPrototype: true });
    await fc.assert(
      fc.asyncProperty(some, async (of) => {
        const names = Object.keys(of);
        fc.pre(!names.some((name) => names.some((other) => other.startsWith(`${name}/`))));
        fc.pre(!names.some((name) => /(?:src|build)\.json$/.test(name)));
        const root = emptyFolder();
        for (const folder of ["objects", "trails"]) mkdirSync(join(root, folder));
        const state = stateOf({ ...of, "z.json": { inline: "x".repeat(5000) } });
        const needed = must(await neededBytes(quick(root), state, sizesOf(of)));
        const before = usedBytes(root);
        await putObjects(root, of);
        must(await installRevision(quick(root), revision("7"), state));
        const used = usedBytes(root) - before;
        expect(needed).toBeGreaterThanOrEqual(used);
        expect(needed).toBeLessThan(2 * used + 400_000);
      }),
      { numRuns: 40 },
    );
  }, 20_000);

  test("counts an object once, and only when it is not in the store", async () => {
    const root = emptyFolder();
    const big = "x".repeat(1 << 20);
    const state = stateOf({ "a/x": big, "b/x": big });
    const sizes = sizesOf({ "a/x": big });
    const missing = must(await neededBytes(quick(root), state, sizes));
    must(await putObject(quick(root), sha256(big), stream(big)));
    const there = must(await neededBytes(quick(root), state, sizes));
    expect(missing - there).toBeGreaterThanOrEqual(1 << 20);
    expect(missing - there).toBeLessThan((1 << 20) + 10_000);
    expect(must(await neededBytes(quick(root), state, new Map()))).toBe(there);
  });

  test("counts a block and more for each folder", async () => {
    const of = (keyOf: (n: number) => string): Files =>
      Object.fromEntries(Array.from({ length: 300 }, (_, n) => [keyOf(n), "x"]));
    const needed = async (keyOf: (n: number) => string): Promise<number> =>
      must(await neededBytes(quick(emptyFolder()), stateOf(of(keyOf)), sizesOf({ x: "x" })));
    const folders = (await needed((n) => `a/${n}/b/c`)) - (await needed((n) => `a/b.${n}.c`));
    expect(folders).toBeGreaterThan(600 * 4096);
    expect(folders).toBeLessThan(700 * 3 * 4096);
  });

  test("counts the copy of a .bind file beside its object", async () => {
    const root = emptyFolder();
    const big = "x".repeat(1 << 20);
    await putObjects(root, { x: big });
    const linked = must(await neededBytes(quick(root), stateOf({ "a/x": big }), new Map()));
    const copied = must(await neededBytes(quick(root), stateOf({ "a/x.bind": big }), new Map()));
    expect(copied - linked).toBeGreaterThanOrEqual(1 << 20);
  });

  test("is right beyond 4 GiB", async () => {
    const sizes = new Map([[sha256("x"), 5 * 2 ** 30]]);
    const needed = must(await neededBytes(quick(emptyFolder()), stateOf({ "a/x": "x" }), sizes));
    expect(needed).toBeGreaterThan(5 * 2 ** 30);
    expect(needed).toBeLessThan(5.1 * 2 ** 30);
  });

  test("says which object's size nobody knows", async () => {
    const error = mustFail(await neededBytes(quick(emptyFolder()), stateOf(files), new Map()));
    expect(error).toEqual({ kind: "sizeUnknown", digest: expect.any(String) as unknown as Digest });
    expect(explainStore(error)).toContain("nobody said how large it is");
  });
});

test("what is needed must be free above the reserve", async () => {
  const space = async () => ({ ok: true, value: { totalBytes: 1000, freeBytes: 300 } }) as const;
  const real = must(await storageSpace(openStore({ ...realDisk, space }, "/x"), 5));
  expect(spaceFor(real, 250).ok).toBe(true);
  const error = mustFail(spaceFor(real, 251));
  expect(error).toEqual({ kind: "noSpace", needBytes: 251, freeBytes: 250 });
  expect(explainStore(error)).toBe(
    "251 bytes are needed, 250 are free: remove revisions that are not kept, then try again",
  );
});
