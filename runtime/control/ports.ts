import type { Result } from "../result.ts";
import type { ByteStream, Chunks } from "./message.ts";

/**
 * The parts of a device behind the control API that take their time: storage and updates. Names, revisions and digests are whatever
 * the caller wrote, so that who knows what they must be also says what is wrong with them. Plain data and promises; no call throws
 * for what a caller can send.
 */

/** The error codes of reference 8.1. */
export type RefusalStatus = 400 | 403 | 404 | 409 | 422 | 500 | 503 | 507;

/** `why` is shown to the caller, behind `"Error":`. */
export interface Refusal {
  readonly status: RefusalStatus;
  readonly why: string;
  /** Only with 503. */
  readonly retryAfterSeconds?: number;
}

export type Answer<T> = Promise<Result<T, Refusal>>;

/** One revision in storage. */
export interface StepView {
  readonly name: string;
  /** When its state was stored, milliseconds since 1970; null: unknown. */
  readonly storedAtMs: number | null;
  /** "" when nobody wrote one. */
  readonly commitMessage: string;
  /** The progress record as JSON text (reference 4.7), Cairn's `evidence` included; null: there is none. */
  readonly progress: string | null;
}

/** Revisions (reference 8.4). `rev` is digits, `locals/<name>`, or `current` for the running one; 404: there is no such one. */
export interface Steps {
  /** Hub revisions by number, then local ones. */
  list(): Answer<readonly StepView[]>;
  /** The state text as it was stored. */
  state(rev: string): Answer<Uint8Array>;
  /** The progress record as JSON text. */
  progress(rev: string): Answer<string>;
  commitMessage(rev: string): Answer<string>;
  setCommitMessage(rev: string, text: string): Answer<void>;
  /**
   * Stores and checks a state as the local revision `locals/<name>`; it runs when a command says so. 422 with the reference's texts when
   * signatures or state are not good, and then nothing is kept.
   */
  put(rev: string, state: Uint8Array): Answer<void>;
}

export interface ObjectView {
  readonly digest: string;
  readonly sizeBytes: number;
}

/** The object store (reference 8.5). 400: the digest is none. */
export interface Objects {
  list(): Answer<readonly ObjectView[]>;
  /** 404: there is no such object. Nothing stays open when `chunks` is never read. */
  open(digest: string): Answer<ByteStream>;
  /**
   * Stores an object of `sizeBytes`. `chunks` may end in an error, when the client goes away: then nothing is kept. It may be left
   * unread or half read. 422: the bytes are not the digest's, 507: no space for them.
   */
  put(digest: string, sizeBytes: number, chunks: Chunks): Answer<void>;
}

export type MetadataKind = "device-meta" | "user-meta";

/** Flat maps of text (reference 8.7, 9). */
export interface Metadata {
  entries(kind: MetadataKind): Promise<ReadonlyMap<string, string>>;
  /** 400: no such key can be, 409: the runtime itself writes it, 507: too many keys or no space. */
  set(kind: MetadataKind, key: string, value: string): Answer<void>;
  /** 404: there is no such key. */
  remove(kind: MetadataKind, key: string): Answer<void>;
}

/** Reference 8.6. The original compares them as prefixes, Cairn exactly. */
export const operations = [
  "DEFER_REBOOT",
  "DISABLE_SSH",
  "ENABLE_SSH",
  "GO_REMOTE",
  "LOCAL_RUN",
  "LOCAL_RUN_COMMIT",
  "MAKE_FACTORY",
  "POWEROFF_DEVICE",
  "REBOOT_DEVICE",
  "RUN_GC",
  "UNCLAIM",
  "UPDATE_METADATA",
] as const;
export type Operation = (typeof operations)[number];

export type CommandAnswer =
  /** It will be done; 200. */
  | { readonly kind: "accepted" }
  /** It is so already; 204. */
  | { readonly kind: "nothingToDo" }
  /** Something else must end first, such as an update or an earlier command; 503. */
  | { readonly kind: "busy"; readonly why: string; readonly retryAfterSeconds: number }
  | ({ readonly kind: "refused" } & Refusal);

export type PowerAction = "poweroff" | "reboot";
export type PowerAnswer = Extract<CommandAnswer, { kind: "accepted" | "busy" }>;

export interface Commands {
  /** The promise is kept when the command was taken up, which need not be when it is done. `payload` may be empty. */
  command(operation: Operation, payload: string): Promise<CommandAnswer>;
}

export interface Storage {
  /** Removes what no kept revision needs; the value is how many bytes that gave back. */
  collectGarbage(): Answer<number>;
}

/** Reference 8.6: the original has room for one command at a time. */
const SLOT_RETRY_SECONDS = 120;

/** One command at a time, from whichever socket it comes; another one meanwhile is told to come again. */
export function oneAtATime(commands: Commands): Commands {
  let taken = false;
  return {
    async command(operation, payload) {
      if (taken) {
        return {
          kind: "busy",
          why: "A command is already in progress. Try again",
          retryAfterSeconds: SLOT_RETRY_SECONDS,
        };
      }
      taken = true;
      try {
        return await commands.command(operation, payload);
      } finally {
        taken = false;
      }
    },
  };
}
