import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeKmsg, splitKmsg } from "../../runtime/logs/kmsg.ts";
import { lastLinesOf, readLastLines } from "../../runtime/logs/last-lines.ts";
import { asJson, asText, safeLines } from "../../runtime/logs/line.ts";
import { openLineSplitter } from "../../runtime/logs/line-splitter.ts";
import { planRead } from "../../runtime/logs/read-plan.ts";
import { temporaryFolder } from "./sample-container.ts";

describe("a message", () => {
  test("becomes one line each, with nothing in it that drives a terminal or forges a line", () => {
    expect(safeLines("one\ntwo\r\n\n\tthree")).toEqual(["one", "two", "\tthree"]);
    expect(safeLines("\x1b[2Jbold\x00\r[pantavisor] 1 FATAL")).toEqual(["\\x1b[2Jbold\\x00\\x0d[pantavisor] 1 FATAL"]);
    expect(safeLines("abc\u202edef")).toEqual(["abc\\u202edef"]);
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (message) => {
        for (const line of safeLines(message)) expect(line).toMatch(/^[^\p{Cc}\u2028\u2029]*$|\t/u);
      }),
    );
  });

  test("is cut when it is long", () => {
    expect(safeLines("x".repeat(1 << 20))).toHaveLength(1);
    expect(safeLines("x".repeat(1 << 20))[0]).toHaveLength(4096);
    expect(safeLines("x\n".repeat(1000))).toHaveLength(64);
  });

  test("has the forms of the original", () => {
    const line = { platform: "pantavisor", source: "storage", level: 3, timeSec: 12.9, text: "mounted" };
    expect(asText(line)).toBe("[pantavisor] 12 INFO\t -- [storage]: mounted\n");
    expect(asJson(line)).toBe(
      '{"tsec":12,"tnano":0,"platform":"pantavisor","lvl":"INFO","src":"storage","msg":"mounted"}\n',
    );
  });
});

test("a stream is cut into lines wherever its chunks end", () => {
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-z]{0,9}$/), { maxLength: 30 }),
      fc.integer({ min: 1, max: 9 }),
      (lines, step) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
        const split = openLineSplitter();
        const got: string[] = [];
        for (let at = 0; at < bytes.length; at += step) got.push(...split(bytes.subarray(at, at + step)));
        expect(got).toEqual(lines);
      },
    ),
  );
});

test("a line without end is cut and not kept in memory", () => {
  const split = openLineSplitter();
  expect(split(Buffer.alloc(10_000, 65)).map((line) => line.length)).toEqual([4096, 4096]);
  expect(split(Buffer.from("\nnext\n"))).toEqual(["A".repeat(10_000 - 8192), "next"]);
});

test("kernel messages are read as dmesg shows them", () => {
  const chunk = "6,339,1329748557,-;eth0: up\n SUBSYSTEM=net\n DEVICE=n2\n3,340,5,-;bad\n";
  expect(splitKmsg(chunk).map(decodeKmsg)).toEqual([
    { sequence: 339, level: 3, text: "[ 1329.748557] eth0: up" },
    { sequence: 340, level: 1, text: "[    0.000005] bad" },
  ]);
  expect(decodeKmsg("what is this")).toBeNull();
});

describe("the last lines of a log", () => {
  test("are whole lines, safe to show, oldest first", () => {
    expect(lastLinesOf(Buffer.from("half\none\ntwo\nth\x07ree\n"), 2, false)).toEqual(["two", "th\\x07ree"]);
    expect(lastLinesOf(Buffer.from("one\ntwo"), 5, true)).toEqual(["one", "two"]);
    expect(lastLinesOf(Buffer.from("one\ntwo"), 5, false)).toEqual(["two"]);
  });

  test("are read from the end of a large file; a missing one has none", async () => {
    using dir = temporaryFolder();
    await Bun.write(`${dir.path}/log`, Array.from({ length: 200_000 }, (_, i) => `line ${i}\n`).join(""));
    expect(readLastLines(`${dir.path}/log`, 2)).toEqual(["line 199998", "line 199999"]);
    expect(readLastLines(`${dir.path}/log`, 1e9)).toHaveLength(1000);
    expect(readLastLines(`${dir.path}/none`, 2)).toEqual([]);
    expect(readLastLines("/dev/zero", 2)).toEqual([]);
  });
});

describe("reading goes on", () => {
  const file = { dev: 1, ino: 2, sizeBytes: 1000, kept: { kind: "unknown" } } as const;
  const MIB = 1 << 20;

  test("where it stopped in the same file, and at the start of another", () => {
    expect(planRead({ dev: 1, ino: 2, bytes: 400 }, file, MIB)).toEqual({ fromBytes: 400, skippedBytes: 0 });
    expect(planRead({ dev: 1, ino: 3, bytes: 400 }, file, MIB)).toEqual({ fromBytes: 0, skippedBytes: 0 });
    expect(planRead(null, file, MIB)).toEqual({ fromBytes: 0, skippedBytes: 0 });
  });
  test("at the start of a file that was truncated", () => {
    expect(planRead({ dev: 1, ino: 2, bytes: 1001 }, file, MIB)).toEqual({ fromBytes: 0, skippedBytes: 0 });
  });
  test("where the file itself says, whose inode number may have been another's", () => {
    expect(planRead(null, { ...file, kept: { kind: "at", bytes: 700 } }, MIB).fromBytes).toBe(700);
    expect(planRead({ dev: 1, ino: 2, bytes: 400 }, { ...file, kept: { kind: "none" } }, MIB).fromBytes).toBe(0);
    expect(planRead(null, { ...file, kept: { kind: "at", bytes: 1e12 } }, MIB).fromBytes).toBe(0);
  });
  test("near the end of a file that is far ahead", () => {
    const ahead = { ...file, sizeBytes: 50 * MIB };
    expect(planRead(null, ahead, 2 * MIB)).toEqual({ fromBytes: 48 * MIB, skippedBytes: 48 * MIB });
  });
});
