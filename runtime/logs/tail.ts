import { constants, fstatSync, ftruncateSync, readSync } from "node:fs";
import { closeFd } from "../linux/index.ts";
import { type ContainerInit, explainRefusal, type OpenRefusal, type RootView, withRoot } from "./container-file.ts";
import { IN, readPosition, reopen, using, writePosition } from "./kernel.ts";
import { isSame, type Position, planRead } from "./read-plan.ts";
import type { Watch, Watcher } from "./watcher.ts";

export interface FollowedFile {
  /** Absolute path inside the container. */
  readonly path: string;
  readonly maxBytes: number;
  readonly truncate: boolean;
}

/** What a tail tells. Each call returns at once. */
export interface TailEvents {
  /** How many bytes may be given now. */
  room(): number;
  bytes(bytes: Uint8Array): void;
  skipped(bytes: number): void;
  refused(why: string): void;
  /** It threw; it goes on by itself. */
  failed(thrown: unknown): void;
}

export interface TailOptions {
  readonly init: ContainerInit;
  readonly file: FollowedFile;
  readonly watcher: Watcher;
  readonly last: Position | null;
  readonly on: TailEvents;
}

export interface Tail {
  readonly position: Position | null;
  /** Reads what is there now, once more, then stops. */
  close(): void;
}

/** At most `TURN_BYTES` every `TURN_MS`: 1.25 MiB and 10 wake-ups a second for each file, however fast a container writes. */
const TURN_BYTES = 128 * 1024;
const TURN_MS = 100;
/** The end of a file that was renamed, the new file, and what came before it was truncated. */
const LOOK_BYTES_MAX = 3 * TURN_BYTES;
/** Lines that are written together are read together. */
const SOON_MS = 20;
const AFTER_FAILURE_MS = 5_000;
/** When no watch can be had, looking is all that is left. */
const UNWATCHED_MS = 10_000;
/** inotify tells nothing of a mount over the folder, as an init makes on its way up, nor of a new file behind a link: after a start
 *  or a change we look again a few times, and then no more. */
const SECOND_LOOKS_MS = [500, 3_000, 20_000, 120_000] as const;

const CHUNK = Buffer.allocUnsafe(64 * 1024);
const READ = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | constants.O_NOATIME;
const FILE_EVENTS = IN.MODIFY | IN.MOVE_SELF | IN.DELETE_SELF;
const FOLDER_EVENTS = IN.CREATE | IN.MOVED_TO | IN.MOVE_SELF | IN.DELETE_SELF;

interface WatchedInode {
  readonly dev: number;
  readonly ino: number;
  fired: boolean;
  watch: Watch | null;
}

