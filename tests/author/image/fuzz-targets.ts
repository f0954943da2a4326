/** What strangers can send to the readers of images: documents, references, archives, layers. */
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
import { asBytes, mutantArchive, mutantBytes } from "../../fuzz/bytes.ts";
import { explained, type Look, type Target } from "../../fuzz/campaign.ts";
import { archive, longName, pax, pieces } from "../../tar/blocks.ts";
import { file, folder, hardlink, PLAIN, symlink } from "./layers.ts";

/** What a reader made of the bytes: an expected fault is fine, everything else that is thrown is a defect. */
async function outcome(act: () => unknown): Promise<Look> {
  try {
    await act();
    return () => "fine";
  } catch (thrown) {
    if (!(thrown instanceof BadImage || thrown instanceof BadTar)) throw thrown;
    return () => explained(thrown.message);
  }
}

async function readAll(bytes: Uint8Array): Promise<void> {
  for await (const { bytes: body } of readTar(pieces(bytes, 700), { ...tarLimits, bytesMax: 1 << 24 })) {
    for await (const _ of body);
  }
}

/** Two layers of the bytes over each other; what comes out must be an archive that says the same again. */
async function flattenHalves(bytes: Uint8Array): Promise<void> {
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

const layers = Buffer.concat([tar.subarray(0, -1024), tar]);

const target = (
  name: string,
  corpus: readonly Uint8Array[],
  read: (bytes: Uint8Array) => unknown,
  mutant = mutantBytes,
): Target => ({
  name,
  draw: (dice) => mutant(dice, corpus),
  read: (input) => outcome(() => read(asBytes(input))),
  planted: [],
});

/** What a person typed, or a registry's header says: no sentence of ours goes with it. */
const referenceTarget: Target = {
  name: "image-reference",
  draw: (dice) =>
    mutantBytes(
      dice,
      [`host:5000/a/b:1.0@${digest}`, 'Bearer realm="https://a/t",service="s",scope="repository:x:pull"'].map((text) =>
        Buffer.from(text),
      ),
    ),
  read: (input) => {
    const text = Buffer.from(asBytes(input)).toString("latin1");
    const [reference, challenge] = [parseReference(text), readChallenge(text)];
    return () => (typeof reference === "string" && challenge === null ? "refused" : "fine");
  },
  planted: [],
};

export const imageTargets: readonly Target[] = [
  target(
    "image-document",
    [
      json({ schemaVersion: 2, config: blob, layers: [blob, blob] }),
      json({
        schemaVersion: 2,
        manifests: [
          { ...blob, platform: { os: "linux", architecture: "arm", variant: "v7" }, annotations: { a: "b" } },
        ],
      }),
    ],
    (bytes) => readDocument(bytes, "fuzz"),
  ),
  target(
    "image-config",
    [
      json({
        os: "linux",
        architecture: "arm64",
        config: { Cmd: ["sh"], Env: ["A=b"], Volumes: { "/a": {} }, Labels: { a: "b" } },
        rootfs: { type: "layers", diff_ids: [digest] },
      }),
    ],
    (bytes) => readConfigBlob(bytes, "fuzz"),
  ),
  target("image-saved", [json([{ Config: "c.json", RepoTags: ["a:1"], Layers: ["l/layer.tar"] }])], (bytes) =>
    readSaved(bytes, "fuzz"),
  ),
  referenceTarget,
  target("tar", [tar], readAll, mutantArchive),
  target("image-layers", [layers], flattenHalves, mutantArchive),
];
