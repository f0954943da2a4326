import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { pvrRepository, SPEC, sha, stateText, write } from "../../author/fixtures.ts";
import { tar, tgz } from "../archives.ts";
import { deviceOf, fakeControl } from "../fake-control.ts";
import { inFolder } from "./in-folder.ts";

const top = mkdtempSync(join(tmpdir(), "cairn-transfer-"));
afterAll(() => rmSync(top, { recursive: true }));

let base = "";
let count = 0;
beforeEach(() => {
  base = join(top, String(count++));
});

const at = (folder: string, ...words: string[]) => inFolder(join(base, folder), base, ...words);
const read = (path: string): string => readFileSync(join(base, path), "utf8");
const state = (folder: string) => JSON.parse(read(`${folder}/json`));
const object = (bytes: string) => ({ name: `objects/${sha(bytes)}`, bytes });

const web = {
  "web/run.json": '{"name":"web","storage":{"a":{"persistence":"boot"}}}',
  "web/root.squashfs": "web root",
  "_config/web/etc/motd": "hello",
  "_sigs/web.json": '{"#spec":"pvs@2"}',
};
const files = { ...web, "web2/root.squashfs": "web2 root", "bsp/kernel": "kernel", "device.json": '{"groups":[]}' };
const source = () => pvrRepository(join(base, "source"), { files });

describe("export", () => {
  test("is the state first, then each object once and sorted, owned by root; the same state gives the same bytes", async () => {
    pvrRepository(join(base, "source"), { files: { ...files, "copy/root.squashfs": "web root" } });
    const { out } = await at("source", "export", "../a.tgz");
    expect(out).toBe(`../a.tgz: the state and 4 objects, ${statSync(join(base, "a.tgz")).size} B\n`);
    expect((await at("source", "export", "../b.tar.gz", "--json")).exit).toBe(0);
    expect((await at("source", "export", "../c.tar")).exit).toBe(0);
    const [a, b, c] = ["a.tgz", "b.tar.gz", "c.tar"].map((name) => readFileSync(join(base, name)));
    expect(a?.equals(b ?? Buffer.alloc(0))).toBe(true);
    expect(gunzipSync(a ?? "").equals(c ?? Buffer.alloc(0))).toBe(true);
    const listed = execFileSync("tar", ["tvf", "c.tar", "--utc"], { cwd: base, encoding: "utf8" })
      .trimEnd()
      .split("\n");
    const digests = ["web root", "hello", "web2 root", "kernel"].map(sha).sort();
    expect(listed.map((line) => line.split(/\s+/).toSpliced(2, 1).join(" "))).toEqual([
      "-rw------- 0/0 1980-01-01 00:00 json",
      ...digests.map((digest) => `-rw-r--r-- 0/0 1980-01-01 00:00 objects/${digest}`),
    ]);
    const stdout = await at("source", "export", "-");
    expect(Buffer.from(stdout.out, "latin1").equals(c ?? Buffer.alloc(0))).toBe(true);
    expect(await at("source", "export", "-", "--json")).toMatchObject({ exit: 2 });
  });

  test("of parts has their configuration and signatures, and #spec", async () => {
    source();
    await at("source", "export", "-p", "web", "../web.tar");
    execFileSync("tar", ["xf", "web.tar"], { cwd: base });
    expect(Object.keys(state(".")).sort()).toEqual(["#spec", ...Object.keys(web)].sort());
    expect(readdirSync(join(base, "objects")).sort()).toEqual([sha("web root"), sha("hello")].sort());
    const none = await at("source", "export", "-p", "we", "../none.tar");
    expect(none.err).toBe("there is no part we: it has bsp, device.json, web, web2\n");
    expect(existsSync(join(base, "none.tar"))).toBe(false);
  });

  test("with a damaged or missing object leaves what was there before", async () => {
    source();
    write(join(base, "out.tgz"), "older");
    write(join(base, "source/.pvr/objects", sha("kernel")), "KERNEL");
    const damaged = await at("source", "export", "../out.tgz");
    expect(damaged).toMatchObject({ exit: 1, out: "" });
    expect(damaged.err).toContain(`object ${sha("kernel")} has wrong bytes`);
    unlinkSync(join(base, "source/.pvr/objects", sha("kernel")));
    expect((await at("source", "export", "../out.tgz")).err).toContain(`object ${sha("kernel")} is not in`);
    expect(read("out.tgz")).toBe("older");
    expect(readdirSync(base).sort()).toEqual(["out.tgz", "source"]);
  });
});

