import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { guardWithVerity } from "../../../runtime/author/pack/index.ts";
import { verityTree } from "../../../runtime/author/pack/verity/tree.ts";
import { readVeritySuperblock, verityTable } from "../../../runtime/linux/verity.ts";
import { realDisk } from "../../../runtime/store/index.ts";

setDefaultTimeout(60_000);
const top = mkdtempSync(join(tmpdir(), "verity-"));
afterAll(() => rmSync(top, { recursive: true }));

const veritysetup = (...words: string[]) => {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["veritysetup", ...words], {
    env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` },
  });
  return { exitCode, text: `${stdout}${stderr}` };
};

/** Blocks that differ from each other. */
function image(name: string, blocks: number): string {
  const path = join(top, name);
  const bytes = Buffer.alloc(blocks * 4096);
  for (let block = 0; block < blocks; block++) bytes.writeUInt32LE((block * 2_654_435_761) % 2 ** 32, block * 4096);
  writeFileSync(path, bytes);
  return path;
}

// One level holds 128 blocks, two hold 16,384.
test.each([1, 2, 127, 128, 129, 16_384, 16_385])(
  "%d blocks: the bytes are those of veritysetup, which verifies them",
  async (blocks) => {
    const path = image(`${blocks}.squashfs`, blocks);
    const made = await guardWithVerity(realDisk, path);
    if (!made.ok) throw new Error(made.error.kind);
    const { manifest, hashPath, manifestPath, imageDigest } = made.value;
    expect(readFileSync(manifestPath, "utf8")).toBe(
      `{"data_device":"${blocks}.squashfs","hash_device":"${blocks}.squashfs.hash","root_hash":"${manifest.root_hash}",` +
        `"salt":"${manifest.salt}","type":"dm-verity","uuid":"${manifest.uuid}"}`,
    );
    expect(imageDigest).toBe(new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex"));

    expect(veritysetup("verify", path, hashPath, manifest.root_hash)).toEqual({ exitCode: 0, text: "" });
    const theirs = `${path}.theirs`;
    const { text } = veritysetup("format", `--salt=${manifest.salt}`, `--uuid=${manifest.uuid}`, path, theirs);
    expect(text).toContain(manifest.root_hash);
    expect(readFileSync(hashPath).equals(readFileSync(theirs))).toBe(true);

    const superblock = readVeritySuperblock(hashPath);
    if (!superblock.ok) throw new Error(superblock.error.kind);
    expect(superblock.value).toMatchObject({
      uuid: manifest.uuid,
      salt: manifest.salt,
      dataBlocks: blocks,
      algorithm: "sha256",
    });
    expect(verityTable("/dev/a", "/dev/b", { superblock: superblock.value, rootHash: manifest.root_hash }).ok).toBe(
      true,
    );
  },
);

test("any other byte of the image is noticed", async () => {
  const path = image("changed", 300);
  const made = await guardWithVerity(realDisk, path);
  if (!made.ok) throw new Error(made.error.kind);
  for (const at of [0, 4095, 4096, 150 * 4096 + 7, 300 * 4096 - 1]) {
    const bytes = readFileSync(path);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(`${path}.bad`, bytes);
    expect(veritysetup("verify", `${path}.bad`, made.value.hashPath, made.value.manifest.root_hash).exitCode).not.toBe(
      0,
    );
  }
});

test("the tree is the same however the data is cut, and for the same image each time", async () => {
  const bytes = readFileSync(image("cut", 131));
  const root = (length: number): string => {
    const tree = verityTree(Buffer.from("salt"));
    for (let at = 0; at < bytes.length; at += length) tree.update(bytes.subarray(at, at + length));
    return tree.finish().rootHash;
  };
  for (const length of [1000, 4095, 4097, 1 << 20]) expect(root(length)).toBe(root(4096));
  const path = join(top, "cut");
  const [first, second] = [await guardWithVerity(realDisk, path), await guardWithVerity(realDisk, path)];
  expect(first).toEqual(second);
});

test("what is no image is refused, and nothing is written", async () => {
  const path = image("odd", 2);
  truncateSync(path, 5000);
  expect(await guardWithVerity(realDisk, path)).toMatchObject({
    ok: false,
    error: { kind: "notWholeBlocks", sizeBytes: 5000 },
  });
  truncateSync(path, 0);
  expect(await guardWithVerity(realDisk, path)).toMatchObject({ ok: false, error: { kind: "notWholeBlocks" } });
  expect(await guardWithVerity(realDisk, join(top, "none"))).toMatchObject({
    ok: false,
    error: { kind: "io", code: "ENOENT" },
  });
  const cancelled = await guardWithVerity(realDisk, join(top, "cut"), AbortSignal.abort());
  expect(cancelled).toMatchObject({ ok: false, error: { kind: "cancelled" } });
  expect(existsSync(`${path}.hash`)).toBe(false);
  expect(readdirSync(top).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});
