import * as v from "valibot";
import { quoted } from "../../../quoted.ts";
import { type Digest, parseDigest } from "../../../state/index.ts";
import { fail } from "../fault.ts";
import { imageLimits } from "../limits.ts";
import { configOf, type ImageConfig, ImageConfigShape } from "./config.ts";
import type { Platform } from "./platform.ts";

/** Documents of OCI image-spec 1.1 and of Docker's schema 2, which differ in names only. All throw BadImage. */

/** What stands behind a digest, and how long it is. */
export interface Descriptor {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly mediaType: string;
}

export interface IndexEntry extends Descriptor {
  readonly platform: Platform | null;
  /** `org.opencontainers.image.ref.name`: a tag, or a whole name. */
  readonly refName: string | null;
}

export interface Manifest {
  readonly kind: "manifest";
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export type ImageDocument = Manifest | { readonly kind: "index"; readonly manifests: readonly IndexEntry[] };

const text = v.pipe(v.string(), v.maxLength(4096));
const DescriptorShape = v.object({
  mediaType: v.exactOptional(text, ""),
  digest: v.pipe(text, v.regex(/^sha256:[0-9a-f]{64}$/, "wants sha256: and 64 digits")),
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
});
const IndexShape = v.object({
  schemaVersion: v.literal(2),
  manifests: v.pipe(
    v.array(
      v.object({
        ...DescriptorShape.entries,
        platform: v.nullish(v.object({ os: text, architecture: text, variant: v.nullish(text) })),
        annotations: v.nullish(v.record(v.string(), v.unknown())),
      }),
    ),
    v.maxLength(imageLimits.manifestsMax),
  ),
});
const ManifestShape = v.object({
  schemaVersion: v.literal(2),
  config: DescriptorShape,
  layers: v.pipe(v.array(DescriptorShape), v.maxLength(imageLimits.layersMax)),
});
const BlobShape = v.object({
  os: v.exactOptional(text, "linux"),
  architecture: v.exactOptional(text, ""),
  variant: v.nullish(text),
  config: v.nullish(ImageConfigShape),
  rootfs: v.object({
    diff_ids: v.pipe(v.array(DescriptorShape.entries.digest), v.maxLength(imageLimits.layersMax)),
  }),
});
const SavedShape = v.pipe(
  v.array(
    v.object({
      Config: text,
      RepoTags: v.nullish(v.array(text)),
      Layers: v.pipe(v.array(text), v.maxLength(imageLimits.layersMax)),
    }),
  ),
  v.maxLength(imageLimits.manifestsMax),
);

const REF_NAME = "org.opencontainers.image.ref.name";
/** BuildKit lists what it says about a build as one more manifest. */
const ATTESTATION = "vnd.docker.reference.type";

const descriptorOf = ({ digest, size, mediaType }: v.InferOutput<typeof DescriptorShape>): Descriptor => {
  const parsed = parseDigest(digest.slice("sha256:".length));
  if (parsed === null) throw new RangeError("the schema lets digests through only");
  return { digest: parsed, sizeBytes: size, mediaType };
};

/** A manifest or an index. What could be both is neither (CVE-2021-41190: two readers saw two images behind one digest). */
export function readDocument(bytes: Uint8Array, what: string): ImageDocument {
  const json = jsonOf(bytes, what);
  const has = (key: string): boolean => typeof json === "object" && json !== null && key in json;
  if (has("schemaVersion") && (json as { schemaVersion: unknown }).schemaVersion === 1) {
    fail({
      kind: "document",
      what,
      detail: "it is of Docker's schema 1, which nobody can check: push the image again",
    });
  }
  if (has("manifests") && (has("layers") || has("config"))) {
    fail({ kind: "document", what, detail: "it is a manifest and an index at once" });
  }
  if (has("manifests")) {
    const { manifests } = shaped(IndexShape, json, what);
    const images = manifests.filter(({ annotations }) => annotations?.[ATTESTATION] === undefined);
    return {
      kind: "index",
      manifests: images.map(({ platform, annotations, ...descriptor }) => {
        const refName = annotations?.[REF_NAME];
        return {
          ...descriptorOf(descriptor),
          platform: platform == null ? null : { ...platform, variant: platform.variant ?? null },
          refName: typeof refName === "string" ? refName : null,
        };
      }),
    };
  }
  const { config, layers } = shaped(ManifestShape, json, what);
  const found: Manifest = { kind: "manifest", config: descriptorOf(config), layers: layers.map(descriptorOf) };
  for (const { mediaType } of found.layers) {
    if (/encrypted/.test(mediaType))
      fail({ kind: "document", what, detail: "its layers are encrypted, which is not read" });
    if (/foreign/.test(mediaType))
      fail({ kind: "document", what, detail: "it has a layer that only its vendor hands out" });
  }
  return found;
}

/** The blob that a manifest calls its config (image-spec, config.md). */
export interface ConfigBlob {
  readonly platform: Platform;
  readonly config: ImageConfig;
  /** Of each layer without compression. */
  readonly diffIds: readonly Digest[];
}

export function readConfigBlob(bytes: Uint8Array, what: string): ConfigBlob {
  const json = jsonOf(bytes, what);
  const { os, architecture, variant, config, rootfs } = shaped(BlobShape, json, what);
  return {
    platform: { os, architecture, variant: variant ?? null },
    config: configOf(config ?? null, (json as { config?: unknown }).config ?? null),
    diffIds: rootfs.diff_ids.map((digest) => descriptorOf({ digest, size: 0, mediaType: "" }).digest),
  };
}

/** One image of a `docker save` archive: names of members. */
export interface SavedImage {
  readonly config: string;
  readonly tags: readonly string[];
  readonly layers: readonly string[];
}

/** `manifest.json` of `docker save`. */
export const readSaved = (bytes: Uint8Array, what: string): readonly SavedImage[] =>
  shaped(SavedShape, jsonOf(bytes, what), what).map(({ Config, RepoTags, Layers }) => ({
    config: Config,
    tags: RepoTags ?? [],
    layers: Layers,
  }));

function jsonOf(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return fail({ kind: "document", what, detail: "it is no JSON in UTF-8" });
  }
}

function shaped<T>(schema: v.GenericSchema<unknown, T>, json: unknown, what: string): T {
  const parsed = v.safeParse(schema, json, { abortEarly: true });
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const path = v.getDotPath(issue);
  // A schema's own message has what was found in it, as it was found.
  const wanted = issue.kind === "schema" ? `it wants ${issue.expected ?? "another value"}` : issue.message;
  return fail({ kind: "document", what, detail: `${path === null ? "" : `${quoted(path)}: `}${wanted}`.slice(0, 300) });
}
