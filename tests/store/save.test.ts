import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { err } from "../../runtime/result.ts";
import { type Disk, type DiskError, type DiskResult, readFile, realDisk, saveFile } from "../../runtime/store/index.ts";
import { makeFolders } from "../../runtime/store/save.ts";
import { faultyDisk, smallDisk, watchfulDisk } from "./disks.ts";
import { emptyFolder, must, mustFail, read, removeFolders, tree } from "./world.ts";

afterEach(removeFolders);

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("saveFile", () => {
  test("makes missing folders and leaves nothing that a power cut could lose", async () => {
    const root = emptyFolder();
    const { disk, losable } = watchfulDisk(realDisk);
    must(await saveFile(disk, "test", `${root}/a/b/c`, bytes("x")));
    expect(tree(root)).toEqual({ "a/b/c": "x" });
    expect(losable()).toEqual([]);
  });

  test("whichever call fails, the file is old or new and whole, and the next attempt ends well and durable", async () => {
    for (const after of ["once", "dead"] as const) {
      for (let at = 0; ; at += 1) {
        const root = emptyFolder();
        mkdirSync(`${root}/d`);
        writeFileSync(`${root}/d/f`, "old");
        const before = watchfulDisk(realDisk);
        const faulty = faultyDisk(before.disk, { at, kind: "io", after });
        const saved = await saveFile(faulty.disk, "test", `${root}/d/f`, bytes("new"));
        if (faulty.struck() === null) {
          expect(at).toBeGreaterThan(4);
          break;
        }
        expect(mustFail(saved).kind).toBe("io");
        expect(["old", "new"]).toContain(read(root, "d/f"));
        if (after === "once") expect(Object.keys(tree(root))).toEqual(["d/f"]);
        const { disk, losable } = after === "dead" ? watchfulDisk(realDisk) : before;
        must(await saveFile(disk, "test", `${root}/d/f`, bytes("new")));
        expect(tree(root)).toEqual({ "d/f": "new" });
        expect(losable()).toEqual([]);
      }
    }
  });

  test("folders that could not be made durable are made again", async () => {
    for (let at = 0; ; at += 1) {
      const root = emptyFolder();
      const { disk, losable } = watchfulDisk(realDisk);
      const faulty = faultyDisk(disk, { at, kind: "io", after: "once" });
      await saveFile(faulty.disk, "test", `${root}/a/b/c`, bytes("x"));
      if (faulty.struck() === null) break;
      must(await saveFile(disk, "test", `${root}/a/b/c`, bytes("x")));
      expect([faulty.struck(), losable()]).toEqual([faulty.struck(), []]);
    }
  });

  test.each(["saveFile", "makeFolders"] as const)(
    "%s makes folders durable that an earlier attempt could neither keep nor take back",
    async (way) => {
      const root = emptyFolder();
      const { disk, losable } = watchfulDisk(realDisk);
      let broken = true;
      const io = (call: string, path: string): DiskError => ({ kind: "io", call, why: "test", path, code: "EIO" });
      const moody: Disk = {
        ...disk,
        fsync: async (why, path) => (broken ? err(io("fsync", path)) : disk.fsync(why, path)),
        rmdir: async (why, path) => (broken ? err(io("rmdir", path)) : disk.rmdir(why, path)),
      };
      const attempt = (): DiskResult<unknown> =>
        way === "saveFile"
          ? saveFile(moody, "test", `${root}/a/b/f`, bytes("x"))
          : makeFolders(moody, "test", root, "a/b");
      for (let count = 0; count < 2; count += 1) expect(mustFail(await attempt())).toMatchObject({ call: "fsync" });
      broken = false;
      must(await attempt());
      expect(losable()).toEqual([]);
    },
  );

  test("a folder in doubt that was removed meanwhile is in nobody's way", async () => {
    const root = emptyFolder();
    let broken = true;
    const io: DiskError = { kind: "io", call: "fsync", why: "test", path: root, code: "EIO" };
    const moody: Disk = {
      ...realDisk,
      fsync: async (why, path) => (broken ? err(io) : realDisk.fsync(why, path)),
      rmdir: async (why, path) => (broken ? err(io) : realDisk.rmdir(why, path)),
    };
    mustFail(await makeFolders(moody, "test", root, "a/b"));
    broken = false;
    rmSync(`${root}/a`, { recursive: true });
    must(await makeFolders(moody, "test", root, "a/b"));
    must(await saveFile(moody, "test", `${root}/a/b/f`, bytes("x")));
    expect(tree(root)).toEqual({ "a/b/f": "x" });
  });

  test("on a full disk the old file stays and no temporary one does", async () => {
    const root = emptyFolder();
    must(await saveFile(realDisk, "test", `${root}/f`, bytes("old")));
    const failed = await saveFile(smallDisk(realDisk, 3), "test", `${root}/f`, bytes("four"));
    expect(mustFail(failed)).toMatchObject({ kind: "noSpace", why: "test" });
    expect(tree(root)).toEqual({ f: "old" });
  });

  test("calls for one path take effect in their order", async () => {
    const root = emptyFolder();
    const texts = Array.from({ length: 20 }, (_, n) => `version ${n}`);
    const saved = await Promise.all(texts.map((text) => saveFile(realDisk, "test", `${root}/f`, bytes(text))));
    saved.forEach(must);
    expect(tree(root)).toEqual({ f: "version 19" });
  });

  test("writes the file's permission bits", async () => {
    const root = emptyFolder();
    must(await saveFile(realDisk, "test", `${root}/secret`, bytes("x"), 0o600));
    expect((await Bun.file(`${root}/secret`).stat()).mode & 0o777).toBe(0o600);
  });
});

describe("makeFolders", () => {
  test.each(["symlink", "notFolder"] as const)("refuses a %s on the way and makes nothing behind it", async (kind) => {
    const [root, elsewhere] = [emptyFolder(), emptyFolder()];
    if (kind === "symlink") symlinkSync(elsewhere, `${root}/a`);
    else writeFileSync(`${root}/a`, "");
    expect(mustFail(await makeFolders(realDisk, "test", root, "a/b")).kind).toBe(kind);
    expect(must(await realDisk.list("test", elsewhere))).toEqual([]);
  });
});

test("readFile gives a whole file up to its limit, and refuses one that is larger", async () => {
  const root = emptyFolder();
  writeFileSync(`${root}/f`, "12345");
  expect(must(await readFile(realDisk, "test", `${root}/f`, 5))).toEqual(bytes("12345"));
  expect(mustFail(await readFile(realDisk, "test", `${root}/f`, 4)).kind).toBe("tooLarge");
});
