import * as v from "valibot";
import { type Document, inlineJson } from "./document.ts";
import { place, shown } from "./fault.ts";
import type { VerityManifest, VolumeRef } from "./model.ts";
import { absolutePathFault, pathFault } from "./names.ts";
import { component, object, shaped } from "./shape.ts";

const FSTYPE = /\.([A-Za-z0-9_-]{1,32})$/;

/**
 * The volume that `written` names in the folder `owner` (reference 2.3), its file in the state and, behind `dm:`, its manifest there
 * too; null after refusing it. For the bsp a value with a "/" is an absolute path outside the state (reference 1.4).
 */
export function parseVolume(written: string, owner: string, path: string, document: Document): VolumeRef | null {
  const { findings } = document;
  const colon = written.indexOf(":");
  const handler = colon < 0 ? null : written.slice(0, colon);
  const file = written.slice(colon + 1);
  const outside = owner === "bsp" && file.includes("/");
  const fault = outside ? absolutePathFault(file) : pathFault(file);
  if (fault !== null || (handler !== null && handler !== "dm")) {
    findings.refuse("shape", path, shown(written), "the name of a file, or dm: and the name of a file");
    return null;
  }
  const ref = volumeRef(handler, file);
  if (ref === null) {
    findings.refuse(
      "shape",
      path,
      shown(written),
      "a name ending in .bind, .data or a file system type such as .squashfs",
    );
    return null;
  }
  if (outside && handler === null) return ref;
  if (outside || (handler !== null && ref.mount !== "image")) {
    findings.refuse("incomplete", path, shown(written), "behind dm: an image that is part of the state");
    return null;
  }
  return hasFile(ref, owner, path, document) ? ref : null;
}

function volumeRef(handler: "dm" | null, file: string): VolumeRef | null {
  if (file.endsWith(".bind")) return { handler, file, mount: "bind-file", fstype: "" };
  if (file.endsWith(".data")) return { handler, file, mount: "bind-folder", fstype: "" };
  const fstype = FSTYPE.exec(file)?.[1];
  return fstype === undefined ? null : { handler, file, mount: "image", fstype };
}

function hasFile({ file, mount }: VolumeRef, owner: string, path: string, { tree, findings }: Document): boolean {
  const key = `${owner}/${file}`;
  const there = tree.has(key) || (mount === "bind-folder" && tree.hasBelow(key));
  if (!there) findings.refuse("file", path, `${shown(file)}, but no key ${shown(key)}`, "a file of the state");
  return there;
}

const VerityShape = object({
  type: v.literal("dm-verity"),
  data_device: component,
  hash_device: component,
  root_hash: v.pipe(
    v.string(),
    // SHA-1 to SHA-512: the digests that veritysetup offers
    v.check((hash) => /^(?:[0-9a-f]{2}){20,64}$/i.test(hash), "a root hash of 40 to 128 hex digits"),
  ),
});

/** The manifests of those `refs` that go through dm-verity (reference 5.5). */
export function parseVerity(refs: readonly VolumeRef[], owner: string, document: Document): readonly VerityManifest[] {
  const images = new Set(refs.flatMap(({ handler, file }) => (handler === "dm" ? [file] : [])));
  return [...images].flatMap((image) => parseManifest(image, owner, document) ?? []);
}

function parseManifest(image: string, owner: string, document: Document): VerityManifest | null {
  const { findings, tree } = document;
  const key = `${owner}/_dm/${image}.json`;
  const value = inlineJson(document, key);
  if (value === undefined) {
    if (!tree.has(key)) findings.refuse("verity", place(key), "nothing", `the dm-verity manifest of ${shown(image)}`);
    return null;
  }
  const shape = shaped(VerityShape, value, findings, key);
  if (shape === null) return null;
  if (shape.data_device !== image) {
    findings.refuse(
      "verity",
      place(key, "data_device"),
      shown(shape.data_device),
      `${shown(image)}, as the manifest's own name says`,
    );
  }
  if (shape.hash_device === image || !tree.has(`${owner}/${shape.hash_device}`)) {
    findings.refuse("verity", place(key, "hash_device"), shown(shape.hash_device), "another file of the same folder");
  }
  return {
    image,
    dataDevice: shape.data_device,
    hashDevice: shape.hash_device,
    rootHash: shape.root_hash.toLowerCase(),
  };
}
