/** Volumes by their names' endings, dm-verity, and what is left after a stop, in one boot. */
import { expect } from "bun:test";
import type { Part } from "./container.ts";
import { idleContainer, inside, logged, mustInside, signal, statusOf } from "./idle.ts";
import { type Json, probeContainer, revision, testArch } from "./index.ts";
import { kernelObjects } from "./leftovers.ts";
import { sharedDevice } from "./shared-device.ts";
import { damaged, hashTree, image } from "./volume-images.ts";

const arch = testArch();
/** More than a block of squashfs, so that it shares none with other files. */
const noise = Array.from({ length: 6000 }, (_, i) => Bun.hash(`noise ${i}`).toString(16).padStart(32, "0")).join("");

/** The parts that put an image under dm-verity (reference 5.5); `data` may differ from what the hash tree was made of. */
async function underVerity(container: string, name: string, made: string, data: string): Promise<Record<string, Part>> {
  const { hashes, rootHash } = await hashTree(made);
  return {
    [`${container}/${name}`]: { file: data },
    [`${container}/${name}.hash`]: { file: hashes },
    [`${container}/_dm/${name}.json`]: {
      json: { type: "dm-verity", data_device: name, hash_device: `${name}.hash`, root_hash: rootHash },
    },
  };
}

/** `lxc.mount.entry` lines that show a container its volumes below /mnt. */
const shown = (container: string, names: readonly string[]): string =>
  names
    .map(
      (name) =>
        `lxc.mount.entry = /volumes/${container}/${name} mnt/${name} none bind,create=${name.endsWith(".bind") ? "file" : "dir"} 0 0`,
    )
    .join("\n");

const plain = ["one.squashfs", "two.erofs", "three.ext4", "four.bind", "five.data"];

async function parts(): Promise<Record<string, Part>> {
  const sealed = await image("squashfs", { text: "sealed\n", noise });
  return {
    "full/one.squashfs": { file: await image("squashfs", { text: "squashfs\n" }) },
    "full/two.erofs": { file: await image("erofs", { text: "erofs\n" }) },
    "full/three.ext4": { file: await image("ext4", { text: "ext4\n" }) },
    "full/four.bind": { bytes: "bind\n" },
    "full/five.data/text": { bytes: "data\n" },
    ...(await underVerity("full", "six.squashfs", sealed, sealed)),
    // Block 0 holds the superblock, block 3 some of the noise.
    ...(await underVerity("refused", "seven.squashfs", sealed, await damaged(sealed, 100))),
    ...(await underVerity("spoiled", "eight.squashfs", sealed, await damaged(sealed, 3 * 4096))),
  };
}

const behaviour = sharedDevice(async () => {
  const volumes = (name: string, list: readonly string[], more: Record<string, Json> = {}) =>
    idleContainer(arch, name, "app", {
      args: {
        PV_LXC_EXTRA_CONF: shown(
          name,
          list.map((ref) => ref.replace("dm:", "")),
        ),
      },
      manifest: { volumes: list, ...more },
    });
  return {
    name: `volumes-${arch}`,
    arch,
    revision: await revision({
      arch,
      containers: [
        await probeContainer(arch),
        await volumes("full", [...plain, "dm:six.squashfs"], {
          exports: ["/srv/offered"],
          storage: {
            "lxc-overlay": { persistence: "boot" },
            memory: { persistence: "boot" },
            kept: { persistence: "permanent" },
          },
        }),
        await volumes("refused", ["dm:seven.squashfs"], {
          auto_recovery: { policy: "on-failure", max_retries: 1, backoff_policy: "never" },
        }),
        await volumes("spoiled", ["dm:eight.squashfs"]),
        await idleContainer(arch, "other", "app", {
          manifest: { auto_recovery: { policy: "on-failure" } },
          config: { "/etc/app.conf": "of the revision\n" },
        }),
      ],
      parts: { ...(await parts()), "_config/full/etc/app.conf": { bytes: "of the revision\n" } },
    }),
    append: ["loglevel=3"],
  };
});

