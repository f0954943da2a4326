/**
 * Applies patches of objects of many megabytes and prints by how many bytes the resident memory grew at its peak:
 *   bun tests/patch/memory.main.ts <object in MiB> <folder for a base>
 */
import { closeSync, ftruncateSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { applyPatch, type RandomRead } from "../../runtime/patch/index.ts";
import { realDisk } from "../../runtime/store/index.ts";
import { HEAD, number, signed } from "./by-hand.ts";

const MIB = 1 << 20;
const [mib = "256", folder = "."] = process.argv.slice(2);
const objectBytes = Number(mib) * MIB;
/** Leaves room for what else a section holds. */
const PIECE = 2 * MIB - 64;

const stored = (bytes: Uint8Array): readonly Uint8Array[] => [Uint8Array.from(number(bytes.length * 4)), bytes];
const EMPTY = Uint8Array.of(0);

async function* head(baseBytes: number): AsyncGenerator<Uint8Array> {
  yield Uint8Array.from([...HEAD, ...number(objectBytes), ...number(baseBytes)]);
}

/** Sections as full as they may be, of news that are packed or not. */
async function* allNew(pack: (bytes: Uint8Array) => readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* head(0);
  const bytes = new Uint8Array(PIECE);
  for (let at = 0; at < PIECE; at += 65_536) crypto.getRandomValues(bytes.subarray(at, Math.min(PIECE, at + 65_536)));
  bytes.fill(0, 0, PIECE / 2);
  for (let made = 0; made < objectBytes; made += PIECE) {
    const now = bytes.subarray(0, Math.min(PIECE, objectBytes - made));
    yield* stored(Uint8Array.from([...number(now.length), 0]));
    yield EMPTY;
    yield EMPTY;
    yield* pack(now);
  }
}

/** Every other byte of the base differs. */
async function* allDifferent(): AsyncGenerator<Uint8Array> {
  yield* head(objectBytes + 1);
  const count = MIB / 2;
  for (let made = 0; made < objectBytes; made += 2 * count) {
    yield* stored(Uint8Array.from([0, ...number(2 * count), ...signed(0)]));
    yield* stored(new Uint8Array(count).fill(1));
    yield* stored(new Uint8Array(count).fill(7));
    yield EMPTY;
  }
}

const statusKib = (name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(readFileSync("/proc/self/status", "utf8"))?.[1]);

async function grown(base: RandomRead | null, patch: AsyncIterable<Uint8Array>): Promise<number> {
  Bun.gc(true);
  writeFileSync("/proc/self/clear_refs", "5"); // proc_pid_clear_refs(5): the peak begins anew
  const before = statusKib("VmRSS");
  let bytes = 0;
  for await (const chunk of applyPatch({ base, patch, objectBytes })) bytes += chunk.length;
  if (bytes !== objectBytes) throw new Error(`made ${bytes} bytes`);
  return (statusKib("VmHWM") - before) * 1024;
}

const path = join(folder, "base");
const descriptor = openSync(path, "w");
ftruncateSync(descriptor, objectBytes);
closeSync(descriptor);
const opened = await realDisk.open("test", path);
if (!opened.ok) throw new Error(opened.error.code);
const file = opened.value;
const base: RandomRead = { sizeBytes: objectBytes, read: (into, at) => file.read(into, at) };
/** Made before anything is measured: making takes memory, too. */
const frames = new Map<number, Uint8Array>();
for (const length of [PIECE, objectBytes % PIECE]) {
  const bytes = new Uint8Array(length);
  crypto.getRandomValues(bytes.subarray(0, 1024));
  frames.set(length, zstdCompressSync(Buffer.alloc(length, bytes.subarray(0, 1024))));
}
const byZstd = ({ length }: Uint8Array): readonly Uint8Array[] => {
  const frame = frames.get(length) ?? new Uint8Array();
  return [Uint8Array.from([...number(length * 4 + 1), ...number(frame.length)]), frame];
};
const result = {
  stored: await grown(null, allNew(stored)),
  zstd: await grown(null, allNew(byZstd)),
  differences: await grown(base, allDifferent()),
};
console.log(JSON.stringify(result));
