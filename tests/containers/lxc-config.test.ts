import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type Amendments,
  amendLxcConfig,
  splitCommand,
  withConfigOverlay,
} from "../../runtime/containers/lxc-config.ts";

const plain: Amendments = {
  hostname: "web",
  forcedHostname: null,
  configOverlay: null,
  rootfsMount: "/run/cairn/rootfs",
  payloadCgroup: "lxc/web",
  monitorCgroup: "lxc.monitor/web",
  mounts: [],
  mountHooks: [],
  logItems: [],
};

const amend = (text: string, changes: Partial<Amendments> = {}) => amendLxcConfig(text, { ...plain, ...changes });
/** What became of the text itself. */
const kept = (text: string, changes?: Partial<Amendments>) =>
  amend(text, changes).text.split("\n\n# set by the runtime\n")[0]?.split("\n") ?? [];
/** What the runtime put behind it. */
const added = (text: string, changes?: Partial<Amendments>) =>
  amend(text, changes).text.split("# set by the runtime\n")[1]?.trimEnd().split("\n") ?? [];
/** The value that liblxc is left with: the last one given. */
const last = (text: string, key: string, changes?: Partial<Amendments>) =>
  amend(text, changes)
    .text.split("\n")
    .findLast((line) => line.startsWith(`${key} = `))
    ?.slice(`${key} = `.length);

/** As `pvr` writes it (reference 2.2). */
const pvr = `lxc.tty.max = 8
lxc.pty.max = 1024
lxc.cgroup.devices.allow = a
lxc.rootfs.path = overlayfs:/volumes/web/root.squashfs:/volumes/web/lxc-overlay/upper
lxc.init.cmd = /start.sh "-c" "echo hello"
lxc.init.cwd = /srv
lxc.environment = PATH=/usr/bin:/bin
lxc.namespace.keep = user net ipc
lxc.mount.auto = proc sys:rw cgroup
lxc.mount.entry = /etc/resolv.conf etc/resolv.conf none bind,rw,create=file 0 0
lxc.mount.entry = tmpfs run tmpfs rw,nodev,relatime,mode=755 0 0
`;

test("a configuration as pvr writes it keeps everything but the name of its device rule", () => {
  const { text, command, dropped } = amend(pvr);
  expect(text).toBe(
    `${pvr.replace("lxc.cgroup.devices", "lxc.cgroup2.devices")}
# set by the runtime
lxc.uts.name = web
lxc.rootfs.mount = /run/cairn/rootfs
lxc.cgroup.dir.container = lxc/web
lxc.cgroup.dir.monitor = lxc.monitor/web
`,
  );
  expect(command).toEqual(["/start.sh", "-c", "echo hello"]);
  expect(dropped).toEqual([]);
});

describe("the host name", () => {
  test.each([
    ["", null, "web"],
    ["lxc.uts.name = mine", null, "mine"],
    ['lxc.uts.name="mine"', null, '"mine"'],
    ["lxc.uts.name =", null, "web"],
    ['lxc.uts.name = ""', null, "web"],
    ["lxc.uts.name = mine\nlxc.uts.name =", null, "web"],
    ["lxc.uts.name = mine", "pool-name", "pool-name"],
    ["", "pool-name", "pool-name"],
  ])("of %p with %p from the manifest is %p", (text, forcedHostname, name) => {
    const { text: amended } = amend(text, { forcedHostname });
    const values = [...amended.matchAll(/^lxc\.uts\.name *= *(.*)$/gm)].map((match) => match[1]);
    expect(values.at(-1)).toBe(name);
    if (forcedHostname !== null) expect(values).toEqual([name]);
  });
});

test.each([
  "lxc.rootfs.mount = /elsewhere",
  "lxc.cgroup.relative = 1",
  "lxc.cgroup.dir = somewhere",
  "lxc.cgroup.dir.container = somewhere",
  "  lxc.cgroup.dir.monitor.pivot=somewhere",
])("where the runtime watches and mounts is not the author's to say: %s", (line) => {
  expect(kept(`a\n${line}\nb`)).toEqual(["a", "b"]);
  expect(amend(line).dropped).toEqual([]);
});

