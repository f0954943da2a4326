import { type Digest, explainState, type StateError } from "../../state/index.ts";
import { explainStore, type StoreError } from "../../store/index.ts";
import { type BadFragment, explainParts, type NoPart } from "../document/index.ts";
import { explainWorkingCopy, type WorkingCopyError } from "../working-copy/index.ts";

/** A hub that refused, in a sentence of its own, or did not answer. */
export interface HubFault {
  readonly kind: "hub";
  readonly why: string;
  readonly answered: boolean;
}

/**
 * `noHub`: a reference to a hub, from which nothing can be taken yet; `noReference`: none given and none remembered; `unknownPath`: nothing is called so;
 * `badPackage`: what is there is no revision, or a hostile one; `incomplete`: files of the state are nowhere; `notDevice`: only a device
 * will do, or none will; `occupied`: a folder that holds something else; `same`: a repository cannot be sent to itself; `notForDevice`, `noBaseSystem`, `store`: no device can be
 * made of it, or not in that place.
 */
export type TransferError =
  | WorkingCopyError
  | BadFragment
  | NoPart
  | HubFault
  | { readonly kind: "noHub"; readonly text: string; readonly isPath: boolean }
  | { readonly kind: "noReference"; readonly command: string }
  | { readonly kind: "unknownPath"; readonly path: string }
  | { readonly kind: "badPackage"; readonly problem: string }
  | { readonly kind: "incomplete"; readonly where: string; readonly missing: readonly Digest[] }
  | { readonly kind: "notFromDevice"; readonly text: string }
  | { readonly kind: "occupied"; readonly folder: string }
  | { readonly kind: "same"; readonly folder: string }
  | { readonly kind: "notForDevice"; readonly error: StateError }
  | { readonly kind: "noBaseSystem" }
  | { readonly kind: "store"; readonly error: StoreError };

export function explainReference(e: TransferError): string {
  switch (e.kind) {
    case "badFragment":
    case "noPart":
      return explainParts(e);
    case "hub":
      return e.why;
    case "noHub":
      return e.isPath
        ? `there is no ${e.text} here, and the hub, where it could be a device's name, is not there yet: name a folder, an export or device:`
        : `${e.text}: the hub is not there yet: name a folder, an export or device:`;
    case "noReference":
      return `say where: no earlier call of "cairn ${e.command}" left a reference to use again`;
    case "unknownPath":
      return `there is no ${e.path}`;
    case "badPackage":
      return e.problem;
    case "incomplete":
      return `${e.where} lacks ${e.missing.length} files of its state, and they are not here either, such as object ${e.missing[0]}`;
    case "notFromDevice":
      return `${e.text}: a revision is brought to a device, not fetched from one: name a folder or an export`;
    case "occupied":
      return `${e.folder} is there, and is neither a repository, an unpacked export nor an empty folder: name another place`;
    case "same":
      return `${e.folder} is this very repository`;
    case "notForDevice":
      return `a device refuses what is committed here: ${explainState(e.error)}`;
    case "noBaseSystem":
      return "what is committed here has no base system, and nothing would start: add bsp/run.json and its files";
    case "store":
      return explainStore(e.error);
    default:
      return explainWorkingCopy(e);
  }
}
