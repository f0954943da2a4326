/** bsp-buildroot/boot on the real boot loaders, GRUB and U-Boot; a shell on the console stands in for Cairn as process 1. */
import { describe, expect, test } from "bun:test";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { grubBlock } from "./environment.ts";
import { repository, run } from "./host.ts";
import { builtImages } from "./images.ts";
import {
  type BootEnvironment,
  type BootOptions,
  type Device,
  environmentFile,
  environmentPath,
  revision,
  testArch,
  withDevice,
} from "./index.ts";
import { archive, file, folder } from "./newc.ts";

const arch = testArch();
const minutes = (count: number): number => count * 60_000;

// Says what the kernel was told, then does what is typed.
const init = `#!/bin/sh
export PATH=/usr/bin:/usr/sbin
read -r words </proc/cmdline
echo "words: $words"
while read -r line; do eval "$line"; done
`;
const base = { arch, containers: [], base: { init } } as const;
const made = await revision(base);

const options = (name: string, disk: Partial<NonNullable<BootOptions["disk"]>>): BootOptions => ({
  name: `boot-loaders-${name}-${arch}`,
  arch,
  revision: made,
  disk: { ...disk, revisions: { "1": made, ...disk.revisions } },
  loader: "real",
  reboots: true,
  append: ["board.word=1"],
});

/** Waits for the loader's words and then for the kernel's, which tell the revision and the trial. */
async function booted(device: Device, said: readonly RegExp[], rev: string, trial: string): Promise<void> {
  const matches = await device.console([...said, /words: (.*)\n/], minutes(1));
  const words = matches.at(-1)?.[1]?.split(" ") ?? [];
  expect(words.filter((word) => /^(pv_|panic=|board)/.test(word))).toEqual([
    "panic=2",
    "board.word=1",
    `pv_rev=${rev}`,
    `pv_try=${trial}`,
  ]);
}

/** Replaces the loader's environment, at home on the disk as the runtime leaves it, and starts anew. */
function restart(device: Device, environment?: BootEnvironment, path = environmentPath[arch]): void {
  if (environment !== undefined) {
    const bytes = Buffer.from(environmentFile(arch, environment).replace(/\0+$/, "\0"), "latin1");
    device.type(`echo ${bytes.toString("base64")} | base64 -d >/storage/${path}\n`);
  }
  device.type("mount -o remount,ro /storage; reboot -f\n");
}

/** What the loader noted last; null: nothing. */
async function noted(device: Device): Promise<string | null> {
  device.type("poweroff -f\n");
  expect(await device.end()).toBe("guest-shutdown");
  return /pv_trying=([^\n\0]+)/.exec((await device.bootFile("pv.env")) ?? "")?.[1] ?? null;
}

/** Notes that count for nothing: of a trial that is long over (GRUB), and with a wrong checksum (U-Boot). */
const oldNote = { x86_64: grubBlock({ pv_trying: "locals/old" }), aarch64: `bad!pv_trying=1`.padEnd(512, "\0") };