describe("cgroup v1 settings", () => {
  test("a device white list is kept, rule by rule, in its order", () => {
    const rules = ["deny = a", "allow = c 1:3 rwm", "allow = c 10:* r", "deny = c 1:5 rwm"];
    expect(kept(rules.map((rule) => `lxc.cgroup.devices.${rule}`).join("\n"))).toEqual(
      rules.map((rule) => `lxc.cgroup2.devices.${rule}`),
    );
  });

  test.each([
    ["lxc.cgroup.memory.limit_in_bytes = 64M", "lxc.cgroup2.memory.max = 64M"],
    ["lxc.cgroup.memory.soft_limit_in_bytes = 1G", "lxc.cgroup2.memory.low = 1G"],
    ["lxc.cgroup.pids.max=max", "lxc.cgroup2.pids.max = max"],
    ["lxc.cgroup.cpuset.cpus = 0-1", "lxc.cgroup2.cpuset.cpus = 0-1"],
  ])("%s means %s", (v1, v2) => {
    expect(kept(v1)).toEqual([v2]);
  });

  test.each(["lxc.cgroup.blkio.weight = 500", "lxc.cgroup.memory.limit_in_bytes = -1"])(
    "%s has no counterpart: it is left out and reported",
    (line) => {
      expect(kept(`a\n${line}\nb`)).toEqual(["a", "b"]);
      expect(amend(line).dropped).toEqual([line]);
    },
  );

  test("settings of cgroup v2 stay as they are", () => {
    const lines = ["lxc.cgroup2.memory.max = 5", "lxc.cgroup2.devices.deny = a", "lxc.cgroup2.io.weight = 3"];
    expect(kept(lines.join("\n"))).toEqual(lines);
  });
});

describe("the configuration overlay", () => {
  test.each([
    ["overlayfs:/lower:/upper", "overlayfs:/configs/web:/lower:/upper"],
    ["overlay:/ovl:/lower:/upper", "overlay:/configs/web:/ovl:/lower:/upper"],
    ["dir:/volumes/web/root.data", "dir:/volumes/web/root.data"],
    ["/volumes/web/root.squashfs", "/volumes/web/root.squashfs"],
  ])("of %s is the topmost lower layer", (path, expected) => {
    expect(withConfigOverlay(path, "/configs/web")).toBe(expected);
    const changes = { configOverlay: "/configs/web" };
    expect(kept(`lxc.rootfs.path = ${path}`, changes)).toEqual([`lxc.rootfs.path = ${expected}`]);
    expect(kept(`lxc.rootfs.path="${path}"`, changes)).toEqual([`lxc.rootfs.path = ${expected}`]);
  });

  test("that is not there changes nothing", () => {
    expect(kept("lxc.rootfs.path=overlayfs:/lower:/upper")).toEqual(["lxc.rootfs.path=overlayfs:/lower:/upper"]);
  });
});

test("items of the log layer replace the author's, others stay", () => {
  const text = "lxc.log.file = /pv/logs/web.log\nlxc.console.path = none\nlxc.log.level = 1";
  const logItems = [
    ["lxc.log.file", "/storage/logs/7/web/lxc/lxc.log"],
    ["lxc.log.level", "5"],
  ] as const;
  expect(kept(text, { logItems })).toEqual(["lxc.console.path = none"]);
  expect(added(text, { logItems }).slice(-2)).toEqual([
    "lxc.log.file = /storage/logs/7/web/lxc/lxc.log",
    "lxc.log.level = 5",
  ]);
  expect(kept(text)).toEqual(text.split("\n"));
});

