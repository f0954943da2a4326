import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import {
  type Disk,
  finishRemovals,
  installRevision,
  listRevisions,
  newHashCache,
  openStore,
  realDisk,
  removeRevision,
  type Store,
  validate,
} from "../../runtime/store/index.ts";
import { faultyDisk, watchfulDisk } from "./disks.ts";
import {
  emptyFolder,
  type Files,
  links,
  must,
  mustFail,
  putObjects,
  removeFolders,
  revision,
  sha256,
  stateOf,
  tree,
} from "./world.ts";

afterEach(removeFolders);

const files: Files = {
  "web/etc/app.json": { port: 80 },
  "web/own.bind": "a file of its own",
  "web/root": "root of web",
};
const state = stateOf(files);
const [gone, kept] = [revision("locals/old"), revision("8")];

/** Logs and storage of a revision as containers leave them. */
function leaveTraces(root: string, rev: string): void {
  for (const folder of [`logs/${rev}/web`, `disks/rev/${rev}/web/data/deep`, "disks/perm/web/data"]) {
    mkdirSync(`${root}/${folder}`, { recursive: true });
    writeFileSync(`${root}/${folder}/file`, "12345");
  }
}

/** Two revisions of one state, with traces. */
async function populated(): Promise<string> {
  const root = emptyFolder();
  await putObjects(root, files);
  const store = openStore(watchfulDisk(realDisk).disk, root);
  for (const rev of [gone, kept]) {
    must(await installRevision(store, rev, state));
    leaveTraces(root, rev);
  }
  return root;
}

const problemsOf = async (root: string, rev: typeof kept) =>
  (await validate(openStore(realDisk, root), rev, state, { trustVerity: false, hashes: newHashCache() })).problems;

/** Paths of a store in which the removed revision still is, under whatever name. */
const tracesOf = (root: string): readonly string[] =>
  readdirSync(root, { recursive: true }).filter((path) => /locals\/old/.test(String(path))) as string[];

