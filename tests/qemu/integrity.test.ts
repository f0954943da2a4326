/** What a device does with a revision whose bytes are not those that its state names. Damage is done to the disk before the boot. */
import { expect, test } from "bun:test";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { sha256 } from "./host.ts";
import {
  type BootOptions,
  type ContainerSpec,
  type DiskSpec,
  probeContainer,
  type Revision,
  revision,
  scriptContainer,
  testArch,
  whenContainers,
  withDevice,
} from "./index.ts";

const arch = testArch();
const minutes = (count: number): number => count * 60_000;

/** A container with files of its own: the build gives each name another root. */
const app = (name: string): Promise<ContainerSpec> =>
  scriptContainer(arch, name, `trap 'exit 0' PWR TERM\n: ${name}\nwhile :; do sleep 3600 & wait $!; done\n`);

const digestOf = (made: Revision, key: string): string =>
  v.parse(v.record(v.string(), v.unknown()), JSON.parse(made.state))[key] as string;

/** Replaces an object and its name in the trail by the same file with one byte flipped in the middle; gives what it now hashes to. */
async function flip(storage: string, made: Revision, key: string): Promise<string> {
  const places = [join(storage, "objects", digestOf(made, key)), join(storage, "trails/0", key)];
  const bytes = await readFile(places[0] ?? "");
  const middle = bytes.length >> 1;
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
  for (const place of places) {
    await rm(place);
    await writeFile(place, bytes);
  }
  return sha256(bytes);
}

const options = (
  name: string,
  made: Revision,
  prepare: DiskSpec["prepare"],
  more: Partial<BootOptions> = {},
): BootOptions => ({
  name: `integrity-${name}-${arch}`,
  arch,
  revision: made,
  ...(prepare === undefined ? {} : { disk: { prepare } }),
  ...more,
});

test(
  "a container with a damaged object or inline JSON is not started, and it is said why; a lost link is made again; others run",
  async () => {
    const made = await revision({
      arch,
      containers: [await probeContainer(arch), ...(await Promise.all(["edited", "flipped", "gone", "lost"].map(app)))],
    });
    const root = "flipped/root.squashfs";
    let found = "";
    const prepare = async (storage: string): Promise<void> => {
      found = await flip(storage, made, root);
      const manifest = join(storage, "trails/0/edited/run.json");
      await writeFile(manifest, (await readFile(manifest, "utf8")).replace('"boot"', '"permanent"'));
      await rm(join(storage, "trails/0/lost/root.squashfs"));
      await rm(join(storage, "trails/0/gone/root.squashfs"));
      await rm(join(storage, "objects", digestOf(made, "gone/root.squashfs")));
    };
    await withDevice(options("objects", made, prepare), async (device) => {
      const messages = [
        `edited: edited/run.json: differs from the text in the revision's state`,
        `flipped: ${root}: wrong bytes: expected SHA-256 ${digestOf(made, root)}, found ${found}`,
        `gone: gone/root.squashfs: missing, and its object ${digestOf(made, "gone/root.squashfs")} too: fetch the object again`,
      ];
      const list = await whenContainers(
        device,
        "lost to run and the others to be refused",
        (all) =>
          all.some(({ name, status }) => name === "lost" && status === "STARTED") &&
          messages.every((message) => device.log.includes(message)),
      );
      expect(list.find(({ name }) => name === "probe")?.status).toBe("STARTED");
      const refused = list.filter(({ name }) => ["edited", "flipped", "gone"].includes(name));
      expect(refused.map(({ pid }) => pid ?? 0)).toEqual([0, 0, 0]);
      expect(device.log).not.toMatch(/(edited|flipped|gone): .* → (MOUNTED|STARTED)/);
      // The very file, not a copy: it takes no space.
      const inodes = await device.must(
        `stat -c %i /storage/trails/0/lost/root.squashfs /storage/objects/${digestOf(made, "lost/root.squashfs")}`,
      );
      expect(new Set(inodes.trim().split("\n")).size).toBe(1);
    });
  },
  minutes(2),
);

test(
  "a damaged part of the base system is found when the goals are reached, which does not wait for it, and the device reboots",
  async () => {
    const made = await revision({ arch, containers: [await probeContainer(arch)] });
    let found = "";
    const prepare = async (storage: string): Promise<void> => {
      found = await flip(storage, made, "bsp/vmlinuz");
    };
    await withDevice(options("base", made, prepare), async (device) => {
      await device.console([
        /goals reached: .*root reached/,
        new RegExp(
          `the base system is damaged: bsp/vmlinuz: wrong bytes: expected SHA-256 ${digestOf(made, "bsp/vmlinuz")}, found ${found}`,
        ),
        /reboot: the base system is damaged/,
        /^rebooting/m,
      ]);
      expect(await device.end()).toBe("guest-reset");
      expect(await device.fsck()).toMatchObject({ clean: true });
    });
  },
  minutes(2),
);

test(
  "the kernel modules of a damaged image are not used: the device says so, waits 20 s and reboots",
  async () => {
    const made = await revision({ arch, containers: [await probeContainer(arch)] });
    const prepare = async (storage: string): Promise<void> => void (await flip(storage, made, "bsp/modules.squashfs"));
    await withDevice(options("modules", made, prepare), async (device) => {
      await device.console(/FATAL.*bsp\/modules.squashfs: wrong bytes: .*rebooting in 20 s/);
      const saidAtMs = performance.now();
      await device.console(/^rebooting/m);
      expect(performance.now() - saidAtMs).toBeGreaterThan(19_000);
      expect(await device.end()).toBe("guest-reset");
      expect(await device.fsck()).toMatchObject({ clean: true });
    });
  },
  minutes(2),
);

test.each([
  [
    "not-json",
    (state: string) => state.slice(0, -20),
    /FATAL.*revision 0: the state is no valid JSON, line 1, column \d+/,
  ],
  [
    "unknown-group",
    (state: string) => state.replace('"group":"root"', '"group":"nowhere"'),
    /FATAL.*revision 0: .*probe\/run.json, group: found "nowhere", wanted one of "data", "root", "platform", "app"/,
  ],
])(
  "%s: a state that cannot be is refused in words, and a reboot is announced",
  async (name, change, message) => {
    const made = await revision({ arch, containers: [await probeContainer(arch)] });
    const changed = { ...made, state: change(made.state) };
    expect(changed.state).not.toBe(made.state);
    await withDevice(options(name, changed, undefined), async (device) => {
      await device.console([message, /rebooting in 20 s/]);
      expect(device.log).not.toContain("probe: NONE");
    });
  },
  minutes(2),
);
