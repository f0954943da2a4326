import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeRecord, LXC_MSG, splitRecords } from "../../runtime/lxc/record.ts";

function record(type: number, name: string, value: number): Buffer {
  const bytes = Buffer.alloc(LXC_MSG.sizeBytes);
  bytes.writeInt32LE(type, 0);
  bytes.write(name, 4);
  bytes.writeInt32LE(value, 260);
  return bytes;
}

test.each([
  [record(0, "web", 2), { kind: "state", container: "web", state: "RUNNING" }],
  [record(0, "web", 0), { kind: "state", container: "web", state: "STOPPED" }],
  [record(0, "web", 7), { kind: "state", container: "web", state: "THAWED" }],
  [record(2, "web", 0x300), { kind: "exit", container: "web", status: { kind: "exit", code: 3 } }],
  [
    record(2, "a".repeat(255), 9),
    {
      kind: "exit",
      container: "a".repeat(255),
      status: { kind: "signal", signal: "SIGKILL", number: 9, coreDumped: false },
    },
  ],
] as const)("a record is decoded: %#", (bytes, value) => {
  expect(decodeRecord(bytes)).toEqual({ ok: true, value: value as never });
});

test.each([
  ["too short", record(0, "web", 2).subarray(1)],
  ["too long", Buffer.concat([record(0, "web", 2), Buffer.alloc(1)])],
  ["an unknown type", record(3, "web", 2)],
  ["a priority, which nobody sends", record(1, "web", 2)],
  ["an unknown state", record(0, "web", 8)],
  ["a negative state", record(0, "web", -1)],
  ["no name", record(0, "", 2)],
  ["a name without an end", record(0, "a".repeat(256), 2)],
  ["the status of a stopped process", record(2, "web", 0x137f)],
])("a record is refused: %s", (_title, bytes) => {
  expect(decodeRecord(bytes)).toMatchObject({ ok: false, error: { kind: "badRecord" } });
});

test("records come out whole, however the reads cut them", () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 12 }), cuts, (count, lengths) => {
      const all = Buffer.concat(Array.from({ length: count }, (_, at) => record(0, `c${at}`, at % 8)));
      const seen: Uint8Array[] = [];
      let rest: Uint8Array = new Uint8Array();
      for (let at = 0, turn = 0; at < all.length; turn++) {
        const length = lengths[turn % lengths.length] ?? 1;
        const split = splitRecords(rest, all.subarray(at, at + length));
        seen.push(...split.records);
        rest = split.rest;
        at += length;
      }
      expect(Buffer.concat(seen).equals(all)).toBe(true);
      expect(seen.every((bytes) => bytes.length === LXC_MSG.sizeBytes)).toBe(true);
      expect(rest.length).toBe(0);
    }),
  );
});
