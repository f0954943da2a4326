import { afterAll, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { growLastPartition, MBR_BYTES } from "../../runtime/linux/index.ts";

const folder = mkdtempSync(join(tmpdir(), "cairn-mbr-"));
afterAll(() => rmSync(folder, { recursive: true }));

const MIB = 2048;
const disk = join(folder, "disk.img");
const env = { PATH: `${process.env["PATH"]}:/sbin:/usr/sbin` };

/** The first sector of a disk with this table, as sfdisk writes it. */
function mbr(diskMib: number, label: "dos" | "gpt", ...partitions: readonly string[]): Uint8Array {
  writeFileSync(disk, "");
  truncateSync(disk, diskMib * 1024 * 1024);
  const stdin = Buffer.from([`label: ${label}`, ...partitions, ""].join("\n"));
  const made = Bun.spawnSync(["sfdisk", "--quiet", disk], { stdin, env });
  expect(made.exitCode, made.stderr.toString()).toBe(0);
  const sector = new Uint8Array(MBR_BYTES);
  const file = openSync(disk, "r");
  readSync(file, sector);
  closeSync(file);
  return sector;
}

interface Read {
  readonly start: number;
  readonly size: number;
  readonly type: string;
}
function partitionsOf(sector: Uint8Array, diskMib: number): readonly Read[] {
  writeFileSync(disk, sector);
  truncateSync(disk, diskMib * 1024 * 1024);
  const shown = Bun.spawnSync(["sfdisk", "--json", disk], { env });
  expect(shown.exitCode, shown.stderr.toString()).toBe(0);
  return JSON.parse(shown.stdout.toString()).partitiontable.partitions;
}

const boot = `start=${MIB}, size=${32 * MIB}, type=c, bootable`;
const storage = `start=${33 * MIB}, size=${100 * MIB}, type=linux`;

test("the last partition reaches to the end of a larger disk, and sfdisk reads the rest as it was", () => {
  const sector = mbr(200, "dos", boot, storage);
  const grown = growLastPartition(sector, 2, 3000 * MIB + 5);
  if (!grown.ok || grown.value === null) throw new Error("it should have grown");
  const [before, after] = [partitionsOf(sector, 200), partitionsOf(grown.value.sector, 3001)];
  expect(grown.value.sectors).toBe((3000 - 33) * MIB);
  expect(after).toEqual(before.map((each, index) => (index === 1 ? { ...each, size: (3000 - 33) * MIB } : each)));
  expect(growLastPartition(grown.value.sector, 2, 3000 * MIB + 5)).toEqual({ ok: true, value: null });
});

test("a disk that is smaller than its partitions changes nothing", () => {
  expect(growLastPartition(mbr(200, "dos", boot, storage), 2, 40 * MIB)).toEqual({ ok: true, value: null });
});

test.each([
  ["another partition is behind", 1, () => mbr(200, "dos", boot, storage), "another partition is behind partition 1"],
  ["it is a logical one", 5, () => mbr(200, "dos", boot, storage), "partition 5 is no primary one of the disk's MBR"],
  ["there is none", 3, () => mbr(200, "dos", boot, storage), "partition 3 is no primary one of the disk's MBR"],
  ["the disk has a GPT", 1, () => mbr(200, "gpt", storage), "the disk has a GPT; only an MBR is rewritten"],
  ["the disk has no table", 1, () => new Uint8Array(MBR_BYTES), "the disk has no MBR"],
  ["the sector is cut short", 1, () => new Uint8Array(100), "the disk has no MBR"],
])("%s: it says so", (_case, number, sector, error) => {
  expect(growLastPartition(sector(), number, 3000 * MIB)).toEqual({ ok: false, error });
});

test("whatever is in the sector, only the size of that partition changes, and it never shrinks", () => {
  const sizeAt = (number: number): number => 446 + (number - 1) * 16 + 12;
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 446 + 64, maxLength: 446 + 64 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 0, max: 2 ** 40 }),
      (bytes, number, sectors) => {
        const sector = Buffer.from([...bytes, 0x55, 0xaa]);
        const grown = growLastPartition(sector, number, sectors);
        if (!grown.ok || grown.value === null) return;
        const after = Buffer.from(grown.value.sector);
        expect(after.readUInt32LE(sizeAt(number))).toBeGreaterThan(sector.readUInt32LE(sizeAt(number)));
        const changed = [...after.keys()].filter((at) => after[at] !== sector[at]);
        const from = sizeAt(number) - 7; // the last sector in CHS
        expect(changed.filter((at) => at < from || at >= sizeAt(number) + 4)).toEqual([]);
      },
    ),
  );
});
