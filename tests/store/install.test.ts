import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, lstatSync, mkdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import {
  type DiskFault,
  installRevision,
  newHashCache,
  openStore,
  putObject,
  readPrevious,
  readState,
  realDisk,
  type Store,
  validate,
  validateBootFiles,
} from "../../runtime/store/index.ts";
import { faultyDisk, watchfulDisk } from "./disks.ts";
import {
  emptyFolder,
  type Files,
  files,
  inode,
  links,
  must,
  mustFail,
  putObjects,
  read,
  removeFolders,
  revision,
  sha256,
  stateOf,
  stateText,
  stream,
  trailOf,
  tree,
} from "./world.ts";

afterEach(removeFolders);

const rev = revision("7");
const state = stateOf(files);

/** A store that holds the objects of {@link files}. */
async function stocked(): Promise<Store> {
  const root = emptyFolder();
  await putObjects(root, files);
  return openStore(realDisk, root);
}

function trail(root: string): Record<string, string> {
  const { [".pvr/config"]: _config, ...rest } = existsSync(`${root}/trails/7`) ? tree(`${root}/trails/7`) : {};
  return rest;
}

async function expectComplete(root: string): Promise<void> {
  expect(trail(root)).toEqual(trailOf(files));
  const checked = await validate(openStore(realDisk, root), rev, state, { trustVerity: false, hashes: newHashCache() });
  expect(checked).toEqual({ problems: [], mended: [] });
}

