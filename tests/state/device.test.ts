import { describe, expect, test } from "bun:test";
import { DIGEST, everything, type Members, parsed, warnings } from "./samples.ts";

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