describe("clone", () => {
  test.each([
    ["a working copy", async () => "../source"],
    ["its .pvr", async () => "../source/.pvr"],
    ["an export", () => at("source", "export", "../e.tgz").then(() => "../e.tgz")],
    ["an unpacked export", () => at("source", "put", "../e").then(() => "../e")],
    [
      "an archive that pvr made: any order, an object twice",
      async () => {
        const objects = ["web root", "hello", "web2 root", "kernel"].map(object);
        write(join(base, "p.tgz"), tgz(...objects, { name: "json", bytes: stateText({ files }) }, object("kernel")));
        return "../p.tgz";
      },
    ],
  ])("from %s gives the whole working copy", async (_what, make) => {
    source();
    const reference = await make();
    const cloned = await at("work", "clone", reference, "gateway", "--json");
    expect(cloned).toMatchObject({ exit: 0, err: "" });
    expect(JSON.parse(cloned.out)).toMatchObject({
      folder: join(base, "work/gateway"),
      state: sha(stateText({ files })),
    });
    expect(read("work/gateway/.pvr/json")).toBe(stateText({ files }));
    expect(read("work/gateway/web/root.squashfs")).toBe("web root");
    expect(read("work/gateway/web/run.json")).toContain('    "name": "web"');
    expect(await at("work/gateway", "status")).toEqual({ exit: 0, out: "", err: "" });
    expect(JSON.parse(read("work/gateway/.pvr/config")).DefaultGetUrl).toBe(join(base, "work", reference));
    expect(await at("work/gateway", "get")).toMatchObject({ exit: 0, out: "nothing changed\n" });
    expect(readdirSync(join(base, "work"))).toEqual(["gateway"]);
  });

  test("of parts, called as the source is, in canonical form", async () => {
    source();
    await at("source", "export", "../gw-1.2.tar.gz");
    expect((await at("work", "clone", "-c", "../gw-1.2.tar.gz#web")).exit).toBe(0);
    expect(Object.keys(state("work/gw-1.2/.pvr")).sort()).toEqual(["#spec", ...Object.keys(web)].sort());
    expect(read("work/gw-1.2/web/run.json")).toBe(web["web/run.json"]);
  });

  test("into a folder that holds something is refused; an empty one will do", async () => {
    source();
    write(join(base, "work/full/x"), "x");
    expect((await at("work", "clone", "../source", "full")).err).toContain("is there, and is neither a repository");
    expect((await at("work/empty", "clone", "../../source", ".")).exit).toBe(0);
  });

  test("removes what a killed one left, and nothing else", async () => {
    source();
    const dead = Bun.spawnSync(["true"]).pid;
    for (const name of [`.source.${dead}.tmp`, `.other.${dead}.tmp`, ".source.x.tmp"])
      write(join(base, "work", name, "x"), "x");
    expect((await at("work", "clone", "../source")).exit).toBe(0);
    expect(readdirSync(join(base, "work")).sort()).toEqual([".source.x.tmp", `.other.${dead}.tmp`, "source"].sort());
  });

  test("that fails leaves nothing", async () => {
    source();
    unlinkSync(join(base, "source/.pvr/objects", sha("kernel")));
    const refused = await at("work", "clone", "../source");
    expect(refused).toMatchObject({ exit: 1 });
    expect(refused.err).toContain(
      `lacks 1 files of its state, and they are not here either, such as object ${sha("kernel")}`,
    );
    expect(readdirSync(join(base, "work"))).toEqual([]);
  });
});

