/** One run after the other. Calls during a run lead to one more, for what they mean may be past it already; each resolves when its run is over. */
export function inTurn(act: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  let again: Promise<void> | null = null;
  const start = (): Promise<void> => {
    running = act().finally(() => {
      running = null;
    });
    return running;
  };
  return () => {
    if (running === null) return start();
    again ??= running
      .catch(() => undefined)
      .then(() => {
        again = null;
        return start();
      });
    return again;
  };
}
