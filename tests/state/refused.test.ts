import { describe, expect, test } from "bun:test";
import { explainState, limits, parseState } from "../../runtime/state/index.ts";
import { container, DIGEST, everything, type Members, refusal, state } from "./samples.ts";

const bsp = (run: Members, files: Members = {}): Members => ({ "bsp/run.json": run, ...files });
const device = (part: Members): Members => ({ "device.json": part });
const groups = (...items: readonly unknown[]): Members => device({ groups: items as never });
const disks = (...items: readonly unknown[]): Members => device({ disks: items as never });
const web = (run: Members, more: Members = {}): Members => ({ ...container("web", run), ...more });

/** What is refused, by which fault, and a part of its sentence. */
const cases: readonly (readonly [what: string, members: Members, fault: string, sentence: string])[] = [
  // 1: keys and entries
  ["an empty key", { "": DIGEST }, "key ", "an empty component"],
  ["an absolute key", { "/etc/passwd": DIGEST }, "key /etc/passwd", 'a "/" at the start'],
  ["a key with ..", { "web/../../x": DIGEST }, "key web/../../x", 'the component ".."'],
  ["a key with .", { "web/./x": DIGEST }, "key web/./x", 'the component "."'],
  ["a key with //", { "web//x": DIGEST }, "key web//x", "an empty component"],
  ["a key that ends in /", { "web/": DIGEST }, "key web/", "an empty component"],
  ["a key with a line break", { "web/a\nb": DIGEST }, "key web/a\\nb", "a control character"],
  ["a key with NUL", { "web/a\0b": DIGEST }, "key web/a\\u0000b", "a control character"],
  ["a key with a C1 control", { "web/a\u0085b": DIGEST }, "key web/a\\u0085b", "a control character"],
  ["a component of 256 bytes", { [`web/${"é".repeat(128)}`]: DIGEST }, `key web/${"é".repeat(76)}…`, "256 bytes"],
  ["a key of 1025 bytes", { ["abcd/".repeat(205)]: DIGEST }, `key ${"abcd/".repeat(16)}…`, "1025 bytes"],
  ["a key in .pvr", { ".pvr/json": DIGEST }, "key .pvr/json", "a folder of the runtime"],
  ["a key in .pv", { ".pv/progress": DIGEST }, "key .pv/progress", "a folder of the runtime"],
  ["a key that is a folder too", { a: DIGEST, "a-b": DIGEST, "a/b": DIGEST }, "folder a", 'the key "a/b" too'],
  ["a deep key that is a folder too", { "a/b/c": DIGEST, "a/b/c/d/e": DIGEST }, "folder a/b/c", '"a/b/c/d/e"'],
  ["a digest in capitals", { "web/x": "A".repeat(64) }, "entry web/x", "64 lower-case hex digits"],
  ["a digest that is too short", { "web/x": "0".repeat(63) }, "entry web/x", "64 lower-case hex digits"],
  ["an empty digest", { "web/x": "" }, "entry web/x", 'found ""'],
  ["inline JSON without .json", { "web/x": { a: 1 } }, "entry web/x", "found an object"],
  ["a run.json that is a file", { "web/run.json": DIGEST }, "entry web/run.json", "the digest of a file"],
  ["a device.json that is a file", { "device.json": DIGEST }, "entry device.json", "the digest of a file"],
  [
    "a signature without protected",
    { "_sigs/x.json": { "#spec": "pvs@2", signature: "AA" } },
    "missing _sigs/x.json, protected",
    "nothing",
  ],
  [
    "a signature with padding",
    { "_sigs/x.json": { "#spec": "pvs@2", protected: "AA==", signature: "AA" } },
    "shape _sigs/x.json, protected",
    "base64url without padding",
  ],
  [
    "too many keys",
    Object.fromEntries(Array.from({ length: 8192 }, (_, at) => [`k${at}`, DIGEST])),
    "tooMany the state",
    "8193 keys",
  ],
  [
    "too many containers",
    Object.assign({}, ...Array.from({ length: 129 }, (_, at) => container(`c${at}`))),
    "tooMany the state",
    "129 containers, wanted at most 128",
  ],
  // 1.4: bsp/run.json
  ["a bsp without boot files", bsp({}), "incomplete bsp/run.json", "fit, or rpiab, or both linux and initrd"],
  [
    "a bsp with a kernel alone",
    bsp({ linux: "k", initrd: "" }, { "bsp/k": DIGEST }),
    "incomplete bsp/run.json",
    "both linux and initrd",
  ],
  [
    "a bsp whose FIT is no key",
    bsp({ fit: "pantavisor.fit" }),
    "file bsp/run.json, fit",
    'no key "bsp/pantavisor.fit"',
  ],
  [
    "a bsp whose addon is no key",
    bsp({ fit: "f", addons: ["a", "b"] }, { "bsp/f": DIGEST, "bsp/a": DIGEST }),
    "file bsp/run.json, addons[1]",
    'no key "bsp/b"',
  ],
  [
    "a bsp whose rootfs is no key",
    bsp({ fit: "f", rootfs: "r.squashfs" }, { "bsp/f": DIGEST }),
    "file bsp/run.json, rootfs",
    "r.squashfs",
  ],
  [
    "a kernel outside bsp",
    bsp({ linux: "../k", initrd: "i" }, { "bsp/i": DIGEST, k: DIGEST }),
    "shape bsp/run.json, linux",
    "directly in",
  ],
  [
    "modules that are no key",
    bsp({ fit: "f", modules: "m.squashfs" }, { "bsp/f": DIGEST }),
    "file bsp/run.json, modules",
    "m.squashfs",
  ],
  [
    "modules with a relative path",
    bsp({ fit: "f", modules: "a/m.squashfs" }, { "bsp/f": DIGEST }),
    "shape bsp/run.json, modules",
    "a/m.squashfs",
  ],
  [
    "modules of the wrong type",
    bsp({ fit: "f", modules_6: 6 }, { "bsp/f": DIGEST }),
    "shape bsp/run.json, modules_6",
    "found 6, wanted a string",
  ],
  [
    "dm: before an absolute path",
    bsp({ fit: "f", modules: "dm:/m.squashfs" }, { "bsp/f": DIGEST }),
    "incomplete bsp/run.json, modules",
    "behind dm:",
  ],
  ["a bsp that is an array", { "bsp/run.json": [] }, "shape bsp/run.json", "found an array of 0, wanted an object"],
  [
    "addons that are no array",
    bsp({ fit: "f", addons: "x" }, { "bsp/f": DIGEST }),
    "shape bsp/run.json, addons",
    "an array of 0 to 256 items",
  ],
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
  // 1.8, 1.9: drivers and services
  ["a driver section that is a list", { "bsp/drivers.json": { all: [] } }, "shape bsp/drivers.json, all", "an object"],
  [
    "a driver alias that is text",
    { "bsp/drivers.json": { all: { wifi: "x" } } },
    "shape bsp/drivers.json, all.wifi",
    "an array",
  ],
  [
    "an unknown service type",
    web({}, { "web/services.json": [{ name: "a", type: "smoke" }] }),
    "shape web/services.json, [0].type",
    '"rest"',
  ],
  [
    "a service without name and owns",
    web({}, { "web/services.json": { services: [{ type: "unix" }] } }),
    "missing web/services.json, services[0]",
    "neither name nor owns",
  ],
  [
    "an exported system-bus",
    web({}, { "web/services.json": [{ name: "system-bus", type: "dbus" }] }),
    "clash web/services.json, [0]",
    "the runtime's own",
  ],
  [
    "one bus name owned twice",
    web(
      {},
      {
        "web/services.json": [
          { type: "dbus", bus: "b", owns: "o" },
          { type: "dbus", bus: "b", owns: "o" },
        ],
      },
    ),
    "clash web/services.json",
    '"o" on the bus "b" a second time',
  ],
  [
    "a required service that nobody exports",
    web({ services: { required: ["x"] } }),
    "unknown web/run.json, services.required[0]",
    '"x", which no container exports',
  ],
  [
    "a service request without name",
    web({ services: { optional: [{}] } }),
    "shape web/run.json, services.optional[0]",
    "the name of a service",
  ],
  // 2: run.json
  ["a run.json without name", { "web/run.json": { type: "lxc" } }, "missing web/run.json, name", "nothing"],
  ["a name that is not the folder's", web({ name: "app" }), "name web/run.json, name", '"app", wanted "web"'],
  ["a name with a space", container("we b"), "name we b/run.json, name", "1 to 64 of"],
  ["a name that starts with a dash", container("-web"), "name -web/run.json, name", "1 to 64 of"],
  ["a name of 65 characters", container("a".repeat(65)), `name ${"a".repeat(65)}/run.json, name`, "1 to 64 of"],
  ["a run.json that is null", { "web/run.json": null }, "shape web/run.json", "found null, wanted an object"],
  ["an unknown type", web({ type: "runc" }), "shape web/run.json, type", '"runc", wanted "lxc"'],
  [
    "an unknown group",
    web({ group: "x" }),
    "unknown web/run.json, group",
    '"x", wanted one of "data", "root", "platform", "app"',
  ],
  ["an unknown goal", web({ status_goal: "UP" }), "shape web/run.json, status_goal", '"UP"'],
  ["roles that are text", web({ roles: "mgmt" }), "shape web/run.json, roles", "an array"],
  ["a configuration that is no key", web({ config: "x.conf" }), "file web/run.json, config", 'no key "web/x.conf"'],
  [
    "a configuration outside",
    web({ config: "../db/x.conf" }, { "db/x.conf": DIGEST }),
    "file web/run.json, config",
    "../db/x.conf",
  ],
  [
    "a started container without config",
    { "web/run.json": { name: "web", type: "lxc" } },
    "incomplete web/run.json",
    "no config",
  ],
  [
    "a started container without type",
    { "web/run.json": { name: "web", config: "c" }, "web/c": DIGEST },
    "incomplete web/run.json",
    "no type",
  ],
  [
    "a root volume that is no key",
    web({ "root-volume": "x.squashfs" }),
    "file web/run.json, root-volume",
    'no key "web/x.squashfs"',
  ],
  [
    "a root volume outside",
    web({ "root-volume": "../db/x.squashfs" }),
    "shape web/run.json, root-volume",
    "the name of a file",
  ],
  [
    "a volume without extension",
    web({ volumes: ["root"] }, { "web/root": DIGEST }),
    "shape web/run.json, volumes[0]",
    "a file system type",
  ],
  ["an unknown handler", web({ volumes: ["zip:root.squashfs"] }), "shape web/run.json, volumes[0]", "dm:"],
  ["a .data folder without files", web({ volumes: ["x.data"] }), "file web/run.json, volumes[0]", "x.data"],
  [
    "dm: without manifest",
    web({ "root-volume": "dm:root.squashfs" }),
    "verity web/_dm/root.squashfs.json",
    "the dm-verity manifest",
  ],
  [
    "a manifest of another file",
    web(
      { "root-volume": "dm:root.squashfs" },
      {
        "web/h": DIGEST,
        "web/_dm/root.squashfs.json": { type: "dm-verity", data_device: "h", hash_device: "h", root_hash: DIGEST },
      },
    ),
    "verity web/_dm/root.squashfs.json, data_device",
    '"h", wanted "root.squashfs"',
  ],
  [
    "a manifest whose hashes are no key",
    web(
      { "root-volume": "dm:root.squashfs" },
      {
        "web/_dm/root.squashfs.json": {
          type: "dm-verity",
          data_device: "root.squashfs",
          hash_device: "h",
          root_hash: DIGEST,
        },
      },
    ),
    "verity web/_dm/root.squashfs.json, hash_device",
    "another file",
  ],
  [
    "a manifest that hashes itself",
    web(
      { "root-volume": "dm:root.squashfs" },
      {
        "web/_dm/root.squashfs.json": {
          type: "dm-verity",
          data_device: "root.squashfs",
          hash_device: "root.squashfs",
          root_hash: DIGEST,
        },
      },
    ),
    "verity web/_dm/root.squashfs.json, hash_device",
    "another file",
  ],
  [
    "a manifest with a short hash",
    web(
      { "root-volume": "dm:root.squashfs" },
      {
        "web/_dm/root.squashfs.json": {
          type: "dm-verity",
          data_device: "root.squashfs",
          hash_device: "h",
          root_hash: "00",
        },
      },
    ),
    "shape web/_dm/root.squashfs.json, root_hash",
    "a root hash",
  ],
  [
    "dm: before a .bind",
    web({ volumes: ["dm:a.bind"] }, { "web/a.bind": DIGEST }),
    "incomplete web/run.json, volumes[0]",
    "behind dm:",
  ],
  [
    "a log file with ..",
    web({ logs: [{ file: "/var/../etc/shadow" }] }),
    "shape web/run.json, logs[0].file",
    "an absolute path",
  ],
  [
    "a log name with a path",
    web({ logs: [{ file: "/a", name: "../x" }] }),
    "shape web/run.json, logs[0].name",
    "one plain component",
  ],
  ["a log size of 0", web({ logs: [{ file: "/a", maxsize: 0 }] }), "shape web/run.json, logs[0].maxsize", "above 0"],
  ["a relative export", web({ exports: ["run"] }), "shape web/run.json, exports[0]", "an absolute path"],
  ["dev-log as text", web({ "dev-log": "yes" }), "shape web/run.json, dev-log", "true or false"],
  ["an unknown network mode", web({ network: { mode: "bridge" } }), "shape web/run.json, network.mode", '"host"'],
  [
    "mode pool without pool",
    web({ network: { mode: "pool" } }),
    "incomplete web/run.json, network.mode",
    "the name of a pool",
  ],
  [
    "a bad address",
    web({ network: { pool: "a", ip: "10.0.0.256" } }),
    "shape web/run.json, network.ip",
    "an IPv4 address",
  ],
  ["a bad MAC", web({ network: { pool: "a", mac: "02:00" } }), "shape web/run.json, network.mac", "a MAC address"],
  [
    "a host name with a space",
    web({ network: { hostname: "a b" } }),
    "shape web/run.json, network.hostname",
    "a host name",
  ],
  ["text with a control character", web({ group: "a\nb" }), "shape web/run.json, group", "without control characters"],
];

