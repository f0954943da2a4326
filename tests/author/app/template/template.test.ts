import { describe, expect, test } from "bun:test";
import { parseSource, resolveUser, sourceText, toSource } from "../../../../runtime/author/app/template/index.ts";
import type { Json } from "../../../../runtime/state/index.ts";
import { linesOf, type Members, made, refusal, source } from "./samples.ts";

const run = (members: Members, groups: readonly string[] = []): Members => made(members, groups).runJson as Members;

describe("src.json", () => {
  test("is written as pvr lays it out: known members in its order, unknown ones behind, empty ones left out", () => {
    const written = sourceText(
      source({
        persistence: { "/a": "boot" },
        args: { PV_GROUP: "app" },
        mine: {},
        dm_enabled: {},
        docker_tag: "",
        template: "builtin-lxc-docker",
        "#spec": "service-manifest-src@1",
      }),
    );
    expect(written).toBe(`{
  "#spec": "service-manifest-src@1",
  "template": "builtin-lxc-docker",
  "args": {
   "PV_GROUP": "app"
  },
  "persistence": {
   "/a": "boot"
  },
  "mine": {}
 }`);
    expect(parseSource(written)).toEqual({ ok: true, value: source(JSON.parse(written)) });
  });

  test.each<[string, string]>([
    ["duplicate members", '{"args":{},"args":{}}'],
    ["a number where text belongs", '{"docker_name":1}'],
    ["another spec", '{"#spec":"service-manifest-src@2"}'],
    ["another template", '{"template":"builtin-runc"}'],
    ["an array", "[]"],
    ["an array for a map", '{"args":[]}'],
    ["half a document", '{"args":'],
    ["a uid that means nothing to the kernel", '{"image_user":{"of":"a","uid":4294967295,"gid":0,"groups":[]}}'],
  ])("with %s is refused", (_what, text) => {
    expect(parseSource(text).ok).toBe(false);
  });

  test("takes null for absent", () => {
    expect(toSource({ args: null, exports: null })).toEqual(toSource({}));
  });
});

describe("groups", () => {
  test("of the device: a container that names none is in the last one", () => {
    expect(run({}, ["root", "app"])["group"]).toBe("app");
    expect(run({ args: { PV_GROUP: "root" } }, ["root", "app"])["group"]).toBe("root");
  });

  test("are left out beside a runlevel, and where there are none", () => {
    expect(run({ args: { PV_RUNLEVEL: "app" } }, ["root"])).not.toHaveProperty("group");
    expect(run({})).not.toHaveProperty("group");
  });
});

test.each([{ PV_STATUS_GOAL: "MOUNTED" }, { PV_RUNLEVEL: "data" }])(
  "a container of data (%p) has nothing to start",
  (args) => {
    const { runJson, lxcConfig } = made({
      args: { ...args, PV_ROLES: ["mgmt"] },
      exports: ["/a"],
      logs: [{ lxc: "enable" }],
    });
    expect(lxcConfig).toBeNull();
    for (const member of ["config", "type", "roles", "exports", "logs"]) expect(runJson).not.toHaveProperty(member);
  },
);

describe("overlays", () => {
  test("of patch mode lie over the container's own image and are a volume of it", () => {
    const members = { docker_ovl_digest: "sha256:1" };
    expect(run(members)).toMatchObject({ "root-volume": "root.erofs", volumes: ["root.ovl.erofs"] });
    expect(linesOf(members, "lxc.rootfs.path")).toEqual([
      "lxc.rootfs.path = overlayfs:/volumes/web/root.ovl.erofs:/volumes/web/root.erofs:/volumes/web/lxc-overlay/upper",
    ]);
  });

  test("of base mode lie over another container's image and are the root", () => {
    const members = { base: "os", docker_ovl_digest: "sha256:1", dm_enabled: { "root.ovl.erofs": true } };
    expect(run(members)).toMatchObject({ "root-volume": "dm:root.ovl.erofs", volumes: [] });
    expect(linesOf(members, "lxc.rootfs.path")).toEqual([
      "lxc.rootfs.path = overlayfs:/volumes/web/root.ovl.erofs:/volumes/os/root.erofs:/volumes/web/lxc-overlay/upper",
    ]);
  });
});

