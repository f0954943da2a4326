/**
 * What reads bytes of strangers, as functions that take any bytes: an expected fault is fine, everything else that is thrown is a defect.
 * The ones that stream give a promise.
 */
import { mkdtempSync, rmSync } from "node:fs";
import {
  parseReference,
  readConfigBlob,
  readDocument,
  readSaved,
} from "../../../runtime/author/image/documents/index.ts";
import { BadImage } from "../../../runtime/author/image/fault.ts";
import { flatten } from "../../../runtime/author/image/flatten/index.ts";
import { imageLimits } from "../../../runtime/author/image/limits.ts";
import { readChallenge } from "../../../runtime/author/image/registry/challenge.ts";
import { BadTar, readTar, tarLimits, writeTar } from "../../../runtime/tar/index.ts";
import { archive, longName, pax, pieces } from "../../tar/blocks.ts";
import { file, folder, hardlink, PLAIN, symlink } from "./layers.ts";

export interface FuzzTarget {
  readonly name: string;
  /** Real inputs to make mutants of. */
  readonly seeds: readonly Uint8Array[];
  run(bytes: Uint8Array): void | Promise<void>;
}

function expectFaults(act: () => unknown): void {
  try {
    act();
  } catch (thrown) {
    if (!(thrown instanceof BadImage)) throw thrown;
  }
}

export const fuzzDocument = (bytes: Uint8Array): void => expectFaults(() => readDocument(bytes, "fuzz"));
export const fuzzConfig = (bytes: Uint8Array): void => expectFaults(() => readConfigBlob(bytes, "fuzz"));
export const fuzzSaved = (bytes: Uint8Array): void => expectFaults(() => readSaved(bytes, "fuzz"));
export const fuzzReference = (bytes: Uint8Array): void => {
  parseReference(Buffer.from(bytes).toString("latin1"));
  readChallenge(Buffer.from(bytes).toString("latin1"));
};

export async function fuzzTar(bytes: Uint8Array): Promise<void> {
  try {
    for await (const { bytes: body } of readTar(pieces(bytes, 700), { ...tarLimits, bytesMax: 1 << 24 })) {
      for await (const _ of body);
    }
  } catch (thrown) {
    if (!(thrown instanceof BadTar)) throw thrown;
  }
}

/** Two layers of the bytes over each other; what comes out must be an archive that says the same again. */
export async function fuzzLayers(bytes: Uint8Array): Promise<void> {
  const scratchFolder = mkdtempSync("/dev/shm/fuzz-layers-"); // a disk at work would count as slow
  try {
    const half = (bytes.length >> 10) << 9; // whole blocks
    const layers = [bytes.subarray(0, half), bytes.subarray(half)].map((part, at) => ({
      name: `layer ${at}`,
      proven: true,
      open: () => pieces(part),
    }));
    const limits = { ...imageLimits, unpackedBytesMax: 1 << 24 };
    const tree = await flatten(layers, { ...PLAIN, mountPoints: true, scratchFolder, limits });
    const names = new Set<string>();
    for await (const { name } of readTar(writeTar(tree.entries()))) {
      const parts = name.replace(/\/$/, "").split("/");
      const inside = name === "./" || parts.every((part) => part !== "" && part !== "." && part !== "..");
      if (!inside || names.has(name)) throw new Error(`"${name}" leads outside or is there twice`);
      names.add(name);
    }
    await tree.close();
  } catch (thrown) {
    if (!(thrown instanceof BadImage)) throw thrown;
  } finally {
    rmSync(scratchFolder, { recursive: true });
  }
}

const digest = `sha256:${"0".repeat(64)}`;
const blob = { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest, size: 1 };
const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const tar = archive(
  folder("usr"),
  folder("usr/lib"),
  symlink("lib", "usr/lib"),
  pax({ path: "lib/long", mtime: "1.5", size: "3", "SCHILY.xattr.user.a": "b" }),
  { name: "x", bytes: "abc" },
  hardlink("lib/other", "usr/lib/long"),
  longName("usr/lib/gnu"),
  file("y", "hello"),
  file("usr/.wh.gone", ""),
  file("usr/lib/.wh..wh..opq", ""),
  { name: "null", flag: "3", major: 1, minor: 3 },
);

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: "image-document",
    seeds: [
      json({ schemaVersion: 2, config: blob, layers: [blob, blob] }),
      json({
        schemaVersion: 2,
        manifests: [
          { ...blob, platform: { os: "linux", architecture: "arm", variant: "v7" }, annotations: { a: "b" } },
        ],
      }),
    ],
    run: fuzzDocument,
  },
  {
    name: "image-config",
    seeds: [
      json({
        os: "linux",
        architecture: "arm64",
        config: { Cmd: ["sh"], Env: ["A=b"], Volumes: { "/a": {} }, Labels: { a: "b" } },
        rootfs: { type: "layers", diff_ids: [digest] },
      }),
    ],
    run: fuzzConfig,
  },
  {
    name: "image-saved",
    seeds: [json([{ Config: "c.json", RepoTags: ["a:1"], Layers: ["l/layer.tar"] }])],
    run: fuzzSaved,
  },
  {
    name: "image-reference",
    seeds: [`host:5000/a/b:1.0@${digest}`, 'Bearer realm="https://a/t",service="s",scope="repository:x:pull"'].map(
      (text) => Buffer.from(text),
    ),
    run: fuzzReference,
  },
  { name: "tar", seeds: [tar], run: fuzzTar },
  { name: "image-layers", seeds: [Buffer.concat([tar.subarray(0, -1024), tar])], run: fuzzLayers },
];