describe("removeRevision", () => {
  test("takes trail, logs and storage away, and nothing else", async () => {
    const root = await populated();
    const others = Object.fromEntries(Object.entries(tree(root)).filter(([path]) => !path.includes("locals/old")));
    const { disk, losable } = watchfulDisk(realDisk);
    const freed = must(await removeRevision(openStore(disk, root), gone));
    expect(tracesOf(root)).toEqual([]);
    expect(tree(root)).toEqual(others);
    expect(losable()).toEqual([]);
    // Two files of 5 bytes, the .bind copy, inline JSON and the state: objects are still in the store.
    expect(freed).toBeGreaterThan(10 + "a file of its own".length);
    expect(links(root, "objects", sha256("root of web"))).toBe(2);
  });

  test("keeps the storage when asked to", async () => {
    const root = await populated();
    must(await removeRevision(openStore(realDisk, root), gone, { keepStorage: true }));
    expect(existsSync(`${root}/trails/locals/old`)).toBe(false);
    expect(existsSync(`${root}/logs/locals/old`)).toBe(false);
    expect(tree(`${root}/disks/rev/locals/old`)).toEqual({ "web/data/deep/file": "12345" });
  });

  test("of a revision that is not there is no error; what it left is removed", async () => {
    const root = emptyFolder();
    const store = openStore(realDisk, root);
    expect(must(await removeRevision(store, gone))).toBe(0);
    leaveTraces(root, gone);
    expect(must(await removeRevision(store, gone))).toBe(10);
    expect(tracesOf(root)).toEqual([]);
  });

  test("follows no symbolic link, neither in a tree nor on the way to one", async () => {
    const root = await populated();
    const elsewhere = emptyFolder();
    mkdirSync(`${elsewhere}/old/web`, { recursive: true });
    writeFileSync(`${elsewhere}/old/web/precious`, "x");
    symlinkSync(elsewhere, `${root}/trails/locals/old/web/link`);
    symlinkSync(`${elsewhere}/old`, `${root}/disks/rev/locals/old/link`);
    must(await removeRevision(openStore(realDisk, root), gone));
    expect(tracesOf(root)).toEqual([]);
    renameSync(`${root}/logs/locals`, `${root}/logs/x`);
    symlinkSync(elsewhere, `${root}/logs/locals`);
    expect(mustFail(await removeRevision(openStore(realDisk, root), gone)).kind).toBe("symlink");
    expect(tree(elsewhere)).toEqual({ "old/web/precious": "x" });
  });

  test("a symbolic link in the place of a trail goes, and not what it points to", async () => {
    const root = await populated();
    symlinkSync("../8", `${root}/trails/locals/link`);
    must(await removeRevision(openStore(realDisk, root), revision("locals/link")));
    expect(await problemsOf(root, kept)).toEqual([]);
    expect(readdirSync(`${root}/trails/locals`)).toEqual(["old"]);
  });

  test("a tree deeper than any path can be, made by a container, is removed", async () => {
    const root = await populated();
    const top = `${root}/disks/rev/locals/old/web`;
    const component = "d".repeat(200);
    mkdirSync(`${top}/deep`);
    for (let depth = 0; depth < 60; depth += 1) {
      mkdirSync(`${top}/next`);
      writeFileSync(`${top}/next/file`, "x");
      renameSync(`${top}/deep`, `${top}/next/${component}`);
      renameSync(`${top}/next`, `${top}/deep`);
    }
    must(await removeRevision(openStore(realDisk, root), gone));
    expect(tracesOf(root)).toEqual([]);
  });

  test("names that are no UTF-8, or that the removal itself would use, are removed", async () => {
    const root = await populated();
    const top = `${root}/disks/rev/locals/old`;
    for (const name of [".0", ".1", ".2/inner", ".3/.4/.0"]) mkdirSync(`${top}/${name}`, { recursive: true });
    writeFileSync(`${top}/.5`, "");
    mkdirSync(Buffer.concat([Buffer.from(`${top}/web/`), Buffer.of(0xff, 0xfe, 0x41)]) as unknown as string);
    writeFileSync(Buffer.concat([Buffer.from(`${top}/.1/`), Buffer.of(0xc3)]), "x");
    writeFileSync(`${top}/\ufffd`, "x");
    must(await removeRevision(openStore(realDisk, root), gone));
    expect(tracesOf(root)).toEqual([]);
  });

  test("what is on another file system is left alone, and told", async () => {
    const root = await populated();
    const mounted = `${root}/disks/rev/locals/old/web/data`;
    const stat: Disk["stat"] = async (why, path) => {
      const info = await realDisk.stat(why, path);
      return info.ok && path === mounted ? { ok: true, value: { ...info.value, device: 7n } } : info;
    };
    const error = mustFail(await removeRevision(openStore({ ...realDisk, stat }, root), gone));
    expect(error).toMatchObject({ kind: "otherFileSystem", path: mounted });
    expect(tree(mounted)).toEqual({ "deep/file": "12345" });
    expect(must(await listRevisions(openStore(realDisk, root)))).toEqual([kept]);
  });
});

