/** Archives and layouts that lie about themselves, as sources. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { decompressed } from "../../../runtime/author/image/decompress.ts";
import { flatten } from "../../../runtime/author/image/flatten/index.ts";
import { imageLimits } from "../../../runtime/author/image/limits.ts";
import { archive, type Part, pieces } from "../../tar/blocks.ts";
import { imageOf, sha } from "./fake-registry.ts";
import { faultOf, file, hardlink, PLAIN, symlink } from "./layers.ts";
import { faultOfSource, optionsIn } from "./opened.ts";

setDefaultTimeout(60_000);
const top = mkdtempSync(join(tmpdir(), "hostile-"));
afterAll(() => rmSync(top, { recursive: true }));

const image = imageOf(file("a", "x".repeat(5000)));
const layerName = `blobs/sha256/${image.layerDigest}`;
const indexOf = (digest: string, size: number): string =>
  JSON.stringify({
    schemaVersion: 2,
    manifests: [{ mediaType: "application/vnd.oci.image.manifest.v1+json", digest: `sha256:${digest}`, size }],
  });

/** A layout folder with some of its files replaced; null takes one away. */
function layout(changes: Readonly<Record<string, string | Uint8Array | null>> = {}): string {
  const folder = mkdtempSync(join(top, "layout-"));
  mkdirSync(join(folder, "blobs/sha256"), { recursive: true });
  const files: Record<string, string | Uint8Array | null> = {
    "oci-layout": '{"imageLayoutVersion":"1.0.0"}',
    "index.json": indexOf(image.digest, image.manifest.length),
    [`blobs/sha256/${image.digest}`]: image.manifest,
    ...Object.fromEntries([...image.blobs].map(([digest, bytes]) => [`blobs/sha256/${digest}`, bytes])),
    ...changes,
  };
  for (const [name, bytes] of Object.entries(files)) if (bytes !== null) writeFileSync(join(folder, name), bytes);
  return folder;
}

test("a layout is taken as it is, and its scratch files are gone afterwards", async () => {
  const options = optionsIn(top);
  expect(await faultOfSource(layout(), options)).toBeNull();
  expect(readdirSync(options.scratchFolder).flatMap((name) => readdirSync(join(options.scratchFolder, name)))).toEqual(
    [],
  );
});

test("any changed bit of a manifest, a configuration or a layer is noticed", async () => {
  const blobs = new Map<string, Uint8Array | string>([...image.blobs, [image.digest, image.manifest]]);
  for (const [digest, bytes] of blobs) {
    const good = Buffer.from(bytes);
    for (const at of [0, Math.floor(good.length / 2), good.length - 1]) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ 1;
      const fault = await faultOfSource(layout({ [`blobs/sha256/${digest}`]: bad }), optionsIn(top));
      expect(fault?.kind, `${digest} byte ${at}`).toBeOneOf(["digest", "tar", "compression"]);
    }
    expect(
      await faultOfSource(layout({ [`blobs/sha256/${digest}`]: good.subarray(0, -1) }), optionsIn(top)),
    ).not.toBeNull();
    expect(await faultOfSource(layout({ [`blobs/sha256/${digest}`]: null }), optionsIn(top))).toMatchObject({
      kind: "document",
      detail: "it is missing",
    });
  }
});

test("containerd CVE-2026-53489: a blob that is a link to somewhere is none", async () => {
  const folder = layout({ [layerName]: null });
  const secret = join(top, "secret");
  writeFileSync(secret, image.layer);
  symlinkSync(secret, join(folder, layerName));
  expect(await faultOfSource(folder, optionsIn(top))).toMatchObject({ kind: "document", detail: "it is missing" });
});

test("a layer whose unpacked bytes are not those of the configuration is refused", async () => {
  const other = gzipSync(archive(file("b")));
  const manifest = image.manifest
    .replace(image.layerDigest, sha(other))
    .replace(`"size":${image.layer.length}`, `"size":${other.length}`);
  const folder = layout({
    [`blobs/sha256/${sha(other)}`]: other,
    [`blobs/sha256/${sha(manifest)}`]: manifest,
    "index.json": indexOf(sha(manifest), manifest.length),
  });
  expect(await faultOfSource(folder, optionsIn(top))).toMatchObject({
    kind: "digest",
    blob: expect.stringContaining("unpacked"),
  });
});

