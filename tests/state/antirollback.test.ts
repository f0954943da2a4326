import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  antiRollbackOf,
  belowFloor,
  type Floor,
  type Json,
  ownerOf,
  parseContainerName,
  parseFloor,
  raisedFloor,
} from "../../runtime/state/index.ts";
import { container, DIGEST, type Members, parsed, refusal } from "./samples.ts";

const bsp: Members = { "bsp/run.json": { fit: "f" }, "bsp/f": DIGEST };
const web = (version?: number, minimum?: number): Members => ({
  ...container("web"),
  ...(version === undefined
    ? {}
    : { "web/antirollback.json": { version, ...(minimum === undefined ? {} : { minimum }) } }),
});
const floorOf = (json: object): Floor => parseFloor(json) ?? new Map();
const asObject = (map: ReadonlyMap<string, unknown>): object => Object.fromEntries(map);

describe("what a part says of its version", () => {
  test("is read for containers and the base system; most say nothing", () => {
    const said = antiRollbackOf(
      parsed({ ...bsp, "bsp/antirollback.json": { version: 4, minimum: 4 }, ...web(7), ...container("db") }),
    );
    expect(asObject(said)).toEqual({ bsp: { version: 4, minimum: 4 }, web: { version: 7, minimum: 0 } });
  });

  test("belongs to its container, so that a change of it needs no reboot", () => {
    expect(ownerOf("web/antirollback.json", parsed(web(1)))).toBe(parseContainerName("web"));
  });

  test("is a file like any other where it stands deeper or at the top", () => {
    const state = parsed({ ...web(), "web/etc/antirollback.json": "no", "antirollback.json": [] });
    expect(antiRollbackOf(state).size).toBe(0);
  });

  test.each<[Json, string, string]>([
    [[], "shape web/antirollback.json", "an object"],
    [{}, "missing web/antirollback.json, version", "a value"],
    [{ version: -1 }, "shape web/antirollback.json, version", "from 0 to 2147483647"],
    [{ version: 2 ** 31 }, "shape web/antirollback.json, version", "from 0 to 2147483647"],
    [{ version: 1.5 }, "shape web/antirollback.json, version", "a whole number"],
    [{ version: "1" }, "shape web/antirollback.json, version", "a number"],
    [{ version: 1, minimum: null }, "shape web/antirollback.json, minimum", "a number"],
    [{ version: 1, minmum: 1 }, "shape web/antirollback.json", "only version, minimum"],
    [{ version: 1, minimum: 2 }, "shape web/antirollback.json", "at most the version"],
    [DIGEST, "entry web/antirollback.json", "inline JSON"],
  ])("%j refuses the state", (value, fault, sentence) => {
    const refused = refusal({ ...container("web"), "web/antirollback.json": value });
    expect(refused.faults).toEqual([fault]);
    expect(refused.sentence).toContain(sentence);
  });

  test("in a folder that can be no part refuses the state: it would protect nothing", () => {
    expect(refusal({ ...web(), "-x/antirollback.json": { version: 1 } }).faults).toEqual(["name -x/antirollback.json"]);
  });
});

describe("a floor", () => {
  test("refuses older versions of the parts that it names, and no others", () => {
    const floor = floorOf({ web: 5, bsp: 2, gone: 9 });
    const below = (members: Members) => belowFloor(parsed(members), floor).map(({ part, version }) => [part, version]);
    expect(below({ ...bsp, "bsp/antirollback.json": { version: 2 }, ...web(5), ...container("db") })).toEqual([]);
    expect(below({ ...bsp, "bsp/antirollback.json": { version: 1 }, ...web(4) }).sort()).toEqual([
      ["bsp", 1],
      ["web", 4],
    ] as never);
    expect(below(container("db"))).toEqual([]);
  });

  test("OSTree, fix of 2014 (older commits were served): a part that says no version is below every floor", () => {
    const state = parsed(web());
    expect(belowFloor(state, floorOf({ web: 1 })) as unknown).toEqual([{ part: "web", version: null, floor: 1 }]);
    expect(belowFloor(state, floorOf({ web: 0 }))).toHaveLength(1);
    expect(belowFloor(state, new Map())).toEqual([]);
  });

  test("is raised by the minimum of what was committed; without one nothing is refused later", () => {
    const raised = (floor: object, members: Members) => asObject(raisedFloor(floorOf(floor), parsed(members)));
    expect(raised({}, web(7))).toEqual({});
    expect(raised({}, web(7, 0))).toEqual({});
    expect(raised({}, web(7, 6))).toEqual({ web: 6 });
    expect(raised({ web: 3, gone: 9 }, web(7, 6))).toEqual({ web: 6, gone: 9 });
    expect(raised({ web: 3 }, container("web"))).toEqual({ web: 3 });
  });

  test("CVE-2022-29173 (go-tuf): no sequence of commits lowers it, and what raised it is not below it", () => {
    const version = fc.integer({ min: 0, max: 2 ** 31 - 1 });
    const release = fc.tuple(version, version).map(([a, b]) => parsed(web(Math.max(a, b), Math.min(a, b))));
    fc.assert(
      fc.property(fc.array(release, { minLength: 1, maxLength: 6 }), (states) => {
        let floor: Floor = new Map();
        for (const state of states) {
          const before = [...floor];
          floor = raisedFloor(floor, state);
          for (const [part, lowest] of before) expect(floor.get(part)).toBeGreaterThanOrEqual(lowest);
          const { minimum = 0 } = [...antiRollbackOf(state).values()][0] ?? {};
          expect([...floor.values()].every((lowest) => lowest >= minimum)).toBe(true);
          if (belowFloor(state, new Map(before)).length === 0) expect(belowFloor(state, floor)).toEqual([]);
        }
      }),
    );
  });

  test.each([
    "null",
    "[]",
    '"x"',
    '{"web":"1"}',
    '{"web":-1}',
    '{"web":0.5}',
    '{"web":2147483648}',
    '{"a/b":1}',
    '{"":1}',
  ])("%s is none", (text) => {
    expect(parseFloor(JSON.parse(text))).toBeNull();
  });
});