describe("get and merge", () => {
  const own = {
    "web/run.json": '{"name":"web","group":"app","storage":{"b":{"persistence":"permanent"}}}',
    "web/old": "old",
    "web-admin/x": "admin",
    "bsp/kernel": "old kernel",
  };
  beforeEach(() => {
    source();
    pvrRepository(join(base, "target"), { files: own });
  });

  test("get replaces a part whole; the working copy follows with a checkout", async () => {
    const got = await at("target", "get", "../source#web");
    expect(got.out).toBe(
      [
        `fetched object 1 of 2: ${[sha("web root"), sha("hello")].sort()[0]}, 8 B`,
        `fetched object 2 of 2: ${[sha("web root"), sha("hello")].sort()[1]}, 5 B`,
        "A _config/web/etc/motd",
        "A _sigs/web.json",
        "D web/old",
        "A web/root.squashfs",
        "C web/run.json",
        '"cairn checkout" brings it into the working copy',
        "",
      ].join("\n"),
    );
    const now = state("target/.pvr");
    expect(now["web/run.json"]).toEqual(JSON.parse(web["web/run.json"]));
    expect(now["web-admin/x"]).toBe(sha("admin"));
    expect(now["bsp/kernel"]).toBe(sha("old kernel"));
    expect(read("target/web/run.json")).toBe(own["web/run.json"]);
    await at("target", "checkout");
    expect(read("target/web/root.squashfs")).toBe("web root");
    expect(await at("target", "status")).toMatchObject({ out: "? web/old\n" });
    expect((await at("target", "log")).out).toContain("    get ../source#web\n");
  });

  test("get drops parts, and takes everything without a fragment", async () => {
    expect((await at("target", "get", "../source#web,-bsp")).exit).toBe(0);
    expect(Object.keys(state("target/.pvr"))).not.toContain("bsp/kernel");
    await at("target", "get", "../source");
    expect(read("target/.pvr/json")).toBe(stateText({ files }));
  });

  test("merge keeps what the other does not say", async () => {
    expect((await at("target", "merge", "../source#web", "--json")).exit).toBe(0);
    const now = state("target/.pvr");
    expect(now["web/run.json"]).toEqual({
      name: "web",
      group: "app",
      storage: { a: { persistence: "boot" }, b: { persistence: "permanent" } },
    });
    expect(now["web/old"]).toBe(sha("old"));
  });

  test("import replaces everything, also what was added stays to be committed", async () => {
    await at("source", "export", "../e.tgz");
    expect((await at("target", "import", "../e.tgz")).exit).toBe(0);
    expect(read("target/.pvr/json")).toBe(stateText({ files }));
  });

  test.each([
    ["http://hub.example/u/d", "the hub is not there yet"],
    ["https://hub.example/u/d#web", "the hub is not there yet"],
    ["user/device", "there is no user/device here, and the hub"],
    ["192.168.1.2", "there is no 192.168.1.2 here, and the hub"],
    ["device:", "a revision is brought to a device, not fetched from one"],
    ["../nowhere", "there is no ../nowhere"],
    ["../source#", "a part has no name"],
    ["../source#we", "there is no part we"],
    ["../source/web", "neither .pvr/json nor json"],
    ["../source/web/root.squashfs", "cut off"],
  ])("from %s says why not", async (reference, reason) => {
    const before = read("target/.pvr/json");
    for (const how of ["get", "merge"]) {
      const refused = await at("target", how, reference);
      expect(refused).toMatchObject({ exit: 1, out: "" });
      expect(refused.err).toContain(reason);
    }
    expect(read("target/.pvr/json")).toBe(before);
  });

  test("a folder with a # in its name is found by its whole name", async () => {
    pvrRepository(join(base, "c#web"), { files: { x: "x" } });
    expect((await at("target", "get", "../c#web")).exit).toBe(0);
    expect(Object.keys(state("target/.pvr"))).toEqual(["#spec", "x"]);
  });
});

