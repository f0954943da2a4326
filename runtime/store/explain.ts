import type { BadRevisionName } from "../state/index.ts";
import { type DiskError, explainDiskError } from "./disk.ts";
import type { BadCommitMessage } from "./facts.ts";
import type { BadFloor } from "./floor.ts";
import type { BadVolumeName } from "./folders.ts";
import type { InstallError } from "./install.ts";
import type { SizeUnknown } from "./needed.ts";
import type { PutError } from "./objects.ts";
import type { BadProgress } from "./progress.ts";

/** Whatever this folder returns as an error. */
export type StoreError =
  | DiskError
  | PutError
  | InstallError
  | SizeUnknown
  | BadProgress
  | BadCommitMessage
  | BadFloor
  | BadRevisionName
  | BadVolumeName;

/** The sentence for a person: what was wrong with what, and what can be done. */
export function explainStore(e: StoreError): string {
  switch (e.kind) {
    case "badDigest":
      return `object ${e.digest} arrived with wrong bytes (SHA-256 ${e.found}, ${e.sizeBytes} bytes): nothing was kept, send it again`;
    case "source":
      return `object ${e.digest} did not arrive whole (${String(e.cause)}): nothing was kept, send it again`;
    case "tooMany":
      return `object ${e.digest} did not end after its ${e.expectedBytes} bytes: nothing was kept, send it again`;
    case "noSpace":
      if (!("needBytes" in e)) return explainDiskError(e);
      return `${e.needBytes} bytes are needed, ${e.freeBytes} are free: remove revisions that are not kept, then try again`;
    case "sizeUnknown":
      return `object ${e.digest} is not in the store, and nobody said how large it is: ask its source again`;
    case "badCommitMessage":
      return `the commit message wants at most 256 bytes and no control characters, but ${e.problem}`;
    case "badFloor":
      return `${e.path} cannot be used, ${e.problem}: no other revision is taken before it is mended, or removed to take any version again`;
    case "objectMissing":
      return `${e.key} needs object ${e.digest}, which is not in the store: fetch it first`;
    case "objectBad":
      return `${e.key} needs object ${e.digest}, whose bytes are wrong (SHA-256 ${e.found}, ${e.sizeBytes} bytes): fetch it again`;
    case "otherState":
      return `revision ${e.rev} is there with another state: remove it first, or take another name`;
    case "bootFile":
      return `bsp/run.json names ${e.key} as a boot file, but it is inline JSON and not a file of its own`;
    case "badProgress":
      return `revision ${e.rev}: its progress record says nothing: ${e.problem}`;
    case "badRevisionName":
      return `${JSON.stringify(e.text)} is no revision: wants digits, or locals/ and 1 to 64 of A-Z a-z 0-9 . _ + : @ -`;
    case "badVolumeName":
      return `${JSON.stringify(e.volume)} is no name of a volume: wants one plain component of a path`;
    default:
      return explainDiskError(e);
  }
}
