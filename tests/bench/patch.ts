/**
 * What an update costs: patches of real pairs against zstd --patch-from, xdelta3, bsdiff and casync. Bytes; processor time and memory of
 * making and of applying. Figures only, never pass or fail. Makes its pairs of Debian's packages (those of a release, then the newest: what
 * `apt-get update` brought last) and of two builds of our program, and keeps them in a folder for the next run. Never run as part of tests.
 *
 *   bun tests/bench/patch.ts [--only name,name] [folder, default build/bench-patch]
 */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { applyPatch, makePatch } from "../../runtime/patch/index.ts";
import { realDisk } from "../../runtime/store/index.ts";
import { makePair, type PairName, pairNames } from "./patch-pairs.ts";

const MIB = 1 << 20;

interface Cost {
  readonly bytes: number;
  readonly cpuSeconds: number;
  readonly peakMib: number;
}

/** Processor time and peak memory of a child, as wait4(2) has them; `bytes` of what it left at `out`. */
async function run(command: readonly string[], out: string): Promise<Cost> {
  const child = Bun.spawn([...command], { stdout: "ignore", stderr: "pipe" });
  const said = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")}\n${said}`);
  const usage = child.resourceUsage();
  const cpuSeconds = Number(usage?.cpuTime.total ?? 0) / 1e6;
  return { bytes: sizeOf(out), cpuSeconds, peakMib: (usage?.maxRSS ?? 0) / MIB };
}

/** Of a file, or of all files in a folder. */
function sizeOf(path: string): number {
  const found = statSync(path);
  if (!found.isDirectory()) return found.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

const self = (...words: readonly string[]): readonly string[] => [process.execPath, import.meta.path, ...words];

interface Pair {
  readonly base: string;
  readonly target: string;
  readonly scratch: string;
}

type Maker = (pair: Pair) => Promise<Cost>;

const patched: Maker = ({ base, target, scratch }) =>
  run(self("make", base, target, join(scratch, "patch")), join(scratch, "patch"));

const peers = {
  "Cairn, no base": ({ target, scratch }: Pair) =>
    run(self("make", "", target, join(scratch, "whole")), join(scratch, "whole")),
  "zstd -19, no base": ({ target, scratch }: Pair) =>
    run(["zstd", "-q", "-f", "-19", target, "-o", join(scratch, "zst")], join(scratch, "zst")),
  "zstd -19 --patch-from": ({ base, target, scratch }: Pair) =>
    run(
      ["zstd", "-q", "-f", "-19", "--long=27", `--patch-from=${base}`, target, "-o", join(scratch, "zpatch")],
      join(scratch, "zpatch"),
    ),
  "xdelta3 -9": ({ base, target, scratch }: Pair) =>
    run(
      ["xdelta3", "-q", "-9", "-f", "-B", String(512 * MIB), "-e", "-s", base, target, join(scratch, "xdelta")],
      join(scratch, "xdelta"),
    ),
  bsdiff: ({ base, target, scratch }: Pair) =>
    run(["bsdiff", base, target, join(scratch, "bsdiff")], join(scratch, "bsdiff")),
  "casync chunks": missingChunks,
} satisfies Readonly<Record<string, Maker>>;

/** What a device lacks that has all chunks of the base: their bytes compressed, and the index. */
async function missingChunks({ base, target, scratch }: Pair): Promise<Cost> {
  const [had, wanted] = [join(scratch, "had.castr"), join(scratch, "wanted.castr")];
  const make = (file: string, store: string): Promise<Cost> =>
    run(["casync", "make", `--store=${store}`, `${store}.caibx`, file], `${store}.caibx`);
  await make(base, had);
  const cost = await make(target, wanted);
  let { bytes } = cost;
  for (const folder of readdirSync(wanted)) {
    for (const chunk of readdirSync(join(wanted, folder))) {
      if (!existsSync(join(had, folder, chunk))) bytes += sizeOf(join(wanted, folder, chunk));
    }
  }
  return { ...cost, bytes };
}

/** One that only waits shows what the rest of the process takes. */
async function applied({ base, target, scratch }: Pair): Promise<{ cpuSeconds: number; grownMib: number }> {
  const words = ["apply", base, join(scratch, "patch"), String(sizeOf(target))];
  const [idle, busy] = [await run(self(...words, "idle"), target), await run(self(...words), target)];
  return { cpuSeconds: busy.cpuSeconds - idle.cpuSeconds, grownMib: busy.peakMib - idle.peakMib };
}

const shownBytes = (bytes: number): string => bytes.toLocaleString("en-US");
const shownCost = ({ bytes, cpuSeconds, peakMib }: Cost, whole: number): string =>
  `${shownBytes(bytes).padStart(12)} | ${(bytes / whole).toFixed(4)} | ${cpuSeconds.toFixed(1).padStart(6)} s | ${peakMib.toFixed(0).padStart(5)} MiB`;

async function measure(name: PairName, folder: string): Promise<void> {
  const { base, target } = await makePair(name, folder);
  const scratch = join(folder, "scratch");
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch);
  const pair = { base, target, scratch };
  const ours = await patched(pair);
  const device = await applied(pair);
  const none = await peers["Cairn, no base"](pair);
  console.log(`\n${name}: ${shownBytes(sizeOf(base))} -> ${shownBytes(sizeOf(target))} bytes`);
  console.log("| patch | bytes | of the whole, compressed | making: processor time | memory |\n|---|---|---|---|---|");
  const row = (what: string, cost: Cost): void =>
    console.log(`| ${what.padEnd(21)} | ${shownCost(cost, none.bytes)} |`);
  row("Cairn", ours);
  row("Cairn, no base", none);
  for (const [peer, make] of Object.entries(peers).slice(1)) row(peer, await make(pair));
  console.log(
    `applied: ${device.cpuSeconds.toFixed(1)} s of processor time, ${device.grownMib.toFixed(0)} MiB of memory`,
  );
  rmSync(scratch, { recursive: true });
}

async function apply(base: string, patch: string, objectBytes: number): Promise<void> {
  const opened = await realDisk.open("bench", base);
  if (!opened.ok) throw new Error(`cannot open ${base}`);
  const file = opened.value;
  const from = { sizeBytes: file.info.sizeBytes, read: file.read.bind(file) };
  const hash = new Bun.CryptoHasher("sha256");
  for await (const bytes of applyPatch({ base: from, patch: Bun.file(patch).stream(), objectBytes }))
    hash.update(bytes);
  hash.digest("hex");
}

async function main(): Promise<void> {
  const [what, ...words] = process.argv.slice(2);
  if (what === "make") {
    const [base = "", target = "", out = ""] = words;
    const made = await makePatch({ base: base === "" ? null : base, target, out });
    if (!made.ok) throw new Error(JSON.stringify(made.error));
    return;
  }
  if (what === "apply") {
    const [base = "", patch = "", bytes, idle] = words;
    return idle === undefined ? apply(base, patch, Number(bytes)) : undefined;
  }
  const { values, positionals } = parseArgs({ options: { only: { type: "string" } }, allowPositionals: true });
  const folder = resolve(positionals[0] ?? resolve(import.meta.dir, "../../build/bench-patch"));
  mkdirSync(folder, { recursive: true });
  const only = values.only?.split(",");
  for (const name of pairNames) if (only === undefined || only.includes(name)) await measure(name, folder);
}

await main();
