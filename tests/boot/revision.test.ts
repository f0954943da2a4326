import { expect, test } from "bun:test";
import { keysOf, openStorage } from "../../runtime/boot/revision.ts";
import { explainStorageError } from "../../runtime/boot/storage.ts";
import { everything, parsed } from "../state/samples.ts";

const state = parsed(everything);

test("every key of a state is checked with exactly one owner: a container, or the base system", () => {
  const owners = [null, ...state.containers.map(({ name }) => name)];
  const keys = owners.flatMap((owner) => [...keysOf(state, owner)]);
  expect(keys.toSorted()).toEqual(state.entries.map(({ key }) => key).toSorted());
});

test("a container is checked with its overlay, and without anything of the base system", () => {
  const web = state.containers.find(({ name }) => name === "web");
  if (web === undefined) throw new Error("wanted a container web");
  const keys = [...keysOf(state, web.name)];
  expect(keys).toContain("_config/web/etc/app.conf");
  expect(keys).toContain("web/run.json");
  expect(keys.filter((key) => /^(bsp|device\.json|data)/.test(key))).toEqual([]);
  expect([...keysOf(state, null)]).toContain("bsp/rootfs.squashfs");
});

test.each([
  [null, "the kernel command line names no revision (pv_rev=)"],
  ["../../etc", "the kernel command line's pv_rev: "],
])("a boot loader that says pv_rev=%p is refused before anything is made", async (rev, sentence) => {
  const opened = await openStorage("/nonexistent", rev);
  expect(opened.ok ? "" : opened.error).toStartWith(sentence);
});

test("storage that is not configured is told with what to set", () => {
  expect(explainStorageError({ kind: "noStorageDevice" })).toContain("PV_STORAGE_DEVICE");
});
