import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { type Digest, factory, parseState, type RevisionName } from "../../runtime/state/index.ts";
import {
  type Collected,
  collectGarbage,
  installRevision,
  newHashCache,
  openStore,
  protectedRevisions,
  putObject,
  readState,
  realDisk,
  validate,
} from "../../runtime/store/index.ts";
import { faultyDisk, watchfulDisk } from "./disks.ts";
import {
  emptyFolder,
  type Files,
  must,
  putObjects,
  read,
  removeFolders,
  revision,
  sha256,
  stateOf,
  stream,
  tree,
} from "./world.ts";

afterEach(removeFolders);

const quick = (root: string) => openStore(watchfulDisk(realDisk).disk, root);
const nothing = {
  keep: new Set<RevisionName>(),
  keepObjects: new Set<Digest>(),
  keepStorageOf: new Set<RevisionName>(),
};

/** Installs revisions, each with logs and storage. */
async function storeWith(revisions: Readonly<Record<string, Files>>): Promise<string> {
  const root = emptyFolder();
  mkdirSync(`${root}/disks/perm/web`, { recursive: true });
  writeFileSync(`${root}/disks/perm/web/data`, "forever");
  for (const [name, of] of Object.entries(revisions)) {
    await putObjects(root, of);
    must(await installRevision(quick(root), revision(name), stateOf(of)));
    for (const folder of ["logs", "disks/rev"]) {
      mkdirSync(`${root}/${folder}/${name}/web`, { recursive: true });
      writeFileSync(`${root}/${folder}/${name}/web/file`, "12345");
    }
  }
  return root;
}

const revisionsOf = (root: string, folder = "trails"): readonly string[] =>
  [`${root}/${folder}`, `${root}/${folder}/locals`]
    .flatMap((path) =>
      existsSync(path) ? readdirSync(path).map((name) => (path.endsWith("/locals") ? `locals/${name}` : name)) : [],
    )
    .filter((name) => name !== "locals" && !name.startsWith("."))
    .sort();

const objectsOf = (root: string): readonly string[] => readdirSync(`${root}/objects`).sort();

