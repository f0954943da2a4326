/**
 * `make proof-power`: a device updates itself on a disk that records every write; then the power goes, at every flush and at random
 * moments, and each time the device has to come back on a revision that is whole. Exits with 0 only if it always does.
 *
 * Environment: SEED and COUNT (random cuts); ARCH; BOOT_EVERY (every so many-th image boots in QEMU, 0: none); KEPT=1 replays the last
 * recording, which repeats a run with its SEED; CUT=n looks at this cut of it only; FROM=n goes on with a run that got so far (the lowest
 * that its last lines name). Needs root: images are mounted.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { ordersOf } from "./orders.ts";
import { record, recordingOf } from "./record.ts";
import { cutsOf, openRecording } from "./replay.ts";
import { Line, type Share } from "./share.ts";
import { makeStory } from "./story.ts";

const say = (text: string): void => console.log(text);
const { seed, count, arch } = ordersOf(process.env, 10_000);
const kept = process.env["KEPT"] === "1";
const only = process.env["CUT"] ? Number(process.env["CUT"]) : null;
const from = Number(process.env["FROM"] || 0);
const bootEvery = Number(process.env["BOOT_EVERY"] ?? 50);
const failures: Line[] = [];
let [checked, booted] = [0, 0];
/** By worker: the cut that it looked at last. */
const reached = new Map<number, number>();

async function main(): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error("mounting images takes root: run this as root");
  const repeat = (cut: string): string => `SEED=${seed} COUNT=${count} ARCH=${arch} KEPT=1 ${cut}make proof-power`;
  say(`power cuts on ${arch}: seed ${seed}, ${count} random ones`);
  if (!kept) await record(await makeStory(arch), (text) => say(`  recorded: ${text}`));
  const log = openRecording(recordingOf(arch));
  const writes = log.entries.filter(({ kind }) => kind === "write").length;
  const flushes = log.entries.filter(({ kind }) => kind === "flush").length;
  const cuts = cutsOf(log, seed, count);
  log.close();
  say(`  ${writes} writes, ${flushes} flushes: ${cuts.length - count} flush boundaries and ${count} random cuts`);
  const startMs = performance.now();
  // A device that is booted waits more than it computes.
  const of = only === null ? 2 * Math.min(availableParallelism(), 4) : 1;
  const shares = Array.from({ length: of }, (_, index) => ({ arch, seed, count, index, of, bootEvery, only, from }));
  await Promise.all(
    shares.map((share) => work(share, cuts.length, (line) => `    repeat: ${repeat(`CUT=${line.number} `)}`)),
  );
  const minutes = ((performance.now() - startMs) / 60_000).toFixed(1);
  say(`${checked} images, ${booted} of them booted, ${failures.length} failures, ${minutes} minutes; ${repeat("")}`);
  const expected = only === null ? cuts.length - from : 1;
  if (checked !== expected) throw new Error(`${expected} images were to be looked at`);
  if (failures.length > 0) process.exitCode = 1;
}

async function work(share: Share, total: number, repeat: (line: Line) => string): Promise<void> {
  reached.set(share.index, share.from);
  const worker = join(import.meta.dir, "share.ts");
  const command = ["unshare", "--mount", "--propagation", "private", process.execPath, worker, JSON.stringify(share)];
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" });
  let rest = "";
  for await (const bytes of child.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + bytes).split("\n");
    rest = lines.pop() ?? "";
    for (const text of lines) hear(share.index, v.parse(v.pipe(v.string(), v.parseJson(), Line), text), total, repeat);
  }
  if ((await child.exited) !== 0) throw new Error(`worker ${share.index} ended with ${child.exitCode}`);
}

function hear(worker: number, line: Line, total: number, repeat: (line: Line) => string): void {
  reached.set(worker, line.number);
  checked += 1;
  if (line.booted) booted += 1;
  if (line.problems.length > 0) {
    failures.push(line);
    say(`  FAILED: cut ${line.number} (${line.name})`);
    for (const problem of line.problems) say(`    ${problem}`);
    say(repeat(line));
  }
  if (checked % 250 !== 0) return;
  const every = Math.min(...reached.values());
  say(`  ${checked} of ${total - from}, all up to cut ${every}, ${booted} booted, ${failures.length} failures`);
}

try {
  await main();
} catch (cause) {
  say(`FAILED: ${cause instanceof Error ? cause.message : String(cause)}`);
  process.exit(1);
}