describe("put and post", () => {
  beforeEach(() => source());

  test("to a repository: its state, its objects and its log, not its files", async () => {
    pvrRepository(join(base, "target"), { files: { y: "y" } });
    const sent = await at("source", "post", "../target", "-m", "release");
    expect(sent.out).toContain(`../target has state ${sha(stateText({ files }))}; 4 objects sent`);
    expect(read("target/.pvr/json")).toBe(stateText({ files }));
    expect(read("target/.pvr/commitmsg")).toBe("release");
    expect(read(`target/.pvr/objects/${sha("kernel")}`)).toBe("kernel");
    expect(existsSync(join(base, "target/web"))).toBe(false);
    expect((await at("target", "log")).out).toContain("    release\n");
    await at("target", "checkout");
    expect(read("target/web/root.squashfs")).toBe("web root");
    expect((await at("source", "post")).out).toContain("; 0 objects sent"); // remembered
  });

  test("to a folder that is not there: an unpacked export, which takes later ones, too", async () => {
    expect((await at("source", "put", "../out/deep")).exit).toBe(0);
    expect(readdirSync(join(base, "out/deep")).sort()).toEqual(["json", "objects"]);
    pvrRepository(join(base, "other"), { files: { "web/x": "x", "bsp/kernel": "newer" } });
    expect((await at("other", "put", "../out/deep#bsp")).exit).toBe(0);
    expect(state("out/deep")).toEqual({ ...JSON.parse(stateText({ files })), "bsp/kernel": sha("newer") });
  });

  test("to an archive, whole or parts of it", async () => {
    await at("source", "put", "../whole.tgz");
    await at("source", "export", "../same.tgz");
    expect(read("whole.tgz")).toBe(read("same.tgz"));
    await at("source", "put", "../part.tgz#bsp");
    expect((await at("work", "clone", "../part.tgz")).exit).toBe(0);
    expect(Object.keys(state("work/part/.pvr"))).toEqual(["#spec", "bsp/kernel"]);
  });

  test.each([
    ["..", "is there, and is neither a repository"],
    [".", "is this very repository"],
    ["../source/.pvr", "is this very repository"],
    ["web/root.squashfs", "is there, and is neither a repository"],
    ["http://hub.example/u/d", '"cairn post" sends it one'],
    ["hub", '"cairn post" sends it one'],
    ["../x.tgz#-web", "an export has nothing to drop from"],
  ])("to %s says why not", async (reference, reason) => {
    const refused = await at("source", "put", reference);
    expect(refused).toMatchObject({ exit: 1, out: "" });
    expect(refused.err).toContain(reason);
  });

  test("what is for a device is refused elsewhere", async () => {
    expect(await at("source", "post", "../x", "--run")).toMatchObject({ exit: 2, out: "" });
    expect(existsSync(join(base, "x"))).toBe(false);
  });

  test("a damaged object does not go on", async () => {
    write(join(base, "source/.pvr/objects", sha("kernel")), "KERNEL");
    const refused = await at("source", "put", "../out");
    expect(refused).toMatchObject({ exit: 1 });
    expect(refused.err).toContain(`source/.pvr/objects/${sha("kernel")} has wrong bytes`);
    expect(state("out")).toEqual({ "#spec": SPEC });
  });

  test("to a device: the committed state, under a name, and run to its verdict", async () => {
    const device = deviceOf({
      objects: [sha("kernel")],
      records: [{ status: "DONE", "status-msg": "Update finished" }],
    });
    await using control = await fakeControl(device.behaviour);
    const sent = await at(
      "source",
      "post",
      `device:${control.socket}`,
      "--name",
      "locals/web-1",
      "--run",
      "-m",
      "web 1",
    );
    expect(sent).toMatchObject({ exit: 0, err: "" });
    expect(device.states.get("locals/web-1")).toBe(stateText({ files }));
    expect([...device.stored.keys()].sort()).toEqual(["kernel", "web root", "hello", "web2 root"].map(sha).sort());
    expect([...device.messages]).toEqual([["locals/web-1", "web 1"]]);
    expect(device.commands.map((text) => JSON.parse(text))).toEqual([{ op: "LOCAL_RUN", payload: "locals/web-1" }]);
    expect(sent.out).toContain("DONE: Update finished");
    expect(JSON.parse(read("source/.pvr/config")).DefaultPostUrl).toBe(`device:${control.socket}`);
  });

  test("a device that is not there is an error of the device's", async () => {
    const refused = await at("source", "post", `device:${base}/nothing`);
    expect(refused).toMatchObject({ exit: 255 });
    expect(refused.err).toContain("no answer from");
    expect(JSON.parse(read("source/.pvr/config")).DefaultPostUrl).toBe("");
  });
});

