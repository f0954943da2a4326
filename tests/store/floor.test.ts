import { afterEach, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { type Floor, parseFloor } from "../../runtime/state/index.ts";
import { explainStore, openStore, readFloor, realDisk, writeFloor } from "../../runtime/store/index.ts";
import { faultyDisk, watchfulDisk } from "./disks.ts";
import { emptyFolder, must, mustFail, read, removeFolders } from "./world.ts";

afterEach(removeFolders);

const floorOf = (json: object): Floor => parseFloor(json) ?? new Map();
const asObject = (floor: Floor): object => Object.fromEntries(floor);

test("a device without a floor takes everything", async () => {
  expect(must(await readFloor(openStore(realDisk, emptyFolder()))).size).toBe(0);
});

test("a floor comes back as it was written, durably, whatever its parts are called", async () => {
  const { disk, losable } = watchfulDisk(realDisk);
  const store = openStore(disk, emptyFolder());
  const floor = new Map([...floorOf({ bsp: 2, web: 5, constructor: 1 }), ...floorOf(JSON.parse('{"__proto__":3}'))]);
  must(await writeFloor(store, floor));
  expect([...must(await readFloor(store))]).toEqual([...floor]);
  expect(losable()).toEqual([]);
  expect(read(store.root, "config/antirollback.json")).toBe('{"bsp":2,"web":5,"constructor":1,"__proto__":3}');
});

test.each(["", "{", "[]", "null", '{"web":-1}', '{"web":1.5}', '{"../x":1}', '{"web":1}\xff', " ".repeat(70_000)])(
  "one that is damaged is an error and not an empty one: %j",
  async (content) => {
    const root = emptyFolder();
    mkdirSync(`${root}/config`);
    writeFileSync(`${root}/config/antirollback.json`, content, "latin1");
    const error = mustFail(await readFloor(openStore(realDisk, root)));
    expect(["badFloor", "tooLarge"]).toContain(error.kind);
    expect(explainStore(error)).toContain(`${root}/config/antirollback.json`);
  },
);

test("one that could not be read again is not written", async () => {
  const store = openStore(realDisk, emptyFolder());
  must(await writeFloor(store, floorOf({ web: 1 })));
  const names = Array.from({ length: 1000 }, (_, at) => [`c${at}`.padEnd(64, "x"), 1]);
  expect(mustFail(await writeFloor(store, floorOf(Object.fromEntries(names)))).kind).toBe("badFloor");
  expect(asObject(must(await readFloor(store)))).toEqual({ web: 1 });
});

test("it is the old or the new one whichever call fails", async () => {
  for (let at = 0; ; at += 1) {
    const root = emptyFolder();
    must(await writeFloor(openStore(realDisk, root), floorOf({ web: 1 })));
    const faulty = faultyDisk(realDisk, { at, kind: "io", after: "dead" });
    await writeFloor(openStore(faulty.disk, root), floorOf({ web: 2 }));
    expect([{ web: 1 }, { web: 2 }]).toContainEqual(
      asObject(must(await readFloor(openStore(realDisk, root)))) as never,
    );
    if (faulty.struck() === null) break;
  }
});
