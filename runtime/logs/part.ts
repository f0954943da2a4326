/** Something that runs until it is closed, or breaks by itself. */
export interface Closable {
  close(): Promise<void>;
}

export interface Part<T> {
  /** null while it is being started again. */
  readonly current: T | null;
  close(): Promise<void>;
}

const RESTART_MS_FIRST = 250;
const RESTART_MS_MAX = 60_000;

/** Keeps one part running: when it cannot be opened, or says that it broke, it is closed and opened again after a pause that grows.
 *  `onRestart` counts; `onOpened` hears of every opening. */
export function keepRunning<T extends Closable>(
  open: (broken: (why: unknown) => void) => T,
  onRestart: (why: unknown) => void,
  onOpened: (part: T) => void = () => {},
): Part<T> {
  let current: T | null = null;
  let pauseMs = RESTART_MS_FIRST;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let closed = false;

  const broken = (why: unknown): void => {
    if (closed || timer !== null) return;
    const old = current;
    current = null;
    old?.close().catch(() => {}); // it is broken already
    onRestart(why);
    timer = setTimeout(start, pauseMs);
    pauseMs = Math.min(RESTART_MS_MAX, pauseMs * 2);
  };
  function start(): void {
    timer = null;
    try {
      current = open(broken);
      onOpened(current);
    } catch (thrown) {
      broken(thrown);
    }
  }
  start();
  return {
    get current() {
      return current;
    },
    async close() {
      closed = true;
      if (timer !== null) clearTimeout(timer);
      await current?.close();
      current = null;
    },
  };
}