describe("storage", () => {
  test("an author's wish wins over the image, with or without a slash at the end; built-in takes a volume away", () => {
    const members = {
      docker_config: { Volumes: { "/a/": {}, "/b": {}, "/c": {} } },
      persistence: { "/a": "boot@fast", "/b/": "built-in", "lxc-overlay": "permanent" },
    };
    expect(run(members)["storage"]).toEqual({
      "docker--a": { persistence: "boot", disk: "fast" },
      "docker--c": { persistence: "permanent" },
      "lxc-overlay": { persistence: "permanent" },
    });
  });

  test("an outer volume is mounted before what lies in it, blanks are escaped", () => {
    expect(linesOf({ persistence: { "/v/b c": "boot", "/v": "boot" } }, "lxc.mount.entry").slice(-2)).toEqual([
      "lxc.mount.entry = /volumes/web/docker--v v none bind,rw,create=dir 0 0",
      "lxc.mount.entry = /volumes/web/docker--v-b\\040c v/b\\040c none bind,rw,create=dir 0 0",
    ]);
  });

  test.each<[string, Members, readonly string[]]>([
    [
      "two paths that make one storage",
      { persistence: { "/a/b": "boot", "/a-b": "boot" } },
      ["clash persistence./a/b"],
    ],
    ["a path out of the container", { persistence: { "/a/../../b": "boot" } }, ["shape persistence./a/../../b"]],
    ["the root", { docker_config: { Volumes: { "/": {} } } }, ["image docker_config.Volumes./"]],
    ["a volume over the image's own folder", { persistence: { "ovl:/a": "boot" } }, ["shape persistence.ovl:/a"]],
    ["an unknown lifetime", { persistence: { "/a": "forever" } }, ["shape persistence./a"]],
    [
      "a name that no file can have",
      { persistence: { [`/${"a".repeat(249)}`]: "boot" } },
      [`image persistence./${"a".repeat(249)}`],
    ],
  ])("%s is refused", (_what, members, faults) => {
    expect(refusal(members)).toEqual(faults);
  });
});

describe("the image's user", () => {
  const passwd = "root:x:0:0:root:/root:/bin/sh\nwww:x:33:33::/var/www:/bin/false\nbroken\nbad:x:x:1::/:\n";
  const group = "root:x:0:\nwww:x:33:\naudio:x:29:www,other\nvideo:x:44:other, www,www\nstaff:x:50:www\n";
  const accounts = { passwd, group };

  test.each<[string, { uid: number; gid: number; groups: readonly number[]; home?: string }]>([
    ["www", { uid: 33, gid: 33, groups: [29, 44, 50], home: "/var/www" }],
    ["33", { uid: 33, gid: 33, groups: [29, 44, 50], home: "/var/www" }],
    ["www:staff", { uid: 33, gid: 50, groups: [], home: "/var/www" }],
    ["www:7", { uid: 33, gid: 7, groups: [], home: "/var/www" }],
    ["1000", { uid: 1000, gid: 0, groups: [] }],
    ["1000:1001", { uid: 1000, gid: 1001, groups: [] }],
    ["1000:audio", { uid: 1000, gid: 29, groups: [] }],
    ["root", { uid: 0, gid: 0, groups: [], home: "/root" }],
  ])("%s is looked up as engines do it", (user, meaning) => {
    expect(resolveUser(user, accounts)).toEqual({ ok: true, value: { of: user, ...meaning } });
  });

  test.each(["nobody", "www:nobody", "bad", "-1", "4294967295", "1e3", "0x10", ":", "www\nlxc.hook.pre-start = /x"])(
    "%p is nobody in the image",
    (user) => {
      expect(resolveUser(user, accounts).ok).toBe(false);
    },
  );

  test("is what the container starts as, with a home", () => {
    const image_user = { of: "www", uid: 33, gid: 33, groups: [29, 44], home: "/var/www" };
    const members = { docker_config: { User: "www", Cmd: ["/a"] }, image_user };
    expect(linesOf(members, "lxc.init.uid")).toEqual(["lxc.init.uid = 33"]);
    expect(linesOf(members, "lxc.init.gid")).toEqual(["lxc.init.gid = 33"]);
    expect(linesOf(members, "lxc.init.groups")).toEqual(["lxc.init.groups = 29,44"]);
    expect(linesOf(members, "lxc.environment")).toEqual(["lxc.environment = HOME=/var/www"]);
    const own = { ...members, docker_config: { User: "www", Env: ["HOME=/x"] } };
    expect(linesOf(own, "lxc.environment")).toEqual(["lxc.environment = HOME=/x"]);
  });

  test("owns the volumes of a new device; the overlay stays root's", () => {
    const storage = (user: string) =>
      (made({ docker_config: { User: user, Volumes: { "/data": {} } } }).runJson as Record<string, Json>)["storage"];
    expect(storage("5:6")).toEqual({
      "docker--data": { persistence: "permanent", owner: "5:6" },
      "lxc-overlay": { persistence: "boot" },
    });
    expect(storage("0")).toMatchObject({ "docker--data": { persistence: "permanent" } });
    expect(JSON.stringify(storage("0"))).not.toContain("owner");
  });

  test("is never forgotten: a name that was not looked up stops the template, an old answer does not count", () => {
    expect(linesOf({ docker_config: { User: "5:6" } }, "lxc.init.uid")).toEqual(["lxc.init.uid = 5"]);
    expect(refusal({ docker_config: { User: "www" } })).toEqual(["user docker_config.User"]);
    const stale = { of: "other", uid: 0, gid: 0, groups: [] };
    expect(refusal({ docker_config: { User: "www" }, image_user: stale })).toEqual(["user docker_config.User"]);
  });
});