describe("installRevision", () => {
  test("checks out objects, inline JSON as written, boot files, and the state byte for byte", async () => {
    const store = await stocked();
    must(await installRevision(store, rev, state));
    await expectComplete(store.root);
    expect(must(await readState(store, rev))).toEqual(new TextEncoder().encode(stateText(files)));
    expect(JSON.parse(read(store.root, "trails/7/.pvr/config"))).toEqual({ ObjectsDir: `${store.root}/objects` });
    expect(existsSync(`${store.root}/trails/7/.pv/done`)).toBe(false);
  });

  test("links objects and boot files by inode, and copies what ends in .bind", async () => {
    const store = await stocked();
    must(await installRevision(store, rev, state));
    const object = (content: string): string => `${store.root}/objects/${sha256(content)}`;
    expect(links(object("shared configuration"))).toBe(3);
    expect(inode(store.root, "trails/7/web/lxc.conf")).toBe(inode(object("shared configuration")));
    expect(inode(store.root, "trails/7/.pv/pv-kernel.img")).toBe(inode(object("kernel")));
    expect(links(object("kernel"))).toBe(3);
    expect(links(object("a file of its own"))).toBe(1);
    expect(links(store.root, "trails/7/web/own.bind")).toBe(1);
  });

  test("again changes nothing: every file keeps its inode and its times", async () => {
    const store = await stocked();
    must(await installRevision(store, rev, state));
    const stamps = (): [string, number, number][] =>
      Object.keys(tree(`${store.root}/trails/7`)).map((path) => {
        const { ino, mtimeMs } = lstatSync(`${store.root}/trails/7/${path}`);
        return [path, ino, mtimeMs];
      });
    const before = stamps();
    must(await installRevision(store, rev, state));
    expect(stamps()).toEqual(before);
  });

  test("wrong files are replaced, objects behind wrong links stay untouched", async () => {
    const store = await stocked();
    must(await installRevision(store, rev, state));
    spoil(store.root);
    must(await installRevision(store, rev, state));
    await expectComplete(store.root);
    expect(inode(store.root, "trails/7/web/root.squashfs")).toBe(inode(store.root, "objects", sha256("root of web")));
  });

  test("removes what a cut left in its temporary place", async () => {
    const store = await stocked();
    must(await installRevision(store, rev, state));
    writeFileSync(`${store.root}/trails/7/.pv/install.tmp`, "half");
    must(await installRevision(store, rev, state));
    await expectComplete(store.root);
  });

  test("boot files have their fixed names for every kind of base system", async () => {
    const store = openStore(realDisk, emptyFolder());
    const of: Files = {
      "bsp/a.fit": "fit",
      "bsp/b.img.gz": "rpi",
      "bsp/d.dtb": "dtb",
      "bsp/run.json": { fit: "a.fit", rpiab: "b.img.gz", fdt: "d.dtb" },
    };
    await putObjects(store.root, of);
    must(await installRevision(store, revision("locals/x"), stateOf(of)));
    expect(tree(`${store.root}/trails/locals/x/.pv`)).toEqual({
      "pantavisor.fit": "fit",
      "pv-fdt.dtb": "dtb",
      "rpiboot.img.gz": "rpi",
    });
  });

  test("notes which revision was committed before it", async () => {
    const store = await stocked();
    must(await installRevision(store, rev, state, { previous: revision("locals/x") }));
    expect(must(await readPrevious(store, rev))).toBe(revision("locals/x"));
    const { disk, losable } = watchfulDisk(realDisk);
    must(await installRevision(openStore(disk, store.root), rev, state));
    expect(must(await readPrevious(store, rev))).toBe(revision("locals/x"));
    expect(losable()).toEqual([]);
  });

  test("says which object is not there, for which key", async () => {
    const store = await stocked();
    rmSync(`${store.root}/objects/${sha256("root of db")}`);
    expect(mustFail(await installRevision(store, rev, state))).toEqual({
      kind: "objectMissing",
      key: "db/root.squashfs",
      digest: sha256("root of db"),
    });
    must(await putObject(store, sha256("root of db"), stream("root of db")));
    must(await installRevision(store, rev, state));
    await expectComplete(store.root);
  });

  test("a .bind copy is never made of a rotten object", async () => {
    const store = await stocked();
    writeFileSync(`${store.root}/objects/${sha256("a file of its own")}`, "rotten");
    expect(mustFail(await installRevision(store, rev, state))).toMatchObject({
      kind: "objectBad",
      key: "web/own.bind",
    });
    expect(existsSync(`${store.root}/trails/7/web/own.bind`)).toBe(false);
  });

  test("a boot file that is inline JSON is refused", async () => {
    const of: Files = { "bsp/k.json": { a: 1 }, "bsp/i": "i", "bsp/run.json": { linux: "k.json", initrd: "i" } };
    const store = openStore(realDisk, emptyFolder());
    await putObjects(store.root, of);
    expect(mustFail(await installRevision(store, rev, stateOf(of)))).toEqual({ kind: "bootFile", key: "bsp/k.json" });
  });

  test("a revision that is there with another state is left as it is", async () => {
    const store = await stocked();
    must(await installRevision(store, rev, state));
    const other = stateOf({ "web/x": "shared configuration" });
    expect(mustFail(await installRevision(store, rev, other))).toEqual({ kind: "otherState", rev });
    await expectComplete(store.root);
  });

  test("nothing is written through a symbolic link in the trail", async () => {
    const store = await stocked();
    const elsewhere = emptyFolder();
    mkdirSync(`${store.root}/trails/7`, { recursive: true });
    symlinkSync(elsewhere, `${store.root}/trails/7/web`);
    expect(mustFail(await installRevision(store, rev, state)).kind).toBe("symlink");
    expect(tree(elsewhere)).toEqual({});
    expect(readlinkSync(`${store.root}/trails/7/web`)).toBe(elsewhere);
  });

  test("a key may have the name of any temporary file", async () => {
    const of: Files = { "a/.b.json.tmp": "1", "a/b.json": { x: 1 }, "a/b.json.tmp": "2", "install.tmp": "3" };
    const store = openStore(realDisk, emptyFolder());
    await putObjects(store.root, of);
    must(await installRevision(store, rev, stateOf(of)));
    expect(tree(`${store.root}/trails/7`)).toMatchObject({
      "a/.b.json.tmp": "1",
      "a/b.json.tmp": "2",
      "install.tmp": "3",
    });
  });
});

describe("validateBootFiles", () => {
  const problems = async (store: Store) => validateBootFiles(store, rev, state, newHashCache());

  test("finds nothing in an installed revision, and each link that is missing or other than the state's file", async () => {
    const store = await stocked();
    must(await installRevision(store, rev, state));
    expect(await problems(store)).toEqual([]);
    const pv = `${store.root}/trails/7/.pv`;
    rmSync(`${pv}/pv-kernel.img`);
    rmSync(`${pv}/pv-initrd.img`);
    writeFileSync(`${pv}/pv-initrd.img`, "of evil");
    rmSync(`${pv}/pv-initrd.img.0`);
    symlinkSync("pv-initrd.img", `${pv}/pv-initrd.img.0`);
    expect(await problems(store)).toMatchObject([
      { kind: "missing", key: ".pv/pv-kernel.img", expected: sha256("kernel") },
      { kind: "wrongDigest", key: ".pv/pv-initrd.img", found: sha256("of evil") },
      { kind: "unreadable", key: ".pv/pv-initrd.img.0" },
    ]);
    must(await installRevision(store, rev, state));
    expect(await problems(store)).toEqual([]);
  });

  test("tells an installation that was cut off before its boot files were linked", async () => {
    for (let at = 0; ; at += 1) {
      const { root } = await stocked();
      const faulty = faultyDisk(watchfulDisk(realDisk).disk, { at, kind: "io", after: "dead" });
      await installRevision(openStore(faulty.disk, root), rev, state);
      const store = openStore(watchfulDisk(realDisk).disk, root);
      const complete = (await problems(store)).length === 0;
      expect(complete).toBe(
        ["kernel.img", "initrd.img", "initrd.img.0"].every((n) => existsSync(`${root}/trails/7/.pv/pv-${n}`)),
      );
      if (faulty.struck() === null) break;
    }
  }, 20_000);
});

