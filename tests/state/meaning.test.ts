import { describe, expect, test } from "bun:test";
import { defaultGroups, explainState, type Group, limits, parseState } from "../../runtime/state/index.ts";
import {
  container,
  DIGEST,
  everything,
  type Members,
  parsed,
  parsedContainer,
  refusal,
  state,
  warnings,
} from "./samples.ts";

const groupsOf = (members: Members): readonly string[] =>
  parsed(members).containers.map(({ name, group }) => `${name} ${group}`);

const twoGroups: Members = {
  "device.json": {
    groups: [
      { name: "root", restart_policy: "system", status_goal: "READY" },
      { name: "last", auto_recovery: { policy: "always", max_retries: 2, stable_timeout: 7 } },
    ],
  },
};

describe("groups", () => {
  test("of a state that brings none are the default ones", () => {
    expect(parsed({}).device).toMatchObject({ groups: defaultGroups, runlevels: true });
  });

  test("may be given by the caller for a state that brings none", () => {
    const own: readonly Group[] = [
      { name: "only", statusGoal: "READY", restartPolicy: "system", timeoutMs: 1, autoRecovery: null },
    ];
    const result = parsed(container("web"), { defaultGroups: own });
    expect(result.containers[0]).toMatchObject({ group: "only", statusGoal: "READY", restartPolicy: "system" });
    expect(parsed({ ...container("web"), ...twoGroups }, { defaultGroups: own }).containers[0]?.group).toBe("last");
  });

  test("of a device.json without groups are the default ones, and its other parts count", () => {
    const { device } = parsed({ "device.json": { volumes: { "pv--devmeta": { persistence: "permanent" } } } });
    expect(device).toMatchObject({ groups: defaultGroups, runlevels: true, volumes: [{ name: "pv--devmeta" }] });
  });

  test("may stand in groups.json, as an array or under groups", () => {
    const items = [{ name: "one" }, { name: "two" }];
    for (const value of [items, { groups: items }]) {
      const { device } = parsed({ "groups.json": value });
      expect(device.runlevels).toBe(false);
      expect(device.groups.map(({ name }) => name)).toEqual(["one", "two"]);
    }
  });

  test("and disks in files of their own are ignored beside a device.json", () => {
    const members = { ...twoGroups, "groups.json": [], "disks.json": [], "disks_v3.json": [] };
    expect(parsed(members).device.groups.map(({ name }) => name)).toEqual(["root", "last"]);
    expect(warnings(members)).toEqual(
      ["groups.json", "disks.json", "disks_v3.json"].map((key) => `${key}: ignored: device.json is there`),
    );
  });

  test("keep auto_recovery wherever they stand, and their timeout in milliseconds", () => {
    const { groups } = parsed(everything).device;
    expect(groups.map(({ timeoutMs }) => timeoutMs)).toEqual([30_000, 60_000]);
    expect(groups[1]?.autoRecovery).toEqual({
      policy: "on-failure",
      maxRetries: 5,
      retryDelayMs: 5_000,
      backoffFactor: 2,
      resetWindowMs: 300_000,
      stableTimeoutMs: 30_000,
      backoffPolicy: { kind: "wait", ms: 600_000, text: "10min" },
    });
  });
});

describe("a container without group", () => {
  test("goes to root when it is the first and nobody else is there, the others to platform", () => {
    expect(groupsOf({ ...container("a", { group: "app" }), ...container("b"), ...container("c") })).toEqual([
      "a app",
      "b root",
      "c platform",
    ]);
  });

  test("goes to platform when another one names root, even a later one", () => {
    expect(groupsOf({ ...container("a"), ...container("b", { group: "root" }) })).toEqual(["a platform", "b root"]);
  });

  test("goes to the group of its runlevel", () => {
    const members = {
      ...container("a", { runlevel: "app" }),
      ...container("b", { runlevel: "root" }),
      ...container("c"),
    };
    expect(groupsOf(members)).toEqual(["a app", "b root", "c platform"]);
    expect(warnings(members)).toEqual([]);
  });

  test("and with an unknown runlevel is treated as without one, with a warning", () => {
    const members = container("a", { runlevel: "boot" });
    expect(groupsOf(members)).toEqual(["a root"]);
    expect(warnings(members)).toEqual([
      'a/run.json, runlevel: "boot" is ignored: wanted one of data, root, platform, app',
    ]);
  });

  test("goes to the last of the device's own groups, with a warning", () => {
    const members = { ...container("a"), ...container("b", { runlevel: "root" }), ...twoGroups };
    expect(groupsOf(members)).toEqual(["a last", "b root"]);
    expect(warnings(members)).toEqual(['a/run.json: it names no group: it goes to the last one, "last"']);
  });
});

