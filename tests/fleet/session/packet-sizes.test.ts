import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { PacketSizes } from "../../../runtime/fleet/session/packet-sizes.ts";

/** PUBLISH with so many bytes behind its header. */
function publish(bytes: number): Buffer {
  const length: number[] = [];
  for (let left = bytes; length.length === 0 || left > 0; left = Math.floor(left / 128))
    length.push((left % 128) + (left >= 128 ? 128 : 0));
  return Buffer.concat([Uint8Array.of(0x30, ...length), Buffer.alloc(bytes, 0xff)]);
}

/** As TCP may bring it. */
function cut(bytes: Uint8Array, lengths: readonly number[]): readonly Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const length = lengths[turn % lengths.length] ?? 1;
    parts.push(bytes.subarray(at, at + length));
    at += length;
  }
  return parts;
}

test("packets that are not too large pass, however they are cut; one that is does not, as soon as its length is there", () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 });
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 20 }), lengths, (sizes, cuts) => {
      const packets = sizes.map(publish);
      const largest = Math.max(2, ...packets.map(({ length }) => length));
      const all = cut(Buffer.concat(packets), cuts);
      const enough = new PacketSizes(largest);
      expect(all.every((part) => enough.fit(part))).toBe(true);
      const few = new PacketSizes(largest - 1);
      expect(all.every((part) => few.fit(part))).toBe(sizes.length === 0);
    }),
  );
  const sizes = new PacketSizes(20_000);
  expect(sizes.fit(publish(100_000).subarray(0, 3))).toBe(true);
  expect(sizes.fit(publish(100_000).subarray(3, 4))).toBe(false);
});

test("a length without end is none", () => {
  expect(new PacketSizes(1e9).fit(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f))).toBe(true);
  expect(new PacketSizes(1e9).fit(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0xff))).toBe(false);
});