/** A note that sets more than it may: without its words the kernel would not find the storage, and start anew. */
function greedyNote(): string | Uint8Array {
  const variables = { cairn_args: "none", pv_trying: "2" };
  if (arch === "x86_64") return grubBlock(variables);
  const note = Buffer.alloc(512);
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\0`);
  note.write(lines.join(""), 4);
  note.writeUInt32LE(Bun.hash.crc32(note.subarray(4)), 0);
  return note;
}

test(
  "a trial boots once, then what is committed; a commit ends it and the note is cleared",
  async () => {
    const prepareBoot = async (image: string): Promise<void> => {
      await run(["mcopy", "-o", "-i", image, "-", "::pv.env"], { stdin: oldNote[arch] });
    };
    const disk = { environment: { pv_rev: "0", pv_try: "1" }, prepareBoot };
    await withDevice(options("trial", disk), async (device) => {
      await booted(device, [/cairn: trying revision 1$/m], "1", "1");
      restart(device);
      await booted(device, [/cairn: 1 was not committed, back to 0$/m], "0", "1");
      restart(device); // a runtime disarms here; when it does not, the trial is tried again, never without end
      await booted(device, [/cairn: trying revision 1$/m], "1", "1");
      restart(device, { pv_rev: "1" });
      await booted(device, [/cairn: revision 1$/m], "1", "");
      expect(await noted(device)).toBeNull();
    });
  },
  minutes(3),
);

/** Two addons of an initramfs. The second takes the first stage's place; it is found only if zeros fill up the first. */
async function addons(): Promise<readonly [Uint8Array, Uint8Array]> {
  const packed = Bun.gzipSync(Buffer.from(archive([folder("a")])));
  expect(packed.length % 4).not.toBe(0);
  const script = await readFile(join(repository, "bsp-buildroot/initramfs/init"), "utf8");
  const changed = script.replace("\nread_command_line\n", "\necho first stage of the addon\nread_command_line\n");
  return [packed, archive([file("init", changed, 0o755)])];
}

test(
  "revision 0 without an environment; the spare one; the committed one for a trial without a kernel; revision 0 for that",
  async () => {
    const prepare = async (storage: string): Promise<void> => {
      const [first, second] = await addons();
      await writeFile(join(storage, "trails/1/.pv/pv-initrd.img.0"), first);
      await writeFile(join(storage, "trails/1/.pv/pv-initrd.img.1"), second);
      await mkdir(join(storage, "trails/2/.pv"), { recursive: true });
      await rm(join(storage, environmentPath[arch]), { force: true });
    };
    const prepareBoot = async (image: string): Promise<void> => {
      await run(["mcopy", "-o", "-i", image, "-", "::pv.env"], { stdin: greedyNote() });
    };
    await withDevice(options("missing", { prepare, prepareBoot }), async (device) => {
      await booted(device, [/cairn: no environment on the storage/, /cairn: revision 0$/m], "0", "");
      expect(device.events).not.toContain("RESET");
      restart(device, { pv_rev: "1" }, `${environmentPath[arch]}.next`);
      await booted(device, [/cairn: revision 1$/m, /^first stage of the addon$/m], "1", "");
      restart(device, { pv_rev: "1", pv_try: "2" });
      await booted(device, [/cairn: trying revision 2$/m, /cairn: revision 2 cannot be started/], "1", "2");
      restart(device, { pv_rev: "2" });
      await booted(device, [/cairn: revision 2$/m, /cairn: revision 2 cannot be started/], "0", "");
      expect(await noted(device)).toBeNull();
    });
  },
  minutes(3),
);

test(
  "a trial that cannot be noted is not tried",
  async () => {
    const prepareBoot = async (image: string): Promise<void> => {
      if (arch === "x86_64") await run(["mdel", "-i", image, "::pv.env"]);
      await run(["mmd", "-i", image, "::pv.env"]); // nobody can write a file of this name
    };
    const disk = { environment: { pv_rev: "0", pv_try: "1" }, prepareBoot };
    await withDevice(options("unnoted", disk), async (device) => {
      await booted(device, [/cairn: pv.env cannot be written: 1 is not tried, revision 0$/m], "0", "1");
    });
  },
  minutes(2),
);

/**
 * A board whose U-Boot keeps the note itself. Debian's U-Boot has no environment on a card, and fails to save the one in QEMU's flash: one
 * sector in front of the boot partition stands in, saved and read by the board's own commands. Two copies, and that U-Boot takes nothing
 * but the note from there, are not shown here. A U-Boot that was built has a boot command of its own.
 */
if (arch === "aarch64" && builtImages(arch) === null)
  describe("where the board says how pv_trying is saved", () => {
    const sector = `\${ramdisk_addr_r} 400 1`;
    const read = `virtio read ${sector} && env import -c \${ramdisk_addr_r} 200 pv_trying`;
    const saved = `env export -c -s 200 \${ramdisk_addr_r} pv_trying && virtio write ${sector}`;
    const unstarted = (name: string, save_trying: string): BootOptions => ({
      ...options(name, {
        environment: { pv_rev: "0", pv_try: "1" },
        prepare: (storage) => rm(join(storage, "trails"), { recursive: true }), // the loader alone is asked, again and again
      }),
      uBootVariables: { save_trying, bootcmd: `virtio scan; ${read}; run distro_bootcmd; reset` },
    });

    test(
      "a trial is noted there, and not in pv.env",
      async () => {
        await withDevice(unstarted("board", `${saved} && setenv pv_trying && ${read}`), async (device) => {
          const [tried, back] = [/cairn: trying revision 1$/m, /cairn: 1 was not committed, back to 0$/m];
          await device.console([tried, back, tried], minutes(2));
          await device.cutPower();
          expect(await device.bootFile("pv.env")).toBeNull();
        });
      },
      minutes(3),
    );

    test.each([
      ["cannot be written", "false"],
      ["cannot be read back", `${saved} && setenv pv_trying`],
    ])(
      "a note that %s is none: the trial is not tried",
      async (_what, save_trying) => {
        await withDevice(unstarted("board-unnoted", save_trying), async (device) => {
          await device.console(
            /cairn: the environment does not keep pv_trying: 1 is not tried, revision 0$/m,
            minutes(1),
          );
          await device.console(/cairn: revision 0 cannot be started$/m);
          expect(device.log).not.toContain("revision 1");
        });
      },
      minutes(1),
    );
  });

test(
  "with nothing to start the loader begins anew, it does not stay",
  async () => {
    const prepare = (storage: string): Promise<void> => rm(join(storage, "trails"), { recursive: true });
    await withDevice({ ...options("nothing", { prepare }), reboots: false }, async (device) => {
      await device.console([/cairn: revision 0 cannot be started/, /cairn: nothing can be started, restart in 5 s/]);
      expect(await device.end()).toBe("guest-reset");
    });
  },
  minutes(1),
);
