import type { Digest } from "../../state/index.ts";
import type { DiskError, DiskFault } from "../../store/index.ts";

/**
 * `noRepository`: there is no committed state; `isRepository`: there is one already; `userFolder`: `.pvr` here is the user's own settings;
 * `badFile`: a file of the repository says nothing that can be used; `busy`: another process changes it; `noObject`, `badObject`: a file
 * of the state is not in the store, or has other bytes there; `wrongBytes`, `source`: what came from outside was not the object it should
 * be, or broke off.
 */
export type RepositoryError =
  | DiskError
  | { readonly kind: "noRepository"; readonly folder: string }
  | { readonly kind: "isRepository"; readonly folder: string }
  | { readonly kind: "userFolder"; readonly folder: string }
  | { readonly kind: "badFile"; readonly path: string; readonly problem: string }
  | { readonly kind: "busy"; readonly folder: string }
  | { readonly kind: "noObject"; readonly digest: Digest; readonly folder: string }
  | { readonly kind: "badObject"; readonly digest: Digest; readonly found: Digest; readonly path: string }
  | { readonly kind: "wrongBytes"; readonly digest: Digest; readonly found: Digest }
  | { readonly kind: "source"; readonly digest: Digest; readonly why: string };

const hints: Partial<Record<DiskFault, string>> = {
  noSpace: "the disk is full: make room, then do it again",
  io: "the medium is failing or its file system damaged: look at the kernel log",
  readOnly: "the file system is read-only",
  denied: "this user may not",
  symlink: "a symbolic link has no place there: replace it by what it stands for",
  notFolder: "a folder must be there",
};

export function explainRepository(e: RepositoryError): string {
  switch (e.kind) {
    case "noRepository":
      return `${e.folder} has no repository: "cairn new" makes one, "cairn clone" brings one; commands work in its top folder only`;
    case "isRepository":
      return `${e.folder} has a repository already: nothing was changed`;
    case "userFolder":
      return `${e.folder} is where the user's own settings and objects are: make the repository in another folder`;
    case "badFile":
      return `${e.path}: ${e.problem}`;
    case "busy":
      return `${e.folder} is being changed by another process: wait for it to end, then do it again`;
    case "noObject":
      return `object ${e.digest} is not in ${e.folder}: "cairn get" or "cairn import" brings it again from where it came`;
    case "badObject":
      return `${e.path} has wrong bytes (SHA-256 ${e.found}): remove it, then bring it again with "cairn get" or "cairn import"`;
    case "wrongBytes":
      return `object ${e.digest} has wrong bytes there (SHA-256 ${e.found}): nothing was taken over`;
    case "source":
      return `object ${e.digest} could not be read to its end (${e.why}): nothing was taken over`;
    default: {
      const hint = hints[e.kind];
      return `${e.call} ${e.path}: ${e.code}${hint === undefined ? "" : ` (${hint})`}`;
    }
  }
}
