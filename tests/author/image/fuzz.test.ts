/** A short campaign over each target; the long one is `make fuzz`. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { fuzzTargets } from "./fuzz-targets.ts";

setDefaultTimeout(120_000);
const SLOWEST_MS = 100;
const inputs = Number(process.env["FUZZ_INPUTS"] ?? 400);

/** Numbers from a seed (mulberry32). */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const INTERESTING = [0, 1, 0x20, 0x2e, 0x2f, 0x30, 0x37, 0x3d, 0x7f, 0x80, 0xff];

/** Bytes changed, taken out, doubled; in an archive the check sums are made right again, so that what is behind them is reached. */
function mutant(seed: Uint8Array, next: (below: number) => number, isTar: boolean): Uint8Array {
  let bytes = Buffer.from(seed);
  for (let change = next(8); change >= 0; change--) {
    const at = next(bytes.length);
    const length = isTar ? 512 * (1 + next(3)) : 1 + next(20);
    const from = isTar ? at - (at % 512) : at;
    switch (next(5)) {
      case 0:
        bytes = Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + length)]);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, from + length), bytes.subarray(from)]);
        break;
      default:
        bytes[at] = next(2) === 0 ? next(256) : (INTERESTING[next(INTERESTING.length)] ?? 0);
    }
    if (bytes.length === 0) return bytes;
  }
  for (let at = 0; isTar && at + 512 <= bytes.length; at += 512) {
    if (bytes.toString("latin1", at + 257, at + 262) !== "ustar" || next(10) === 0) continue;
    bytes.write("        ", at + 148, "latin1");
    const sum = bytes.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
    bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148, "latin1");
  }
  return bytes;
}

test.each(fuzzTargets.map((target) => [target.name, target] as const))(
  "%s: any bytes give a result or a fault, soon",
  async (name, { seeds, run }) => {
    const seed = Number(process.env["SEED"] ?? crypto.getRandomValues(new Uint32Array(1))[0]);
    const next = numbers(seed);
    let slowestMs = 0;
    for (const real of seeds) await run(real);
    for (let input = 0; input < inputs; input++) {
      const bytes = mutant(
        seeds[next(seeds.length)] ?? Buffer.alloc(0),
        next,
        name === "tar" || name === "image-layers",
      );
      const startedMs = performance.now();
      await Promise.resolve(run(bytes)).catch((thrown) => {
        throw new Error(`repeat: SEED=${seed}, input ${input}: ${thrown}`, { cause: thrown });
      });
      if (input > 50) slowestMs = Math.max(slowestMs, performance.now() - startedMs);
    }
    // A machine at work may hold any one up: what is too slow is so by itself.
    expect(slowestMs, `SEED=${seed}`).toBeLessThan(20 * SLOWEST_MS);
  },
);
