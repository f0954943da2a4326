import { expect, test } from "bun:test";
import type { Disk } from "../../runtime/store/index.ts";
import { must, mustFail } from "./world.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array): string => new TextDecoder().decode(data);

/** What every disk must do, the simulated one as the real one; `open` gives a disk and an empty folder on it. */
export function diskContract(open: () => { disk: Disk; root: string }): void {
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

  test("two names are exchanged in one step: each inode keeps its bytes and its count of names", async () => {
    const { disk, root } = open();
    await write(disk, `${root}/a`, "one");
    await write(disk, `${root}/b`, "other");
    must(await disk.link("test", `${root}/b`, `${root}/c`));
    const before = must(await disk.stat("test", `${root}/a`));
    must(await disk.exchange("test", `${root}/a`, `${root}/b`));
    expect([await contents(disk, `${root}/a`), await contents(disk, `${root}/b`)]).toEqual(["other", "one"]);
    expect(must(await disk.stat("test", `${root}/b`)).inode).toBe(before.inode);
    expect(must(await disk.stat("test", `${root}/a`)).links).toBe(2);
    must(await disk.exchange("test", `${root}/a`, `${root}/c`));
    must(await disk.exchange("test", `${root}/a`, `${root}/a`));
    expect(must(await disk.list("test", root))).toEqual(["a", "b", "c"]);
    expect(await contents(disk, `${root}/a`)).toBe("other");
  });

  test("a file that was removed while it was open goes on giving its bytes, without a name", async () => {
    const { disk, root } = open();
    await write(disk, `${root}/a`, "kept");
    const reader = must(await disk.open("test", `${root}/a`));
    must(await disk.unlink("test", `${root}/a`));
    await write(disk, `${root}/a`, "new");
    const into = new Uint8Array(8);
    expect(must(await reader.read(into, 0))).toBe(4);
    expect(text(into.subarray(0, 4))).toBe("kept");
    expect(must(await reader.stat()).links).toBe(0);
    must(await reader.close());
    expect(await contents(disk, `${root}/a`)).toBe("new");
  });

  test("a new file can be moved and removed while it is written", async () => {
    const { disk, root } = open();
    const file = must(await disk.create("test", `${root}/a`, 0o644));
    must(await file.write(bytes("be")));
    must(await disk.rename("test", `${root}/a`, `${root}/b`));
    must(await file.write(bytes("fore")));
    expect(await contents(disk, `${root}/b`)).toBe("before");
    must(await disk.unlink("test", `${root}/b`));
    must(await file.write(bytes("!")));
    must(await file.fsync());
    must(await file.close());
    expect(must(await disk.list("test", root))).toEqual([]);
  });

  test("a folder moves with what is in it, onto an empty one too; links on the way are followed", async () => {
    const { disk, root } = open();
    for (const name of ["from", "to"]) must(await disk.mkdir("test", `${root}/${name}`, 0o755));
    await write(disk, `${root}/from/a`, "x");
    must(await disk.rename("test", `${root}/from`, `${root}/to`));
    must(await disk.symlink("test", "to", `${root}/link`));
    must(await disk.symlink("test", `${root}/link`, `${root}/absolute`));
    expect(await contents(disk, `${root}/absolute/a`)).toBe("x");
    await write(disk, `${root}/link/b`, "y");
    expect(must(await disk.list("test", `${root}/to`))).toEqual(["a", "b"]);
    expect(must(await disk.list("test", root))).toEqual(["absolute", "link", "to"]);
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
    ["list a missing folder", "missing", (d, r) => d.list("test", `${r}/none`)],
    ["fsync a file as a folder", "notFolder", (d, r) => d.fsync("test", `${r}/file`)],
    ["create below a file", "notFolder", (d, r) => d.create("test", `${r}/file/x`, 0o644)],
    ["create over a folder", "exists", (d, r) => d.create("test", `${r}/folder`, 0o644)],
    ["rename into a missing folder", "missing", (d, r) => d.rename("test", `${r}/file`, `${r}/none/x`)],
    ["rename a folder onto a file", "notFolder", (d, r) => d.rename("test", `${r}/folder`, `${r}/file`)],
    ["rename a folder onto its own file's place", "other", (d, r) => d.rename("test", `${r}/folder`, `${r}/folder/x`)],
    [
      "rename what is inside onto its folder",
      "notEmpty",
      (d, r) => d.rename("test", `${r}/folder/inside`, `${r}/folder`),
    ],
    ["exchange with a missing file", "missing", (d, r) => d.exchange("test", `${r}/file`, `${r}/none`)],
    ["exchange a missing file", "missing", (d, r) => d.exchange("test", `${r}/none`, `${r}/file`)],
    ["link over a file", "exists", (d, r) => d.link("test", `${r}/file`, `${r}/folder/inside`)],
    ["link a folder", "denied", (d, r) => d.link("test", `${r}/folder`, `${r}/x`)],
    ["readlink a missing name", "missing", (d, r) => d.readlink("test", `${r}/none`)],
    ["readlink a folder", "notLink", (d, r) => d.readlink("test", `${r}/folder`)],
    ["unlink below a file", "notFolder", (d, r) => d.unlink("test", `${r}/file/x`)],
    ["rmdir a file", "notFolder", (d, r) => d.rmdir("test", `${r}/file`)],
    ["rmdir a missing folder", "missing", (d, r) => d.rmdir("test", `${r}/none`)],
    ["stat through a link to itself", "symlink", (d, r) => d.stat("test", `${r}/loop/x`)],
    ["open a link to itself", "symlink", (d, r) => d.open("test", `${r}/loop`)],
    ["space of a missing folder", "missing", (d, r) => d.space("test", `${r}/none`)],
  ];
  test.each(failures)("%s: %s, with purpose and path", async (_name, kind, act) => {
    const { disk, root } = open();
    must(await disk.mkdir("test", `${root}/folder`, 0o755));
    await write(disk, `${root}/folder/inside`, "x");
    await write(disk, `${root}/file`, "x");
    must(await disk.symlink("test", "loop", `${root}/loop`));
    expect(await act(disk, root)).toMatchObject({
      ok: false,
      error: { kind, why: "test", path: expect.stringContaining(root) },
    });
  });
}
