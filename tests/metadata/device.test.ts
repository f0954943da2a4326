import { afterEach, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { explainDeviceMeta, openDeviceMeta, openMetadata, pairsIn } from "../../runtime/metadata/index.ts";
import { cpuModelIn } from "../../runtime/metadata/machine.ts";
import { realDisk } from "../../runtime/store/index.ts";
import { watchfulDisk } from "../store/disks.ts";
import { emptyFolder, must, mustFail, removeFolders } from "../store/world.ts";

afterEach(removeFolders);

async function world() {
  const top = emptyFolder();
  const mirror = join(top, "device-meta");
  const warn = (message: string) => expect.unreachable(message);
  const kept = await openMetadata({ disk: watchfulDisk(realDisk).disk, folder: join(top, "cache"), mirror, warn });
  kept.show([]);
  let status = "STARTED";
  const device = openDeviceMeta(
    kept,
    {
      constant: new Map([["pantavisor.version", "1.2.3"]]),
      changing: async () => new Map([["pantavisor.status", status]]),
    },
    { folder: mirror, warn },
  );
  return {
    kept,
    device,
    mirror,
    cache: join(top, "cache"),
    becomes: (next: string) => {
      status = next;
    },
  };
}

test("says what the reference names of the machine, as it is at the moment", async () => {
  const { device, becomes } = await world();
  const entries = await device.entries();
  expect(entries.get("pantavisor.arch")).toMatch(/^(?:x86_64|aarch64)\/64\/EL$/);
  expect(entries.get("pantavisor.version")).toBe("1.2.3");
  expect(entries.get("pantavisor.status")).toBe("STARTED");
  const parsed = (key: string) => JSON.parse(entries.get(key) ?? "null");
  expect(Object.keys(parsed("pantavisor.uname"))).toEqual([
    "kernel.name",
    "kernel.release",
    "kernel.version",
    "node.name",
    "machine",
  ]);
  expect(Object.keys(parsed("sysinfo")).toSorted()).toEqual(
    [
      ...["uptime", "loads.0", "loads.1", "loads.2", "totalram", "freeram", "sharedram", "bufferram", "totalswap"],
      ...["freeswap", "procs", "totalhigh", "freehigh", "mem_unit"],
    ].toSorted(),
  );
  const ramKiB = Number(/MemTotal:\s+(\d+) kB/.exec(readFileSync("/proc/meminfo", "utf8"))?.[1]);
  expect((parsed("sysinfo").totalram * parsed("sysinfo").mem_unit) / 1024).toBe(ramKiB);
  expect(Math.abs(parsed("time").timeval.tv_sec - Date.now() / 1000)).toBeLessThan(5);
  for (const key of Object.keys(parsed("interfaces"))) expect(key).toMatch(/\.(?:ipv4|ipv6|mac)$/);
  becomes("READY");
  expect((await device.entries()).get("pantavisor.status")).toBe("READY");
});

test("asking writes nothing to storage, and what never changes is a file for containers", async () => {
  const { device, cache, mirror } = await world();
  await device.entries();
  expect(() => readdirSync(cache)).toThrow("ENOENT");
  expect(readdirSync(mirror)).toContain("pantavisor.arch");
  expect(readFileSync(join(mirror, "pantavisor.version"), "utf8")).toBe("1.2.3");
});

test("what others write is kept beside it", async () => {
  const { device, kept, mirror } = await world();
  must(await device.set("board.serial", "42"));
  expect((await device.entries()).get("board.serial")).toBe("42");
  expect(readFileSync(join(mirror, "board.serial"), "utf8")).toBe("42");
  expect(must(await device.remove("board.serial"))).toBe(true);
  expect(kept.entries.size).toBe(0);
});

test.each(["interfaces", "storage", "sysinfo", "time", "pantavisor.revision", "pantahub.claimed"])(
  "%s is the runtime's own: nobody else writes or removes it",
  async (key) => {
    const { device, kept } = await world();
    must(await kept.set(key, "left by an earlier runtime"));
    expect(explainDeviceMeta(mustFail(await device.set(key, "x")))).toBe(`${key} is written by the runtime itself`);
    expect(mustFail(await device.remove(key)).kind).toBe("ownKey");
    expect((await device.entries()).get(key)).not.toBe("left by an earlier runtime");
  },
);

test("the pairs of a JSON object, texts as they are and other values as JSON", () => {
  expect(must(pairsIn('{"a":"1","b":2,"c":{"d":[null]},"__proto__":"x"}'))).toEqual([
    ["a", "1"],
    ["b", "2"],
    ["c", '{"d":[null]}'],
    ["__proto__", "x"],
  ]);
  for (const text of ["", "[]", "null", '"a"', "{", "1"]) expect(pairsIn(text).ok).toBe(false);
});

test.each([
  [
    "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Fast CPU @ 3 GHz\nmodel name\t: other\n",
    "Fast CPU @ 3 GHz",
  ],
  ["processor\t: 0\nBogoMIPS\t: 108.00\n\nHardware\t: BCM2835\nModel\t\t: Raspberry Pi 4\n", "BCM2835"],
  ["processor\t: 0\nBogoMIPS\t: 125.00\n", null],
])("the processor of %j is %p", (text, model) => {
  expect(cpuModelIn(text)).toBe(model);
});
