import * as v from "valibot";
import { err, ok, type Result } from "../../result.ts";
import { type Digest, parseDigest } from "../../state/index.ts";
import { dyingWithUs } from "../dying-with-us.ts";

export interface MakerWish {
  /** Paths; no base: the object is made from nothing. */
  readonly base: string | null;
  readonly target: string;
  readonly out: string;
}

export interface Made {
  readonly bytes: number;
  readonly digest: Digest;
  /** What comes of it. */
  readonly target: Digest;
}

/** Makes patches. The error is a sentence. */
export interface Maker {
  make(wish: MakerWish): Promise<Result<Made, string>>;
  /** Ends what is being made. */
  stop(): void;
}

const Sha = v.custom<Digest>((text) => typeof text === "string" && parseDigest(text) !== null);
const Answer = v.pipe(v.string(), v.parseJson(), v.object({ bytes: v.number(), digest: Sha, target: Sha }));
const COMPLAINT_CHARS_MAX = 400;

/**
 * Each patch in a process of its own: making one keeps a processor busy for minutes and takes as much memory as it likes to, and neither
 * must be the hub's; what goes on too long is killed, as no thread could be. `program`: the words that start this very program.
 */
export function childMaker(program: readonly string[], timeMsMax: number): Maker {
  let child: Bun.Subprocess<"ignore", "pipe", "pipe"> | null = null;
  return {
    async make({ base, target, out }) {
      const words = ["hub", "patch", target, out, ...(base === null ? [] : ["--base", base])];
      child = Bun.spawn([...dyingWithUs("KILL"), ...program, ...words], {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
        timeout: timeMsMax,
        killSignal: "SIGKILL",
      });
      const [said, complaint] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      const { signalCode } = child;
      child = null;
      const read = v.safeParse(Answer, said);
      if (read.success) return ok(read.output);
      const why = signalCode === null ? complaint.trim().slice(-COMPLAINT_CHARS_MAX) : `ended by ${signalCode}`;
      return err(`no patch for ${target}: ${why}`);
    },
    stop: () => child?.kill("SIGKILL"),
  };
}
