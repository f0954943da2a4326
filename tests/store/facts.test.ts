import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import {
  clearBoots,
  countBoot,
  explainStore,
  openStore,
  putState,
  readBoots,
  readCommitMessage,
  readPrevious,
  realDisk,
  type Store,
  writeCommitMessage,
  writePrevious,
} from "../../runtime/store/index.ts";
import { faultyDisk, watchfulDisk } from "./disks.ts";
import { emptyFolder, must, mustFail, read, removeFolders, revision, tree } from "./world.ts";

afterEach(removeFolders);

const [rev, other] = [revision("7"), revision("locals/x")];

function storeWith(name?: string, content?: string): Store {
  const root = emptyFolder();
  mkdirSync(`${root}/trails/7/.pv`, { recursive: true });
  if (name !== undefined) writeFileSync(`${root}/trails/7/.pv/${name}`, content ?? "");
  return openStore(realDisk, root);
}

describe("the previous revision", () => {
  test("is none until it was noted, then what was noted last", async () => {
    const store = storeWith();
    expect(must(await readPrevious(store, rev))).toBeNull();
    for (const previous of [other, other, rev]) {
      must(await writePrevious(store, rev, previous));
      expect(must(await readPrevious(store, rev))).toBe(previous);
    }
    expect(read(store.root, "trails/7/.pv/previous")).toBe("7\n");
  });

  test.each(["", "..", "7 8", "\0", "x".repeat(5000)])("is none in a damaged file: %p", async (content) => {
    expect(must(await readPrevious(storeWith("previous", content), rev))).toBeNull();
  });

  test("a failed attempt to note it is made up for", async () => {
    for (let at = 0; ; at += 1) {
      const { disk, losable } = watchfulDisk(realDisk);
      const { root } = storeWith();
      const faulty = faultyDisk(disk, { at, kind: "io", after: "once" });
      await writePrevious(openStore(faulty.disk, root), rev, other);
      must(await writePrevious(openStore(disk, root), rev, other));
      expect([faulty.struck(), losable()]).toEqual([faulty.struck(), []]);
      if (faulty.struck() === null) break;
    }
  });
});

describe("boots of a revision", () => {
  test("are counted durably until it is well", async () => {
    const { disk, losable } = watchfulDisk(realDisk);
    const store = openStore(disk, storeWith().root);
    expect(must(await readBoots(store, rev))).toBe(0);
    for (const boots of [1, 2, 3]) {
      expect(must(await countBoot(store, rev))).toBe(boots);
      expect(losable()).toEqual([]);
    }
    expect(read(store.root, "trails/7/.pv/boots")).toBe('{"boots":3}');
    must(await clearBoots(store, rev));
    expect(must(await readBoots(store, rev))).toBe(0);
    must(await clearBoots(store, rev));
    expect(tree(store.root)).toEqual({});
  });

  test.each([
    "",
    "3",
    "{}",
    '{"boots":-1}',
    '{"boots":1.5}',
    '{"boots":"2"}',
    '{"boots":1e99}',
    "\0",
    " ".repeat(5000),
  ])("are 0 in a damaged file: %p", async (content) => {
    const store = storeWith("boots", content);
    expect(must(await readBoots(store, rev))).toBe(0);
    expect(must(await countBoot(store, rev))).toBe(1);
  });

  test("are the old or the new number whichever call fails", async () => {
    for (let at = 0; ; at += 1) {
      const { root } = storeWith("boots", '{"boots":4}');
      const faulty = faultyDisk(realDisk, { at, kind: "io", after: "dead" });
      await countBoot(openStore(faulty.disk, root), rev);
      expect([4, 5]).toContain(must(await readBoots(openStore(realDisk, root), rev)));
      if (faulty.struck() === null) break;
    }
  });
});

describe("a commit message", () => {
  const stored = async (): Promise<Store> => {
    const store = storeWith();
    must(await putState(store, rev, "{}", { keep: new Set() }));
    return store;
  };

  test("comes back as it was written, up to 256 bytes", async () => {
    const store = await stored();
    expect(must(await readCommitMessage(store, rev))).toBe("");
    for (const message of ["web 1.4", "ä".repeat(128), ""]) {
      must(await writeCommitMessage(store, rev, message));
      expect(must(await readCommitMessage(store, rev))).toBe(message);
    }
  });

  test.each([
    ["ä".repeat(129), "258 bytes"],
    ["a\nb", "control"],
    ["\u001b[2J", "control"],
    ["\u009b", "control"],
  ])("%p is refused", async (message, problem) => {
    const store = await stored();
    const error = mustFail(await writeCommitMessage(store, rev, message));
    expect(explainStore(error)).toContain(problem);
    expect(must(await readCommitMessage(store, rev))).toBe("");
  });

  test("of a revision that is not there makes none", async () => {
    const store = openStore(realDisk, emptyFolder());
    expect(mustFail(await writeCommitMessage(store, rev, "x")).kind).toBe("missing");
    expect(tree(store.root)).toEqual({});
  });

  test("that somebody else wrote is shown without its control characters", async () => {
    expect(must(await readCommitMessage(storeWith("commitmsg", "web\u001b[2J 1.4\n"), rev))).toBe("web [2J 1.4");
  });
});