describe("a container takes from its group what it does not say itself:", () => {
  test("goal and restart policy", () => {
    expect(parsedContainer({ group: "root" }, twoGroups)).toMatchObject({
      statusGoal: "READY",
      restartPolicy: "system",
    });
    expect(
      parsedContainer({ group: "root", status_goal: "STARTED", restart_policy: "container" }, twoGroups),
    ).toMatchObject({ statusGoal: "STARTED", restartPolicy: "container" });
  });

  test("auto_recovery, as a whole block", () => {
    expect(parsedContainer({}, twoGroups).autoRecovery).toMatchObject({ policy: "always", maxRetries: 2 });
    expect(parsedContainer({ auto_recovery: { policy: "on-failure" } }, twoGroups).autoRecovery).toMatchObject({
      policy: "on-failure",
      maxRetries: 0,
      stableTimeoutMs: 0,
    });
  });

  test("auto_recovery also when its own block has no policy, with a warning", () => {
    const run = { group: "last", auto_recovery: { max_retries: 9 } };
    expect(parsedContainer(run, twoGroups).autoRecovery).toMatchObject({ policy: "always", maxRetries: 2 });
    expect(warnings({ ...container("web", run), ...twoGroups })).toEqual([
      'web/run.json, auto_recovery: ignored: it has no policy, so the group "last" decides',
    ]);
  });

  test("but it opts out of recovery with policy no", () => {
    expect(parsedContainer({ auto_recovery: { policy: "no" } }, twoGroups).autoRecovery?.policy).toBe("no");
  });

  test("and without any block it is not recovered", () => {
    expect(parsedContainer({ group: "root" }, twoGroups).autoRecovery).toBeNull();
  });
});

describe("auto_recovery", () => {
  const recovery = (block: Members) => parsedContainer({ auto_recovery: { policy: "always", ...block } }).autoRecovery;

  test.each([
    ["reboot", { kind: "reboot" }],
    ["never", { kind: "never" }],
    ["30", { kind: "wait", ms: 30_000, text: "30" }],
    ["45s", { kind: "wait", ms: 45_000, text: "45s" }],
    ["2min", { kind: "wait", ms: 120_000, text: "2min" }],
    ["1h", { kind: "wait", ms: 3_600_000, text: "1h" }],
    ["0s", { kind: "wait", ms: 0, text: "0s" }],
  ] as const)("reads the backoff policy %p", (text, policy) => {
    expect(recovery({ backoff_policy: text })?.backoffPolicy).toEqual(policy);
  });

  test.each(["", "5 min", "1d", "-1s", "1.5h", "s", "constructor", "1e3"])(
    "takes the backoff policy %p as reboot, with a warning",
    (text) => {
      const run = { auto_recovery: { policy: "always", backoff_policy: text } };
      expect(parsedContainer(run).autoRecovery?.backoffPolicy).toEqual({ kind: "reboot" });
      expect(warnings(container("web", run))[0]).toContain(`${JSON.stringify(text)} counts as "reboot"`);
    },
  );

  test("takes a factor below 1 as 1 and negative retries as unlimited, with warnings", () => {
    const run = { auto_recovery: { policy: "always", backoff_factor: 0.5, max_retries: -1 } };
    expect(parsedContainer(run).autoRecovery).toMatchObject({ backoffFactor: 1, maxRetries: 0 });
    expect(warnings(container("web", run))).toHaveLength(2);
  });

  test("cuts a duration that no timer can hold, with a warning", () => {
    const run = { auto_recovery: { policy: "always", reset_window: 1e9, backoff_policy: "999999999h" } };
    const longest = limits.durationSecondsMax * 1000;
    expect(longest).toBeLessThan(2 ** 31);
    expect(parsedContainer(run).autoRecovery).toMatchObject({
      resetWindowMs: longest,
      backoffPolicy: { kind: "wait", ms: longest },
    });
    expect(warnings(container("web", run))).toHaveLength(2);
  });
});

