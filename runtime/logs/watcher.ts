import { closeFd } from "../linux/index.ts";
import { addWatch, decodeInotify, IN, openInotify, removeWatch } from "./kernel.ts";

/** One watch; closing it twice is fine. */
export interface Watch {
  close(): void;
}

/** All watches of the process behind one inotify descriptor. Bun's `fs.watch` cannot do this: it turns `/proc/<pid>/root/…`
 *  into a path of our own mount namespace and watches that. */
export interface Watcher {
  /** Calls `onEvent` once, at the first event of `mask` (inotify(7)) on the file or folder behind `fd`, or when events were lost;
   *  watch again after having looked. So a container that writes all the time wakes us no oftener than we look. null: no watch can
   *  be had (`fs.inotify.max_user_watches`). */
  watch(fd: number, mask: number, onEvent: () => void): Watch | null;
  close(): Promise<void>;
}

/** Throws when there is no inotify at all. `onBroken` is told once when reading fails: open another one then. */
export function openWatcher(onBroken: (why: unknown) => void): Watcher {
  const opened = openInotify();
  if (!opened.ok) throw new Error(`inotify: ${JSON.stringify(opened.error)}`);
  const fd = opened.value;
  // the kernel gives the same number for every watch of one inode
  const listeners = new Map<number, Set<() => void>>();
  let closed = false;

  const deliver = (chunk: Uint8Array): void => {
    for (const { wd, mask } of decodeInotify(chunk)) {
      const told = (mask & IN.Q_OVERFLOW) !== 0 ? [...listeners.keys()] : [wd];
      for (const number of told) {
        const set = listeners.get(number);
        listeners.delete(number);
        for (const tell of set ?? []) tell();
      }
    }
  };
  const reader = Bun.file(fd).stream().getReader();
  const reading = (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || closed) return;
      deliver(value);
    }
  })().then(
    () => (closed ? undefined : onBroken(new Error("inotify ended"))),
    (thrown) => (closed ? undefined : onBroken(thrown)),
  );

  return {
    watch(target, mask, onEvent) {
      const added = addWatch(fd, target, mask | IN.MASK_ADD | IN.ONESHOT);
      if (!added.ok) return null;
      const wd = added.value;
      const own = (): void => onEvent(); // one function may be given twice
      const set = listeners.get(wd) ?? new Set();
      listeners.set(wd, set.add(own));
      return {
        close() {
          if (!set.delete(own) || set.size > 0 || listeners.get(wd) !== set) return;
          listeners.delete(wd);
          if (!closed) removeWatch(fd, wd);
        },
      };
    },
    async close() {
      closed = true;
      listeners.clear();
      await reader.cancel();
      await reading;
      closeFd(fd); // the stream had a duplicate of it
    },
  };
}
