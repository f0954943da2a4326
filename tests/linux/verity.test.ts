import { expect, test } from "bun:test";
import { DM_IOCTL, decodeDmDev, decodeDmNames, encodeDm } from "../../runtime/linux/dm-ioctl.ts";
import { openVerity } from "../../runtime/linux/index.ts";
import { decodeVeritySuperblock, verityTable } from "../../runtime/linux/verity.ts";
import { verityImage } from "./in-device/verity-image.ts";

const { hashImage, rootHash } = verityImage(new Uint8Array(3 * 4096), Buffer.from("a0b1c2d3", "hex"));
const superblock = {
  hashType: 1,
  uuid: "00112233-4455-6677-8899-aabbccddeeff",
  algorithm: "sha256",
  dataBlockBytes: 4096,
  hashBlockBytes: 4096,
  dataBlocks: 3,
  salt: "a0b1c2d3",
} as const;

test("a superblock as veritysetup lays it out is decoded", () => {
  expect(decodeVeritySuperblock(hashImage)).toEqual({ ok: true, value: superblock });
});

test.each([
  ["another signature", (b: Buffer) => b.write("squashfs", 0), '"verity\\0\\0" at its start'],
  ["another version", (b: Buffer) => b.writeUInt32LE(2, 8), "version 1"],
  ["an unknown hash type", (b: Buffer) => b.writeUInt32LE(7, 12), "hash type 0 or 1"],
  [
    "an algorithm with blanks, which would shift the table",
    (b: Buffer) => b.write("sha256 0", 32),
    "the name of a hash",
  ],
  [
    "a block size that is no power of two",
    (b: Buffer) => b.writeUInt32LE(4095, 64),
    "a data block size of 512 to 524288",
  ],
  ["a hash block size of 0", (b: Buffer) => b.writeUInt32LE(0, 68), "a hash block size of 512 to 524288"],
  ["no data", (b: Buffer) => b.writeBigUInt64LE(0n, 72), "1 to 2^53 bytes of data"],
  ["more data than a number holds", (b: Buffer) => b.writeBigUInt64LE(1n << 60n, 72), "1 to 2^53 bytes of data"],
  ["more salt than there is room for", (b: Buffer) => b.writeUInt16LE(257, 80), "at most 256 bytes of salt"],
] as const)("%s is refused", (_title, damage, wanted) => {
  const image = Buffer.from(hashImage);
  damage(image);
  expect(decodeVeritySuperblock(image)).toMatchObject({ ok: false, error: { wanted } });
});

test("a superblock that is cut off is refused", () => {
  expect(decodeVeritySuperblock(hashImage.subarray(0, 511))).toMatchObject({
    ok: false,
    error: { wanted: "512 bytes" },
  });
});

test("the table has the fields in the kernel's order, sizes in sectors, features counted", () => {
  const features = ["check_at_most_once", "panic_on_corruption"];
  expect(verityTable("/dev/loop0", "/dev/loop1", { superblock, rootHash: rootHash.toUpperCase(), features })).toEqual({
    ok: true,
    value: {
      lengthSectors: 24,
      params: `1 /dev/loop0 /dev/loop1 4096 4096 3 1 sha256 ${rootHash} a0b1c2d3 2 check_at_most_once panic_on_corruption`,
    },
  });
});

test("the tree starts at the first hash block after the superblock, and no salt is a dash", () => {
  const small = { ...superblock, hashBlockBytes: 512, salt: "" };
  const table = verityTable("a", "b", { superblock: small, rootHash });
  expect(table.ok && table.value.params).toBe(`1 a b 4096 512 3 1 sha256 ${rootHash} -`);
});

test.each(["", "12", "zz".repeat(32), `${rootHash} 1 x`])("the root hash %p is refused", (bad) => {
  expect(verityTable("a", "b", { superblock, rootHash: bad }).ok).toBe(false);
});

test.each(["", "control", "..", "a b", "a/b", "a".repeat(128)])("the mapping name %p is refused", (name) => {
  const done = openVerity({ name, dataDevice: "a", hashDevice: "b", params: { superblock, rootHash } });
  expect(done).toMatchObject({ ok: false, error: { code: "EINVAL", call: "DM_DEV_CREATE" } });
});

test("a call to device-mapper holds header, target and its text, padded to 8 bytes", () => {
  const bytes = Buffer.from(encodeDm({ name: "web", target: { lengthSectors: 24, type: "verity", params: "1 a b" } }));
  expect(bytes.length).toBe(312 + 40 + 8);
  expect(bytes.readUInt32LE(DM_IOCTL.dataSize)).toBe(bytes.length);
  expect(bytes.readUInt32LE(DM_IOCTL.targetCount)).toBe(1);
  expect(bytes.toString("latin1", 48, 52)).toBe("web\0");
  expect(bytes.readBigUInt64LE(312 + 8)).toBe(24n);
  expect(bytes.toString("latin1", 312 + 24, 312 + 31)).toBe("verity\0");
  expect(bytes.toString("latin1", 352)).toBe("1 a b\0\0\0");
});

test("a device number is read as the kernel encodes it, minors beyond 255 included", () => {
  const answer = Buffer.alloc(312);
  answer.writeUInt32LE(0x0010fd02, DM_IOCTL.dev); // new_encode_dev(253, 0x102)
  expect(decodeDmDev(answer)).toEqual({ major: 253, minor: 0x102 });
});

test("a list of mappings is decoded, an empty one too, and one that leaves its buffer is refused", () => {
  const answer = Buffer.alloc(312 + 64);
  answer.writeUInt32LE(312, DM_IOCTL.dataStart);
  expect(decodeDmNames(answer)).toEqual({ ok: true, value: [] });
  answer.writeBigUInt64LE(0xfd00n, 312);
  answer.writeUInt32LE(24, 312 + 8);
  answer.write("first", 312 + 12);
  answer.writeBigUInt64LE(0xfd01n, 336);
  answer.write("second", 336 + 12);
  expect(decodeDmNames(answer)).toEqual({ ok: true, value: ["first", "second"] });
  answer.writeUInt32LE(9999, 336 + 8);
  expect(decodeDmNames(answer)).toMatchObject({ ok: false, error: { kind: "malformed" } });
});