describe("a container", () => {
  test("has every part of its run.json in the model", () => {
    const web = parsed(everything).containers.find(({ name }) => String(name) === "web");
    expect(web).toEqual({
      name: "web" as never,
      type: "lxc",
      group: "app",
      restartPolicy: "container",
      statusGoal: "READY",
      roles: ["mgmt"],
      autoRecovery: {
        policy: "always",
        maxRetries: 3,
        retryDelayMs: 0,
        backoffFactor: 1,
        resetWindowMs: 0,
        stableTimeoutMs: 0,
        backoffPolicy: { kind: "reboot" },
      },
      network: { mode: "pool", pool: "internal", hostname: "web", ip: "10.0.5.50", mac: "02:00:0a:00:05:32" },
      config: "lxc.container.conf",
      rootVolume: { handler: "dm", file: "root.squashfs", mount: "image", fstype: "squashfs" },
      volumes: [{ handler: null, file: "conf.bind", mount: "bind-file", fstype: "" }],
      verity: [
        { image: "root.squashfs", dataDevice: "root.squashfs", hashDevice: "root.squashfs.hash", rootHash: DIGEST },
      ],
      logs: [
        { kind: "file", file: "/var/log/app.log", name: "app", maxBytes: 1048576, truncate: true },
        { kind: "lxc" },
        { kind: "console" },
      ],
      storage: [
        { name: "docker--data", persistence: "permanent", disk: "secrets" },
        { name: "lxc-overlay", persistence: "boot", disk: null },
      ],
      drivers: { required: ["wifi"], optional: ["bluetooth"], manual: [] },
      services: {
        required: [
          { name: "net-api", type: null, role: null, interface: null, target: null },
          { name: "system-bus", type: null, role: "ui", interface: null, target: null },
        ],
        optional: [{ name: "x", type: null, role: null, interface: null, target: "/run/x" }],
      },
      exportedServices: [
        { name: "net-api", type: "rest", socket: "/run/nm/api.sock", bus: null, owns: null, role: null, allow: [] },
        {
          name: null,
          type: "dbus",
          socket: null,
          bus: "system-bus",
          owns: "org.acme.Foo",
          role: "foo-owner",
          allow: ["ui", "diag"],
        },
      ],
      exports: ["/run/shared"],
      devLog: true,
      automodfw: false,
      hasConfigOverlay: true,
    });
  });

  test("that says nothing more than it must has these defaults", () => {
    expect(parsedContainer({})).toMatchObject({
      roles: [],
      network: { mode: "none", pool: null, hostname: null, ip: null, mac: null },
      volumes: [],
      verity: [],
      logs: null,
      storage: [],
      drivers: { required: [], optional: [], manual: [] },
      services: { required: [], optional: [] },
      exportedServices: [],
      exports: [],
      devLog: null,
      automodfw: true,
      hasConfigOverlay: false,
    });
  });

  test("that is only mounted needs neither type nor config", () => {
    const data = parsed(everything).containers.find(({ name }) => String(name) === "data");
    expect(data).toMatchObject({
      type: null,
      config: null,
      statusGoal: "MOUNTED",
      rootVolume: { mount: "bind-folder", file: "root.data" },
    });
  });

  test("may hold members that nobody knows yet", () => {
    expect(parsedContainer({ share: ["NET"], conditions: [], future: { a: [1] } }).name).toBe("web" as never);
  });

  test("has no role when roles are missing; unknown ones are ignored with a warning", () => {
    const run = { roles: ["nobody", "admin", "nobody"] };
    expect(parsedContainer(run).roles).toEqual(["nobody"]);
    expect(warnings(container("web", run))).toEqual([
      'web/run.json, roles[1]: "admin" is ignored: wanted "mgmt" or "nobody"',
    ]);
  });

  test("with an empty list of logs has none, which differs from no list", () => {
    expect(parsedContainer({ logs: [] }).logs).toEqual([]);
    expect(parsedContainer({ logs: [{ file: "/a" }] }).logs).toEqual([
      { kind: "file", file: "/a", name: null, maxBytes: 2 << 20, truncate: false },
    ]);
  });

  test("mounts each file once, with a warning for the second time", () => {
    const run = { volumes: ["root.squashfs", "b.ext4", "b.ext4"] };
    const more = { "web/b.ext4": DIGEST };
    expect(parsedContainer(run, more).volumes).toEqual([
      { handler: null, file: "b.ext4", mount: "image", fstype: "ext4" },
    ]);
    expect(warnings({ ...container("web", run), ...more })).toHaveLength(2);
  });

  test("exports folders, with or without a slash at the end", () => {
    expect(parsedContainer({ exports: ["/run/a", "/run/b/"] }).exports).toEqual(["/run/a", "/run/b"]);
  });

  test("may keep its files in folders", () => {
    expect(parsedContainer({ volumes: ["img/a.erofs"] }, { "web/img/a.erofs": DIGEST }).volumes).toEqual([
      { handler: null, file: "img/a.erofs", mount: "image", fstype: "erofs" },
    ]);
  });

  test("names a pool and so is in mode pool, whatever mode says", () => {
    expect(parsedContainer({ network: { mode: "host", pool: "x" } }).network.mode).toBe("pool");
    expect(warnings(container("web", { network: { mode: "host", pool: "x", interfaces: [] } }))).toEqual([
      "web/run.json, network.interfaces: ignored: a container has one interface",
      'web/run.json, network.mode: "host" is ignored: a pool is named',
      'web/run.json, network.pool: "x" is no pool of device.json: the container will not start',
    ]);
  });

  test("may own a name on one bus that another owns on another bus", () => {
    const owner = (bus: string) => [{ type: "dbus", bus, owns: "org.acme.Foo" }];
    const members = {
      ...container("a"),
      ...container("b"),
      "a/services.json": owner("x"),
      "b/services.json": owner("y"),
    };
    expect(parsed(members).containers).toHaveLength(2);
  });

  test("may require what a later container exports", () => {
    const state = parsed({
      ...container("a", { services: { required: ["b-api"] } }),
      ...container("b"),
      "b/services.json": [{ name: "b-api", type: "unix", socket: "/run/b" }],
    });
    expect(state.containers[0]?.services.required).toHaveLength(1);
  });

  test("whose folder has services but no run.json is none, with a warning", () => {
    expect(warnings({ "x/services.json": [] })).toEqual(["x/services.json: ignored: the folder has no run.json"]);
  });

  test("cannot be called like a folder with a meaning of its own", () => {
    expect(parsed({ "_sigs/run.json": {}, "_config/run.json": {}, "_hostconfig/run.json": {} }).containers).toEqual([]);
  });
});

