import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRepository } from "../../../runtime/author/repository/index.ts";
import { openWorkingCopy, scan } from "../../../runtime/author/working-copy/index.ts";
import { isRacy, StatCache } from "../../../runtime/author/working-copy/stat-cache.ts";
import type { Digest } from "../../../runtime/state/index.ts";
import { realDisk } from "../../../runtime/store/index.ts";
import { pvrRepository, sha } from "../fixtures.ts";

const SECOND = 1_000_000_000n;
const readAt = 1_700_000_000n * SECOND + 500_000_000n;
const ms = (count: number): bigint => BigInt(count) * 1_000_000n;

test.each([
  ["a second ago", { mtimeNs: readAt - SECOND, ctimeNs: readAt - SECOND }, false],
  ["60 ms ago", { mtimeNs: readAt - ms(60), ctimeNs: readAt - ms(60) }, false],
  [
    "10 ms ago: it may be written again within one tick of the clock",
    { mtimeNs: readAt - ms(10), ctimeNs: readAt - ms(10) },
    true,
  ],
  ["long ago, but its time was set just now", { mtimeNs: 1n, ctimeNs: readAt - ms(1) }, true],
  ["in the future", { mtimeNs: readAt + SECOND, ctimeNs: readAt - SECOND }, true],
  ["a second ago, where times are whole seconds", { mtimeNs: readAt - ms(1500), ctimeNs: readAt - ms(1500) }, true],
  [
    "three seconds ago, where times are whole seconds",
    { mtimeNs: readAt - ms(3500), ctimeNs: readAt - ms(3500) },
    false,
  ],
])("a file that was changed %s", (_when, times, racy) => expect(isRacy(times, readAt)).toBe(racy));

test("a file that is changed twice at once, with a look between, is seen changed", async () => {
  const root = pvrRepository(mkdtempSync(join(tmpdir(), "cairn-racy-")), { files: { a: "0" } });
  const copy = await openWorkingCopy(realDisk, root);
  if (!copy.ok) throw new Error("it is a working copy");
  for (let round = 0; round < 50; round++) {
    writeFileSync(join(root, "a"), "1"); // same length, same inode, often the same tick
    await scan(copy.value);
    writeFileSync(join(root, "a"), "2");
    const scanned = await scan(copy.value);
    expect(scanned.ok && scanned.value.working.get("a")).toBe(`"${sha("2")}"`);
  }
  rmSync(root, { recursive: true });
});

test("a file that may change again unseen is not remembered; another is, for as long as nothing of it changes", async () => {
  const root = pvrRepository(mkdtempSync(join(tmpdir(), "cairn-racy-")), { files: {} });
  const repository = await openRepository(realDisk, root);
  if (!repository.ok) throw new Error("it is a repository");
  const cache = await StatCache.load(repository.value);
  const digest = sha("x") as Digest;
  const readAtMs = Number(readAt / 1_000_000n);
  const info = {
    type: "file",
    sizeBytes: 1,
    links: 1,
    device: 1n,
    inode: 2n,
    mtimeNs: readAt,
    ctimeNs: readAt,
  } as const;
  cache.note("fresh", info, "object", digest, readAtMs);
  expect(cache.lookUp("fresh", info, "object")).toBeNull();
  const old = { ...info, mtimeNs: 1n, ctimeNs: 2n };
  cache.note("old", old, "object", digest, readAtMs);
  await cache.save(repository.value, () => true);

  const again = await StatCache.load(repository.value);
  expect(again.lookUp("old", old, "object")?.sha).toBe(digest);
  expect(again.lookUp("old", old, "inline")).toBeNull();
  for (const change of [{ sizeBytes: 2 }, { mtimeNs: 3n }, { ctimeNs: 3n }, { inode: 3n }]) {
    expect(again.lookUp("old", { ...old, ...change }, "object")).toBeNull();
  }
  rmSync(root, { recursive: true });
});