/** Follows one log file of a container. Nothing happens while nothing is written. */
export function openTail({ init, file, watcher, last, on }: TailOptions): Tail {
  let position = last;
  /** The file, open for reading: what a dying container wrote last can be read after it is gone. */
  let held: number | null = null;
  let watchedFile: WatchedInode | null = null;
  let watchedFolder: WatchedInode | null = null;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let secondLook: ReturnType<typeof setTimeout> | null = null;
  let lastRefusal = "";
  let closed = false;

  const lookIn = (ms: number): void => {
    if (!closed) timer ??= setTimeout(look, ms);
  };
  const lookSoon = (): void => lookIn(Math.max(SOON_MS, lookedAtMs + TURN_MS - performance.now()));
  const lookLater = (step = 0): void => {
    if (secondLook !== null) clearTimeout(secondLook);
    const ms = closed ? undefined : SECOND_LOOKS_MS[step];
    const again = (): void => {
      lookSoon();
      lookLater(step + 1);
    };
    secondLook = ms === undefined ? null : setTimeout(again, ms);
  };
  const changed = (): void => {
    lookSoon();
    lookLater();
  };

  const watched = (now: WatchedInode | null, fd: number, mask: number, tell: () => void): WatchedInode => {
    const { dev, ino } = fstatSync(fd);
    if (now !== null && !now.fired && isSame(now, { dev, ino })) return now;
    now?.watch?.close();
    const next: WatchedInode = { dev, ino, fired: false, watch: null };
    next.watch = watcher.watch(fd, mask, () => {
      next.fired = true;
      tell();
    });
    if (next.watch === null) lookIn(UNWATCHED_MS);
    return next;
  };
  const unwatch = (): void => {
    watchedFile?.watch?.close();
    watchedFolder?.watch?.close();
    watchedFile = null;
    watchedFolder = null;
  };

  /** Reads `fd` from `from` to its end or as far as `limit` goes; gives where it stopped. */
  const read = (fd: number, from: number, limit: number): number => {
    let at = from;
    while (at - from < limit) {
      const length = readSync(fd, CHUNK, 0, Math.min(CHUNK.length, limit - (at - from)), at);
      if (length === 0) break;
      at += length;
      const chunk = CHUNK.subarray(0, length);
      const first = chunk.findIndex((byte) => byte !== 0); // a hole, left by a writer that did not notice the truncation
      if (first >= 0) on.bytes(Uint8Array.prototype.slice.call(chunk, first));
    }
    return at;
  };

  /** Goes on reading the file that is held. `current` is false when it is no longer at its path: then it is not truncated. */
  const readOn = (fd: number, current: boolean): void => {
    const { dev, ino, size } = fstatSync(fd);
    const plan = planRead(position, { dev, ino, sizeBytes: size, kept: readPosition(fd) }, file.maxBytes);
    if (plan.skippedBytes > 0) on.skipped(plan.skippedBytes);
    let at = read(fd, plan.fromBytes, TURN_BYTES);
    if (at - plan.fromBytes >= TURN_BYTES) lookSoon();
    else if (current && file.truncate && at > 0 && at >= file.maxBytes) at = truncated(fd, at);
    if (at !== plan.fromBytes || plan.skippedBytes > 0) writePosition(fd, at);
    position = { dev, ino, bytes: at };
  };

  /** Empties the file, after what came in the meantime was read; gives the position after it. */
  const truncated = (fd: number, at: number): number => {
    const opened = reopen(fd, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    if (!opened.ok) return at; // a read-only file system: it cannot grow either
    return using(opened.value, (writable) => {
      read(fd, at, TURN_BYTES);
      ftruncateSync(writable, 0);
      return 0;
    });
  };

  /** Reads the end of the held file, which was removed or renamed as log rotation does, or whose container is gone. */
  const letGo = (): void => {
    if (held === null) return;
    const fd = held;
    held = null;
    using(fd, () => readOn(fd, false));
  };

  const readAt = (path: number): void => {
    watchedFile = watched(watchedFile, path, FILE_EVENTS, lookSoon);
    if (held !== null && !isSame(fstatSync(held), fstatSync(path))) letGo();
    if (held === null) {
      const opened = reopen(path, READ);
      if (!opened.ok) {
        refuse({ kind: "unreadable", why: `it cannot be opened: ${opened.error.code}` });
        return;
      }
      held = opened.value;
    }
    readOn(held, true);
  };

  const refuse = (why: OpenRefusal): void => {
    const text = explainRefusal(why);
    if (text === lastRefusal) return;
    lastRefusal = text;
    if (why.kind !== "missing" && why.kind !== "gone") on.refused(text);
  };

  const lookAt = (root: RootView): void => {
    // the folder is watched before the file is looked for, so that a file made in between is not missed
    const folder = root.nearestFolder(file.path);
    if (folder !== null) {
      using(folder, (fd) => {
        watchedFolder = watched(watchedFolder, fd, FOLDER_EVENTS, changed);
      });
    }
    const found = root.find(file.path);
    if (!found.ok) {
      letGo();
      refuse(found.error);
      return;
    }
    lastRefusal = "";
    using(found.value, readAt);
  };

  function look(): void {
    timer = null;
    lookedAtMs = performance.now();
    try {
      if (on.room() < LOOK_BYTES_MAX) {
        lookIn(TURN_MS);
        return;
      }
      const looked = withRoot(init, lookAt);
      if (looked.ok) return;
      unwatch();
      letGo();
      refuse(looked.error);
    } catch (thrown) {
      unwatch();
      on.failed(thrown);
      lookIn(AFTER_FAILURE_MS);
    }
  }

  lookLater();
  look();
  return {
    get position() {
      return position;
    },
    close() {
      if (closed) return;
      closed = true;
      if (timer !== null) clearTimeout(timer);
      if (secondLook !== null) clearTimeout(secondLook);
      look();
      unwatch();
      if (held !== null) closeFd(held);
      held = null;
    },
  };
}
