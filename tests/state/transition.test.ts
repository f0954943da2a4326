/** Reference 4.5: which differences of two revisions need a reboot, and which containers the others affect. */
import { describe, expect, test } from "bun:test";
import { type Transition, transition } from "../../runtime/state/index.ts";
import { type Files, files, stateOf } from "../store/world.ts";

const from = (changes: Files, without: readonly string[] = []): Files =>
  Object.fromEntries(Object.entries({ ...files, ...changes }).filter(([key]) => !without.includes(key)));
const between = (before: Files, after: Files) => transition(stateOf(before), stateOf(after));
const swap = (...affected: readonly string[]): Transition => ({ kind: "swap", affected: new Set(affected as never[]) });
const reboot = (...because: readonly string[]): Transition => ({ kind: "reboot", because });

const container = (name: string, more: object = {}): Files => ({
  [`${name}/root.squashfs`]: `root of ${name}`,
  [`${name}/lxc.conf`]: "shared configuration",
  [`${name}/run.json`]: {
    name,
    type: "lxc",
    group: "app",
    config: "lxc.conf",
    "root-volume": "root.squashfs",
    ...more,
  },
});

describe("exchanged without a reboot:", () => {
  test.each([
    ["nothing", {}, []],
    ["a changed object", { "web/root.squashfs": "new" }, ["web"]],
    ["a changed object that two containers have", { "web/lxc.conf": "new", "db/lxc.conf": "new" }, ["db", "web"]],
    ["a changed inline file", { "_config/web/etc/app.json": { port: 81 } }, ["web"]],
    ["a new file of a container", { "web/more.bind": "more" }, ["web"]],
    ["a new container", container("new"), ["new"]],
  ] as const)("%s", (_what, changes: Files, affected) => {
    expect(between(files, from(changes))).toEqual(swap(...affected));
    expect(between(from(changes), files)).toEqual(swap(...affected));
  });

  test("notes of authors and signatures do not count", () => {
    const notes = {
      "web/src.json": { "#spec": "other" },
      "_sigs/web.json": { "#spec": "pvs@2", protected: "eA", signature: "B" },
    };
    expect(between(files, from(notes))).toEqual(swap());
    expect(between(files, from({}, ["web/src.json"]))).toEqual(swap());
  });

  test("the same value in another text is a difference: a file has the text", () => {
    const [one, other] = [stateOf(files), stateOf(files)];
    const spaced = { ...other, text: other.text.replace('"port": 80', '"port":80 ') };
    expect(transition(one, spaced)).toEqual(swap("web"));
  });
});

describe("a reboot is needed for", () => {
  test.each([
    ["the base system", { "bsp/kernel": "new" }, "bsp/kernel"],
    ["a new file of the base system", { "bsp/more.cpio": "more" }, "bsp/more.cpio"],
    ["a file of nobody's", { "stray/file": "stray" }, "stray/file"],
  ] as const)("%s", (_what, changes: Files, because) => {
    expect(between(files, from(changes))).toEqual(reboot(because));
    expect(between(from(changes), files)).toEqual(reboot(because));
  });

  test("a container with restart policy system in either state", () => {
    const [swapped, rebooted] = [container("own"), container("own", { restart_policy: "system" })];
    const changed = { "own/root.squashfs": "new" };
    expect(between(from(rebooted), from({ ...rebooted, ...changed }))).toEqual(reboot("own/root.squashfs"));
    expect(between(from(swapped), from(rebooted))).toEqual(reboot("own/run.json"));
    expect(between(from(rebooted), from(swapped))).toEqual(reboot("own/run.json"));
    expect(between(from(rebooted), files).kind).toBe("reboot");
    expect(between(files, from(rebooted)).kind).toBe("reboot");
  });

  test("what else differs does not matter then, and is not among the reasons", () => {
    expect(between(files, from({ "bsp/kernel": "new", "web/root.squashfs": "new" }))).toEqual(reboot("bsp/kernel"));
  });
});
