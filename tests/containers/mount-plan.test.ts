import { describe, expect, test } from "bun:test";
import { type MountWorld, mountPlan, verityMapping, volumeStep } from "../../runtime/containers/mount-plan.ts";
import { DIGEST, type Members, parsed, parsedContainer } from "../state/samples.ts";

const layout = { storage: "/storage", revision: "locals/7", runDir: "/run/pv", logDir: "/storage/logs" };
const world: MountWorld = { layout, disks: [], useVerity: true };
const plan = (run: Members, more: Members = {}, changes: Partial<MountWorld> = {}) =>
  mountPlan(parsedContainer({ roles: [], ...run }, more), { ...world, ...changes });
const steps = (...args: Parameters<typeof plan>) => {
  const result = plan(...args);
  if (!result.ok) throw new Error(result.error.kind);
  return result.value;
};

const trail = "/storage/trails/locals/7";
const root = {
  kind: "image",
  source: `${trail}/web/root.squashfs`,
  target: "/volumes/web/root.squashfs",
  fstype: "squashfs",
  verity: null,
} as const;

test("volumes are mounted as their names end, the root first, then storage, then the configuration overlay", () => {
  const run = {
    volumes: ["a.ext4", "b.bind", "c.data", "deep/d.erofs"],
    storage: { "lxc-overlay": { persistence: "boot" }, logs: { persistence: "permanent" } },
  };
  const files = { "web/a.ext4": DIGEST, "web/b.bind": DIGEST, "web/c.data/x": DIGEST, "web/deep/d.erofs": DIGEST };
  expect(steps(run, { ...files, "_config/web/etc/app.conf": DIGEST })).toEqual([
    root,
    { ...root, source: `${trail}/web/a.ext4`, target: "/volumes/web/a.ext4", fstype: "ext4" },
    { kind: "bind-file", source: `${trail}/web/b.bind`, target: "/volumes/web/b.bind" },
    { kind: "bind-folder", source: `${trail}/web/c.data`, target: "/volumes/web/c.data" },
    { ...root, source: `${trail}/web/deep/d.erofs`, target: "/volumes/web/deep/d.erofs", fstype: "erofs" },
    { kind: "tmpfs", target: "/volumes/web/lxc-overlay" },
    { kind: "bind-folder", source: "/storage/disks/perm/web/logs", target: "/volumes/web/logs" },
    { kind: "bind-folder", source: `${trail}/_config/web`, target: "/configs/web" },
  ]);
});

test("files of one name in two folders have a mount point each", () => {
  const files = { "web/a/x.squashfs": DIGEST, "web/b/x.squashfs": DIGEST };
  const targets = steps({ volumes: ["a/x.squashfs", "b/x.squashfs"] }, files).map(({ target }) => target);
  expect(new Set(targets).size).toBe(3);
});

test("storage may belong to somebody else than root, wherever it is", () => {
  const storage = { a: { persistence: "boot", owner: "5:6" }, b: { persistence: "permanent", owner: "5:6" } };
  expect(steps({ storage }).slice(1)).toEqual([
    { kind: "tmpfs", target: "/volumes/web/a", owner: { uid: 5, gid: 6 } },
    {
      kind: "bind-folder",
      source: "/storage/disks/perm/web/b",
      target: "/volumes/web/b",
      owner: { uid: 5, gid: 6 },
    },
  ]);
});

test("storage of a revision is this revision's own", () => {
  expect(steps({ storage: { cache: { persistence: "revision" } } })[1]).toEqual({
    kind: "bind-folder",
    source: "/storage/disks/rev/locals/7/web/cache",
    target: "/volumes/web/cache",
  });
});

describe("dm-verity", () => {
  const manifest = {
    type: "dm-verity",
    data_device: "root.squashfs",
    hash_device: "root.squashfs.hash",
    root_hash: DIGEST,
  };
  const files = { "web/_dm/root.squashfs.json": manifest, "web/root.squashfs.hash": DIGEST };
  const run = { "root-volume": "dm:root.squashfs" };

  test("opens a dm: image by its manifest", () => {
    expect(steps(run, files)).toEqual([
      {
        ...root,
        verity: {
          manifest: {
            image: "root.squashfs",
            dataDevice: "root.squashfs",
            hashDevice: "root.squashfs.hash",
            rootHash: DIGEST,
          },
          folder: `${trail}/web`,
          mapping: "pv--dmverity--web-root",
        },
      },
    ]);
  });

  test("is left out when it is switched off", () => {
    expect(steps(run, files, { useVerity: false })).toEqual([root]);
  });

  test("is not used for an image without dm:, though there is a manifest", () => {
    expect(steps({}, files)).toEqual([root]);
  });

  test("opens what the base system brings as well", () => {
    const { bsp } = parsed({
      "bsp/run.json": { fit: "boot.fit", modules: "dm:root.squashfs" },
      "bsp/boot.fit": DIGEST,
      "bsp/root.squashfs": DIGEST,
      "bsp/root.squashfs.hash": DIGEST,
      "bsp/_dm/root.squashfs.json": manifest,
    });
    const ref = bsp?.modules.get("");
    if (bsp === null || ref === undefined) throw new Error("wanted modules");
    const step = volumeStep("bsp", ref, bsp.verity, world);
    expect(step).toMatchObject({ target: "/volumes/bsp/root.squashfs", verity: { folder: `${trail}/bsp` } });
  });

  test("names a mapping by container and image, without the image's last extension", () => {
    expect(verityMapping("web", "root.ovl.squashfs")).toBe("pv--dmverity--web-root.ovl");
    expect(verityMapping("web", "plain")).toBe("pv--dmverity--web-plain");
  });
});

test("an absolute path of the base system is mounted by its last name", () => {
  const ref = { handler: null, file: "/usr/lib/fw.squashfs", mount: "image", fstype: "squashfs" } as const;
  expect(volumeStep("bsp", ref, [], world)).toMatchObject({
    source: "/usr/lib/fw.squashfs",
    target: "/volumes/bsp/fw.squashfs",
  });
});

describe("disks", () => {
  const disks = parsed({
    "device.json": { disks: [{ name: "vault", type: "dm-crypt-caam", path: "/x", default: "yes" }] },
  }).device.disks;

  test("that device.json does not define are named", () => {
    const storage = { secrets: { persistence: "permanent", disk: "vault" } };
    expect(plan({ storage })).toEqual({ ok: false, error: { kind: "unknownDisk", volume: "secrets", disk: "vault" } });
  });

  test("that need what is not there yet are refused, the default one too, instead of keeping secrets in the clear", () => {
    const error = { kind: "unsupportedDisk", volume: "secrets", disk: "vault", type: "dm-crypt-caam" } as const;
    for (const disk of [{ disk: "vault" }, {}]) {
      const storage = { secrets: { persistence: "permanent", ...disk } };
      expect(plan({ storage }, {}, { disks })).toEqual({ ok: false, error });
    }
  });
});

test("a mgmt container gets a view of the run folder with its own control socket in it", () => {
  expect(steps({ roles: ["mgmt"] })).toEqual([
    root,
    { kind: "bind-folder", source: "/run/pv", target: "/run/cairn/containers/web/pantavisor" },
    {
      kind: "bind-file",
      source: "/run/cairn/containers/web/pv-ctrl",
      target: "/run/cairn/containers/web/pantavisor/pv-ctrl",
    },
  ]);
});
