import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { isMembers, readTree, treeText, withoutNulls } from "../../../runtime/author/document/index.ts";
import { createRepository } from "../../../runtime/author/repository/index.ts";
import { add, checkout, commit, openWorkingCopy, scan } from "../../../runtime/author/working-copy/index.ts";
import type { Result } from "../../../runtime/result.ts";
import { realDisk } from "../../../runtime/store/index.ts";
import { watchfulDisk } from "../../store/disks.ts";
import { SPEC, write } from "../fixtures.ts";

const top = mkdtempSync(join(tmpdir(), "cairn-round-"));
afterAll(() => rmSync(top, { recursive: true }));
let count = 0;

function value<T, E>(result: Result<T, E>): T {
  if (result.ok) return result.value;
  throw new Error(JSON.stringify(result.error));
}

/** Files by path; paths are made so that none is another's folder. */
const name = fc.constantFrom("a", "web", "x y", "é", "😀", "\uffee", "__proto__", "-r", "[z]", "n.json.bak");
const bytes = fc.uint8Array({ maxLength: 64 });
const inline = fc.oneof(
  fc.constantFrom(
    "{}",
    "[]",
    "1.50",
    "-0",
    "12345678901234567890",
    "1e-7",
    '"<&>"',
    "true",
    '{"b":[1,{"n":null}],"a":{"z":null}}',
  ),
  fc.json({ maxDepth: 3 }),
);
const file = fc.oneof(
  fc.tuple(fc.array(name, { minLength: 1, maxLength: 3 }), bytes, fc.boolean()).map(([parts, content, json]) => ({
    path: `${parts.map((part) => `d${part}`).join("/")}/f${json ? ".json" : ""}`,
    content: Buffer.from(content),
    raw: json,
  })),
  fc.tuple(fc.array(name, { maxLength: 2 }), inline).map(([parts, content]) => ({
    path: [...parts.map((part) => `d${part}`), "j.json"].join("/"),
    content: Buffer.from(content),
    raw: false,
  })),
);
const tree = fc.uniqueArray(file, { maxLength: 8, selector: ({ path }) => path });

/** What a file means: bytes, or JSON without the nulls that a merge patch cannot carry. Null: nothing that can be inline JSON. */
function meaning(content: Buffer, raw: boolean, path: string): string | null {
  if (raw || !path.endsWith(".json")) return content.toString("hex");
  const read = readTree(content.toString());
  if (!read.ok || read.value === "null" || /^"[0-9a-f]{64}"$/.test(treeText(read.value))) return null;
  return treeText(isMembers(read.value) ? withoutNulls(read.value) : read.value);
}

const filesIn = (root: string): readonly string[] =>
  (readdirSync(root, { recursive: true }) as string[])
    .filter((path) => !path.startsWith(".pvr") && statSync(join(root, path)).isFile())
    .sort();

test("what was committed comes back, byte for byte or with the same meaning, whatever was there in between", async () => {
  await fc.assert(
    fc.asyncProperty(tree, tree, async (first, second) => {
      const root = join(top, String(count++));
      const { disk } = watchfulDisk(realDisk); // throws when a power cut could leave half a file
      value(await createRepository(disk, root, { spec: SPEC, objectsDir: ".pvr/objects", user: join(top, "user") }));
      const copy = value(await openWorkingCopy(disk, root));
      const good = first.filter(({ path, content, raw }) => meaning(content, raw, path) !== null);
      for (const { path, content } of good) write(join(root, path), content);
      for (const { path, raw } of good) value(await add(copy, { patterns: [path], raw }));
      value(await commit(copy, { message: null, checkpoint: false, now: new Date(0) }));
      expect(filesIn(root)).toEqual(good.map(({ path }) => path).sort());

      // Somebody else's files, in the same places.
      for (const { path, content } of second) write(join(root, path), content);
      for (const { path } of good.slice(1)) rmSync(join(root, path), { force: true });
      value(await checkout(copy, { canonical: false }));
      for (const { path, content, raw } of good) {
        const now = readFileSync(join(root, path));
        expect(meaning(now, raw, path)).toBe(meaning(content, raw, path));
      }
      const scanned = value(await scan(copy));
      expect(treeText(scanned.working)).toBe(treeText(scanned.pristine));
      expect(scanned.added.size).toBe(0);
      rmSync(root, { recursive: true });
    }),
    { numRuns: 60 },
  );
}, 120_000);
