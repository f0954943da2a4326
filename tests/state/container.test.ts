import { describe, expect, test } from "bun:test";
import { container, DIGEST, everything, parsed, parsedContainer, refusal, warnings } from "./samples.ts";

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
  test("may belong to somebody else than root, by number", () => {
    const run = (owner: string) => ({ storage: { a: { persistence: "boot", owner } } });
    expect(parsedContainer(run("1000:4294967294")).storage).toEqual([
      { name: "a", persistence: "boot", disk: null, owner: { uid: 1000, gid: 4294967294 } },
    ]);
    for (const owner of ["", "1000", "web:web", "1000:4294967295", "-1:0", "1:2:3"])
      expect(refusal(container("web", run(owner))).faults).toEqual(["shape web/run.json, storage.a.owner"]);
  });

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
