import { unreachable } from "../result.ts";
import { explainDiskError } from "../store/index.ts";
import type { LoaderError } from "./model.ts";

/** The sentence for a person: what was being done, to what, what is wrong and what can be done. */
export function explainLoader(e: LoaderError): string {
  switch (e.kind) {
    case "disk":
      return explainDiskError(e.error);
    case "unreadable":
      return `${e.path} is not what the boot loader keeps there: ${e.problem}; repair it with the loader's own tool`;
    case "notWritten":
      return `${e.path} was written, but reads back otherwise: ${e.problem}; the storage medium is failing`;
    case "mount":
      return `boot partition ${e.path} cannot be mounted: ${e.problem}; check it with fsck.fat`;
    case "tooLarge":
      return `${e.path} takes ${e.bytesMax} bytes, this needs ${e.bytes}: nothing was changed, make room in it`;
    case "bootFile":
      return `revision ${e.rev} cannot be booted by this loader: bsp/run.json names no ${e.wanted}`;
    case "notInstalled":
      return `revision ${e.rev} is in no boot partition: install it first`;
    case "unsupported":
      return `boot loader: ${e.what}`;
    default:
      return unreachable(e);
  }
}