describe("a state is refused for", () => {
  test.each(cases)("%s", (_what, members, fault, sentence) => {
    const refused = refusal(members);
    expect(refused.faults).toContain(fault);
    expect(refused.sentence).toContain(sentence);
  });
});

test("a state that breaks one rule is refused for that one only", () => {
  expect(refusal({ ...everything, "web/x": "no digest" }).faults).toEqual(["entry web/x"]);
});

test("all faults are named, the first 16 in full", () => {
  const bad = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`k${at}`, "x"]));
  const refused = refusal(bad);
  expect(refused.faults).toHaveLength(16);
  expect(refused.sentence).toEndWith("; and 4 more");
});

describe("the whole document is refused when it", () => {
  const sentence = (source: string | Uint8Array): string => {
    const result = parseState(source);
    return result.ok ? "accepted" : explainState(result.error);
  };

  test("has no #spec", () => {
    expect(sentence("{}")).toContain('it wants "#spec":"pantavisor-service-system@1"');
    expect(sentence('{"#spec":1}')).toContain("does not say its format");
  });

  test("has the legacy format, and says so", () => {
    expect(sentence('{"#spec":"pantavisor-multi-platform@1"}')).toContain("legacy format pantavisor-multi-platform@1");
  });

  test("has an unknown format", () => {
    expect(sentence('{"#spec":"pantavisor-service-embed@1"}')).toContain('the format "pantavisor-service-embed@1"');
  });

  test.each([
    ["an array", "[]"],
    ["null", "null"],
  ])("is %s", (found, text) => {
    expect(sentence(text)).toContain(`found ${found === "null" ? "null" : "an array"}, wanted an object`);
  });

  test("has a key twice", () => {
    expect(sentence(`{"#spec":"x","a":"${DIGEST}","a":"${DIGEST}"}`)).toContain('the name "a" appears twice');
  });

  test("has a number beyond 2^53 even where nobody interprets it", () => {
    expect(sentence(state({ "a.json": { big: 0 } }).replace("0}", "12345678901234567890}"))).toContain(
      "(a.json, big): found the number 12345678901234567890, wanted one within ±9007199254740991",
    );
  });

  test("has more values than 128 containers need", () => {
    const many = Array(limits.valuesMax).fill(0);
    expect(sentence(state({ "a.json": many }))).toContain("(a.json, [32765]): more than 32768 values");
  });

  test("is nested deeper than 64 levels", () => {
    expect(sentence(state({ "a.json": 0 }).replace("0}", `${"[".repeat(64)}0${"]".repeat(64)}}`))).toContain(
      "deeper than 64",
    );
    expect(sentence(state({ "a.json": 0 }).replace("0}", `${"[".repeat(63)}0${"]".repeat(63)}}`))).toBe("accepted");
  });

  test("is not UTF-8", () => {
    expect(sentence(Buffer.from(state({ x: "\xff" }), "latin1"))).toContain("bytes that are not UTF-8");
  });

  test("is larger than 1 MiB, and then it is not looked at", () => {
    const text = state({ "a.json": "" });
    const fits = text.replace('""', `"${"x".repeat(limits.stateBytesMax - text.length)}"`);
    expect(sentence(fits)).toBe("accepted");
    expect(sentence(`${fits} `)).toContain("1048577 bytes, at most 1048576");
    expect(sentence(fits.replace("xx", "é"))).toBe("accepted");
    expect(sentence(fits.replace("x", "é"))).toContain("1048577 bytes");
  });

  test("has 100 MB, without spending time on it", () => {
    const huge = new Uint8Array(100_000_000).fill(0x5b);
    const text = "[".repeat(100_000_000);
    const start = performance.now();
    expect(sentence(huge)).toContain("100000000 bytes, at most 1048576");
    expect(sentence(text)).toContain("100000000 bytes, at most 1048576");
    expect(performance.now() - start).toBeLessThan(100);
  });
});
