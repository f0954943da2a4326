import { afterEach, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { keysOf, loadRevision } from "../../runtime/boot/revision.ts";
import { explainStorageError } from "../../runtime/boot/storage.ts";
import { err, ok } from "../../runtime/result.ts";
import { type Disk, installRevision, openStore, realDisk } from "../../runtime/store/index.ts";
import { everything, parsed } from "../state/samples.ts";
import { watchfulDisk } from "../store/disks.ts";
import {
  emptyFolder,
  files,
  must,
  mustFail,
  putObjects,
  removeFolders,
  revision,
  stateOf,
  stateText,
} from "../store/world.ts";

afterEach(removeFolders);

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

test("a revision boots only when its signatures are accepted: of the very text that is stored", async () => {
  const root = emptyFolder();
  await putObjects(root, files);
  const store = openStore(watchfulDisk(realDisk).disk, root);
  must(await installRevision(store, revision("7"), stateOf(files)));
  const storage = { store, name: revision("7") };
  const texts: string[] = [];
  const accepts = (text: string) => {
    texts.push(text);
    return texts.length === 1 ? ok(undefined) : err("signature _sigs/web.json: no");
  };
  must(await loadRevision(storage, { useVerity: false, accepts }));
  expect(texts).toEqual([stateText(files)]);
  expect(mustFail(await loadRevision(storage, { useVerity: false, accepts }))).toMatchObject({
    reason: "badSignature",
    message: "signature _sigs/web.json: no",
  });
  writeFileSync(`${root}/trails/7/.pvr/json`, "{");
  expect(mustFail(await loadRevision(storage, { useVerity: false, accepts })).reason).toBe("badState");
  expect(mustFail(await loadRevision({ store, name: revision("8") }, { useVerity: false, accepts })).reason).toBe(
    "stateMissing",
  );
});

test("storage that is not configured is told with what to set", () => {
  expect(explainStorageError({ kind: "noStorageDevice" })).toContain("PV_STORAGE_DEVICE");
});

test("a container that was prepared is prepared again without reading its objects, until one of them changes", async () => {
  const root = emptyFolder();
  await putObjects(root, files);
  const objects = ["web/lxc.conf", "web/own.bind", "web/root.squashfs"];
  const read: string[] = [];
  const open: Disk["open"] = (why, path) => {
    const key = objects.find((object) => path.endsWith(`/trails/7/${object}`));
    if (key !== undefined) read.push(key);
    return realDisk.open(why, path);
  };
  const store = openStore({ ...watchfulDisk(realDisk).disk, open }, root);
  must(await installRevision(store, revision("7"), stateOf(files)));
  const loaded = must(
    await loadRevision({ store, name: revision("7") }, { useVerity: false, accepts: () => ok(undefined) }),
  );
  const web = loaded.state.containers.find(({ name }) => name === "web");
  if (web === undefined) throw new Error("wanted a container web");

  read.length = 0;
  expect(await loaded.prepare(web)).toEqual(ok(undefined));
  expect(read.toSorted()).toEqual(objects);
  expect(await loaded.prepare(web)).toEqual(ok(undefined));
  expect(read).toHaveLength(objects.length);

  await Bun.sleep(20); // the kernel's clock for time stamps ticks every 4 to 10 ms
  writeFileSync(`${root}/trails/7/web/root.squashfs`, "roof of web");
  const changed = await loaded.prepare(web);
  expect(changed.ok ? "" : changed.error).toStartWith("web/root.squashfs: wrong bytes");
  expect(read.slice(objects.length)).toEqual(["web/root.squashfs"]);
});
