import { createHash } from "node:crypto";
import { err, ok, type Result } from "../../result.ts";
import { type Digest, parseDigest, parseState, type State, type StateError } from "../../state/index.ts";
import type { PutError } from "../../store/index.ts";
import type { HubDatabase, Revision } from "../database/index.ts";
import type { HubObjects } from "../objects/index.ts";
import { unsignedWarning } from "./signed.ts";

export interface RevisionsPorts {
  readonly database: Pick<HubDatabase, "revisions">;
  readonly objects: HubObjects;
  /** Milliseconds since 1970. */
  now(): number;
}

export type RevisionFault =
  | { readonly kind: "state"; readonly error: StateError }
  | { readonly kind: "message"; readonly charsMax: number }
  /** Of so many objects, with some of them. */
  | { readonly kind: "objects"; readonly count: number; readonly some: readonly Digest[] }
  | { readonly kind: "put"; readonly error: PutError }
  | { readonly kind: "unknown"; readonly prefix: string }
  | { readonly kind: "ambiguous"; readonly prefix: string }
  /** It is in use. */
  | { readonly kind: "released" | "desired"; readonly digest: Digest };

export interface Added {
  readonly revision: Revision;
  /** It was there already; who sent it first and when stays. */
  readonly existed: boolean;
  /** For the author. */
  readonly warnings: readonly string[];
}

/** What authors send: states, whose objects are here. A revision is named by the SHA-256 of its text, or by enough of its first digits. */
export interface Revisions {
  /** Which of these objects are not here. */
  missing(digests: readonly Digest[]): Promise<readonly Digest[]>;
  add(text: Uint8Array, message: string, who: string): Promise<Result<Added, RevisionFault>>;
  list(): Promise<readonly Revision[]>;
  find(prefix: string): Promise<Result<Revision, RevisionFault>>;
  objectsOf(digest: Digest): Promise<readonly Digest[]>;
  remove(prefix: string, who: string): Promise<Result<Revision, RevisionFault>>;
  /** Removes objects that belong to no revision, and have not come just now; the value is how many. */
  collect(): Promise<number>;
}

export const limits = {
  messageCharsMax: 1000,
  /** An author sends objects first and the state last: so long they wait for it. */
  objectsWaitMs: 86_400_000,
  missingShown: 100,
} as const;

const PREFIX = /^[0-9a-f]{4,64}$/;

export function openRevisions({ database, objects, now }: RevisionsPorts): Revisions {
  const { revisions } = database;
  let turn: Promise<unknown> = Promise.resolve();
  /** One after the other: what a new revision is made of must not be removed while it is added. */
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const done = turn.then(act, act);
    turn = done;
    return done;
  };

  async function missing(digests: readonly Digest[]): Promise<readonly Digest[]> {
    const gone: Digest[] = [];
    for (const digest of new Set(digests)) if ((await objects.size(digest)) === null) gone.push(digest);
    return gone;
  }

  async function add(bytes: Uint8Array, message: string, who: string): Promise<Result<Added, RevisionFault>> {
    const parsed = parseState(bytes);
    if (!parsed.ok) return err({ kind: "state", error: parsed.error });
    const needed = objectsIn(parsed.value);
    const gone = await missing(needed);
    if (gone.length > 0) return err({ kind: "objects", count: gone.length, some: gone.slice(0, limits.missingShown) });
    const digest = digestOf(bytes);
    const kept = await objects.put(digest, chunksOf(bytes), bytes.length);
    if (!kept.ok) return err({ kind: "put", error: kept.error });
    const revision: Revision = { digest, bytes: bytes.length, message, who, atMs: now() };
    const isNew = await revisions.add(revision, [...needed, digest]);
    const warning = unsignedWarning(parsed.value);
    const [there] = await revisions.find(digest);
    return ok({ revision: there ?? revision, existed: !isNew, warnings: warning === null ? [] : [warning] });
  }

  async function find(prefix: string): Promise<Result<Revision, RevisionFault>> {
    const [found, second] = PREFIX.test(prefix) ? await revisions.find(prefix) : [];
    if (found === undefined) return err({ kind: "unknown", prefix });
    return second === undefined ? ok(found) : err({ kind: "ambiguous", prefix });
  }

  async function collect(): Promise<number> {
    const reached = await revisions.reached();
    const garbage = (await objects.list(now() - limits.objectsWaitMs)).filter((digest) => !reached.has(digest));
    for (const digest of garbage) await objects.remove(digest);
    return garbage.length;
  }

  return {
    missing,
    add: async (text, message, who) =>
      message.length > limits.messageCharsMax
        ? err({ kind: "message", charsMax: limits.messageCharsMax })
        : inTurn(() => add(text, message, who)),
    list: () => revisions.list(),
    find,
    objectsOf: (digest) => revisions.objectsOf(digest),
    async remove(prefix, who) {
      const found = await find(prefix);
      if (!found.ok) return found;
      const { digest } = found.value;
      const removed = await revisions.remove(digest, { who, atMs: now() });
      if (removed === "removed") return found;
      return removed === "unknown" ? err({ kind: "unknown", prefix }) : err({ kind: removed, digest });
    },
    collect: () => inTurn(collect),
  };
}

const objectsIn = ({ entries }: State): readonly Digest[] => [
  ...new Set(entries.flatMap((entry) => (entry.kind === "object" ? [entry.digest] : []))),
];

function digestOf(bytes: Uint8Array): Digest {
  const digest = parseDigest(createHash("sha256").update(bytes).digest("hex"));
  if (digest === null) throw new Error("SHA-256 in hex is a digest");
  return digest;
}

async function* chunksOf(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
