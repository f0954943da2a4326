import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { packetBound } from "../../../runtime/fleet/session/packets.ts";
import { packet } from "../../link/flood/packets.ts";

const MAX = 300;
const body = fc.integer({ min: 0, max: MAX + 50 }).map((length) => new Uint8Array(length).fill(0xff));
const wire = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 15 }), body))
  .map((all) => all.map(([type, bytes]) => packet(type, 0, bytes)));

/** In pieces, as a network brings it. */
const pieces = (bytes: Uint8Array, cuts: readonly number[]): readonly Uint8Array[] => {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
};

test("packets pass up to their bound, one byte more does not, however they are cut", () => {
  fc.assert(
    fc.property(wire, fc.array(fc.nat()), (packets, cuts) => {
      const bounded = packetBound(MAX);
      const passed = pieces(Buffer.concat(packets), cuts).every((piece) => bounded(piece));
      expect(passed).toBe(packets.every(({ length }) => length <= MAX));
    }),
  );
});

test("a packet that only says that it is long is seen before it comes", () => {
  expect(packetBound(20_000)(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f))).toBe(false);
});

test("a length of more than four bytes is none", () => {
  expect(packetBound(Number.POSITIVE_INFINITY)(Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x80))).toBe(false);
});
