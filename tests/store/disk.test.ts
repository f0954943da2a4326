import { afterEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { explainDiskError, realDisk } from "../../runtime/store/index.ts";
import { diskContract } from "./disk-contract.ts";
import { emptyFolder, must, mustFail, removeFolders } from "./world.ts";

afterEach(removeFolders);

describe("Disk, real", () => diskContract(() => ({ disk: realDisk, root: emptyFolder() })));

describe("the real disk", () => {
  test("lists names of any bytes, each as one that its other calls understand", async () => {
    const root = emptyFolder();
    const names = [
      [0xff],
      [0x61, 0xc3],
      [0xed, 0xa0, 0x80],
      [0xef, 0xbf, 0xbd],
      [0xc3, 0xa4],
      [0xef, 0xbf, 0xbd, 0x80],
    ];
    for (const name of names) {
      writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name)]) as unknown as string, "");
    }
    const listed = must(await realDisk.list("test", root));
    expect(new Set(listed).size).toBe(names.length);
    expect(listed).toContain("\u00e4");
    expect(listed).toContain("\ufffd");
    for (const name of listed) {
      expect(must(await realDisk.stat("test", `${root}/${name}`)).type).toBe("file");
      must(await realDisk.rename("test", `${root}/${name}`, `${root}/moved`));
      must(await realDisk.rename("test", `${root}/moved`, `${root}/${name}`));
    }
    expect(must(await realDisk.list("test", root))).toEqual(listed);
    for (const name of listed) must(await realDisk.unlink("test", `${root}/${name}`));
    expect(must(await realDisk.list("test", root))).toEqual([]);
  });

  test("a FIFO without a writer is refused at once", async () => {
    const root = emptyFolder();
    expect(spawnSync("mkfifo", [`${root}/fifo`]).status).toBe(0);
    expect(mustFail(await realDisk.open("test", `${root}/fifo`)).kind).toBe("notFile");
  });

  test("a full device gives noSpace, and its sentence says what to do", async () => {
    const root = emptyFolder();
    mkdirSync(`${root}/x`);
    const error = { kind: "noSpace", call: "write", path: "/storage/objects/x", why: "store/object", code: "ENOSPC" };
    expect(explainDiskError(error as Parameters<typeof explainDiskError>[0])).toBe(
      "store/object: write /storage/objects/x: ENOSPC (free space by removing revisions that are not kept, then try again)",
    );
  });

  test("a path with a NUL byte is our own mistake and throws", () => {
    writeFileSync(`${emptyFolder()}/a`, "");
    expect(realDisk.stat("test", "/tmp/a\0b")).rejects.toThrow();
  });
});
