import { quoted } from "../../quoted.ts";
import { explainState } from "../../state/index.ts";
import { explainStore } from "../../store/index.ts";
import type { RevisionFault } from "./revisions.ts";

export function explainRevision(fault: RevisionFault): string {
  switch (fault.kind) {
    case "state":
      return `the state is not taken: ${explainState(fault.error)}`;
    case "message":
      return `the message is longer than ${fault.charsMax} characters`;
    case "objects":
      return `${fault.count} objects of the state are not here, such as ${fault.some[0]}: send them first`;
    case "put":
      return explainStore(fault.error);
    case "unknown":
      return `no revision begins with ${quoted(fault.prefix)}: wanted 4 to 64 of its digits 0-9 a-f`;
    case "ambiguous":
      return `several revisions begin with ${quoted(fault.prefix)}: give more of it`;
    case "released":
      return `revision ${fault.digest} is the newest release of a tag: release another one to it first`;
    case "desired":
      return `revision ${fault.digest} is what a device is to run: release another one to it first`;
  }
}