test("indexes inside of indexes end somewhere", async () => {
  const changes: Record<string, string> = {};
  let [digest, size] = [image.digest, image.manifest.length];
  for (let depth = 0; depth < 8; depth++) {
    const index = indexOf(digest, size).replace("image.manifest", "image.index");
    [digest, size] = [sha(index), index.length];
    changes[`blobs/sha256/${digest}`] = index;
  }
  const fault = await faultOfSource(layout({ ...changes, "index.json": indexOf(digest, size) }), optionsIn(top));
  expect(fault).toMatchObject({ kind: "document", detail: "indexes inside of indexes without end" });
});

test("a configuration that speaks of other layers than the manifest is refused", async () => {
  const saved = join(top, "saved.tar");
  const config = JSON.stringify({ rootfs: { diff_ids: [`sha256:${image.layerDigest}`] } });
  const write = (layers: readonly string[], ...more: readonly Part[]): void =>
    writeFileSync(
      saved,
      archive(
        file("manifest.json", JSON.stringify([{ Config: "c.json", RepoTags: ["a:1"], Layers: layers }])),
        file("c.json", config),
        ...more,
      ),
    );
  const layer = { name: "l/layer.tar", bytes: image.layer };
  write(["l/layer.tar"], layer);
  expect(await faultOfSource(saved, optionsIn(top))).toBeNull();
  write([], layer);
  expect(await faultOfSource(saved, optionsIn(top))).toMatchObject({
    kind: "document",
    detail: "it speaks of 1 layers, and there are 0",
  });
  // Names and links in such an archive lead to its own members and nowhere else.
  for (const name of ["/etc/passwd", "../../../etc/passwd", "nothing"]) {
    write([name], layer);
    expect(await faultOfSource(saved, optionsIn(top))).toMatchObject({ kind: "document", detail: "it is missing" });
  }
  write(["out"], symlink("out", "/etc/passwd"), hardlink("hard", "/etc/passwd"));
  expect(await faultOfSource(saved, optionsIn(top))).toMatchObject({ kind: "document", detail: "it is missing" });
  write(["a"], symlink("a", "b"), symlink("b", "a"));
  expect(await faultOfSource(saved, optionsIn(top))).toMatchObject({ kind: "document", detail: "it is missing" });
  write(["m/layer.tar"], layer, symlink("m/layer.tar", "../l/layer.tar")); // as old docker does it
  expect(await faultOfSource(saved, optionsIn(top))).toBeNull();
});

test("OSTree GHSA-7cgc (bombs): a gigabyte out of a megabyte stops at the limit, and memory stays flat", async () => {
  const zeros = Buffer.alloc(64 << 20);
  const bombs = {
    gzip: gzipSync(Buffer.concat([archive(file("a", "")), zeros])),
    zstd: Bun.zstdCompressSync(Buffer.concat([archive(file("a", "")), zeros])),
  };
  for (const [kind, packed] of Object.entries(bombs)) {
    const scratchFolder = mkdtempSync(join(top, "bomb-"));
    const limits = { ...imageLimits, unpackedBytesMax: 8 << 20 };
    const layer = { name: kind, proven: false, open: () => decompressed(pieces(packed, 1000), kind) };
    expect(await faultOf(() => flatten([layer], { ...PLAIN, scratchFolder, limits }))).toMatchObject({
      kind: "tooLarge",
    });
    expect(readdirSync(scratchFolder)).toEqual([]);
  }
});

test.each(["gzip", "zstd", "xz"] as const)(
  "%s that is cut off or damaged is a fault, and nothing waits for more",
  async (kind) => {
    const plain = archive(file("a", "x".repeat(50_000)));
    const packed =
      kind === "gzip"
        ? gzipSync(plain)
        : kind === "zstd"
          ? Bun.zstdCompressSync(plain)
          : Bun.spawnSync(["xz", "-c"], { stdin: plain }).stdout;
    const all = async (bytes: Uint8Array): Promise<number> => {
      let length = 0;
      for await (const part of decompressed(pieces(bytes, 100), "blob")) length += part.byteLength;
      return length;
    };
    expect(await all(packed)).toBe(plain.length);
    for (const bad of [
      packed.subarray(0, packed.length >> 1),
      packed.subarray(0, 8),
      Buffer.concat([packed.subarray(0, 20), Buffer.alloc(40, 0xff)]),
    ]) {
      expect(await faultOf(() => all(bad))).toMatchObject({ kind: "compression", blob: "blob" });
    }
  },
);

test("what has no magic is passed on as it is, however short", async () => {
  for (const text of ["", "a", "plain text"]) {
    expect(Buffer.concat(await Array.fromAsync(decompressed(pieces(Buffer.from(text), 1), "x"))).toString()).toBe(text);
  }
});