/** Makes a file of each kind wrong: a link to another inode, a copy, inline JSON, a boot file. */
function spoil(root: string): void {
  const at = (key: string): string => `${root}/trails/7/${key}`;
  for (const key of ["web/root.squashfs", ".pv/pv-kernel.img"]) rmSync(at(key));
  writeFileSync(at("web/root.squashfs"), "root of evil");
  symlinkSync("/etc/passwd", at(".pv/pv-kernel.img"));
  writeFileSync(at("web/own.bind"), "changed by its container");
  writeFileSync(at("web/run.json"), "{}");
}

describe("an installation that is cut off", () => {
  /** No file at its final place may ever have other bytes than it must have. */
  function expectNothingWrong(root: string, struck: string | null): void {
    const there = trail(root);
    delete there[".pv/install.tmp"];
    delete there[".pvr/.json.tmp"];
    delete there[".pvr/.config.tmp"];
    for (const [path, content] of Object.entries(there)) {
      expect([struck, path, content]).toEqual([struck, path, trailOf(files)[path] ?? "not part of it"]);
    }
    if (there[".pvr/json"] === undefined) expect([struck, there]).toEqual([struck, {}]); // the state text comes first
  }

  test.each(["once", "dead"] as const)(
    "at any call (%s) leaves no wrong file, and the next run completes it durably",
    async (after) => {
      let at = 0;
      for (; ; at += 1) {
        const { root } = await stocked();
        const before = watchfulDisk(realDisk);
        const kind: DiskFault = at % 2 === 0 ? "io" : "noSpace";
        const faulty = faultyDisk(before.disk, { at, kind, after });
        const installed = await installRevision(openStore(faulty.disk, root), rev, state);
        const struck = faulty.struck();
        expectNothingWrong(root, struck);
        if (struck === null) break;
        if (after === "dead") expect(mustFail(installed)).toMatchObject({ kind });
        const { disk, losable } = after === "dead" ? watchfulDisk(realDisk) : before;
        must(await installRevision(openStore(disk, root), rev, state));
        expect([struck, losable()]).toEqual([struck, []]);
        await expectComplete(root);
      }
      expect(at).toBeGreaterThan(60);
    },
    20_000,
  );

  test("while it replaces wrong files has each wrong or right, and the next run completes it", async () => {
    for (let at = 0; ; at += 1) {
      const store = await stocked();
      const { root } = store;
      must(await installRevision(openStore(watchfulDisk(realDisk).disk, root), rev, state));
      spoil(root);
      const spoilt = trail(root);
      const faulty = faultyDisk(watchfulDisk(realDisk).disk, { at, kind: "io", after: "dead" });
      await installRevision(openStore(faulty.disk, root), rev, state);
      const { ".pv/install.tmp": _left, ...there } = trail(root);
      for (const [path, content] of Object.entries(there)) {
        expect([spoilt[path], trailOf(files)[path]]).toContain(content);
      }
      const { disk, losable } = watchfulDisk(realDisk);
      must(await installRevision(openStore(disk, root), rev, state));
      expect(losable()).toEqual([]);
      await expectComplete(root);
      if (faulty.struck() === null) break;
    }
  }, 20_000);

  test("any number of times by any errors never leaves a wrong file, and is completed in the end", async () => {
    const fault = fc.record({
      at: fc.nat(150),
      kind: fc.constantFrom<DiskFault>("io", "noSpace", "readOnly", "denied"),
      after: fc.constantFrom("once" as const, "dead" as const),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { maxLength: 4 }), async (plan) => {
        const { root } = await stocked();
        for (const each of plan) {
          const faulty = faultyDisk(watchfulDisk(realDisk).disk, each);
          await installRevision(openStore(faulty.disk, root), rev, state);
          expectNothingWrong(root, faulty.struck());
        }
        must(await installRevision(openStore(watchfulDisk(realDisk).disk, root), rev, state));
        await expectComplete(root);
      }),
      { numRuns: 30 },
    );
  }, 20_000);
});