test("added mounts are fstab lines: blanks and backslashes are written as getmntent(3) reads them", () => {
  const mounts = [{ source: "/a b\tc", target: "d\\e\u00a0f", options: "bind,ro" }];
  expect(added("", { mounts, mountHooks: ["/run/hook"] })).toContain(
    "lxc.mount.entry = /a\\040b\\011c d\\134e\u00a0f none bind,ro 0 0",
  );
  expect(last("", "lxc.hook.mount", { mountHooks: ["/run/hook"] })).toBe("/run/hook");
});

describe("the words of a command", () => {
  test.each([
    ["/sbin/init", ["/sbin/init"]],
    ['/bin/sh "-c" "echo hello  world"', ["/bin/sh", "-c", "echo hello  world"]],
    ["/bin/sh -c 'a \"b\" c'", ["/bin/sh", "-c", 'a "b" c']],
    ['/bin/x "" y', ["/bin/x", "", "y"]],
    ['/bin/x "{"a":1}" "say "hi""', ["/bin/x", '{"a":1}', 'say "hi"']],
    ["/bin/x it's a\"b", ["/bin/x", "it's", 'a"b']],
    ['/bin/x "never closed', ["/bin/x", '"never', "closed"]],
    ['"/bin/sh -c true"', ["/bin/sh", "-c", "true"]],
    ['"/bin/my program" "two words"', ["/bin/my program", "two words"]],
    ["  \t /bin/x \t y  ", ["/bin/x", "y"]],
    ["", []],
    ['""', []],
  ])("%p", (text, words) => {
    expect(splitCommand(text)).toEqual(words);
  });

  test("come from the last line that gives any; an empty one leaves the choice to liblxc", () => {
    expect(amend("lxc.init.cmd = /a b\nlxc.init.cmd=/c").command).toEqual(["/c"]);
    expect(amend("lxc.init.cmd = /a\nlxc.init.cmd =").command).toBeNull();
    expect(amend("# lxc.init.cmd = /a").command).toBeNull();
  });

  test("survive being quoted as pvr does, whatever blanks they hold", () => {
    const word = fc.stringMatching(/^[A-Za-z0-9/$&|;=\\. -]*$/);
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z/]+$/), fc.array(word, { maxLength: 5 }), (program, words) => {
        const text = [program, ...words.map((one) => `"${one}"`)].join(" ");
        expect(splitCommand(text)).toEqual([program, ...words]);
      }),
    );
  });
});

test("every line that is not the runtime's survives unchanged, in its order", () => {
  const value = fc
    .string({ unit: "grapheme", maxLength: 30 })
    .map((text) => text.replaceAll(/[\n\r\u2028\u2029]/g, " "));
  const free = fc.oneof(
    fc.constantFrom(
      "",
      "   ",
      "lxc.net.0.type = empty",
      "\tlxc.cap.drop=sys_admin",
      "lxc.include = /x",
      "nonsense",
      "\r",
    ),
    value.map((text) => `# lxc.uts.name = ${text}`),
    value.map((text) => `lxc.environment = ${text}`),
    value.map((text) => `lxc.cgroup2.memory.max=${text}`),
    value.map((text) => `lxc.mount.entry = ${text}`),
    value.map((text) => `lxc.rootfs.path = ${text}`),
    value.map((text) => `lxc.init.cmd = ${text}`),
  );
  const owned = fc.constantFrom("lxc.rootfs.mount = /x", "lxc.cgroup.dir.container=y", "lxc.log.file = /z");
  const lines = fc.array(
    fc.oneof(
      free.map((line) => ({ line, stays: true })),
      owned.map((line) => ({ line, stays: false })),
    ),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(lines, (given) => {
      const text = given.map(({ line }) => line).join("\n");
      const expected = given.filter(({ stays }) => stays).map(({ line }) => line);
      while (expected.at(-1)?.trim() === "") expected.pop();
      const result = amend(text, { logItems: [["lxc.log.file", "/log"]] }).text.split("\n");
      expect(result.slice(0, result.indexOf("# set by the runtime") - 1)).toEqual(expected);
    }),
    { numRuns: 500 },
  );
});
