import { expect, test } from "bun:test";
import { isRacy } from "../../../runtime/author/working-copy/stat-cache.ts";

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
  const { mkdtempSync, rmSync, writeFileSync } = await import("node:fs");
  const { tmpdir } = await import("node:os");
  const { join } = await import("node:path");
  const { openWorkingCopy, scan } = await import("../../../runtime/author/working-copy/index.ts");
  const { realDisk } = await import("../../../runtime/store/index.ts");
  const { pvrRepository, sha } = await import("../fixtures.ts");
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
