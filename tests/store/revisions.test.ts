import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { factory, parseRevisionName } from "../../runtime/state/index.ts";
import {
  isDone,
  listRevisions,
  markDone,
  openStore,
  progressRecord,
  readCurrent,
  readProgress,
  readState,
  realDisk,
  type Store,
  setCurrent,
  settleFactory,
  writeProgress,
} from "../../runtime/store/index.ts";
import { faultyDisk, watchfulDisk } from "./disks.ts";
import { emptyFolder, must, mustFail, removeFolders, revision, tree } from "./world.ts";

afterEach(removeFolders);

function withRevisions(...names: readonly string[]): Store {
  const root = emptyFolder();
  for (const name of names) mkdirSync(`${root}/trails/${name}/.pvr`, { recursive: true });
  return openStore(realDisk, root);
}

describe("the name of a revision", () => {
  test.each(["0", "7", "1234567890", "locals/a", "locals/pvtx-1700000000-abc-1.2", `locals/${"x".repeat(64)}`])(
    "%s is one",
    (text) => expect(parseRevisionName(text)).toEqual({ ok: true, value: text as never }),
  );

  test.each(
    [
      "",
      "00",
      "07",
      "-1",
      "1.5",
      "1e3",
      " 1",
      "1\n",
      "9".repeat(30),
      "current",
      "locals",
      "locals/",
      "locals/.",
      "locals/..",
    ]
      .concat(["locals/.x", "locals/a/b", "locals/a b", "locals/a\0", "locals/-a", `locals/${"x".repeat(65)}`, "../0"])
      .concat(["/0", "0/", "locals//a", "locals/ä", "Locals/a", "locals/a=b"]),
  )("%p is none", (text) =>
    expect(parseRevisionName(text)).toEqual({ ok: false, error: { kind: "badRevisionName", text } }),
  );

  test("never leads out of its folder", () => {
    fc.assert(
      fc.property(fc.string(), fc.boolean(), (text, local) => {
        const name = parseRevisionName(local ? `locals/${text}` : text);
        if (name.ok) expect(new URL(name.value, "file:///trails/").pathname).toBe(`/trails/${name.value}`);
      }),
    );
  });
});

describe("revisions", () => {
  test("are listed by number, local ones after them; other things in trails are passed over", async () => {
    const store = withRevisions("10", "9", "0", "locals/b", "locals/a", "lost+found", "08");
    writeFileSync(`${store.root}/trails/11`, "a file");
    symlinkSync("10", `${store.root}/trails/current`);
    symlinkSync("10", `${store.root}/trails/12`);
    expect(must(await listRevisions(store))).toEqual(["0", "9", "10", "locals/a", "locals/b"] as never);
  });

  test("there are none on an empty disk", async () => {
    expect(must(await listRevisions(openStore(realDisk, emptyFolder())))).toEqual([]);
  });

  test("a state text comes back byte for byte, up to what a state may have", async () => {
    const store = withRevisions("1", "2");
    writeFileSync(`${store.root}/trails/1/.pvr/json`, '{ "a":\t1 }\n');
    writeFileSync(`${store.root}/trails/2/.pvr/json`, " ".repeat((1 << 20) + 1));
    expect(new TextDecoder().decode(must(await readState(store, revision("1"))))).toBe('{ "a":\t1 }\n');
    expect(mustFail(await readState(store, revision("2"))).kind).toBe("tooLarge");
    expect(mustFail(await readState(store, revision("3"))).kind).toBe("missing");
  });

  test("the done marker is set once and stays; a failed attempt is made up for", async () => {
    for (let at = 0; ; at += 1) {
      const { root } = withRevisions("1");
      const { disk, losable } = watchfulDisk(realDisk);
      const faulty = faultyDisk(disk, { at, kind: "io", after: "once" });
      await markDone(openStore(faulty.disk, root), revision("1"));
      const store = openStore(disk, root);
      must(await markDone(store, revision("1")));
      expect(must(await isDone(store, revision("1")))).toBe(true);
      expect([faulty.struck(), losable()]).toEqual([faulty.struck(), []]);
      if (faulty.struck() === null) break;
    }
    expect(must(await isDone(withRevisions("1"), revision("1")))).toBe(false);
  });
});

describe("the running revision", () => {
  test("is where both links point, relative to their folders", async () => {
    const { disk, losable } = watchfulDisk(realDisk);
    const store = openStore(disk, withRevisions("1", "locals/x").root);
    expect(must(await readCurrent(store))).toBeNull();
    for (const name of ["1", "locals/x", "locals/x"]) {
      must(await setCurrent(store, revision(name)));
      expect(readlinkSync(`${store.root}/trails/current`)).toBe(name);
      expect(readlinkSync(`${store.root}/logs/current`)).toBe(name);
      expect(must(await readCurrent(store))).toBe(revision(name));
      expect(losable()).toEqual([]);
      expect(must(await realDisk.stat("test", `${store.root}/logs/${name}`)).type).toBe("folder");
    }
  });

  test("a link always names the old or the new one, whichever call fails", async () => {
    for (let at = 0; ; at += 1) {
      const { root } = withRevisions("1", "2");
      must(await setCurrent(openStore(realDisk, root), revision("1")));
      const faulty = faultyDisk(realDisk, { at, kind: "noSpace", after: at % 2 === 0 ? "once" : "dead" });
      const set = await setCurrent(openStore(faulty.disk, root), revision("2"));
      for (const folder of ["trails", "logs"]) {
        expect(set.ok ? ["2"] : ["1", "2"]).toContain(readlinkSync(`${root}/${folder}/current`));
      }
      must(await setCurrent(openStore(realDisk, root), revision("2")));
      expect(must(await readCurrent(openStore(realDisk, root)))).toBe(revision("2"));
      expect(must(await realDisk.list("test", `${root}/trails`))).toEqual(["1", "2", "current"]);
      if (faulty.struck() === null) break;
    }
  });

  test("is none when the link names no revision", async () => {
    const store = withRevisions("1");
    symlinkSync("/etc", `${store.root}/trails/current`);
    expect(must(await readCurrent(store))).toBeNull();
  });
});

describe("the factory revision", () => {
  test.each([null, "", '{"status":"NEW"}', '{"status":"TESTING"}'])(
    "with a record of %p becomes DONE",
    async (record) => {
      const store = withRevisions("0");
      mkdirSync(`${store.root}/trails/0/.pv`);
      if (record !== null) writeFileSync(`${store.root}/trails/0/.pv/progress`, record);
      must(await settleFactory(store));
      expect(must(await readProgress(store, factory))).toEqual(progressRecord("DONE", "Factory revision"));
      expect(must(await isDone(store, factory))).toBe(true);
    },
  );

  test("that is DONE keeps its record, and nothing is written", async () => {
    const store = withRevisions("0");
    must(await writeProgress(store, factory, progressRecord("DONE", "Update finished")));
    must(await markDone(store, factory));
    const before = tree(store.root);
    const refuse = async (): Promise<never> => {
      throw new Error("wrote");
    };
    must(await settleFactory(openStore({ ...realDisk, create: refuse, rename: refuse }, store.root)));
    expect(tree(store.root)).toEqual(before);
  });
});
