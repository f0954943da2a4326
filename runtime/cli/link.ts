import { command, EXIT_USAGE } from "./command.ts";

const EXIT_UNUSABLE = 1;
const FAREWELL_MS = 10_000;

/** What process 1 starts to talk to the hub; by hand it is of use for looking at what it does. */
export const linkCommand = command("link", {
  summary: "Be the device's link to its hub, which process 1 starts: lines of JSON come on stdin and go to stdout",
  example: "cairn link",
  flags: {},
  operands: {},
  exits: {
    0: "stdin has ended",
    [EXIT_UNUSABLE]: "it cannot go on, for the reason on stderr",
    [EXIT_USAGE]: "wrong arguments",
  },
  async run(_, out) {
    const { runAgent } = await import("../fleet/agent/index.ts");
    const { applyPatch } = await import("../patch/index.ts");
    const { realDisk } = await import("../store/index.ts");
    const ended = await runAgent({
      disk: realDisk,
      applyPatch,
      input: Bun.stdin.stream(),
      tell: (message) => out.print(JSON.stringify(message)),
      now: () => performance.now(),
      wallMs: Date.now,
      random: Math.random,
      setTimer(ms, fire) {
        const timer = setTimeout(fire, Math.min(2 ** 31 - 1, Math.max(0, Math.ceil(ms))));
        return () => clearTimeout(timer);
      },
    });
    if (!ended.ok) out.complain(`cairn link: ${ended.error}`);
    const code = ended.ok ? 0 : EXIT_UNUSABLE;
    // The farewell may have to wait for a network that is away.
    setTimeout(() => process.exit(code), FAREWELL_MS).unref();
    return code;
  },
});
