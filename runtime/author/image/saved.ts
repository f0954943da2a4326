import { wholeOf } from "./checked.ts";
import { parseReference, readConfigBlob, readSaved, type SavedImage } from "./documents/index.ts";
import { fail } from "./fault.ts";
import { type Files, readFrom } from "./files.ts";
import type { Image } from "./image.ts";
import { expectLayers } from "./layout.ts";
import { imageLimits } from "./limits.ts";

export const SAVED_MARK = "manifest.json";

/** An archive by `docker save`: `manifest.json` names members. Layers are known by the digests in the image's configuration. */
export async function openSaved(files: Files, wanted: string | null): Promise<Image> {
  const what = `${files.label}: ${SAVED_MARK}`;
  const bytes = (await readFrom(files, SAVED_MARK)) ?? fail({ kind: "document", what, detail: "it is missing" });
  const saved = pick(readSaved(bytes, what), wanted);
  const missing = (name: string): never =>
    fail({ kind: "document", what: `${files.label}: ${name}`, detail: "it is missing" });
  const blob = (await files.find(saved.config)) ?? missing(saved.config);
  const text = await wholeOf(blob.open(), `${files.label}: ${saved.config}`, imageLimits.documentBytesMax);
  const { config, platform, diffIds } = readConfigBlob(text, `${files.label}: ${saved.config}`);
  expectLayers(what, saved.layers.length, diffIds);
  const layers = await Promise.all(
    saved.layers.map(async (name, at) => {
      const found = (await files.find(name)) ?? missing(name);
      return { name: `${files.label}: ${name}`, digest: null, diffId: diffIds[at] ?? null, open: () => found.open() };
    }),
  );
  const [name, tag] = /^(.+):([^:/]+)$/.exec(wanted ?? saved.tags[0] ?? "")?.slice(1) ?? [];
  return {
    config,
    platform,
    digest: `sha256:${new Bun.CryptoHasher("sha256").update(text).digest("hex")}`,
    name: name ?? null,
    tag: tag ?? null,
    layers,
    whiteouts: true,
    own: false,
    without: new Set(),
    remarks: [],
    close: () => files.close(),
  };
}

function pick(images: readonly SavedImage[], wanted: string | null): SavedImage {
  const [only] = images;
  if (wanted === null && images.length === 1 && only !== undefined) return only;
  const found = images.find(({ tags }) => wanted !== null && tags.some((tag) => sameImage(tag, wanted)));
  return found ?? fail({ kind: "noSuchImage", wanted: wanted ?? "", offered: images.flatMap(({ tags }) => tags) });
}

/** `app` is `docker.io/library/app:latest`, in one tool's words and the other's. */
function sameImage(a: string, b: string): boolean {
  const [one, other] = [parseReference(a), parseReference(b)];
  if (typeof one === "string" || typeof other === "string") return a === b;
  return one.name === other.name && one.tag === other.tag;
}
