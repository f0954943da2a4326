import { afterEach, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import type { ContainerName } from "../../runtime/state/index.ts";
import {
  makeLogFolder,
  makeVolumeFolder,
  openStore,
  prepareStorage,
  realDisk,
  storageSpace,
} from "../../runtime/store/index.ts";
import { watchfulDisk } from "./disks.ts";
import { emptyFolder, must, mustFail, removeFolders, revision } from "./world.ts";

afterEach(removeFolders);

const web = "web" as ContainerName;

test("an empty disk gets the tree and its marker, durably; a second time nothing is written", async () => {
  const { disk, losable } = watchfulDisk(realDisk);
  const store = openStore(disk, emptyFolder());
  must(await prepareStorage(store));
  expect(losable()).toEqual([]);
  expect(readdirSync(store.root, { recursive: true }).map(String).sort()).toEqual([
    ".pvmounted",
    "cache",
    "cache/devmeta",
    "cache/meta",
    "config",
    "disks",
    "disks/perm",
    "disks/rev",
    "logs",
    "objects",
    "trails",
  ]);
  const refuse = async (): Promise<never> => {
    throw new Error("wrote");
  };
  must(await prepareStorage(openStore({ ...realDisk, create: refuse, mkdir: refuse, fsync: refuse }, store.root)));
});

describe("storage of a container", () => {
  test("is permanent or its revision's", async () => {
    const store = openStore(realDisk, emptyFolder());
    const made = async (owner: ContainerName | "bsp", rev: string | null): Promise<string> =>
      must(
        await makeVolumeFolder(store, { owner, volume: "docker--var-lib", rev: rev === null ? null : revision(rev) }),
      );
    expect(await made(web, null)).toBe(`${store.root}/disks/perm/web/docker--var-lib`);
    expect(await made("bsp", "7")).toBe(`${store.root}/disks/rev/7/bsp/docker--var-lib`);
    expect(await made(web, "locals/x")).toBe(`${store.root}/disks/rev/locals/x/web/docker--var-lib`);
    expect(must(await realDisk.stat("test", await made(web, null))).type).toBe("folder");
  });

  test.each(["", ".", "..", "a/b", "/etc", "a\0b"])("refuses the name %p", async (volume) => {
    const store = openStore(realDisk, emptyFolder());
    expect(mustFail(await makeVolumeFolder(store, { owner: web, volume, rev: null }))).toEqual({
      kind: "badVolumeName",
      volume,
    });
    expect(readdirSync(store.root)).toEqual([]);
  });
});

test("logs of a revision have their folder", async () => {
  const store = openStore(realDisk, emptyFolder());
  expect(must(await makeLogFolder(store, revision("locals/x")))).toBe(`${store.root}/logs/locals/x`);
});

test("the reserve is a percentage of the total, and what is free above it never below 0", async () => {
  const on = (freeBytes: number) =>
    openStore({ ...realDisk, space: async () => ({ ok: true, value: { totalBytes: 1000, freeBytes } }) }, "/x");
  expect(must(await storageSpace(on(300), 5))).toEqual({
    totalBytes: 1000,
    freeBytes: 300,
    reservedBytes: 50,
    realFreeBytes: 250,
  });
  expect(must(await storageSpace(on(30), 5)).realFreeBytes).toBe(0);
});