describe("the stop signal", () => {
  const halt = (config: Members) => linesOf({ docker_config: config }, "lxc.signal.halt");

  test.each([
    ["SIGQUIT", "SIGQUIT"],
    ["quit", "SIGQUIT"],
    ["3", "3"],
    ["SIGRTMIN+3", "SIGRTMIN+3"],
    ["RTMAX-14", "SIGRTMAX-14"],
  ])("%s is what asks init to end", (given, written) => {
    expect(halt({ Cmd: ["/a"], StopSignal: given })).toEqual([`lxc.signal.halt = ${written}`]);
  });

  test("is SIGTERM for a program that does not say, and liblxc's own for an init", () => {
    expect(halt({ Cmd: ["/a"] })).toEqual(["lxc.signal.halt = SIGTERM"]);
    expect(halt({ Entrypoint: ["/lib/systemd/systemd"] })).toEqual([]);
    expect(halt({})).toEqual([]);
  });

  test.each(["SIGNOTHING", "0", "65", "SIGRTMIN+31", "SIGTERM\nlxc.hook.stop = /x"])("%p is refused", (signal) => {
    expect(refusal({ docker_config: { StopSignal: signal } })).toEqual(["image docker_config.StopSignal"]);
  });
});

test("the author's config is laid over the image's, member by member, null members skipped", () => {
  const members = { docker_config: { Cmd: ["/a"], WorkingDir: "/w" }, config: { Cmd: ["/b"], WorkingDir: null } };
  expect(linesOf(members, "lxc.init.cmd")).toEqual(["lxc.init.cmd = /b"]);
  expect(linesOf(members, "lxc.init.cwd")).toEqual(["lxc.init.cwd = /w"]);
});

describe("arguments", () => {
  test.each<[string, Members]>([
    ["an end of line", { PV_GROUP: "a\nb" }],
    ["an object", { PV_GROUP: { a: 1 } }],
    ["a number in a list", { PV_ROLES: [1] }],
    ["no JSON", { PV_CONDITIONS: "{" }],
    ["an unknown network", { PV_LXC_NETWORK_TYPE: "macvlan" }],
    ["a physical network without its interface", { PV_LXC_NETWORK_TYPE: "phys" }],
    ["a mount without a target", { PV_VOLUME_MOUNTS: "a.squashfs" }],
    ["an import out of its folder", { PV_FILEIMPORTS: "../etc/shadow:/x" }],
    ["an import into nowhere", { PV_VOLUME_IMPORTS: ["os:/a:/b/../../c"] }],
    ["flags that are none", { PV_VOLUME_IMPORTS: ["os:/a:/b:ro 0 0"] }],
  ])("with %s are refused", (_what, args) => {
    expect(refusal({ args }).every((fault) => fault.startsWith("argument args."))).toBe(true);
  });

  test("that no template has are remarked on", () => {
    expect(made({ args: { PV_GRUOP: "a" } }).remarks).toEqual([
      "args.PV_GRUOP: the template has no such argument, it does nothing",
    ]);
  });
});
