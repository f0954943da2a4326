import type { Digest } from "../../state/index.ts";
import { checked, wholeOf } from "./checked.ts";
import { type Descriptor, type IndexEntry, type Platform, readConfigBlob, readDocument } from "./documents/index.ts";
import { fail } from "./fault.ts";
import { type Files, readFrom } from "./files.ts";
import type { Image, Layer } from "./image.ts";
import { imageLimits } from "./limits.ts";
import { choose, type Resolved, resolve } from "./resolve.ts";

/** Blobs by digest, wherever they are; checked while they are read. */
export interface Blobs {
  open(descriptor: Descriptor): Promise<() => AsyncIterable<Uint8Array>>;
}

export const LAYOUT_MARK = "oci-layout";

/** OCI image-spec, image-layout.md: `index.json` names what is in `blobs`. */
export async function openLayout(files: Files, wanted: string | null, wishes: readonly Platform[]): Promise<Image> {
  const what = `${files.label}: index.json`;
  const bytes = (await readFrom(files, "index.json")) ?? fail({ kind: "document", what, detail: "it is missing" });
  const top = readDocument(bytes, what);
  if (top.kind !== "index") return fail({ kind: "document", what, detail: "it is no index" });
  const blobs: Blobs = {
    async open({ digest, sizeBytes }) {
      const blob = `${files.label}: blob sha256:${digest}`;
      const found = await files.find(`blobs/sha256/${digest}`);
      if (found === null) return fail({ kind: "document", what: blob, detail: "it is missing" });
      return () => checked(found.open(), { blob, digest, sizeBytes });
    },
  };
  const entry = choose(named(top.manifests, wanted), wishes);
  const load = async (descriptor: Descriptor): Promise<Uint8Array> =>
    wholeOf((await blobs.open(descriptor))(), `sha256:${descriptor.digest}`, imageLimits.documentBytesMax);
  const document = readDocument(await load(entry), `${files.label}: sha256:${entry.digest}`);
  const resolved = await resolve({ digest: entry.digest, document }, wishes, load);
  const image = await imageFrom(resolved, blobs, `${files.label}: `);
  return {
    ...image,
    digest: `sha256:${resolved.digest}`,
    name: null,
    tag: wanted ?? entry.refName,
    close: () => files.close(),
  };
}

/** Those that have the name: the whole of it, or what stands behind the last colon. */
function named(entries: readonly IndexEntry[], wanted: string | null): readonly IndexEntry[] {
  if (wanted === null) return entries;
  const found = entries.filter(({ refName }) => refName === wanted || refName?.endsWith(`:${wanted}`) === true);
  if (found.length > 0) return found;
  const offered = entries.map(({ refName }) => refName).filter((name) => name !== null);
  return fail({ kind: "noSuchImage", wanted, offered });
}

/** Configuration and layers of a manifest. */
export async function imageFrom(
  { manifest }: Resolved,
  blobs: Blobs,
  where: string,
): Promise<Omit<Image, "digest" | "name" | "tag" | "close">> {
  const most = imageLimits.documentBytesMax;
  const what = `${where}config sha256:${manifest.config.digest}`;
  const bytes = await wholeOf((await blobs.open(manifest.config))(), what, most);
  const { config, platform, diffIds } = readConfigBlob(bytes, what);
  expectLayers(what, manifest.layers.length, diffIds);
  const layers: Layer[] = [];
  for (const [at, descriptor] of manifest.layers.entries()) {
    const { digest, sizeBytes } = descriptor;
    if (sizeBytes > imageLimits.layerBytesMax) {
      fail({ kind: "tooLarge", what: `layer sha256:${digest}`, most: imageLimits.layerBytesMax, unit: "bytes" });
    }
    const open = await blobs.open(descriptor);
    layers.push({ name: `${where}layer sha256:${digest}`, digest, diffId: diffIds[at] ?? null, open });
  }
  return { config, platform, layers, whiteouts: true, own: false, without: new Set(), remarks: [] };
}

export function expectLayers(what: string, layers: number, diffIds: readonly Digest[]): void {
  if (diffIds.length === layers) return;
  fail({ kind: "document", what, detail: `it speaks of ${diffIds.length} layers, and there are ${layers}` });
}
