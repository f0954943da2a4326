import { afterEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { type Disk, explainDiskError, realDisk } from "../../runtime/store/index.ts";
import { emptyFolder, must, mustFail, removeFolders } from "./world.ts";

afterEach(removeFolders);

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array): string => new TextDecoder().decode(data);

/** What every disk must do, the simulated one as the real one; `open` gives a disk and an empty folder on it. */
function diskContract(open: () => { disk: Disk; root: string }): void {
  const write = async (disk: Disk, path: string, content: string): Promise<void> => {
    const file = must(await disk.create("test", path, 0o644));
    must(await file.write(bytes(content)));
    must(await file.fsync());
    must(await file.close());
  };
  const contents = async (disk: Disk, path: string): Promise<string> => {
    const file = must(await disk.open("test", path));
    const into = new Uint8Array(64);
    const count = must(await file.read(into, 0));
    must(await file.close());
    return text(into.subarray(0, count));
  };

  test("a file has the bytes that were written to it, in order, and reads from any place", async () => {
    const { disk, root } = open();
    const file = must(await disk.create("test", `${root}/a`, 0o600));
    must(await file.write(bytes("one ")));
    must(await file.write(bytes("two")));
    must(await file.close());
    const reader = must(await disk.open("test", `${root}/a`));
    const into = new Uint8Array(3);
    expect(must(await reader.read(into, 4))).toBe(3);
    expect(text(into)).toBe("two");
    expect(must(await reader.read(into, 7))).toBe(0);
    expect(reader.info).toMatchObject({ type: "file", sizeBytes: 7, links: 1 });
    must(await disk.link("test", `${root}/a`, `${root}/b`));
    expect([must(await reader.stat()).links, reader.info.links]).toEqual([2, 1]);
    must(await reader.close());
  });

  test("an open file goes on giving its bytes after another was renamed over it", async () => {
    const { disk, root } = open();
    await write(disk, `${root}/a`, "old");
    await write(disk, `${root}/b`, "new");
    const reader = must(await disk.open("test", `${root}/a`));
    must(await disk.rename("test", `${root}/b`, `${root}/a`));
    const into = new Uint8Array(3);
    must(await reader.read(into, 0));
    must(await reader.close());
    expect([text(into), await contents(disk, `${root}/a`)]).toEqual(["old", "new"]);
    expect(must(await disk.list("test", root))).toEqual(["a"]);
  });

  test("create refuses any name that is taken, a dangling link's too", async () => {
    const { disk, root } = open();
    await write(disk, `${root}/a`, "old");
    must(await disk.symlink("test", "nowhere", `${root}/link`));
    for (const name of ["a", "link"]) {
      expect(mustFail(await disk.create("test", `${root}/${name}`, 0o644)).kind).toBe("exists");
    }
    expect(await contents(disk, `${root}/a`)).toBe("old");
  });

  test("a hard link is the same inode, counted; it refuses a taken name", async () => {
    const { disk, root } = open();
    await write(disk, `${root}/a`, "x");
    must(await disk.link("test", `${root}/a`, `${root}/b`));
    const [a, b] = [must(await disk.stat("test", `${root}/a`)), must(await disk.stat("test", `${root}/b`))];
    expect([b.inode, b.device, b.links]).toEqual([a.inode, a.device, 2]);
    expect(mustFail(await disk.link("test", `${root}/a`, `${root}/b`)).kind).toBe("exists");
    must(await disk.unlink("test", `${root}/a`));
    expect(must(await disk.stat("test", `${root}/b`)).links).toBe(1);
  });

  test("renaming a name of an inode onto another name of it leaves both", async () => {
    const { disk, root } = open();
    await write(disk, `${root}/a`, "x");
    must(await disk.link("test", `${root}/a`, `${root}/b`));
    must(await disk.rename("test", `${root}/a`, `${root}/b`));
    expect(must(await disk.list("test", root))).toEqual(["a", "b"]);
  });

  test("a symbolic link is seen, read, replaced and removed, never followed", async () => {
    const { disk, root } = open();
    await write(disk, `${root}/a`, "x");
    must(await disk.symlink("test", "a", `${root}/link`));
    expect(must(await disk.stat("test", `${root}/link`)).type).toBe("symlink");
    expect(must(await disk.readlink("test", `${root}/link`))).toBe("a");
    expect(mustFail(await disk.open("test", `${root}/link`)).kind).toBe("symlink");
    must(await disk.symlink("test", "b", `${root}/other`));
    must(await disk.rename("test", `${root}/other`, `${root}/link`));
    expect(must(await disk.readlink("test", `${root}/link`))).toBe("b");
    must(await disk.unlink("test", `${root}/link`));
    expect(must(await disk.list("test", root))).toEqual(["a"]);
    expect(mustFail(await disk.readlink("test", `${root}/a`)).kind).toBe("notLink");
  });

  test("a change of a file shows in its times or size", async () => {
    const { disk, root } = open();
    await write(disk, `${root}/a`, "x");
    const before = must(await disk.stat("test", `${root}/a`));
    await Bun.sleep(20); // the kernel's clock for time stamps ticks every 4 to 10 ms
    must(await disk.link("test", `${root}/a`, `${root}/b`));
    expect(must(await disk.stat("test", `${root}/a`)).ctimeNs).toBeGreaterThan(before.ctimeNs);
  });

  test("folders are made, listed in order, fsynced and removed", async () => {
    const { disk, root } = open();
    for (const name of ["b", "a"]) must(await disk.mkdir("test", `${root}/${name}`, 0o755));
    expect(must(await disk.list("test", root))).toEqual(["a", "b"]);
    expect(must(await disk.stat("test", `${root}/a`)).type).toBe("folder");
    must(await disk.fsync("test", root));
    must(await disk.rmdir("test", `${root}/a`));
    expect(must(await disk.list("test", root))).toEqual(["b"]);
  });

  test("space is known in bytes, and free is part of total", async () => {
    const { disk, root } = open();
    const { totalBytes, freeBytes } = must(await disk.space("test", root));
    expect(freeBytes).toBeGreaterThan(0);
    expect(totalBytes).toBeGreaterThanOrEqual(freeBytes);
  });

  const failures: readonly [string, string, (disk: Disk, root: string) => Promise<{ ok: boolean }>][] = [
    ["open a missing file", "missing", (d, r) => d.open("test", `${r}/none`)],
    ["open a folder", "isFolder", (d, r) => d.open("test", `${r}/folder`)],
    ["open below a file", "notFolder", (d, r) => d.open("test", `${r}/file/x`)],
    ["create in a missing folder", "missing", (d, r) => d.create("test", `${r}/none/x`, 0o644)],
    ["create a name of 300 bytes", "nameTooLong", (d, r) => d.create("test", `${r}/${"x".repeat(300)}`, 0o644)],
    ["fsync a missing folder", "missing", (d, r) => d.fsync("test", `${r}/none`)],
    ["rename a missing file", "missing", (d, r) => d.rename("test", `${r}/none`, `${r}/x`)],
    ["rename a file onto a folder", "isFolder", (d, r) => d.rename("test", `${r}/file`, `${r}/folder`)],
    ["link a missing file", "missing", (d, r) => d.link("test", `${r}/none`, `${r}/x`)],
    ["symlink over a file", "exists", (d, r) => d.symlink("test", "x", `${r}/file`)],
    ["unlink a missing file", "missing", (d, r) => d.unlink("test", `${r}/none`)],
    ["unlink a folder", "isFolder", (d, r) => d.unlink("test", `${r}/folder`)],
    ["mkdir a taken name", "exists", (d, r) => d.mkdir("test", `${r}/folder`, 0o755)],
    ["mkdir below nothing", "missing", (d, r) => d.mkdir("test", `${r}/none/x`, 0o755)],
    ["rmdir a folder with files", "notEmpty", (d, r) => d.rmdir("test", `${r}/folder`)],
    ["stat a missing file", "missing", (d, r) => d.stat("test", `${r}/none`)],
    ["list a file", "notFolder", (d, r) => d.list("test", `${r}/file`)],
  ];
  test.each(failures)("%s: %s, with purpose and path", async (_name, kind, act) => {
    const { disk, root } = open();
    must(await disk.mkdir("test", `${root}/folder`, 0o755));
    await write(disk, `${root}/folder/inside`, "x");
    await write(disk, `${root}/file`, "x");
    expect(await act(disk, root)).toMatchObject({
      ok: false,
      error: { kind, why: "test", path: expect.stringContaining(root) },
    });
  });
}

describe.each([["real", () => ({ disk: realDisk, root: emptyFolder() })]] as const)("Disk, %s", (_name, open) =>
  diskContract(open),
);

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
