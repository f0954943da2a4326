import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { explainMetadata, type Metadata, openMetadata } from "../../runtime/metadata/index.ts";
import { isKey, KEYS_MAX, ownedKey } from "../../runtime/metadata/key.ts";
import { type Disk, realDisk } from "../../runtime/store/index.ts";
import { watchfulDisk } from "../store/disks.ts";
import { emptyFolder, must, mustFail, removeFolders } from "../store/world.ts";

afterEach(removeFolders);

async function world(disk: Disk = watchfulDisk(realDisk).disk) {
  const top = emptyFolder();
  const [folder, mirror] = [join(top, "cache/meta"), join(top, "run/user-meta")];
  const warnings: string[] = [];
  const open = (): Promise<Metadata> =>
    openMetadata({ disk, folder, mirror, warn: (message) => void warnings.push(message) });
  return { top, folder, mirror, warnings, open, metadata: await open() };
}
const files = (folder: string): Record<string, string> =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]));

test("a value is kept, one file a key, and is there after a reboot", async () => {
  const { metadata, folder, open } = await world();
  must(await metadata.set("pvr-sdk.authorized_keys", "ssh-ed25519 AAAA ü\n"));
  must(await metadata.set("empty", ""));
  expect(files(folder)).toEqual({ "pvr-sdk.authorized_keys": "ssh-ed25519 AAAA ü\n", empty: "" });
  expect([...(await open()).entries].toSorted()).toEqual([...metadata.entries].toSorted());
});

test("what is written is durable when that is said", async () => {
  const { disk, losable } = watchfulDisk(realDisk);
  const { metadata } = await world(disk);
  must(await metadata.set("key", "1"));
  must(await metadata.set("key", "2"));
  must(await metadata.set("other", "3"));
  must(await metadata.remove("other"));
  expect(losable()).toEqual([]);
});

test("the same value again writes nothing", async () => {
  const calls: string[] = [];
  const counting: Disk = {
    ...realDisk,
    create: (why, path, mode) => {
      calls.push(path);
      return realDisk.create(why, path, mode);
    },
  };
  const { metadata } = await world(counting);
  must(await metadata.set("key", "value"));
  must(await metadata.set("key", "value"));
  expect(calls.length).toBe(2); // the first try finds no folder
  must(await metadata.set("key", "another"));
  expect(calls.length).toBe(3);
});

test("containers see all keys, or those that begin with their name, while they are containers of the revision", async () => {
  const { metadata, mirror } = await world();
  must(await metadata.set("web.port", "80"));
  must(await metadata.set("web.tls.port", "443"));
  must(await metadata.set("webcam.port", "1"));
  metadata.show(["web", "web.tls", "db"]);
  must(await metadata.set("db.size", "5"));
  expect(Object.keys(files(mirror)).toSorted()).toEqual(["db.size", "web.port", "web.tls.port", "webcam.port"]);
  expect(files(`${mirror}.web`)).toEqual({ port: "80", "tls.port": "443" });
  expect(files(`${mirror}.web.tls`)).toEqual({ port: "443" });
  expect(files(`${mirror}.db`)).toEqual({ size: "5" });
  expect(existsSync(`${mirror}.webcam`)).toBe(false);

  must(await metadata.set("web.port", "8080"));
  expect(must(await metadata.remove("web.tls.port"))).toBe(true);
  expect(files(`${mirror}.web`)).toEqual({ port: "8080" });
  expect(files(`${mirror}.web.tls`)).toEqual({});
  expect(Object.keys(files(mirror))).not.toContain("web.tls.port");

  metadata.show(["webcam"]);
  expect(existsSync(`${mirror}.db`)).toBe(false);
  expect(files(`${mirror}.webcam`)).toEqual({ port: "1" });
});

test("a key that is not there cannot be removed, one that was is gone for good", async () => {
  const { metadata, folder, open } = await world();
  expect(must(await metadata.remove("key"))).toBe(false);
  must(await metadata.set("key", "1"));
  expect(must(await metadata.remove("key"))).toBe(true);
  expect(must(await metadata.remove("key"))).toBe(false);
  expect([readdirSync(folder), [...(await open()).entries]]).toEqual([[], []]);
});

test.each(["", ".", "..", ".hidden", "-x", "a/b", "../x", "a\0", "a b", "ä", "a\n", "x".repeat(129)])(
  "%j is no key, and writes nothing anywhere",
  async (key) => {
    const { metadata, top } = await world();
    expect(mustFail(await metadata.set(key, "1")).kind).toBe("badKey");
    expect(must(await metadata.remove(key))).toBe(false);
    expect(readdirSync(top)).toEqual([]);
  },
);

test.each(["web.", "web..", "web...", "web.-x", "web"])("%s shows nothing to the container web", (key) => {
  expect(ownedKey(key, "web")).toBeNull();
});

test("keys of real devices are keys", () => {
  for (const key of ["pantahub.log.push", "PV_LOG_LEVEL", "pvr-auto-follow.url", "0", "eth0.ipv4"]) {
    expect(isKey(key)).toBe(true);
  }
});

test("a value has at most 4096 bytes, and there are at most so many keys", async () => {
  const { metadata } = await world();
  must(await metadata.set("most", "x".repeat(4096)));
  const large = mustFail(await metadata.set("key", "ü".repeat(2049)));
  expect(explainMetadata(large)).toBe("the value of key has 4098 bytes, at most 4096 are kept");
  for (let count = 1; count < KEYS_MAX; count++) must(await metadata.set(`k${count}`, ""));
  expect(mustFail(await metadata.set("one-more", "")).kind).toBe("tooMany");
  must(await metadata.set("most", "changed"));
  must(await metadata.remove("k1"));
  must(await metadata.set("one-more", ""));
});

test("what is no key, too large or no text is left alone and said", async () => {
  const { folder, open, warnings } = await world();
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, ".key.tmp"), "half");
  writeFileSync(join(folder, "good"), "1");
  writeFileSync(join(folder, "large"), "x".repeat(4097));
  writeFileSync(join(folder, "binary"), Buffer.from([0xff, 0xfe]));
  mkdirSync(join(folder, "folder"));
  expect([...(await open()).entries]).toEqual([["good", "1"]]);
  expect(warnings.length).toBe(3);
  expect(readdirSync(folder).length).toBe(5);
});

test("a change that fails changes nothing, and the next one works", async () => {
  let full = true;
  const disk: Disk = {
    ...realDisk,
    create: async (why, path, mode) =>
      full
        ? { ok: false, error: { kind: "noSpace", call: "create", why, path, code: "ENOSPC" } }
        : realDisk.create(why, path, mode),
  };
  const { metadata, mirror } = await world(disk);
  metadata.show([]);
  expect(mustFail(await metadata.set("key", "1"))).toMatchObject({ kind: "disk", error: { kind: "noSpace" } });
  expect([...metadata.entries, ...readdirSync(mirror)]).toEqual([]);
  full = false;
  must(await metadata.set("key", "1"));
  expect(files(mirror)).toEqual({ key: "1" });
});

test("changes made at once come out in their order, in memory, on disk and in the mirror", async () => {
  const { metadata, mirror, folder } = await world();
  metadata.show([]);
  await Promise.all(Array.from({ length: 20 }, (_, at) => metadata.set("key", String(at))));
  expect([metadata.entries.get("key"), files(folder), files(mirror)]).toEqual(["19", { key: "19" }, { key: "19" }]);
});
