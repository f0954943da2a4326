import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BadPackage, type ExportedObject, exportBytes, openPackage } from "../../runtime/package/index.ts";
import type { Digest } from "../../runtime/state/index.ts";
import { sha, stateOf } from "../cli/archives.ts";

const folder = mkdtempSync(join(tmpdir(), "cairn-package-"));
afterAll(() => rmSync(folder, { recursive: true }));

const object = (bytes: string, sizeBytes = bytes.length): ExportedObject => ({
  digest: sha(bytes) as Digest,
  sizeBytes,
  open: async function* () {
    for (const byte of Buffer.from(bytes)) yield Buffer.of(byte);
  },
});

async function all(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}

test.each([false, true])("what is written is what is opened again (gzip: %p)", async (gzip) => {
  const files = { "web/a": "one", "web/b": "two", "web/c": "" };
  const state = stateOf(files);
  const bytes = await all(
    exportBytes(
      state,
      Object.values(files).map((text) => object(text)),
      gzip,
    ),
  );
  const path = join(folder, `e${gzip}`);
  writeFileSync(path, bytes);
  const opened = await openPackage(path, { refuseEscapes: true });
  if (!opened.ok) throw new Error(opened.error);
  expect(opened.value.state).toBe(state);
  expect(opened.value.missing).toEqual([]);
  const found = new Map<string, string>();
  await opened.value.each(new Set(opened.value.objects.keys()), async (one) => {
    found.set(one.digest, (await all(one.bytes)).toString());
    return true;
  });
  expect(found).toEqual(new Map(Object.values(files).map((text) => [sha(text), text])));
  await opened.value.close();
});

test("the order in which objects are given does not matter", async () => {
  const objects = ["c", "a", "b"].map((text) => object(text));
  const [one, other] = await Promise.all([
    all(exportBytes("{}", objects, true)),
    all(exportBytes("{}", objects.toReversed(), true)),
  ]);
  expect(one.equals(other)).toBe(true);
});

test.each([
  ["wrong bytes", { ...object("x"), digest: sha("y") as Digest }],
  ["too few", object("x", 2)],
  ["too many", { ...object("xy"), sizeBytes: 1 }],
])("an object with %s ends it", async (_what, bad) => {
  for (const gzip of [false, true]) {
    const written = all(exportBytes("{}", [bad], gzip));
    expect(await written.catch((error) => error)).toBeInstanceOf(BadPackage);
  }
});
