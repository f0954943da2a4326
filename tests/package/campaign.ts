/** Mutants of exports, opened as `cairn import` and `cairn ctl install` open them, and read to their last object. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { BadPackage, openPackage } from "../../runtime/package/index.ts";
import { object, pax, sha, stateOf, tar } from "../cli/archives.ts";
import { mutantBytes } from "../fuzz/bytes.ts";
import { GROWTH_BYTES, SLOWEST_MS } from "../fuzz/campaign.ts";
import { Dice } from "../fuzz/dice.ts";

const BLOCK = 512;
const WARM_UP = 2_000;

const files = { "web/a": "one", "web/b": Buffer.alloc(3000, "two "), "web/c": "" };
const json = { name: "json", bytes: stateOf(files) };
const long = `objects/${sha(files["web/b"])}`;
const CORPUS = [
  tar(json, object(files["web/a"]), object(files["web/b"]), object("")),
  tar(object("one"), { name: "./", type: "5" }, json, pax({ path: long, size: "3000" }), {
    name: "short",
    bytes: files["web/b"],
  }),
  tar(
    { name: "././@LongLink", type: "L", bytes: `${long}\0`, magic: "ustar  " },
    { name: "cut", bytes: files["web/b"] },
    json,
  ),
];

/** Most mutants get right check sums again, or no reader would look further than those. */
function mended(bytes: Uint8Array): Uint8Array {
  const mended = Buffer.from(bytes);
  for (let at = 0; at + BLOCK <= mended.length; at += BLOCK) {
    const block = mended.subarray(at, at + BLOCK);
    if (block.toString("latin1", 257, 262) !== "ustar") continue;
    const sum = block.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 0x20 : byte), 0);
    block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  }
  return mended;
}

function mutant(dice: Dice): Uint8Array {
  const bytes = mutantBytes(dice, CORPUS);
  const plain = dice.roll(4) === 0 ? bytes : mended(bytes);
  if (dice.roll(8) > 0) return plain;
  const packed = gzipSync(plain, { level: 1 });
  return dice.roll(2) === 0 ? packed : mutantBytes(dice, [packed]);
}

type Read = (path: string) => Promise<"opened" | "refused">;

export const readExport: Read = async (path) => {
  const opened = await openPackage(path, { refuseEscapes: true });
  if (!opened.ok) return "refused";
  try {
    await opened.value.each(new Set(opened.value.objects.keys()), async ({ bytes }) => {
      for await (const _ of bytes);
      return true;
    });
    return "opened";
  } catch (thrown) {
    if (thrown instanceof BadPackage) return "refused";
    throw thrown;
  } finally {
    await opened.value.close();
  }
};

export interface Report {
  readonly opened: number;
  readonly slowestMs: number;
  readonly growthBytes: number;
  readonly violations: readonly string[];
}

export async function campaign(inputs: number, seed: number, read: Read = readExport): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), "cairn-fuzz-"));
  const path = join(folder, "export");
  const dice = new Dice(seed);
  const violations: string[] = [];
  let [opened, slowestMs, before] = [0, 0, settledBytes()];
  try {
    for (let count = 0; count < inputs; count++) {
      if (count === Math.min(WARM_UP, inputs >> 1)) before = settledBytes();
      const bytes = mutant(dice);
      writeFileSync(path, bytes);
      try {
        let ms = Number.POSITIVE_INFINITY;
        let outcome: Awaited<ReturnType<Read>> = "refused";
        // On a busy machine others' time is not the reader's: slow is what is slow four times.
        for (let again = 0; again < 4 && ms > SLOWEST_MS; again++) {
          const cpu = process.cpuUsage();
          outcome = await read(path);
          const { user, system } = process.cpuUsage(cpu);
          ms = Math.min(ms, (user + system) / 1000);
        }
        if (outcome === "opened") opened++;
        slowestMs = Math.max(slowestMs, ms);
        if (ms > SLOWEST_MS) violations.push(`input ${count}: ${ms.toFixed(0)} ms`);
      } catch (thrown) {
        violations.push(`input ${count}: threw ${String(thrown)}`);
      }
      if (violations.length > 10) break;
    }
    const growthBytes = settledBytes() - before;
    if (growthBytes > GROWTH_BYTES) violations.push(`grew by ${growthBytes} bytes`);
    return { opened, slowestMs, growthBytes, violations };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function settledBytes(): number {
  Bun.gc(true);
  return process.memoryUsage().rss;
}
