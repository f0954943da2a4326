import type { Digest } from "../../state/index.ts";
import { type BadRevision, explainBadRevision } from "../document/index.ts";
import { explainRepository, type RepositoryError } from "../repository/index.ts";

/** Something in a working copy that a state cannot hold. `what` is for people: "a symbolic link". */
export interface Oddity {
  readonly path: string;
  readonly what: string;
}

/** A tracked .json file that cannot become inline JSON. */
export interface BrokenFile {
  readonly path: string;
  readonly problem: string;
}

/**
 * `odd`: a tracked file, or a folder on the way to one, is something else now; `broken`: a .json file that is none; `noMatch`: nothing is
 * called so; `outside`: a name that leads out of the working copy; `changed`: a file was written to while it was committed.
 */
export type WorkingCopyError =
  | RepositoryError
  | BadRevision
  | { readonly kind: "odd"; readonly oddity: Oddity }
  | { readonly kind: "broken"; readonly files: readonly BrokenFile[] }
  | { readonly kind: "noMatch"; readonly pattern: string }
  | { readonly kind: "outside"; readonly pattern: string }
  | { readonly kind: "changed"; readonly path: string; readonly digest: Digest };

export const explainBroken = ({ path, problem }: BrokenFile): string => `${path}: ${problem}`;

export function explainWorkingCopy(e: WorkingCopyError): string {
  switch (e.kind) {
    case "badState":
      return explainBadRevision(e);
    case "odd":
      return `${e.oddity.path} is ${e.oddity.what}: a state has plain files in plain folders only; replace it by what it stands for`;
    case "broken":
      return e.files.map(explainBroken).join("\n");
    case "noMatch":
      return `nothing here is called ${e.pattern}`;
    case "outside":
      return `${e.pattern} leads out of the working copy`;
    case "changed":
      return `${e.path} was written to meanwhile: nothing was committed, do it again`;
    default:
      return explainRepository(e);
  }
}
