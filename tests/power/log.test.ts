import { expect, test } from "bun:test";
import { openLog, type WriteEntry } from "./log.ts";
import { filled, logBytes, logFile, type Request } from "./written-log.ts";

const diskBytes = 1 << 20;
const open = (bytes: Uint8Array) => openLog(logFile(bytes), diskBytes);
const story: readonly Request[] = [
  { write: 7, bytes: Buffer.concat([filled(1), filled(2)]) },
  "flush",
  { write: 9, bytes: filled(3), fua: true },
  { discard: 100, sectors: 4 },
];

test("writes, flushes and discards come back in order, each with its bytes", () => {
  const log = open(logBytes(story));
  if (!log.ok) throw new Error(log.error.problem);
  const { entries } = log.value;
  expect(entries.map(({ kind }) => kind)).toEqual(["write", "flush", "write", "write"]);
  const [first, , fua, discard] = entries as readonly WriteEntry[];
  if (first === undefined || fua === undefined || discard === undefined) throw new Error("entries are missing");
  expect(first).toMatchObject({ sector: 7, sectors: 2, fua: false });
  expect(fua).toMatchObject({ sector: 9, fua: true });
  expect(log.value.data(first)).toEqual(Buffer.concat([filled(1), filled(2)]));
  expect(log.value.data(first, 1)).toEqual(Buffer.from(filled(2)));
  expect(log.value.data(discard)).toEqual(filled(0, 4));
  expect(() => log.value.data(first, 1, 2)).toThrow("outside");
  log.value.close();
});

test.each([
  ["another magic number", 0, 1n, "no log"],
  ["another version", 8, 2n, "version 2"],
  ["other sectors", 24, 4096n, "sectors of 4096"],
  ["more entries than any log has", 16, 1n << 40n, "at most"],
  ["more entries than there are", 16, 9n, "entry 4 of 9 is missing"],
  ["an unknown flag", 512 + 16, 64n, "flags 0x40"],
  ["a write beyond the disk", 512, 5000n, "beyond the disk"],
  ["a write of nothing", 512 + 8, 0n, "a write of nothing"],
  ["a flush that writes", 512 + 16, 1n, "a flush that writes"],
  ["a write that is larger than the file", 512 + 8, 1000n, "missing"],
] as const)("a log with %s is refused, with the place", (_what, at, value, says) => {
  const bytes = Buffer.from(logBytes(story));
  bytes.writeBigUInt64LE(value, at);
  const log = open(bytes);
  expect(log.ok).toBe(false);
  if (!log.ok) expect(log.error.problem).toContain(says);
});

test("a log that was cut off in a write is refused", () => {
  const bytes = logBytes(story);
  const log = open(bytes.subarray(0, 512 + 512 + 600));
  expect(log.ok ? null : log.error.kind).toBe("badLog");
  expect(open(new Uint8Array(100)).ok).toBe(false);
});