describe("storage", () => {
  test("without persistence is ignored, an unknown one counts as boot, both with a warning", () => {
    const run = { storage: { a: {}, b: { persistence: "built-in" }, c: { persistence: "revision" } } };
    expect(parsedContainer(run).storage).toEqual([
      { name: "b", persistence: "boot", disk: null },
      { name: "c", persistence: "revision", disk: null },
    ]);
    expect(warnings(container("web", run))).toEqual([
      "web/run.json, storage.a: ignored: it has no persistence",
      'web/run.json, storage.b.persistence: "built-in" counts as "boot": wanted "permanent", "revision" or "boot"',
    ]);
  });

  test("on a disk that the state does not define is warned of; an alias is enough", () => {
    const disk = { "device.json": { disks: [{ name: "a", type: "volume-disk", aliases: ["b"] }] } };
    const storage = { x: { persistence: "boot", disk: "b" }, y: { persistence: "boot", disk: "c" } };
    expect(warnings({ ...container("web", { storage }), ...disk })).toEqual([
      "device.json: it has no groups: the default groups apply",
      'web/run.json, storage.y.disk: "c" is no disk of the state: the volume will not mount',
    ]);
  });

  test("may be called like a member of every JavaScript object", () => {
    const storage = JSON.parse('{"__proto__":{"persistence":"boot"},"constructor":{"persistence":"boot"}}');
    expect(parsedContainer({ storage }).storage.map(({ name }) => name)).toEqual(["__proto__", "constructor"]);
  });
});