describe("hostile exports", () => {
  const good = `{"#spec":"${SPEC}","web/x":"${sha("x")}"}`;
  const json = (bytes: string) => ({ name: "json", bytes });
  beforeEach(() => pvrRepository(join(base, "target"), { files: { old: "old" } }));

  const refused = async (reason: string, bytes: Uint8Array): Promise<void> => {
    write(join(base, "evil.tgz"), bytes);
    const before = read("target/.pvr/json");
    const objects = readdirSync(join(base, "target/.pvr/objects"));
    for (const words of [
      ["import", "../evil.tgz"],
      ["get", "../evil.tgz"],
      ["merge", "../evil.tgz"],
    ]) {
      const ran = await at("target", ...words);
      expect(ran).toMatchObject({ exit: 1, out: "" });
      expect(ran.err).toContain(reason);
    }
    expect((await at("work", "clone", "../evil.tgz")).exit).toBe(1);
    expect(read("target/.pvr/json")).toBe(before);
    expect(readdirSync(join(base, "target/.pvr/objects"))).toEqual(objects);
    const store = join(base, ".pvr/objects");
    expect(existsSync(store) ? readdirSync(store) : []).toEqual([]);
    expect(
      readdirSync(base)
        .filter((name) => name !== ".pvr")
        .sort(),
    ).toEqual(["evil.tgz", "target", "work"]);
    expect(readdirSync(join(base, "work"))).toEqual([]);
  };

  test.each(["../json", "objects/../../x", "/etc/cron.d/x", "a/.."])(
    "CVE-2023-7216, CVE-2026-17106, desync: a name that leads elsewhere, %s",
    (name) => refused("a name that leads elsewhere", tar(json(good), object("x"), { name, bytes: "x" })),
  );

  test.each(["../../x", "/etc/cron.d/x", "a/../../x", ".pvr/config", "a/./b", "a//b"])(
    "a key of the state that leads elsewhere, %s",
    (key) => refused(key, tar(json(`{"#spec":"${SPEC}","${key}":"${sha("x")}"}`), object("x"))),
  );

  test.each(["1", "2", "3", "4", "6"])("a link, a device or a FIFO, kind %s", (type) =>
    refused("which no export has", tar(json(good), { name: `objects/${sha("x")}`, type, link: "json" })),
  );

  test("OSTree issue 517: every way in checks the digests", () =>
    refused(`object ${sha("x")} has wrong bytes`, tar(json(good), { name: `objects/${sha("x")}`, bytes: "y" })));

  test("an unpacked one with wrong bytes is refused, too", async () => {
    write(join(base, "evil/json"), good);
    write(join(base, "evil/objects", sha("x")), "y");
    for (const how of ["import", "get", "merge"]) {
      expect((await at("target", how, "../evil")).err).toContain(`object ${sha("x")} has wrong bytes`);
    }
    expect(existsSync(join(base, "target/.pvr/objects", sha("x")))).toBe(false);
  });

  test("CVE-2025-67903: only what the state names is stored, and an empty digest is no object", async () => {
    const more = tar(json(good), object("x"), object("unlisted"), { name: `objects/${sha("x")}.gz`, bytes: "z" });
    write(join(base, "more.tgz"), more);
    expect((await at("target", "import", "../more.tgz")).exit).toBe(0);
    expect(readdirSync(join(base, "target/.pvr/objects")).sort()).toEqual([sha("old"), sha("x")].sort());
    await refused2(`{"#spec":"${SPEC}","web/x":""}`);
  });

  test("a file whose name is a folder's is refused: readers understand it differently", () =>
    refused("a file that ends with a slash", tar(json(good), object("x"), { name: "objects/", bytes: "z" })));

  const refused2 = async (text: string): Promise<void> => {
    write(join(base, "empty.tar"), tar(json(text)));
    const ran = await at("target", "import", "../empty.tar");
    expect(ran).toMatchObject({ exit: 1, out: "" });
    expect(ran.err).toContain("web/x has neither the SHA-256 of a file");
  };

  test("CVE-2026-34155: a length beyond what is there, or beyond all reason, is refused before it is believed", async () => {
    await refused("", tar(json(good), { ...object("x"), size: 8 ** 11 - 1 }));
    await refused("its state is larger than", tar({ ...json(good), size: 8 ** 11 - 1 }));
  });

  test.each([
    ["two states", tar(json(good), json(good)), "two states"],
    [
      "one object with two lengths",
      tar(json(good), object("x"), { name: `objects/${sha("x")}`, bytes: "xx" }),
      "two objects",
    ],
    ["no state", tar(object("x")), "has no state"],
    ["a key twice", tar(json(`{"#spec":"${SPEC}","a":"${sha("x")}","a":"${sha("x")}"}`), object("x")), "appears twice"],
    [
      "a file that is a folder, too",
      tar(json(`{"#spec":"${SPEC}","a":"${sha("x")}","a/b":"${sha("x")}"}`), object("x")),
      "the folder of a/b",
    ],
    ["no #spec", tar(json("{}")), "no #spec"],
    ["a missing object", tar(json(good)), "lacks 1 files of its state"],
    ["a cut-off end", tar(json(good), object("x")).subarray(0, 1600), "cut off"],
    [
      "a damaged gzip",
      Buffer.concat([tgz(json(good), object("x")).subarray(0, 60), Buffer.alloc(20)]),
      "unpacking it failed",
    ],
  ])("%s", (_what, bytes, reason) => refused(reason, bytes));

  test("CVE-2020-25860: an object that changes between the look and the copy is refused by its digest", async () => {
    write(join(base, "swap/json"), good);
    write(join(base, "swap/objects", sha("x")), "x");
    const { openSource, take } = await import("../../../runtime/author/reference/index.ts");
    const { openRepository } = await import("../../../runtime/author/repository/index.ts");
    const { realDisk } = await import("../../../runtime/store/index.ts");
    const looked = await openSource(join(base, "swap"));
    expect(looked.ok).toBe(true);
    write(join(base, "swap/objects", sha("x")), "y");
    const repository = await openRepository(realDisk, join(base, "target"));
    if (!repository.ok) throw new Error("the target is a repository");
    const taken = await take(repository.value, { how: "get", reference: join(base, "swap"), now: new Date() });
    expect(taken.ok ? null : taken.error.kind).toBe("wrongBytes");
  });
});

