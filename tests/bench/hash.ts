/**
 * Speed of the store's hashing against `sha256sum` of the same files, warm page cache, one thread each (design section 9: at most 0.9 of
 * its time), with what it costs the event loop and the memory. Figures only, never pass or fail.
 *
 *   bun tests/bench/hash.ts [MiB of the large file, default 256]
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore, realDisk } from "../../runtime/store/index.ts";

const RUNS = 5;
const MIB = 1 << 20;
const largeMib = Number(process.argv[2] ?? 256);

const folder = mkdtempSync(join(tmpdir(), "hash-bench-"));
const store = openStore(realDisk, folder);

function make(count: number, bytes: number): readonly string[] {
  return Array.from({ length: count }, (_, n) => {
    const path = join(folder, `${bytes}-${n}`);
    const block = crypto.getRandomValues(new Uint8Array(Math.min(bytes, 65_536)));
    writeFileSync(path, Buffer.alloc(bytes, block));
    return path;
  });
}

/** Best of {@link RUNS}, in milliseconds: what the machine does besides only ever adds. */
async function best(act: () => Promise<void>): Promise<number> {
  let bestMs = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run += 1) {
    const startedMs = performance.now();
    await act();
    bestMs = Math.min(bestMs, performance.now() - startedMs);
  }
  return bestMs;
}

async function peer(paths: readonly string[]): Promise<void> {
  const code = await Bun.spawn(["sha256sum", ...paths], { stdout: "ignore" }).exited;
  if (code !== 0) throw new Error("sha256sum failed");
}

async function ours(paths: readonly string[]): Promise<void> {
  const hashed = await Promise.all(paths.map((path) => store.hashing.hash("bench", path)));
  if (hashed.some(({ ok }) => !ok)) throw new Error("hashing failed");
}

/** The longest that a timer of 1 ms came late while `act` ran. */
async function longestWait(act: () => Promise<void>): Promise<number> {
  let [lastMs, longestMs] = [performance.now(), 0];
  const timer = setInterval(() => {
    const nowMs = performance.now();
    longestMs = Math.max(longestMs, nowMs - lastMs - 1);
    lastMs = nowMs;
  }, 1);
  await act();
  clearInterval(timer);
  return longestMs;
}

const anonymousKib = async (): Promise<number> =>
  Number(/^RssAnon:\s+(\d+)/m.exec(await Bun.file("/proc/self/status").text())?.[1]);

try {
  for (const [count, bytes] of [
    [1, largeMib * MIB],
    [4, 10 * MIB],
    [200, 8 * 1024],
  ] as const) {
    const paths = make(count, bytes);
    await peer(paths); // both find the files in the page cache
    const beforeKib = await anonymousKib();
    const [peerMs, oursMs] = [await best(() => peer(paths)), await best(() => ours(paths))];
    const waitMs = await longestWait(() => ours(paths));
    const grownMib = (((await anonymousKib()) - beforeKib) / 1024).toFixed(1);
    const rate = ((count * bytes) / MIB / (oursMs / 1000)).toFixed(0);
    console.log(
      `${count} x ${(bytes / 1024).toFixed(0)} KiB: ${oursMs.toFixed(1)} ms (${rate} MiB/s), sha256sum ${peerMs.toFixed(1)} ms, ` +
        `ratio ${(oursMs / peerMs).toFixed(2)}; event loop late by at most ${waitMs.toFixed(1)} ms, anonymous memory +${grownMib} MiB`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
