import type { Digest } from "../../state/index.ts";
import type { By } from "./by.ts";

/** A state that an author sent. */
export interface Revision extends By {
  /** Of the state's text, which is an object like the others. */
  readonly digest: Digest;
  readonly bytes: number;
  readonly message: string;
}

export interface RevisionRecords {
  /** `objects`: all that it is made of, the state among them. False: it is known already, and nothing has changed. */
  add(revision: Revision, objects: readonly Digest[]): Promise<boolean>;
  /** The newest first. */
  list(): Promise<readonly Revision[]>;
  /** Those whose digest begins so, two at most. */
  find(prefix: string): Promise<readonly Revision[]>;
  objectsOf(digest: Digest): Promise<readonly Digest[]>;
  /** Those of these objects that a revision is made of, in their order. */
  among(objects: readonly Digest[]): Promise<readonly Digest[]>;
  /** Every object that a revision is made of. */
  reached(): Promise<ReadonlySet<Digest>>;
  /** Forgets one that is neither the newest release of a tag nor what an accepted device is to run. */
  remove(digest: Digest, by: By): Promise<"removed" | "unknown" | "released" | "desired">;
}
