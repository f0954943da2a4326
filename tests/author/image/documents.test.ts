import { describe, expect, test } from "bun:test";
import {
  choosePlatform,
  parsePlatform,
  parseReference,
  parseSource,
  platformText,
  readConfigBlob,
  readDocument,
  readSaved,
} from "../../../runtime/author/image/documents/index.ts";
import { BadImage } from "../../../runtime/author/image/fault.ts";
import { imageLimits } from "../../../runtime/author/image/limits.ts";

const bytes = (value: unknown): Uint8Array => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
const digest = `sha256:${"a".repeat(64)}`;
const blob = { mediaType: "m", digest, size: 5 };
const manifest = { schemaVersion: 2, config: blob, layers: [blob] };

function detail(act: () => unknown): string {
  try {
    act();
    return "accepted";
  } catch (error) {
    if (error instanceof BadImage && error.fault.kind === "document") return error.fault.detail;
    throw error;
  }
}

describe("manifests and indexes", () => {
  test("both are read, what a build says about itself is no image", () => {
    expect(readDocument(bytes(manifest), "x")).toMatchObject({
      kind: "manifest",
      layers: [{ digest: "a".repeat(64), sizeBytes: 5 }],
    });
    const index = {
      schemaVersion: 2,
      manifests: [
        { ...blob, platform: { os: "linux", architecture: "arm", variant: "v7" } },
        {
          ...blob,
          annotations: { "vnd.docker.reference.type": "attestation-manifest" },
          platform: { os: "unknown", architecture: "unknown" },
        },
        { ...blob, annotations: { "org.opencontainers.image.ref.name": "1.0", other: 7 } },
      ],
    };
    expect(readDocument(bytes(index), "x")).toMatchObject({
      kind: "index",
      manifests: [
        { platform: { variant: "v7" }, refName: null },
        { platform: null, refName: "1.0" },
      ],
    });
  });

  test.each([
    [
      "CVE-2021-41190: a manifest that is an index, too",
      { ...manifest, manifests: [] },
      /manifest and an index at once/,
    ],
    ["Docker's schema 1", { schemaVersion: 1, fsLayers: [] }, /schema 1/],
    ["another version", { ...manifest, schemaVersion: 3 }, /schemaVersion/],
    [
      "a digest of another kind",
      { ...manifest, config: { ...blob, digest: `sha512:${"a".repeat(128)}` } },
      /config.digest/,
    ],
    [
      "a digest that is a path",
      { ...manifest, layers: [{ ...blob, digest: "sha256:../../etc/passwd" }] },
      /layers.0.digest/,
    ],
    ["a length below zero", { ...manifest, layers: [{ ...blob, size: -1 }] }, /layers.0.size/],
    [
      "a length above 2^53",
      `{"schemaVersion":2,"config":{"digest":"${digest}","size":9007199254740993},"layers":[]}`,
      /config.size/,
    ],
    [
      "a layer that is encrypted",
      { ...manifest, layers: [{ ...blob, mediaType: "application/vnd.oci.image.layer.v1.tar+encrypted" }] },
      /encrypted/,
    ],
    [
      "a layer of its vendor",
      { ...manifest, layers: [{ ...blob, mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" }] },
      /vendor/,
    ],
    [
      "containerd CVE-2026-47262: more entries than anybody has",
      { schemaVersion: 2, manifests: Array(2000).fill(blob) },
      /manifests/,
    ],
    ["too many layers", { ...manifest, layers: Array(600).fill(blob) }, /layers/],
    ["no object", "[]", /schemaVersion|Object/],
    ["null", "null", /Object/],
    ["no JSON", "{", /no JSON/],
  ])("%s is refused", (_what, document, wanted) => {
    expect(detail(() => readDocument(bytes(document), "x"))).toMatch(wanted);
  });

  test("bytes that are no UTF-8 are refused", () => {
    expect(detail(() => readDocument(Uint8Array.of(0x22, 0xff, 0x22), "x"))).toBe("it is no JSON in UTF-8");
  });
});

describe("configurations", () => {
  const read = (config: unknown) =>
    readConfigBlob(
      bytes({
        os: "linux",
        architecture: "arm64",
        variant: "v8",
        config,
        rootfs: { type: "layers", diff_ids: [digest] },
      }),
      "x",
    );

  test("null and absent are the same, lists of the image are kept in order, maps are sorted", () => {
    const config = {
      Cmd: null,
      Entrypoint: ["/init"],
      Env: ["B=1", "A=2"],
      Volumes: { "/z": {}, "/a": null },
      ExposedPorts: { "80/tcp": {} },
      User: "",
      More: [1],
    };
    expect(read(config)).toMatchObject({
      platform: { architecture: "arm64", variant: "v8" },
      diffIds: ["a".repeat(64)],
      config: {
        cmd: null,
        entrypoint: ["/init"],
        env: ["B=1", "A=2"],
        volumes: ["/a", "/z"],
        exposedPorts: ["80/tcp"],
        user: null,
        raw: config,
      },
    });
    expect(read(null).config).toMatchObject({ cmd: null, env: [], labels: {}, raw: null });
    expect(read({ Entrypoint: "/one" }).config.entrypoint).toEqual(["/one"]);
  });

  test("containerd CVE-2026-53488: labels are data, whatever they say", () => {
    const labels = { "io.cairn.run": "rm -rf /", __proto__x: "1", note: "$(reboot)\nlxc.hook.start = /bin/sh" };
    expect(read({ Labels: labels }).config.labels).toEqual(labels);
    expect(JSON.stringify(read(JSON.parse('{"Labels":{"__proto__":"x"}}')).config.labels)).not.toContain("polluted");
    expect(({} as { polluted?: string }).polluted).toBeUndefined();
  });

  test.each([
    ["NUL in a text", { Env: ["A=\0"] }, /NUL/],
    ["a number for a text", { User: 5 }, /User/],
    ["a list of anything", { Cmd: [["sh"]] }, /Cmd/],
    ["a text without end", { WorkingDir: "x".repeat(imageLimits.configTextBytesMax + 1) }, /WorkingDir/],
    ["a list without end", { Env: Array(imageLimits.configItemsMax + 1).fill("A=1") }, /Env/],
    ["a map without end", { Labels: Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [n, "x"])) }, /Labels/],
  ])("%s is refused", (_what, config, wanted) => {
    expect(detail(() => read(config))).toMatch(wanted);
  });

  test("what docker save writes is read", () => {
    expect(readSaved(bytes([{ Config: "c.json", RepoTags: null, Layers: ["a/layer.tar"] }]), "x")).toEqual([
      { config: "c.json", tags: [], layers: ["a/layer.tar"] },
    ]);
    expect(detail(() => readSaved(bytes({}), "x"))).toMatch(/Array/);
  });

  test("what a stranger wrote does not reach the terminal in the reason for a refusal", () => {
    const unseen = /\p{Cc}/u;
    const config = { os: "linux", architecture: "arm64", rootfs: { type: "layers", diff_ids: [] } };
    for (const said of [
      detail(() => readSaved(bytes('"\u0085[31m\\n"'), "x")),
      detail(() => readConfigBlob(bytes({ ...config, config: { Labels: { "\u007f\n": 1 } } }), "x")),
    ]) {
      expect(said).toStartWith(said.includes("Labels") ? '"config.Labels.' : "it wants Array");
      expect(said).not.toMatch(unseen);
    }
  });
});

describe("names", () => {
  test.each([
    ["alpine", "registry-1.docker.io", "library/alpine", "latest"],
    ["alpine:3.20", "registry-1.docker.io", "library/alpine", "3.20"],
    ["team/app", "registry-1.docker.io", "team/app", "latest"],
    ["docker.io/team/app:1", "registry-1.docker.io", "team/app", "1"],
    ["localhost/app", "localhost", "app", "latest"],
    ["host:5000/x", "host:5000", "x", "latest"], // pvr takes the port for a tag (reference 2.1)
    ["host:5000/x/y:v1", "host:5000", "x/y", "v1"],
    ["[::1]:5000/x", "[::1]:5000", "x", "latest"],
    ["a.b/c__d/e--f.g", "a.b", "c__d/e--f.g", "latest"],
  ])("%s", (text, host, repository, tag) => {
    expect(parseReference(text)).toMatchObject({ host, repository, tag, digest: null });
  });

  test("a digest pins, with a tag or without", () => {
    expect(parseReference(`a/b@${digest}`)).toMatchObject({ tag: null, digest: "a".repeat(64), name: "docker.io/a/b" });
    expect(parseReference(`a/b:1@${digest}`)).toMatchObject({ tag: "1", digest: "a".repeat(64) });
  });

  test.each([
    "",
    "A/b",
    "a//b",
    "a/../b",
    "a/b:",
    "a/b:.x",
    "a/b@sha256:abc",
    `a/b@${"a".repeat(64)}`,
    `a@${digest}@${digest}`,
    "-oProxyCommand=x.y/b",
    "user:pw@host/b",
    "a b",
    "host:99999999/x",
    `${"a/".repeat(200)}b`,
    "a.b/c\r\nX: y",
  ])("%j is no name of an image", (text) => {
    expect(typeof parseReference(text)).toBe("string");
  });

  test("sources are told apart by how they begin", () => {
    expect(parseSource("docker://a/b:1")).toMatchObject({ kind: "registry" });
    expect(parseSource("oci:some/folder:tag")).toEqual({ kind: "image", path: "some/folder", image: "tag" });
    expect(parseSource("docker-archive:x.tar:host:5000/a:1")).toEqual({
      kind: "image",
      path: "x.tar",
      image: "host:5000/a:1",
    });
    expect(parseSource("oci-archive:x.tar")).toEqual({ kind: "image", path: "x.tar", image: null });
    expect(parseSource("rootfs:x.tar")).toEqual({ kind: "rootfs", path: "x.tar" });
    expect(parseSource("output/target")).toEqual({ kind: "path", path: "output/target" });
    for (const bad of ["", "ftp://x/y", "docker://A"]) expect(typeof parseSource(bad)).toBe("string");
  });
});

test("a platform is chosen by the first wish that anything fits", () => {
  const offers = ["linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64/v8"].map((text) => ({
    platform: parsePlatform(text),
  }));
  const chosen = (...wishes: string[]): string | null => {
    const found = choosePlatform(
      wishes.map(parsePlatform).filter((one) => one !== null),
      offers,
    );
    return found?.platform == null ? null : platformText(found.platform);
  };
  expect(chosen("linux/arm64")).toBe("linux/arm64/v8");
  expect(chosen("linux/arm64/v8")).toBe("linux/arm64/v8");
  expect(chosen("linux/arm/v7")).toBe("linux/arm/v7");
  expect(chosen("linux/arm")).toBe("linux/arm/v6");
  expect(chosen("linux/riscv64", "linux/amd64")).toBe("linux/amd64");
  expect(chosen("linux/arm/v5")).toBeNull();
  expect(chosen("windows/amd64")).toBeNull();
  expect(chosen()).toBeNull();
  expect(["linux", "linux/", "linux/arm/v7/x", "LINUX/arm", "linux/arm v7"].map(parsePlatform)).toEqual([
    null,
    null,
    null,
    null,
    null,
  ]);
});
