import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import {
  findBlockDevice,
  parseDeviceSelector,
  partitionsBeside,
  readSuperblock,
  waitForBlockDevice,
} from "../../runtime/linux/index.ts";
import { partitionUuid } from "../../runtime/linux/partition-table.ts";
import { decodeSuperblock } from "../../runtime/linux/superblock.ts";

const folder = mkdtempSync("/tmp/cairn-blockdev-");
afterAll(() => rmSync(folder, { recursive: true }));

function made(name: string, sizeBytes: number, ...command: string[]): string {
  const path = `${folder}/${name}`;
  writeFileSync(path, new Uint8Array(sizeBytes));
  const run = Bun.spawnSync([...command, path], {
    env: { ...process.env, PATH: `${process.env["PATH"]}:/sbin:/usr/sbin` },
  });
  expect(run.exitCode, `${command[0]}: ${run.stderr}`).toBe(0);
  return path;
}

test("label and UUID of a real ext4 are read", () => {
  const uuid = "12345678-9abc-def0-1234-56789abcdef0";
  const path = made("ext4", 4 << 20, "mkfs.ext4", "-q", "-L", "pvroot", "-U", uuid);
  expect(readSuperblock(path)).toEqual({ type: "ext", uuid, label: "pvroot" });
});

test.each(["12", "16", "32"])("label and serial of a real FAT%s are read", (bits) => {
  const path = made(`fat${bits}`, 64 << 20, "mkfs.vfat", "-F", bits, "-n", "PVBOOT", "-i", "ABCD1234");
  expect(readSuperblock(path)).toEqual({ type: "vfat", uuid: "ABCD-1234", label: "PVBOOT" });
});

test("file systems without a label have none", () => {
  const ext = readSuperblock(made("ext2", 1 << 20, "mkfs.ext2", "-q"));
  const fat = readSuperblock(made("fat", 1 << 20, "mkfs.vfat"));
  for (const identity of [ext, fat]) {
    expect(identity).toBeDefined();
    expect(identity?.label).toBeUndefined();
  }
});

test("whatever is on a device, looking at it does no harm", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 4096, size: "max" }), (bytes) => {
      decodeSuperblock(bytes);
    }),
  );
  expect(readSuperblock(`${folder}/none`)).toBeUndefined();
});

test("a partition of a GPT has the GUID of its entry, with its first three fields turned", () => {
  const disk = Buffer.alloc(64 * 512);
  disk.write("EFI PART", 512);
  disk.writeBigUInt64LE(2n, 512 + 72);
  disk.writeUInt32LE(128, 512 + 80);
  disk.writeUInt32LE(128, 512 + 84);
  Buffer.from("33221100554477668899aabbccddeeff", "hex").copy(disk, 2 * 512 + 128 + 16);
  const readAt = (offset: number, length: number) => disk.subarray(offset, offset + length);
  expect(partitionUuid(readAt, 512, 2)).toBe("00112233-4455-6677-8899-aabbccddeeff");
  expect(partitionUuid(readAt, 512, 129)).toBeUndefined();
  disk.writeBigUInt64LE(2n ** 60n, 512 + 72);
  expect(partitionUuid(readAt, 512, 2)).toBeUndefined();
});

test("a partition of an MBR is named after its disk and its number", () => {
  const disk = Buffer.alloc(1024);
  disk.writeUInt32LE(0x0badcafe, 440);
  disk.writeUInt16LE(0xaa55, 510);
  const readAt = (offset: number, length: number) => disk.subarray(offset, offset + length);
  expect(partitionUuid(readAt, 512, 10)).toBe("0badcafe-0a");
  expect(partitionUuid(() => new Uint8Array(), 512, 1)).toBeUndefined();
});

test.each([
  ["LABEL=pvroot", { by: "LABEL", value: "pvroot" }],
  ['PARTLABEL="a b"', { by: "PARTLABEL", value: "a b" }],
  ["UUID=ABCD-1234", { by: "UUID", value: "ABCD-1234" }],
  ["PARTUUID=0badcafe-01", { by: "PARTUUID", value: "0badcafe-01" }],
  ["/dev/mmcblk0p2", { by: "path", value: "/dev/mmcblk0p2" }],
  ["/dev/disk/LABEL=x", { by: "path", value: "/dev/disk/LABEL=x" }],
] as const)("%p selects as blkid would", (text, selector) => {
  expect(parseDeviceSelector(text)).toEqual(selector);
});

test("a device that never appears is waited for as long as asked, and what there is instead is told", async () => {
  const found = await waitForBlockDevice({ by: "LABEL", value: "no such label" }, 150);
  expect(found).toMatchObject({ ok: false, error: { kind: "deviceNotFound", wanted: "LABEL=no such label" } });
  expect(found.ok ? 0 : found.error.waitedMs).toBeGreaterThanOrEqual(150);
});

test("a path that is no block device is not found", () =>
  expect(findBlockDevice({ by: "path", value: "/dev/null" })).toBeUndefined());

test("a partition's neighbours are those of its disk, by their numbers", () => {
  const sysfs = `${folder}/sys`;
  const disk = `${sysfs}/devices/mmc0/block/mmcblk0`;
  for (const [name, number] of Object.entries({ mmcblk0p4: 4, mmcblk0p1: 1, queue: null })) {
    mkdirSync(`${disk}/${name}`, { recursive: true });
    if (number !== null) writeFileSync(`${disk}/${name}/partition`, `${number}\n`);
  }
  mkdirSync(`${sysfs}/dev/block`, { recursive: true });
  symlinkSync("../../devices/mmc0/block/mmcblk0/mmcblk0p4", `${sysfs}/dev/block/179:4`);
  symlinkSync("../../devices/mmc0/block/mmcblk0", `${sysfs}/dev/block/179:0`);
  const beside = (minor: number) => partitionsBeside({ major: 179, minor }, sysfs);
  expect(beside(4)).toEqual({
    ok: true,
    value: new Map([
      [1, "/dev/mmcblk0p1"],
      [4, "/dev/mmcblk0p4"],
    ]),
  });
  expect(beside(0)).toEqual({ ok: true, value: new Map() });
  expect(beside(9)).toMatchObject({ ok: false, error: { code: "ENOENT" } });
});
