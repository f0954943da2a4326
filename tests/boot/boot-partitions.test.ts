import { afterEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Mounting, mountable, openBootPartitions } from "../../runtime/boot/boot-partitions.ts";
import type { SysError } from "../../runtime/linux/index.ts";
import { explainLoader } from "../../runtime/loader/index.ts";
import { err, ok } from "../../runtime/result.ts";
import { emptyFolder, must, mustFail, removeFolders } from "../store/world.ts";

afterEach(removeFolders);

const busy = (call: string): SysError => ({ kind: "sys", call, args: {}, errno: 16, code: "EBUSY" });

/** Notes what is called; the calls in `failing` fail. */
function scene(failing: readonly string[] = []) {
  const folder = join(emptyFolder(), "boot/2");
  const calls: string[] = [];
  const answer = (call: string) => {
    calls.push(call);
    return failing.includes(call) ? err(busy(call)) : ok(undefined);
  };
  const mounting: Mounting = {
    mount: ({ source, target, type }) => answer(`mount ${source} ${type}${target === folder ? "" : " elsewhere"}`),
    umount: (_target, { lazy = false } = {}) => answer(lazy ? "umount lazily" : "umount"),
  };
  return { folder, calls, mounted: mountable("/dev/sdx2", folder, mounting) };
}

test("a partition is mounted only while it is used", async () => {
  const { folder, calls, mounted } = scene();
  const used = await mounted.mounted(async (at) => {
    calls.push(`used ${at === folder && existsSync(at)}`);
    return ok(7);
  });
  expect(must(used)).toBe(7);
  expect(calls).toEqual(["mount /dev/sdx2 vfat", "used true", "umount"]);
});

test("one that cannot be mounted is not used", async () => {
  const { calls, mounted } = scene(["mount /dev/sdx2 vfat"]);
  const error = mustFail(await mounted.mounted(async () => ok(calls.push("used"))));
  expect(explainLoader(error)).toContain("boot partition /dev/sdx2 cannot be mounted");
  expect(calls).toEqual(["mount /dev/sdx2 vfat"]);
});

test("it is unmounted whatever happens in between", async () => {
  const refused = scene();
  const error = { kind: "unsupported", what: "x" } as const;
  expect(mustFail(await refused.mounted.mounted(async () => err(error)))).toEqual(error);
  const thrown = scene();
  const broken = thrown.mounted.mounted(async () => {
    throw new Error("ours");
  });
  await expect(broken).rejects.toThrow("ours");
  for (const { calls } of [refused, thrown]) expect(calls).toEqual(["mount /dev/sdx2 vfat", "umount"]);
});

test("one that stays mounted is an error: its image must not be written then", async () => {
  const { calls, mounted } = scene(["umount"]);
  expect(mustFail(await mounted.mounted(async () => ok(1))).kind).toBe("mount");
  expect(calls).toEqual(["mount /dev/sdx2 vfat", "umount", "umount lazily"]);
});

test("the disk is that of the storage; where that is no partition, there are no boot partitions", async () => {
  expect(mustFail(await openBootPartitions("/proc"))).toContain("/sys/dev/block");
  expect(mustFail(await openBootPartitions(emptyFolder()))).toContain("nothing is mounted at");
});
