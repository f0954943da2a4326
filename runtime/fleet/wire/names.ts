/** Names and digests of `runtime/state` on the wire. */
import {
  type ContainerName,
  type Digest,
  parseContainerName,
  parseRevisionName,
  type RevisionName,
} from "../../state/index.ts";
import { type Codec, hex, numberOrText, text, turned } from "./codec.ts";

/** A SHA-256: 32 bytes. */
export const digest = hex<Digest>(32);

export const containerName: Codec<ContainerName> = turned(
  text(64, 1),
  "the name of a container",
  parseContainerName,
  (name) => name,
);

/** Digits as a number, as far as numbers are exact; other names as text. */
export const revisionName: Codec<RevisionName> = turned(
  numberOrText,
  "the name of a revision",
  (wire) => {
    const name = parseRevisionName(String(wire));
    return name.ok && shortest(name.value) === wire ? name.value : null;
  },
  shortest,
);

function shortest(name: RevisionName): number | string {
  return Number.isSafeInteger(Number(name)) ? Number(name) : name;
}