describe("disks", () => {
  test("of unknown type are skipped in disks_v3, with a warning", () => {
    const members: Members = {
      "disks_v3.json": [
        { name: "a", type: "tape" },
        { name: "b", type: "volume-disk" },
      ],
    };
    expect(parsed(members).device.disks.map(({ name }) => name)).toEqual(["b"]);
    expect(warnings(members)).toEqual(['disks_v3.json, [0].type: this disk is skipped: type "tape" is unknown']);
  });

  test("of unknown type are skipped in the lenient list of device.json too", () => {
    const groups = [{ name: "a" }];
    expect(parsed({ "device.json": { groups, disks_v3: [{ name: "a", type: "tape" }] } }).device.disks).toEqual([]);
  });

  test("may repeat their own name as an alias", () => {
    const disk = { name: "a", type: "volume-disk", aliases: ["a", "b"] };
    expect(parsed({ "disks.json": [disk] }).device.disks).toHaveLength(1);
  });

  test("of all three lists count together, and a dual disk names members from any of them", () => {
    const { disks } = parsed(everything).device;
    expect(disks.map(({ name, type }) => `${name} ${type}`)).toEqual([
      "secrets dm-crypt-versatile",
      "swap swap-disk",
      "both dual",
    ]);
    expect(disks[2]).toMatchObject({ members: ["secrets", "vault"], initOrder: ["primary", "create-primary"] });
  });

  test("have at most one default, the first", () => {
    const disk = { type: "volume-disk", default: "yes" };
    const members: Members = {
      "disks.json": [
        { ...disk, name: "a" },
        { ...disk, name: "b" },
      ],
    };
    expect(parsed(members).device.disks.map(({ isDefault }) => isDefault)).toEqual([true, false]);
    expect(warnings(members)).toEqual(['disks.json, [1].default: ignored: "a" is the default disk already']);
  });
});

describe("network pools", () => {
  const pools = (pool: Members): Members => ({
    "device.json": { groups: [{ name: "a" }], network: { pools: { p: pool } } },
  });
  const good = { bridge: "br0", subnet: "10.0.5.0/24", gateway: "10.0.5.1" };

  test("are bridges without nat unless they say otherwise", () => {
    expect(parsed(pools(good)).device.pools).toEqual([
      { name: "p", type: "bridge", parent: null, nat: false, ...good },
    ]);
  });

  test("of unknown type count as bridges, with a warning", () => {
    expect(parsed(pools({ ...good, type: "tunnel" })).device.pools).toMatchObject([{ type: "bridge" }]);
    expect(warnings(pools({ ...good, type: "tunnel" }))).toEqual([
      'device.json, network.pools.p: type "tunnel" counts as "bridge"',
    ]);
  });

  test("of type macvlan need no bridge", () => {
    const { bridge: _, ...rest } = good;
    expect(parsed(pools({ ...rest, type: "macvlan", parent: "eth0" })).device.pools).toMatchObject([
      { type: "macvlan", bridge: null, parent: "eth0" },
    ]);
  });

  test.each([
    ["without bridge", { bridge: undefined }, "it names no bridge"],
    ["without subnet", { subnet: undefined }, "subnet is nothing"],
    ["with a bad subnet", { subnet: "10.0.5.0/33" }, 'subnet is "10.0.5.0/33"'],
    ["with a bad gateway", { gateway: "10.0.5" }, 'gateway is "10.0.5"'],
    ["with a bridge that is no interface name", { bridge: "../etc" }, 'bridge is "../etc"'],
    ["with nat as text", { nat: "yes" }, 'nat is "yes"'],
  ])("%s are left out with a warning; the state stays valid", (_what, change, why) => {
    const members = pools(JSON.parse(JSON.stringify({ ...good, ...change })));
    expect(parsed(members).device.pools).toEqual([]);
    expect(warnings(members)).toEqual([`device.json, network.pools.p: this pool is left out: ${why}`]);
  });
});

