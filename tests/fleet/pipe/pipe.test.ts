import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { BadLine, FromLink, lines, readLine, ToLink, writtenLine } from "../../../runtime/fleet/pipe/index.ts";
import { must } from "../../store/world.ts";

async function* pieces(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const all = (bytesMax: number, ...parts: readonly Uint8Array[]) => Array.fromAsync(lines(pieces(...parts), bytesMax));

describe("lines", () => {
  test("come as they are, however the bytes are cut; what has no end is none", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.string({ unit: "grapheme", maxLength: 12 }).map((text) => text.replaceAll("\n", " ")),
          { maxLength: 6 },
        ),
        fc.array(fc.nat(80), { maxLength: 6 }),
        fc.string({ maxLength: 5 }).map((text) => text.replaceAll("\n", " ")),
        async (wanted, cuts, rest) => {
          const whole = bytes(`${wanted.map((line) => `${line}\n`).join("")}${rest}`);
          const at = [0, ...cuts.map((cut) => Math.min(cut, whole.length)).sort((a, b) => a - b), whole.length];
          const parts = at.slice(1).map((to, index) => whole.subarray(at[index], to));
          expect(await all(1_000, ...parts)).toEqual(wanted);
        },
      ),
    );
  });

  test("have a length at most, told before it is read to its end", async () => {
    expect(await all(3, bytes("abc\nabc\n"))).toEqual(["abc", "abc"]);
    for (const parts of [["abcd\n"], ["ab", "cd\n"], ["abcd"], ["ab", "cd"]]) {
      expect(all(3, ...parts.map(bytes))).rejects.toThrow(BadLine);
    }
  });

  test("are UTF-8", async () => {
    expect(all(10, Uint8Array.of(0xff, 10))).rejects.toThrow(BadLine);
    expect(await all(10, Uint8Array.of(0xc3), Uint8Array.of(0xbc, 10))).toEqual(["ü"]);
  });

  test("that were read stay as they are when the buffer they came in is used again", async () => {
    const buffer = bytes("ab");
    async function* reused(): AsyncGenerator<Uint8Array> {
      yield buffer;
      buffer.set(bytes("\nx"));
      yield buffer;
    }
    expect(await Array.fromAsync(lines(reused(), 10))).toEqual(["ab"]);
  });
});

const settings = {
  kind: "settings",
  hub: { host: "hub.example", port: 8443 },
  authority: "…",
  token: null,
  folder: "/storage/fleet",
  storage: "/storage",
  reservedPercent: 5,
  mode: { kind: "wake", everyMs: 86_400_000 },
  keepaliveS: 1740,
  caps: { dayBytes: 50_000, monthBytes: null },
  datagrams: true,
  clock: { floorMs: 1_795_000_000_000, guessed: true },
  version: "0.1.0",
};

describe("messages", () => {
  test("go there and back", () => {
    const line = writtenLine(settings);
    expect(line.endsWith("}\n")).toBe(true);
    expect(must(readLine(ToLink, line.trimEnd()))).toEqual(settings as never);
  });

  const digest = "ab".repeat(32);
  test.each([
    [ToLink, { kind: "fetch", rev: "8", objects: [{ digest, candidates: [digest] }] }],
    [ToLink, { kind: "stopFetch", rev: "8" }],
    [ToLink, { kind: "room", enough: true }],
    [ToLink, { kind: "progress", rev: "8", phase: "error", reason: "badPatch", message: "", evidence: "{}" }],
    [ToLink, { kind: "clock", floorMs: 0, guessed: false }],
    [ToLink, { kind: "deviceMeta", entries: [["__proto__", "x"]] }],
    [ToLink, { kind: "userMeta", sequence: 3, kept: true }],
    [FromLink, { kind: "userMeta", sequence: 3, set: [["a", "b"]], remove: ["c"] }],
    [FromLink, { kind: "clock", atMs: 1_795_000_000_000, signed: true }],
    [FromLink, { kind: "desired", rev: "8", state: digest }],
    [FromLink, { kind: "fetched", rev: "8", failure: { reason: "noSpace", message: "no room" } }],
    [FromLink, { kind: "needRoom", bytes: 4096 }],
  ] as const)("of one thing or another: %#", (schema, message) => {
    expect(must(readLine<typeof ToLink | typeof FromLink>(schema, JSON.stringify(message)))).toEqual(message as never);
  });

  test.each([
    [FromLink, { kind: "command", id: 4, operation: "restartContainer", argument: "web", again: true }],
    [FromLink, { kind: "resultKept", id: 4 }],
    [ToLink, { kind: "result", id: 4, code: "done", text: "", logs: { revision: "locals/a", lines: ["x", ""] } }],
    [ToLink, { kind: "result", id: 4, code: "busy", text: "later", logs: null }],
  ] as const)("of a command: %#", (schema, message) => {
    expect(must(readLine<typeof ToLink | typeof FromLink>(schema, JSON.stringify(message)))).toEqual(message as never);
    for (const member of Object.keys(message)) {
      const { [member as "kind"]: _, ...rest } = message;
      expect(readLine<typeof ToLink | typeof FromLink>(schema, JSON.stringify(rest)).ok).toBe(false);
    }
  });

  test.each([
    ["a folder that is not absolute", ToLink, { ...settings, folder: "storage" }],
    ["a wake each second", ToLink, { ...settings, mode: { kind: "wake", everyMs: 1_000 } }],
    ["a negative cap", ToLink, { ...settings, caps: { dayBytes: -1, monthBytes: null } }],
    ["something more", ToLink, { ...settings, more: true }],
    ["a message of the other direction", ToLink, { kind: "contact" }],
    [
      "a revision that is none",
      ToLink,
      { kind: "state", running: "../0", stateDigest: "", status: "DONE", containers: [] },
    ],
    ["an id that is none", FromLink, { kind: "waiting", id: "x", code: "a" }],
    ["a log without end", FromLink, { kind: "log", level: "warn", message: "x".repeat(3_000) }],
    ["a level that a link does not have", FromLink, { kind: "log", level: "fatal", message: "x" }],
    ["a time that no clock shows", FromLink, { kind: "clock", atMs: 253_402_300_800_000, signed: true }],
    ["no object", FromLink, "contact"],
  ] as const)("%s is refused", (_, schema, message) => {
    expect(readLine(schema, JSON.stringify(message)).ok).toBe(false);
  });
});
