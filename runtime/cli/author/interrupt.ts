import type { Out } from "../command.ts";

/** Exit code of what Ctrl-C ended: as shells count it, 128 and SIGINT. */
export const EXIT_INTERRUPTED = 130;

/**
 * Runs `act` with a signal that Ctrl-C and SIGTERM trigger; whoever gets it puts everything back and throws its reason. A second Ctrl-C
 * ends the program at once.
 */
export async function interruptible(out: Out, act: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, stop);
  try {
    return await act(controller.signal);
  } catch (thrown) {
    if (!controller.signal.aborted) throw thrown;
    out.complain("cancelled: everything is as it was");
    return EXIT_INTERRUPTED;
  } finally {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, stop);
  }
}