describe("the base system", () => {
  test("has every part of its run.json in the model", () => {
    const { bsp, drivers } = parsed(everything);
    expect(bsp).toEqual({
      fit: "pantavisor.fit",
      rpiab: null,
      linux: null,
      initrd: null,
      fdt: null,
      rootfs: "rootfs.squashfs",
      modules: new Map([
        ["", { handler: "dm", file: "modules.squashfs", mount: "image", fstype: "squashfs" }],
        ["6.1.0", { handler: null, file: "/usr/lib/modules.squashfs", mount: "image", fstype: "squashfs" }],
      ]),
      firmware: { handler: null, file: "firmware.squashfs", mount: "image", fstype: "squashfs" },
      verity: [
        {
          image: "modules.squashfs",
          dataDevice: "modules.squashfs",
          hashDevice: "modules.squashfs.hash",
          rootHash: DIGEST,
        },
      ],
      addons: ["addon.cpio"],
    });
    expect(drivers.get("all")?.get("wifi")).toHaveLength(2);
    expect([...drivers.keys()]).toEqual(["all", "fitconfig:conf-board-a"]);
  });

  test.each([
    ["rpiab", { rpiab: "boot.img.gz" }, ["boot.img.gz"]],
    ["linux and initrd", { linux: "k", initrd: "i", fit: "" }, ["k", "i"]],
  ])("is complete with %s", (_what, run, files) => {
    const keys = Object.fromEntries(files.map((file) => [`bsp/${file}`, DIGEST]));
    expect(parsed({ "bsp/run.json": run, ...keys }).bsp).toMatchObject({ fit: null });
  });

  test("with initrd_config or unknown driver sections gives a warning", () => {
    const members = {
      "bsp/f": DIGEST,
      "bsp/run.json": { fit: "f", initrd_config: "x" },
      "bsp/drivers.json": { "#spec": "driver-aliases@1", future: 1, "dtb:a": {} },
    };
    expect(warnings(members)).toEqual([
      "bsp/run.json, initrd_config: ignored: it has no effect",
      "bsp/drivers.json, future: ignored: wanted all, fitconfig:…, dtb:… or ovl:…",
    ]);
  });
});

test("a signature counts wherever its key lies", () => {
  const signature = { "#spec": "pvs@2", protected: "eyJ9", signature: "AAAA" };
  expect(parsed({ "_sigs/a.json": signature, "x/y.json": signature, "_sigs/b": "note" }).signatures).toEqual([
    { key: "_sigs/a.json", protected: "eyJ9", signature: "AAAA" },
    { key: "x/y.json", protected: "eyJ9", signature: "AAAA" },
  ]);
});

test("a backslash in a key is an ordinary character, as in systemd's unit names", () => {
  const key = "_config/os/etc/systemd/system/dev-disk-by\\x2dlabel.mount";
  expect(parsed({ [key]: DIGEST }).entries.at(-1)?.key).toBe(key);
});

test("a key may have 1024 bytes, and a component of it 255", () => {
  const folders = ["a".repeat(255), "b".repeat(255), `${"é".repeat(127)}c`];
  const key = [...folders, "d".repeat(254), "e"].join("/");
  expect(Buffer.byteLength(key)).toBe(1024);
  expect(parsed({ [key]: DIGEST }).entries).toHaveLength(2);
});

test("no more than 100 warnings are kept", () => {
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`c${at}/services.json`, []]));
  const kept = parsed(many).warnings;
  expect(kept).toHaveLength(100);
  expect(kept.at(-1)?.message).toBe("more warnings are left out");
});

test("sentences hold no control characters, whatever the state holds", () => {
  const nasty = "\u001b[31m\u0085\u202e\u2028";
  const members = {
    [nasty]: DIGEST,
    "x/run.json": { name: nasty, [nasty]: 1 },
    "device.json": { groups: [{ name: nasty }] },
  };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  expect(refusal(members).sentence).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u202e]/);
  const broken = parseState(state({}).replace("}", `,"${nasty}":`));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  expect(broken.ok ? "" : explainState(broken.error)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u202e]/);
});
