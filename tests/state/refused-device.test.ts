import { describe, expect, test } from "bun:test";
import { container, type Members, type RefusedCase, refusal } from "./samples.ts";

const device = (part: Members): Members => ({ "device.json": part });
const groups = (...items: readonly unknown[]): Members => device({ groups: items as never });
const disks = (...items: readonly unknown[]): Members => device({ disks: items as never });
const web = (run: Members, more: Members = {}): Members => ({ ...container("web", run), ...more });

const cases: readonly RefusedCase[] = [
  // 1.6: groups
  ["no groups", groups(), "shape device.json, groups", "an array of 1 to 64 items"],
  ["a group without name", groups({}), "missing device.json, groups[0].name", "nothing"],
  ["a group with an empty name", groups({ name: "" }), "shape device.json, groups[0].name", "not empty"],
  [
    "an unknown status_goal",
    groups({ name: "a", status_goal: "UP" }),
    "shape device.json, groups[0].status_goal",
    '"UP", wanted ("MOUNTED" | "STARTED" | "READY")',
  ],
  [
    "an unknown restart_policy",
    groups({ name: "a", restart_policy: "x" }),
    "shape device.json, groups[0].restart_policy",
    '("system" | "container")',
  ],
  [
    "a negative timeout",
    groups({ name: "a", timeout: -1 }),
    "shape device.json, groups[0].timeout",
    "found -1, wanted a whole number of seconds",
  ],
  [
    "a timeout of half a second",
    groups({ name: "a", timeout: 0.5 }),
    "shape device.json, groups[0].timeout",
    "a whole number",
  ],
  [
    "a timeout as text",
    groups({ name: "a", timeout: "30" }),
    "shape device.json, groups[0].timeout",
    'found "30", wanted a number',
  ],
  [
    "a second group of one name",
    groups({ name: "a" }, { name: "a" }),
    "clash device.json, groups[1].name",
    'a second group "a"',
  ],
  [
    "an unknown recovery policy",
    groups({ name: "a", auto_recovery: { policy: "x" } }),
    "shape device.json, groups[0].auto_recovery.policy",
    '"on-failure"',
  ],
  ["groups.json as text", { "groups.json": "x" }, "shape groups.json", "an array"],
  ["groups.json without groups", { "groups.json": {} }, "missing groups.json, groups", "an array of groups"],
  // 1.7: disks
  ["no disks", disks(), "shape device.json, disks", "an array of 1 to 64 items"],
  ["a disk without name", disks({ type: "volume-disk" }), "missing device.json, disks[0].name", "nothing"],
  [
    "a disk with an empty name",
    disks({ name: "", type: "volume-disk" }),
    "shape device.json, disks[0].name",
    "one plain component",
  ],
  [
    "a disk named ..",
    disks({ name: "..", type: "volume-disk" }),
    "shape device.json, disks[0].name",
    "one plain component",
  ],
  ["an unknown disk type", disks({ name: "a", type: "tape" }), "shape device.json, disks[0].type", '"tape"'],
  [
    "an unknown disk type in disks_v2",
    device({ disks_v2: [{ name: "a", type: "tape" }] }),
    "shape device.json, disks_v2[0].type",
    '"tape"',
  ],
  [
    "an unknown disk type in disks.json",
    { "disks.json": [{ name: "a", type: "tape" }] },
    "shape disks.json, [0].type",
    '"tape"',
  ],
  [
    "too many disks in two lists together",
    device(
      Object.fromEntries(
        ["disks", "disks_v3"].map((list) => [
          list,
          Array.from({ length: 33 }, (_, at) => ({ name: `${list}${at}`, type: "volume-disk" })),
        ]),
      ),
    ),
    "tooMany device.json, disks_v3",
    "66 disks, wanted at most 64",
  ],
  [
    "an empty alias",
    disks({ name: "a", type: "volume-disk", aliases: [""] }),
    "shape device.json, disks[0].aliases[0]",
    "not empty",
  ],
  [
    "an alias that is another disk",
    disks({ name: "a", type: "volume-disk", aliases: ["b"] }, { name: "b", type: "volume-disk" }),
    "clash device.json, disks[0].aliases",
    '"b", which names the disk "b"',
  ],
  [
    "an alias claimed twice",
    disks({ name: "a", type: "volume-disk", aliases: ["c"] }, { name: "b", type: "volume-disk", aliases: ["c"] }),
    "clash device.json, disks[1].aliases",
    'names the disk "a"',
  ],
  [
    "two disks of one name",
    device({ disks: [{ name: "a", type: "volume-disk" }], disks_v3: [{ name: "a", type: "volume-disk" }] }),
    "clash device.json, disks_v3[0].name",
    'a second disk "a"',
  ],
  [
    "five members of a dual disk",
    disks({ name: "a", type: "dual", disks: ["1", "2", "3", "4", "5"] }),
    "shape device.json, disks[0].disks",
    "an array of 0 to 4 items",
  ],
  [
    "nine steps of a dual disk",
    disks({ name: "a", type: "dual", init_order: Array(9).fill("primary") }),
    "shape device.json, disks[0].init_order",
    "an array of 0 to 8 items",
  ],
  [
    "an unknown step of a dual disk",
    disks({ name: "a", type: "dual", init_order: ["x"] }),
    "shape device.json, disks[0].init_order[0]",
    "copy-once-to-primary",
  ],
  [
    "a dual disk of unknown members",
    disks({ name: "a", type: "dual", disks: ["b"] }),
    "unknown device.json, disks[0].disks",
    '"b", which is no disk',
  ],
  [
    "a dual disk of itself",
    disks({ name: "a", type: "dual", disks: ["a"] }),
    "unknown device.json, disks[0].disks",
    "of type dual",
  ],
  // 1.5, 2.4: volumes and storage
  [
    "a volume with a path as name",
    device({ volumes: { "a/b": { persistence: "boot" } } }),
    "shape device.json, volumes.a/b",
    'a "/"',
  ],
  [
    "storage named ..",
    web({ storage: { "..": { persistence: "permanent" } } }),
    "shape web/run.json, storage...",
    'the component ".."',
  ],
  ["storage that is a list", web({ storage: [] }), "shape web/run.json, storage", "an object"],
  [
    "persistence as number",
    web({ storage: { a: { persistence: 1 } } }),
    "shape web/run.json, storage.a.persistence",
    "a string",
  ],
  [
    "storage with a file's name",
    web({ storage: { "root.squashfs": { persistence: "boot" } } }),
    "clash web/run.json, storage.root.squashfs",
    "a mounted file",
  ],
];

describe("a state is refused for", () => {
  test.each(cases)("%s", (_what, members, fault, sentence) => {
    const refused = refusal(members);
    expect(refused.faults).toContain(fault);
    expect(refused.sentence).toContain(sentence);
  });
});
