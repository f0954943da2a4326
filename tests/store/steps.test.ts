import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import {
  explainStore,
  installRevision,
  listSteps,
  openStore,
  progressRecord,
  putState,
  readState,
  readStateOf,
  realDisk,
  removeRevision,
  resolveRevision,
  setCurrent,
  writeCommitMessage,
  writeProgress,
} from "../../runtime/store/index.ts";
import { faultyDisk, watchfulDisk } from "./disks.ts";
import { emptyFolder, must, mustFail, putObjects, removeFolders, revision, stateOf, stateText, tree } from "./world.ts";

afterEach(removeFolders);

const rev = revision("locals/x");
const none = { keep: new Set<typeof rev>() };
const [text, otherText] = ['{"#spec":"one"}', '{"#spec":"another"}'];
const quick = (root: string) => openStore(watchfulDisk(realDisk).disk, root);
const stateIn = async (root: string): Promise<string> =>
  new TextDecoder().decode(must(await readState(quick(root), rev)));

describe("putState", () => {
  test("stores the text byte for byte, durably, and nothing else of a revision; again it changes nothing", async () => {
    const { disk, losable } = watchfulDisk(realDisk);
    const store = openStore(disk, emptyFolder());
    for (let run = 0; run < 2; run += 1) {
      must(await putState(store, rev, text, none));
      const { "trails/locals/x/.pvr/config": config, ...rest } = tree(store.root);
      expect(rest).toEqual({ "trails/locals/x/.pvr/json": text });
      expect(JSON.parse(config ?? "")).toEqual({ ObjectsDir: `${store.root}/objects` });
      expect(losable()).toEqual([]);
    }
  });

  test("takes the place of a state that was only stored, whose records go with it", async () => {
    const store = quick(emptyFolder());
    must(await putState(store, rev, text, none));
    must(await writeProgress(store, rev, progressRecord("WONTGO", "State JSON has bad format")));
    must(await putState(store, rev, otherText, none));
    expect(await stateIn(store.root)).toBe(otherText);
    expect(Object.keys(tree(store.root))).toHaveLength(2);
  });

  test("leaves a kept revision, or one of which anything is installed, as it is", async () => {
    const store = quick(emptyFolder());
    must(await putState(store, rev, text, none));
    const error = mustFail(await putState(store, rev, otherText, { keep: new Set([rev]) }));
    expect(error).toEqual({ kind: "otherState", rev });
    expect(explainStore(error)).toContain("another state");
    must(await putState(store, rev, text, { keep: new Set([rev]) }));

    const of = { "a/x": "x" };
    const installed = quick(emptyFolder());
    await putObjects(installed.root, of);
    must(await installRevision(installed, rev, stateOf(of)));
    expect(mustFail(await putState(installed, rev, text, none)).kind).toBe("otherState");
    must(await putState(installed, rev, stateText(of), none));
    expect(tree(installed.root)).toMatchObject({ "trails/locals/x/a/x": "x" });
  });

  test("what was stored is what is installed afterwards, and no other state", async () => {
    const of = { "a/x": "x" };
    const store = quick(emptyFolder());
    await putObjects(store.root, of);
    must(await putState(store, rev, stateText(of), none));
    expect(mustFail(await installRevision(store, rev, stateOf({ "a/y": "y" }))).kind).toBe("otherState");
    must(await installRevision(store, rev, stateOf(of)));
  });

  test("starts without the storage of a revision that once had the name", async () => {
    const { root } = quick(emptyFolder());
    must(await putState(quick(root), rev, text, none));
    mkdirSync(`${root}/disks/rev/locals/x/web`, { recursive: true });
    writeFileSync(`${root}/disks/rev/locals/x/web/secret`, "");
    for (let at = 0; ; at += 1) {
      const faulty = faultyDisk(watchfulDisk(realDisk).disk, { at, kind: "io", after: "dead" });
      await removeRevision(openStore(faulty.disk, root), rev);
      if (!(await readState(quick(root), rev)).ok) break;
    }
    must(await putState(quick(root), rev, text, none));
    expect(Object.keys(tree(root)).filter((path) => path.startsWith("disks"))).toEqual([]);
  });

  test("whichever call fails, the old, no or the new state is there, whole, and the next attempt ends well", async () => {
    for (const after of ["once", "dead"] as const) {
      for (let at = 0; ; at += 1) {
        const { root } = quick(emptyFolder());
        must(await putState(quick(root), rev, text, none));
        const before = watchfulDisk(realDisk);
        const faulty = faultyDisk(before.disk, { at, kind: "noSpace", after });
        await putState(openStore(faulty.disk, root), rev, otherText, none);
        const there = await readState(quick(root), rev);
        if (there.ok) expect([text, otherText]).toContain(new TextDecoder().decode(there.value));
        else expect(there.error.kind).toBe("missing");
        const { disk, losable } = after === "dead" ? watchfulDisk(realDisk) : before;
        must(await putState(openStore(disk, root), rev, otherText, none));
        expect(await stateIn(root)).toBe(otherText);
        expect([faulty.struck(), losable()]).toEqual([faulty.struck(), []]);
        if (faulty.struck() === null) break;
      }
    }
  }, 20_000);

  test("a text that nothing could read again is refused", async () => {
    const store = quick(emptyFolder());
    expect(mustFail(await putState(store, rev, "x".repeat((1 << 20) + 1), none)).kind).toBe("tooLarge");
    expect(tree(store.root)).toEqual({});
  });
});

describe("listSteps", () => {
  test("shows each revision with its date, message and progress", async () => {
    const store = quick(emptyFolder());
    expect(must(await listSteps(store))).toEqual([]);
    for (const name of ["10", "9", "locals/x"]) {
      must(await putState(store, revision(name), text, none));
      utimesSync(`${store.root}/trails/${name}/.pvr/json`, 0, 1_700_000_000.5);
    }
    must(await writeCommitMessage(store, rev, "web 1.4"));
    must(await writeProgress(store, rev, progressRecord("NEW", "Update ready to be run")));
    must(await writeProgress(store, revision("9"), progressRecord("DONE", "")));
    writeFileSync(`${store.root}/trails/9/.pv/progress`, "damaged");
    mkdirSync(`${store.root}/trails/11/.pv`, { recursive: true });
    const storedAtMs = 1_700_000_000_500;
    expect(must(await listSteps(store))).toEqual([
      { name: revision("9"), storedAtMs, commitMessage: "", progress: null },
      { name: revision("10"), storedAtMs, commitMessage: "", progress: null },
      { name: rev, storedAtMs, commitMessage: "web 1.4", progress: progressRecord("NEW", "Update ready to be run") },
    ]);
  });
});

describe("a revision by name", () => {
  test("is itself, or the running one as current", async () => {
    const store = quick(emptyFolder());
    expect(mustFail(await resolveRevision(store, "current")).kind).toBe("badRevisionName");
    must(await putState(store, rev, text, none));
    must(await setCurrent(store, rev));
    for (const name of ["current", "locals/x"]) {
      expect(must(await resolveRevision(store, name))).toBe(rev);
      expect(new TextDecoder().decode(must(await readStateOf(store, name)))).toBe(text);
    }
    expect(mustFail(await readStateOf(store, "7")).kind).toBe("missing");
    expect(mustFail(await readStateOf(store, "../x")).kind).toBe("badRevisionName");
  });
});