describe("collectGarbage", () => {
  test("removes what is not kept, says how much, and leaves permanent storage alone", async () => {
    const root = await storeWith({ "1": { "a/x": "shared", "a/y": "one" }, "2": { "a/x": "shared", "a/z": "two" } });
    must(await putObject(quick(root), sha256("stray"), stream("stray")));
    must(await putObject(quick(root), sha256("fetched"), stream("fetched")));
    writeFileSync(`${root}/objects/${sha256("z")}.tmp`, "half");
    const keep = new Set([revision("2")]);
    const keepObjects = new Set([sha256("fetched")]);
    const { reclaimedBytes, ...rest } = must(await collectGarbage(quick(root), { ...nothing, keep, keepObjects }));
    expect(rest).toEqual({ revisions: [revision("1")], objects: 2, problems: [] });
    expect(reclaimedBytes).toBeGreaterThanOrEqual("12345".length * 2 + "one".length + "stray".length);
    expect(objectsOf(root)).toEqual(
      ["shared", "two", "fetched"]
        .map(sha256)
        .concat(`${sha256("z")}.tmp` as Digest)
        .sort(),
    );
    for (const folder of ["trails", "logs", "disks/rev"]) expect(revisionsOf(root, folder)).toEqual(["2"]);
    expect(read(root, "disks/perm/web/data")).toBe("forever");
    expect(must(await collectGarbage(quick(root), { ...nothing, keep, keepObjects }))).toEqual({
      reclaimedBytes: 0,
      revisions: [],
      objects: 0,
      problems: [],
    });
  });

  test("removes unfinished objects only when asked to, and counts them", async () => {
    const root = await storeWith({});
    mkdirSync(`${root}/objects`);
    writeFileSync(`${root}/objects/${sha256("z")}.tmp`, "half");
    expect(must(await collectGarbage(quick(root), nothing)).reclaimedBytes).toBe(0);
    const others = `${sha256("z")}.link.tmp`; // another process may be writing it just now
    writeFileSync(`${root}/objects/${others}`, "half");
    expect(must(await collectGarbage(quick(root), { ...nothing, unfinished: true })).reclaimedBytes).toBe(4);
    expect(objectsOf(root)).toEqual([others]);
  });

  test("storage that is kept outlives its revision, and goes when nobody asks for it any more", async () => {
    const root = await storeWith({ "1": { "a/x": "x" }, "locals/y": { "a/y": "y" } });
    const keepStorageOf = new Set([revision("locals/y")]);
    for (let run = 0; run < 2; run += 1) {
      must(await collectGarbage(quick(root), { ...nothing, keepStorageOf }));
      expect([revisionsOf(root), revisionsOf(root, "disks/rev")]).toEqual([[], ["locals/y"]]);
    }
    must(await collectGarbage(quick(root), nothing));
    expect(revisionsOf(root, "disks/rev")).toEqual([]);
  });

  test("an object that only a .bind copy was made of stays, so that the copy can be made again", async () => {
    const of: Files = { "web/own.bind": "original" };
    const root = await storeWith({ "1": of });
    must(await collectGarbage(quick(root), { ...nothing, keep: new Set([revision("1")]) }));
    writeFileSync(`${root}/trails/1/web/own.bind`, "changed by its container");
    const checked = await validate(quick(root), revision("1"), stateOf(of), {
      trustVerity: false,
      hashes: newHashCache(),
    });
    expect(checked).toEqual({ problems: [], mended: ["web/own.bind"] });
  });

  test("objects of a kept revision that is only stored, or whose state no parser takes, stay", async () => {
    const root = emptyFolder();
    for (const [name, content] of [
      ["5", "x"],
      ["6", "y"],
    ] as const) {
      must(await putObject(quick(root), sha256(content), stream(content)));
      mkdirSync(`${root}/trails/${name}/.pvr`, { recursive: true });
    }
    writeFileSync(`${root}/trails/5/.pvr/json`, `{"#spec":"pantavisor-service-system@1","a/b":"${sha256("x")}"}`);
    writeFileSync(`${root}/trails/6/.pvr/json`, `{"#spec":"some-later-spec@7","a/b":"${sha256("y")}"}`);
    const keep = new Set(["5", "6", "7"].map(revision));
    expect(must(await collectGarbage(quick(root), { ...nothing, keep }))).toMatchObject({ objects: 0, problems: [] });
    expect(must(await collectGarbage(quick(root), nothing)).objects).toBe(2);
  });

  test("no object goes when a kept revision's state cannot be read", async () => {
    const root = await storeWith({ "1": { "web/own.bind": "x" }, "2": { "a/y": "y" } });
    const open: typeof realDisk.open = async (why, path) =>
      path === `${root}/trails/1/.pvr/json`
        ? { ok: false, error: { kind: "io", call: "open", path, why, code: "EIO" } }
        : realDisk.open(why, path);
    const store = openStore({ ...watchfulDisk(realDisk).disk, open }, root);
    const collected = must(await collectGarbage(store, { ...nothing, keep: new Set([revision("1")]) }));
    expect(collected).toMatchObject({ revisions: [revision("2")], objects: 0, problems: [{ kind: "io" }] });
    expect(objectsOf(root)).toEqual([sha256("x"), sha256("y")].sort());
  });

  test("objects of a revision that could not be removed stay with it", async () => {
    const of: Files = { "a/x": "x" };
    const root = await storeWith({ "1": of });
    const rename: typeof realDisk.rename = async (why, _from, path) => ({
      ok: false,
      error: { kind: "readOnly", call: "rename", path, why, code: "EROFS" },
    });
    const store = openStore({ ...watchfulDisk(realDisk).disk, rename }, root);
    expect(must(await collectGarbage(store, nothing))).toMatchObject({ revisions: [], objects: 0 });
    expect(objectsOf(root)).toEqual([sha256("x")]);
  });

  test("counts beyond 2 GiB", async () => {
    const root = await storeWith({});
    const stat: typeof realDisk.stat = async (why, path) => {
      const info = await realDisk.stat(why, path);
      return info.ok && info.value.type === "file"
        ? { ok: true, value: { ...info.value, sizeBytes: 3 * 2 ** 30 } }
        : info;
    };
    for (const content of ["x", "y"]) must(await putObject(quick(root), sha256(content), stream(content)));
    const store = openStore({ ...watchfulDisk(realDisk).disk, stat }, root);
    expect(must(await collectGarbage(store, nothing)).reclaimedBytes).toBe(6 * 2 ** 30);
  });
});