describe("a removal that is cut off", () => {
  test.each(["once", "dead"] as const)(
    "at any call (%s) leaves the revision whole or no revision, and is finished at the next start",
    async (after) => {
      let at = 0;
      for (; ; at += 1) {
        const root = await populated();
        const before = watchfulDisk(realDisk);
        const faulty = faultyDisk(before.disk, { at, kind: "io", after });
        await removeRevision(openStore(faulty.disk, root), gone);
        const struck = faulty.struck();
        const isThere = must(await listRevisions(openStore(realDisk, root))).includes(gone);
        expect([struck, await problemsOf(root, kept)]).toEqual([struck, []]);
        if (isThere) expect([struck, await problemsOf(root, gone)]).toEqual([struck, []]);
        const { disk, losable } = after === "dead" ? watchfulDisk(realDisk) : before;
        const store = openStore(disk, root);
        expect(must(await finishRemovals(store)).problems).toEqual([]);
        if (isThere) must(await removeRevision(store, gone));
        expect([struck, tracesOf(root)]).toEqual([struck, []]);
        expect([struck, losable()]).toEqual([struck, []]);
        expect(await problemsOf(root, kept)).toEqual([]);
        if (struck === null) break;
      }
      expect(at).toBeGreaterThan(50);
    },
    20_000,
  );

  test("and that keeps the storage still keeps it when it is finished", async () => {
    for (let at = 0; ; at += 1) {
      const root = await populated();
      const faulty = faultyDisk(watchfulDisk(realDisk).disk, { at, kind: "io", after: "dead" });
      await removeRevision(openStore(faulty.disk, root), gone, { keepStorage: true });
      must(await finishRemovals(openStore(watchfulDisk(realDisk).disk, root)));
      expect(tree(`${root}/disks/rev/locals/old`)).toEqual({ "web/data/deep/file": "12345" });
      if (faulty.struck() === null) break;
    }
  }, 20_000);

  test("leaves nothing to a revision of the same name that is installed later", async () => {
    for (let at = 0; ; at += 1) {
      const root = await populated();
      const faulty = faultyDisk(watchfulDisk(realDisk).disk, { at, kind: "io", after: "dead" });
      await removeRevision(openStore(faulty.disk, root), gone);
      const isThere = existsSync(`${root}/trails/locals/old`);
      must(await installRevision(openStore(watchfulDisk(realDisk).disk, root), gone, state));
      expect(await problemsOf(root, gone)).toEqual([]);
      expect(existsSync(`${root}/disks/rev/locals/old`)).toBe(isThere);
      // What is installed now is not what was to be removed.
      must(await finishRemovals(openStore(watchfulDisk(realDisk).disk, root)));
      expect(await problemsOf(root, gone)).toEqual([]);
      if (faulty.struck() === null) break;
    }
  }, 20_000);

  test("that cannot be finished does not keep others from it, and goes on with its own rest", async () => {
    const root = await populated();
    const other = revision("7");
    must(await installRevision(openStore(watchfulDisk(realDisk).disk, root), other, state));
    const stubborn = `${root}/logs/locals/old/web/file`;
    const unlink: Disk["unlink"] = async (why, path) =>
      path === stubborn
        ? { ok: false, error: { kind: "denied", call: "unlink", path, why, code: "EPERM" } }
        : realDisk.unlink(why, path);
    const store = openStore({ ...realDisk, unlink }, root);
    expect(mustFail(await removeRevision(store, gone)).kind).toBe("denied");
    mkdirSync(`${root}/trails/.removing`, { recursive: true });
    renameSync(`${root}/trails/7`, `${root}/trails/.removing/7`);
    const { problems } = must(await finishRemovals(store));
    expect(problems.map(({ path }) => path)).toEqual([stubborn]);
    expect(existsSync(`${root}/trails/.removing/7`)).toBe(false);
    expect(existsSync(`${root}/disks/rev/locals/old`)).toBe(false);
    expect(must(await finishRemovals(openStore(realDisk, root))).problems).toEqual([]);
    expect(tracesOf(root)).toEqual([]);
  });
});

/** Throws when a file of a removed trail goes before the trail's new name is durable, or the note of the removal before its work is. */
function orderedDisk(root: string, disk: Disk): Disk {
  const renamed = new Set<string>(); // folders to be fsynced
  const emptied = new Set<string>();
  const grave = `${root}/trails/.removing/locals/old`;
  const ask = (path: string): void => {
    if (path.startsWith(`${grave}/`) && renamed.size > 0) throw new Error(`${path} goes before ${[...renamed]}`);
    if (path === grave && emptied.size > 0) throw new Error(`the note goes before ${[...emptied]}`);
  };
  return {
    ...disk,
    rename: async (why, from, to) => {
      ask(from);
      if (to === grave) for (const path of [from, to]) renamed.add(dirname(path));
      return disk.rename(why, from, to);
    },
    fsync: async (why, folder) => {
      renamed.delete(folder);
      emptied.delete(folder);
      return disk.fsync(why, folder);
    },
    unlink: async (why, path) => {
      ask(path);
      return disk.unlink(why, path);
    },
    rmdir: async (why, path) => {
      ask(path);
      if (path !== grave && path.endsWith("/locals/old")) emptied.add(dirname(path));
      return disk.rmdir(why, path);
    },
  };
}

test("nothing of a trail goes before its new name is durable, and the note of it goes last, whatever failed before", async () => {
  for (let at = 0; ; at += 1) {
    const root = await populated();
    const ordered = orderedDisk(root, watchfulDisk(realDisk).disk);
    const faulty = faultyDisk(ordered, { at, kind: "io", after: "once" });
    await removeRevision(openStore(faulty.disk, root), gone);
    const store: Store = openStore(ordered, root);
    must(await finishRemovals(store));
    must(await removeRevision(store, gone));
    if (faulty.struck() === null) break;
  }
}, 20_000);