describe("deploy", () => {
  const bsp = {
    "bsp/kernel.img": "kernel",
    "bsp/initramfs.cpio.gz": "first stage",
    "bsp/rootfs.squashfs": "base system",
    "bsp/run.json": '{"initrd":"initramfs.cpio.gz","linux":"kernel.img","rootfs":"rootfs.squashfs"}',
  };
  const app = {
    "app/run.json": '{"config":"lxc.conf","name":"app","root-volume":"root.squashfs","type":"lxc"}',
    "app/lxc.conf": "lxc.uts.name = app",
    "app/root.squashfs": "app root",
  };
  const whole = { ...bsp, ...app };

  test("lays out the storage of a device whose revision 0 is what is committed", async () => {
    pvrRepository(join(base, "source"), { files: whole });
    expect((await at("source", "deploy", "../storage")).out).toEndWith("../storage starts revision 0; 5 objects\n");
    const [trail, stored] = [join(base, "storage/trails/0"), join(base, "storage/objects")];
    expect(readFileSync(join(trail, ".pvr/json"), "utf8")).toBe(stateText({ files: whole }));
    expect(readFileSync(join(trail, ".pvr/config"), "utf8")).toBe('{"ObjectsDir":"/storage/objects"}');
    for (const [key, bytes] of Object.entries(whole)) {
      expect(readFileSync(join(trail, key), "utf8")).toBe(bytes);
      if (!key.endsWith(".json")) expect(statSync(join(trail, key)).ino).toBe(statSync(join(stored, sha(bytes))).ino);
    }
    const started = ["pv-kernel.img", "pv-initrd.img"].map((name) => readFileSync(join(trail, ".pv", name), "utf8"));
    expect(started).toEqual(["kernel", "first stage"]);
  });

  test.each([
    ["no base system", app, "has no base system"],
    ["a state that devices refuse", { ...bsp, "app/run.json": "{}" }, "a device refuses what is committed here: "],
  ])("refuses %s and makes nothing", async (_what, files, why) => {
    pvrRepository(join(base, "source"), { files });
    const refused = await at("source", "deploy", "../storage");
    expect(refused).toMatchObject({ exit: 1, out: "" });
    expect(refused.err).toContain(why);
    expect(existsSync(join(base, "storage"))).toBe(false);
  });

  test("refuses a folder that holds something", async () => {
    pvrRepository(join(base, "source"), { files: whole });
    write(join(base, "storage/mine"), "");
    expect((await at("source", "deploy", "../storage")).err).toContain("storage is there");
  });

  test("refuses an object with wrong bytes", async () => {
    pvrRepository(join(base, "source"), { files: whole });
    write(join(base, "source/.pvr/objects", sha("kernel")), "KERNEL");
    expect((await at("source", "deploy", "../storage")).err).toContain(
      `object ${sha("kernel")} arrived with wrong bytes`,
    );
  });
});
