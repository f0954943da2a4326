import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { deflatedLines, deflatedText, explainLogs, inflatedText } from "../../../runtime/fleet/logs/index.ts";
import { limits } from "../../../runtime/fleet/wire/index.ts";
import { must } from "../../store/world.ts";

const noise = (at: number): string => `${at} ${randomBytes(60).toString("base64")}`;
const many = (count: number): readonly string[] => Array.from({ length: count }, (_, at) => noise(at));

describe("lines", () => {
  test("come out as they went in", () => {
    const lines = ["2026-11-26T10:00:00Z web: ready", "", "with ü and \ud83d\ude00"];
    const batch = deflatedLines(lines, limits.logsBytesMax);
    expect(batch?.lines).toBe(3);
    expect(must(inflatedText(batch?.deflated ?? new Uint8Array()))).toBe(`${lines.join("\n")}\n`);
  });

  test.each([200, 4_000, limits.logsBytesMax, 1 << 20])("are the newest that fit into %d bytes", (bytesMax) => {
    const lines = many(1000);
    const batch = deflatedLines(lines, bytesMax);
    if (batch === null) throw new Error("a line fits");
    expect(batch.deflated.length).toBeLessThanOrEqual(Math.min(bytesMax, limits.logsBytesMax));
    expect(must(inflatedText(batch.deflated))).toBe(`${lines.slice(-batch.lines).join("\n")}\n`);
    const more = deflateRawSync(`${lines.slice(-batch.lines - 1).join("\n")}\n`, { level: 9 });
    expect(more.length).toBeGreaterThan(Math.min(bytesMax, limits.logsBytesMax));
  });

  test("that repeat themselves stop where the reader stops", () => {
    const lines = Array.from({ length: 1000 }, () => "x".repeat(1000));
    const batch = deflatedLines(lines, limits.logsBytesMax);
    expect(batch?.lines).toBe(Math.floor(limits.logsTextBytesMax / 1001));
    expect(must(inflatedText(batch?.deflated ?? new Uint8Array()))).toHaveLength((batch?.lines ?? 0) * 1001);
  });

  test("of which not one fits are no batch, and none are one", () => {
    expect(deflatedLines(many(5), 20)).toBeNull();
    expect(deflatedLines([], -1)).toBeNull();
    const none = deflatedLines([], 1000);
    expect([none?.lines, must(inflatedText(none?.deflated ?? new Uint8Array()))]).toEqual([0, ""]);
    expect(deflatedLines(many(5), -1)).toBeNull();
  });

  test("of the runtime cost a fifth of their text", () => {
    const lines = Array.from(
      { length: 100 },
      (_, at) =>
        `2026-11-26T10:${10 + (at % 50)}:0${at % 10}Z supervise info: container web${at % 7} STARTED -> READY after ${at * 37} ms`,
    );
    const text = lines.join("\n").length;
    expect(deflatedLines(lines, limits.logsBytesMax)?.deflated.length).toBeLessThan(text / 5);
  });
});

describe("at the reader", () => {
  test("a bomb does not go off", () => {
    const bomb = deflateRawSync(Buffer.alloc(15 << 20), { level: 9 });
    expect(bomb.length).toBeLessThan(limits.logsBytesMax);
    const before = process.memoryUsage.rss();
    for (let time = 0; time < 50; time += 1) {
      expect(inflatedText(bomb)).toEqual({ ok: false, error: { kind: "notDeflated" } });
    }
    expect(process.memoryUsage.rss() - before).toBeLessThan(32 << 20);
  });

  test.each([
    ["nothing", new Uint8Array(), "notDeflated"],
    ["garbage", Uint8Array.of(1, 2, 3), "notDeflated"],
    ["what is cut off", deflatedText("some text or other").slice(0, -2), "notDeflated"],
    ["what is no text", new Uint8Array(deflateRawSync(Uint8Array.of(0xff, 0xfe))), "notText"],
  ] as const)("%s is refused", (_, bytes, kind) => {
    const read = inflatedText(bytes);
    expect(read).toEqual({ ok: false, error: { kind } });
    if (!read.ok) expect(explainLogs(read.error)).toMatch(/^log lines that /);
  });
});
