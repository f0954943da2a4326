/** board/all/erofs.config and its hints, with mkfs.erofs: what is stored plain, and what is not. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packErofs, unpackErofs } from "../qemu/erofs.ts";

const top = mkdtempSync(join(tmpdir(), "cairn-erofs-"));
afterAll(() => rmSync(top, { recursive: true }));

/** Of a text that compresses well, so often as its blocks' worth of bytes stands in the image as it is. */
async function plainIn(path: string): Promise<{ readonly image: Buffer; readonly times: number }> {
  const tree = mkdtempSync(join(top, "tree-"));
  const block = Buffer.from(`the block of a program\n`.repeat(200)).subarray(0, 4096);
  mkdirSync(join(tree, path, ".."), { recursive: true });
  writeFileSync(join(tree, path), Buffer.concat(Array.from({ length: 64 }, () => block)));
  await packErofs(tree, `${tree}.erofs`);
  const image = readFileSync(`${tree}.erofs`);
  let times = 0;
  for (let at = 0; at + block.length <= image.length; at += block.length)
    if (image.subarray(at, at + block.length).equals(block)) times += 1;
  await unpackErofs(`${tree}.erofs`, `${tree}.back`);
  expect(readFileSync(join(`${tree}.back`, path)).equals(readFileSync(join(tree, path)))).toBe(true);
  return { image, times };
}

test("the program is stored plain, block by block, which is what small patches come of", async () => {
  expect((await plainIn("usr/bin/cairn")).times).toBe(64);
});

test.each(["usr/bin/cairn-x", "opt/usr/bin/cairn", "usr/lib/cairn"])("nothing else is: %s", async (path) => {
  const { image, times } = await plainIn(path);
  expect(times).toBe(0);
  expect(image.length).toBeLessThan(64 * 1024);
});
