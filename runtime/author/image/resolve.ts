import type { Digest } from "../../state/index.ts";
import {
  choosePlatform,
  type Descriptor,
  type ImageDocument,
  type IndexEntry,
  type Manifest,
  type Platform,
  platformText,
  readDocument,
} from "./documents/index.ts";
import { fail } from "./fault.ts";
import { imageLimits } from "./limits.ts";

/** A manifest or index by its descriptor, its bytes checked. */
export type Load = (descriptor: Descriptor) => Promise<Uint8Array>;

export interface Resolved {
  readonly digest: Digest;
  readonly manifest: Manifest;
}

/** From a document down through indexes to the one manifest for the platform that is wished. Throws BadImage. */
export async function resolve(
  start: { readonly digest: Digest; readonly document: ImageDocument },
  wishes: readonly Platform[],
  load: Load,
): Promise<Resolved> {
  let { digest, document } = start;
  for (let depth = 0; document.kind === "index"; depth++) {
    if (depth === imageLimits.indexDepthMax) {
      fail({ kind: "document", what: `index sha256:${digest}`, detail: "indexes inside of indexes without end" });
    }
    const chosen = choose(document.manifests, wishes);
    ({ digest } = chosen);
    document = readDocument(await load(chosen), `sha256:${digest}`);
  }
  return { digest, manifest: document };
}

/** One of an index. The only one that does not say what it is for is taken as it is. */
export function choose(entries: readonly IndexEntry[], wishes: readonly Platform[]): IndexEntry {
  const known = entries.filter(({ platform }) => platform?.architecture !== "unknown");
  const [only] = known;
  if (only !== undefined && known.length === 1 && only.platform === null) return only;
  const chosen = choosePlatform(wishes, known);
  if (chosen !== null) return chosen;
  const offered = known.map(({ platform, refName }) => (platform === null ? (refName ?? "?") : platformText(platform)));
  return fail({ kind: "platform", wanted: wishes.map(platformText).join(", ") || "any one machine", offered });
}
