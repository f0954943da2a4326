/** What the doctor looks at, as plain data. Everything may be missing: it is asked of a device that has a problem. */
import type { ProgressRecord } from "../progress.ts";

export interface Facts {
  readonly runtime:
    | { readonly answers: true; readonly build: string }
    | { readonly answers: false; readonly why: string };
  readonly device: DeviceFacts;
  readonly storage: StorageFacts;
  /** In the order of the list; null: they cannot be listed. */
  readonly revisions: readonly RevisionFacts[] | null;
  /** What runs: by the runtime, else by the link `trails/current`. */
  readonly running: string | null;
  /** Of the kernel's command line: what the boot loader started, and whether as a trial. */
  readonly booted: { readonly rev: string | null; readonly trial: string | null };
  readonly loader: LoaderFacts;
  /** Devices `/dev/watchdog<n>`. */
  readonly watchdogs: readonly WatchdogFacts[];
  /** Null: the runtime did not say. */
  readonly containers: readonly ContainerFacts[] | null;
  /** "until …"; null: the device cannot be debugged from outside, or the runtime did not say. */
  readonly debugAccess: string | null;
}

export interface DeviceFacts {
  readonly architecture: string;
  readonly kernel: string;
  /** Of this program. */
  readonly version: string;
  readonly memory: { readonly totalBytes: number; readonly availableBytes: number } | null;
}

export type StorageFacts =
  | { readonly kind: "unreadable"; readonly path: string; readonly why: string }
  | {
      readonly kind: "there";
      readonly path: string;
      /** null: unknown. */
      readonly fileSystem: string | null;
      readonly readOnly: boolean;
      readonly totalBytes: number;
      readonly freeBytes: number;
    };

export interface RevisionFacts {
  readonly name: string;
  /** It was committed once. */
  readonly done: boolean;
  /** null: there is no progress record, or it says nothing. */
  readonly progress: ProgressRecord | null;
  /** The revision that was committed when this one was installed. */
  readonly previous: string | null;
  /** Why its state cannot be used; null: it can. */
  readonly badState: string | null;
  /** null: its files were not looked at. */
  readonly files: FilesFacts | null;
}

export interface FilesFacts {
  readonly checked: number;
  readonly problems: readonly FileProblem[];
}

/** `mends`: the next boot makes the file again by itself. */
export interface FileProblem {
  readonly key: string;
  readonly what: string;
  /** SHA-256 of the object; null: an inline file. */
  readonly object: string | null;
  readonly mends: boolean;
}

export type LoaderFacts =
  | { readonly kind: "known"; readonly type: string; readonly committed: string | null; readonly trial: string | null }
  | { readonly kind: "unreadable"; readonly type: string | null; readonly why: string };

/** Reads what the boot loader's variables say. `type` as `PV_BOOTLOADER_TYPE` names it; null: nobody could say. Never throws. */
export type LoaderPort = (storage: string, type: string | null) => Promise<LoaderFacts>;

export interface WatchdogFacts {
  readonly device: string;
  /** Of the driver; null: unknown. */
  readonly identity: string | null;
  /** "active" or "inactive"; null: unknown. */
  readonly state: string | null;
}

export interface ContainerFacts {
  readonly name: string;
  readonly status: string;
  readonly goal: string;
  readonly stoppedByUser: boolean;
}