/** Any revisions over few objects, any of them kept, and a call that fails. */
const worlds = fc.record({
  revisions: fc.dictionary(
    fc.constantFrom("0", "3", "10", "locals/a", "locals/b"),
    fc.dictionary(fc.constantFrom("a/x", "a/y", "b/own.bind", "b/z"), fc.constantFrom("one", "two", "three"), {
      minKeys: 1,
      noNullPrototype: true,
    }),
    { noNullPrototype: true },
  ),
  keep: fc.subarray(["0", "3", "10", "locals/a", "locals/b"]),
  keepStorageOf: fc.subarray(["3", "locals/a"]),
  keepObjects: fc.subarray(["one", "two", "stray"]),
  fault: fc.record({ at: fc.nat(200), after: fc.constantFrom("once" as const, "dead" as const) }),
});

test("whatever is kept stays whole whichever call fails, and the next run removes all the rest", async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async ({ revisions, keep, keepStorageOf, keepObjects, fault }) => {
      const root = await storeWith(revisions);
      await putObjects(root, { stray: "stray" });
      const kept = keep.filter((name) => revisions[name] !== undefined);
      const options = {
        keep: new Set(keep.map(revision)),
        keepObjects: new Set(keepObjects.map(sha256)),
        keepStorageOf: new Set(keepStorageOf.map(revision)),
      };
      const expectKept = async (): Promise<void> => {
        for (const name of kept) {
          const state = must(parseState(must(await readState(quick(root), revision(name)))));
          expect(state).toEqual(stateOf(revisions[name] ?? {}));
          const checked = await validate(quick(root), revision(name), state, {
            trustVerity: false,
            hashes: newHashCache(),
          });
          expect(checked).toEqual({ problems: [], mended: [] });
          for (const [, content] of Object.entries(revisions[name] ?? {}))
            expect(objectsOf(root)).toContain(sha256(content));
        }
        for (const name of new Set([...kept, ...keepStorageOf.filter((name) => revisions[name] !== undefined)])) {
          expect(tree(`${root}/disks/rev/${name}`)).toEqual({ "web/file": "12345" });
        }
        expect(read(root, "disks/perm/web/data")).toBe("forever");
      };
      const faulty = faultyDisk(watchfulDisk(realDisk).disk, { kind: "io", ...fault });
      await collectGarbage(openStore(faulty.disk, root), options);
      await expectKept();
      const collected: Collected = must(await collectGarbage(quick(root), options));
      expect(collected.problems).toEqual([]);
      await expectKept();
      expect([revisionsOf(root), revisionsOf(root, "logs")]).toEqual([kept.toSorted(), kept.toSorted()]);
      const named = kept.flatMap((name) => Object.values(revisions[name] ?? {}));
      const there = new Set(["stray", ...Object.values(revisions).flatMap((of) => Object.values(of))]);
      const expected = [...named, ...keepObjects.filter((content) => there.has(content))];
      expect(objectsOf(root)).toEqual([...new Set(expected.map(sha256))].sort());
    }),
    { numRuns: 60 },
  );
}, 30_000);

describe("protectedRevisions", () => {
  const none = { running: null, committed: null, trial: null, active: null, previous: null, keepFactory: false };

  test("names each revision that something depends on, with every reason", () => {
    const [two, three, local] = ["2", "3", "locals/x"].map(revision) as [RevisionName, RevisionName, RevisionName];
    const use = { running: three, committed: two, trial: three, active: local, previous: factory, keepFactory: true };
    expect([...protectedRevisions(use)]).toEqual([
      [three, ["running", "trial"]],
      [two, ["committed"]],
      [local, ["active"]],
      [factory, ["previous", "factory"]],
    ]);
  });

  test("where nothing was ever committed, the factory revision is what boots", () => {
    expect([...protectedRevisions(none)]).toEqual([[factory, ["committed"]]]);
    expect([...protectedRevisions({ ...none, committed: revision("2") }).keys()]).toEqual([revision("2")]);
  });
});
