import { quoted } from "../../quoted.ts";
import type { ReleaseFault } from "./releases.ts";

export function explainRelease(fault: ReleaseFault): string {
  switch (fault.kind) {
    case "tag":
      return `${quoted(fault.tag)} is no tag: wanted 1 to 64 of a-z 0-9 . _ = -, beginning with a letter or digit; every device has the tag all`;
    case "expired":
      return "the release would have expired already";
    case "noRevision":
      return `there is no revision ${fault.revision}`;
  }
}
