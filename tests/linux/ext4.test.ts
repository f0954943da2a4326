import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { ext4Size, nextExt4Size } from "../../runtime/linux/index.ts";

const folder = mkdtempSync(join(tmpdir(), "cairn-ext4-"));
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  ["4096", "300M", [], { blockBytes: 4096, blocks: 76800, blocksPerGroup: 32768 }],
  ["1024", "20M", ["-O", "^64bit"], { blockBytes: 1024, blocks: 20480, blocksPerGroup: 8192 }],
])("the size of a real ext4 is read: blocks of %s, %s", (block, size, options, expected) => {
  const path = join(folder, `${block}.img`);
  writeFileSync(path, "");
  truncateSync(path, 400 << 20);
  const made = Bun.spawnSync(["mke2fs", "-q", "-F", "-t", "ext4", "-b", block, ...options, path, size], {
    env: { PATH: `${process.env["PATH"]}:/sbin:/usr/sbin` },
  });
  expect(made.exitCode, made.stderr.toString()).toBe(0);
  expect(ext4Size(readFileSync(path).subarray(0, 2048))).toEqual(expected);
});

test("what is no ext4, or cut short, has no size", () => {
  expect([ext4Size(new Uint8Array(2048)), ext4Size(new Uint8Array(100))]).toEqual([undefined, undefined]);
});

test("steps end at the last whole group of the device, each at most as long as was asked for", () => {
  const anySize = fc.record({
    blockBytes: fc.constantFrom(1024, 4096),
    blocks: fc.integer({ min: 1, max: 2 ** 32 }),
    blocksPerGroup: fc.constantFrom(8192, 32768),
  });
  fc.assert(
    fc.property(anySize, fc.integer({ min: 0, max: 100 }), fc.integer({ min: 1, max: 8 }), (size, more, atOnce) => {
      const groupBytes = size.blocksPerGroup * size.blockBytes;
      const deviceBytes = size.blocks * size.blockBytes + more * groupBytes;
      let [blocks, steps] = [size.blocks, 0];
      for (;;) {
        const next = nextExt4Size({ ...size, blocks }, deviceBytes, atOnce * groupBytes);
        if (next === null) break;
        expect(next).toBeGreaterThan(blocks);
        expect(next - blocks).toBeLessThanOrEqual(atOnce * size.blocksPerGroup);
        expect(next * size.blockBytes).toBeLessThanOrEqual(deviceBytes);
        [blocks, steps] = [next, steps + 1];
      }
      expect(deviceBytes - blocks * size.blockBytes).toBeLessThan(groupBytes);
      expect(steps).toBe(Math.ceil((blocks - size.blocks) / size.blocksPerGroup / atOnce));
    }),
  );
});