behaviour("each volume is mounted as its name's ending says, and its container sees it", async (device) => {
  await logged(device, /full: STARTING → STARTED/);
  const types = { one: "squashfs", two: "erofs", three: "ext4", five: "data" };
  for (const [name, type] of Object.entries(types)) {
    expect(await mustInside(device, "full", `cat /mnt/${name}.${type}/text`)).toBe(`${type}\n`);
  }
  expect(await mustInside(device, "full", "cat /mnt/four.bind")).toBe("bind\n");
  const mounts = await device.must("cat /proc/self/mounts");
  for (const [name, type] of Object.entries({ one: "squashfs", two: "erofs", three: "ext4" }))
    expect(mounts).toMatch(new RegExp(`^/dev/loop\\d+ /volumes/full/${name}\\.${type} ${type} ro,`, "m"));
});

behaviour("images are read-only, and mounting changes none of their bytes", async (device) => {
  for (const name of ["one.squashfs", "two.erofs", "three.ext4"]) {
    const written = await inside(device, "full", `echo x >/mnt/${name}/new`);
    expect(written.stderr).toContain("Read-only file system");
  }
  const object = (await device.must("sha256sum /storage/trails/0/full/three.ext4")).slice(0, 64);
  expect(await device.must(`ls /storage/objects/${object}`)).toContain(object);
});

behaviour("a dm: volume is read through dm-verity", async (device) => {
  expect(await mustInside(device, "full", "cat /mnt/six.squashfs/text")).toBe("sealed\n");
  expect(await mustInside(device, "full", "cat /mnt/six.squashfs/noise")).toBe(noise);
  const { mappings } = await kernelObjects(device);
  expect(mappings).toContain("pv--dmverity--full-six");
  expect(await device.must("grep /volumes/full/six.squashfs /proc/self/mounts")).toMatch(/^\/dev\/(dm-|mapper\/)/);
});

behaviour("content that its hash tree does not prove is an input/output error; the rest is there", async (device) => {
  const noiseRead = await inside(device, "spoiled", "cat /mnt/eight.squashfs/noise >/dev/null");
  expect(noiseRead.code).not.toBe(0);
  expect(noiseRead.stderr).toMatch(/I\/O error|Input\/output error/);
  expect(await mustInside(device, "spoiled", "cat /mnt/eight.squashfs/text")).toBe("sealed\n");
});

behaviour(
  "an image whose superblock its hash tree does not prove is not mounted, and leaves nothing behind",
  async (device) => {
    const told = await logged(device, /refused: (volume \/volumes\/refused\/seven\.squashfs cannot be mounted: .*)/);
    expect(told[1]).toMatch(/EIO|Input\/output error/i);
    await logged(device, /refused .*1 retries are used up/);
    await logged(device, /refused: STOPPING → STOPPED/);
    expect((await statusOf(device, "refused")).status).toBe("STOPPED");
    const objects = await kernelObjects(device);
    for (const list of Object.values(objects))
      expect(list.filter((path: string) => path.includes("refused"))).toEqual([]);
    expect(objects.mappings.filter((name) => name.includes("seven"))).toEqual([]);
  },
);

behaviour("after a stop nothing of a container is left: no mount, loop device, mapping or cgroup", async (device) => {
  const cycle = async (action: "stop" | "start", until: RegExp) => {
    const from = device.log.length;
    await device.must(`cairn ctl containers ${action} full`);
    await logged(device, until, from);
    return kernelObjects(device);
  };
  const running = await kernelObjects(device);
  expect(running.mounts.filter((path) => path.startsWith("/volumes/full/"))).toHaveLength(10);
  expect(running.mounts).toContain("/configs/full");
  expect(running.mounts).toContain("/exports/full/srv/offered");
  expect(running.loops.filter((path) => path.includes("/full/"))).toHaveLength(6);
  expect(running.cgroups).toContain("./lxc/full");
  const stopped = await cycle("stop", /full: STOPPING → STOPPED/);
  for (const list of Object.values(stopped))
    expect(list.filter((path: string) => /\bfull\b/.test(path) || path.endsWith("-six"))).toEqual([]);
  expect(await cycle("start", /full: STARTING → STARTED/)).toEqual(running);
  expect(await cycle("stop", /full: STOPPING → STOPPED/)).toEqual(stopped);
});

behaviour("a container that was killed leaves no more behind than one that was stopped", async (device) => {
  const before = await kernelObjects(device);
  for (const _ of Array.from({ length: 3 })) {
    const from = device.log.length;
    await signal(device, "other", "KILL");
    await logged(device, /other: STARTING → STARTED/, from);
  }
  expect(await kernelObjects(device)).toEqual(before);
});
