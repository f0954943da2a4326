/** Lets a bounded number of tasks run at once and the others wait; they start in the order of the calls. */
export type Gate = <T>(task: () => Promise<T>) => Promise<T>;

export function openGate(atOnce: number): Gate {
  let running = 0;
  const queue: (() => void)[] = [];
  const enter = async (): Promise<void> => {
    if (running < atOnce) running += 1;
    else await new Promise<void>((go) => queue.push(go)); // whoever leaves hands its place over
  };
  const leave = (): void => {
    const next = queue.shift();
    if (next === undefined) running -= 1;
    else next();
  };
  return async (task) => {
    await enter();
    try {
      return await task();
    } finally {
      leave();
    }
  };
}
