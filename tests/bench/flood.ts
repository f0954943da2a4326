/**
 * `make bench-flood`: process 1 and its link while a hub that means no good has them: memory, how late a timer of process 1 is, how often
 * the link connects. The real supervision, `cairn link` and TLS, over loopback in a network namespace of its own; hub, process 1 and link
 * are processes of their own. Prints figures; what must hold is in `tests/link/flood.test.ts`. SECONDS=n for each; ONLY=words.
 */
import { join } from "node:path";
import { startApart } from "../link/apart.ts";
import { type MaliceName, maliceNames } from "../link/flood/malice.ts";
import { runAgainst, upLoopback } from "../link/flood/run.ts";

const cairn = join(import.meta.dir, `../../dist/cairn-${process.arch === "x64" ? "x86_64" : "aarch64"}`);
const seconds = Number(process.env["SECONDS"] || 10);

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1).padStart(7);
const ms = (value: number): string => value.toFixed(1).padStart(6);
const rate = (count: number, digits = 1): string => (count / seconds).toFixed(digits).padStart(7);

async function row(title: string, malice: MaliceName, program: readonly string[]): Promise<void> {
  const { ownBeforeBytes, ownPeakBytes, linkPeakBytes, lateMs, cpuShare, seen, log, carriedBytes } = await runAgainst({
    malice,
    seconds,
    program,
  });
  const columns = [
    title.padEnd(36),
    `${mib(linkPeakBytes)} `,
    `${mib(ownBeforeBytes)} ${mib(ownPeakBytes)} `,
    `${ms(lateMs.middle)} ${ms(lateMs.most99)} ${ms(lateMs.most)} `,
    `${(100 * cpuShare).toFixed(0).padStart(4)} `,
    rate(seen.connections, 2),
    rate(log.lines),
    rate(carriedBytes / 2 ** 20),
  ];
  console.log(columns.join(" "));
}

/** What a link that was taken over could do. */
const liar = ["yes", JSON.stringify({ kind: "joined", id: "abcdefghijklm", fleet: "lab" })];

if (!(await startApart())) {
  upLoopback();
  console.log(`${seconds} s each; anonymous memory in MiB, lateness in ms: middle, 99 of 100, most; the rest a second`);
  console.log(
    `${"".padEnd(36)} link at most, process 1 before, at most; late; CPU %; connections, lines to the log, MiB carried`,
  );
  for (const malice of maliceNames)
    if (malice.includes(process.env["ONLY"] ?? "")) await row(malice, malice, [cairn, "link"]);
  await row("a link that lies as fast as it can", "a good hub", liar);
}
