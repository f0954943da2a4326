/** How many objects may be on their way at once, over all sockets: each costs a file and two buffers, and all share one disk. */
export const TRANSFERS_MAX = 4;
/** For one who finds all places taken. */
export const TRANSFER_RETRY_SECONDS = 10;

/** The places for transfers; one for all the sockets of a device. */
export interface Transfers {
  /** A place, given back by calling it; null: all are taken. */
  take(): (() => void) | null;
}

export function openTransfers(): Transfers {
  let taken = 0;
  return {
    take() {
      if (taken >= TRANSFERS_MAX) return null;
      taken += 1;
      let held = true;
      return () => {
        if (held) taken -= 1;
        held = false;
      };
    },
  };
}
