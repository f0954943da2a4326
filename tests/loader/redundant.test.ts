import { afterEach, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Area, explainLoader, openArea } from "../../runtime/loader/index.ts";
import { encodeCopy } from "../../runtime/loader/uboot-binary.ts";
import { err } from "../../runtime/result.ts";
import { emptyFolder, must, mustFail, removeFolders, revision } from "../store/world.ts";
import { COPY_BYTES, pairDevice, quickDisk } from "./drivers.ts";

afterEach(removeFolders);

const [one, two] = [revision("1"), revision("2")];

test("only the copy that U-Boot does not take is written, and nothing behind it", async () => {
  const device = pairDevice();
  const loader = await device.open(quickDisk());
  for (let turn = 0; turn < 600; turn += 1) {
    const before = readFileSync(device.path);
    must(await (turn % 2 === 0 ? loader.arm(two) : loader.commit(one)));
    const after = readFileSync(device.path);
    const [first, second] = [0, 1].map((at) => {
      const part = (bytes: Buffer) => bytes.subarray(at * COPY_BYTES, (at + 1) * COPY_BYTES);
      return part(before).equals(part(after));
    });
    expect([first, second]).toEqual(turn % 2 === 0 ? [true, false] : [false, true]);
    expect(device.seen().get("pv_try")).toBe(turn % 2 === 0 ? "2" : undefined);
  }
  expect(
    readFileSync(device.path)
      .subarray(2 * COPY_BYTES)
      .toString(),
  ).toBe("behind");
});

/** A write that a power cut ends after `bytes` of it. */
const cutAfter =
  (bytes: number) =>
  (area: Area): Area => ({
    ...area,
    write: async (at, data) => {
      must(await area.write(at, data.subarray(0, bytes)));
      return err({ kind: "io", call: "write", path: area.path, why: "test", code: "EIO" });
    },
  });

test("a power cut anywhere in a write leaves the old environment or the new one", async () => {
  for (const bytes of [0, 1, 4, 5, 6, 20, 60, 100, 4096, COPY_BYTES - 1, COPY_BYTES]) {
    const device = pairDevice(3);
    must(await (await device.open(quickDisk())).commit(one));
    mustFail(await (await device.open(quickDisk(), cutAfter(bytes))).arm(two));
    expect([bytes, device.seen().get("pv_rev"), device.seen().get("bootdelay")]).toEqual([bytes, "1", "2"]);
    expect(["2", undefined]).toContain(device.seen().get("pv_try"));
    const loader = await device.open(quickDisk());
    must(await loader.arm(two));
    expect(must(await loader.read())).toEqual({ committed: one, trial: two });
  }
});

test("a copy that cannot be read is left out, and written next", async () => {
  const device = pairDevice();
  const unreadable = async () => err({ kind: "io" as const, call: "read", path: "p", why: "t", code: "EIO" });
  let count = 0;
  const loader = await device.open(quickDisk(), (area) => (count++ === 1 ? { ...area, read: unreadable } : area));
  expect(must(await loader.read())).toEqual({ committed: null, trial: null });
  expect(mustFail(await loader.arm(two))).toMatchObject({ kind: "disk" }); // written, and cannot be read back
  expect(device.seen().get("pv_try")).toBe("2");
});

test("without a copy that holds nothing is written: U-Boot's built-in variables would be lost", async () => {
  const device = pairDevice();
  writeFileSync(device.path, Buffer.alloc(2 * COPY_BYTES, 0xff));
  const failed = mustFail(await (await device.open(quickDisk())).arm(two));
  expect(explainLoader(failed)).toContain("if it was never saved, run saveenv in U-Boot once");
  expect(readFileSync(device.path).every((byte) => byte === 0xff)).toBe(true);
});

test("a note of an earlier trial goes with every change, so that the same name can be tried again", async () => {
  const device = pairDevice();
  const loader = await device.open(quickDisk());
  must(await loader.arm(two));
  const { path } = device;
  const noted = new Map([...device.seen(), ["pv_trying", "2"]]);
  writeFileSync(path, Buffer.concat([must(encodeCopy(noted, COPY_BYTES, 1)), must(encodeCopy(noted, COPY_BYTES, 2))]));
  must(await loader.disarm());
  expect(device.seen().has("pv_trying")).toBe(false);
});

test("an area is a part of a file and never leaves it", async () => {
  const path = join(emptyFolder(), "disk");
  writeFileSync(path, "0123456789");
  const area = must(await openArea(path, 2, 4));
  must(await area.write(1, Buffer.from("ab")));
  expect(readFileSync(path, "utf8")).toBe("012ab56789");
  expect(Buffer.from(must(await area.read(0, 4))).toString()).toBe("2ab5");
  expect(mustFail(await area.write(3, Buffer.from("ab"))).code).toBe("beyond the 4 bytes of the area");
  expect(mustFail(await area.read(-1, 2)).code).toBe("beyond the 4 bytes of the area");
  expect(must(await openArea(path, 2, null)).sizeBytes).toBe(8);
  expect(mustFail(await openArea(path, 8, 4)).code).toBe("it ends at byte 10");
  expect(mustFail(await openArea("/dev/null", 0, 4)).kind).toBe("notFile");
  expect(mustFail(await openArea(`${path}x`, 0, 4)).kind).toBe("missing");
});
