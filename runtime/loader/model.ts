import type { Result } from "../result.ts";
import type { RevisionName, State } from "../state/index.ts";
import type { DiskError } from "../store/index.ts";

/** What the boot loader's variables say (reference section 6): `pv_rev` and `pv_try`. */
export interface LoaderState {
  /** The revision that boots when nothing is on trial; null: no revision was ever committed, the factory's boots. */
  readonly committed: RevisionName | null;
  /** The revision that boots once, on trial; null: none. It stays named until it is committed or the loader is disarmed. */
  readonly trial: RevisionName | null;
}

/**
 * `disk`: reading or writing failed. `unreadable`: what is there is no environment of this loader. `notWritten`: what was read back is
 * not what was written. `tooLarge`: the variables or the boot image do not fit. `bootFile`: the revision lacks the boot file that this
 * loader starts. `notInstalled`: the loader was not given what it needs of the revision ({@link Loader.install}). `mount`: a boot
 * partition could not be mounted. `unsupported`: this loader cannot do that.
 */
export type LoaderError =
  | { readonly kind: "disk"; readonly error: DiskError }
  | { readonly kind: "unreadable" | "notWritten" | "mount"; readonly path: string; readonly problem: string }
  | { readonly kind: "tooLarge"; readonly path: string; readonly bytes: number; readonly bytesMax: number }
  | { readonly kind: "bootFile"; readonly rev: RevisionName; readonly wanted: string }
  | { readonly kind: "notInstalled"; readonly rev: RevisionName }
  | { readonly kind: "unsupported"; readonly what: string };

export type LoaderResult<T> = Promise<Result<T, LoaderError>>;

/**
 * A boot loader that starts the committed revision, or once the one on trial, and falls back by itself when that one does not come to
 * be committed. Every write is one atomic step, durable and where the loader itself finds it when the call returns, and read back.
 * After an error the loader finds the old or the new, never a mixture. Calls that read or change are carried out one after the other.
 */
export interface Loader {
  /** As `PV_BOOTLOADER_TYPE` names it. */
  readonly type: string;
  /** False: it cannot start another revision than the committed one, so only revisions that need no reboot can be tried. */
  readonly canTry: boolean;
  read(): LoaderResult<LoaderState>;
  /**
   * Gives the loader what it keeps outside the trail, such as the image of the inactive boot partition. Comes before {@link arm}, may be
   * repeated, changes nothing of what boots now. The trail is installed and settled (`Disk.settle`) by then.
   */
  install(rev: RevisionName, state: State): LoaderResult<void>;
  /** The next boot tries `rev`, once. */
  arm(rev: RevisionName): LoaderResult<void>;
  /** `rev` is what boots from now on, and nothing is on trial: both in one step. */
  commit(rev: RevisionName): LoaderResult<void>;
  /** Nothing is on trial any more; what is committed stays. */
  disarm(): LoaderResult<void>;
  /**
   * What reboot(2) must be told (`LINUX_REBOOT_CMD_RESTART2`) so that the next boot is the trial, if `armed`, or the committed revision;
   * null: nothing. Ask before the storage is unmounted.
   */
  rebootArgument(armed: boolean): LoaderResult<string | null>;
}
