/** A device and what happens to it: revisions of every kind of update, and a disk that brings them along. */
import { existsSync } from "node:fs";
import { chmod, link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { digestOfPart } from "../qemu/container.ts";
import { cached, sha256, sha256OfFile } from "../qemu/host.ts";
import {
  type Arch,
  type BootOptions,
  type Json,
  probeContainer,
  type Revision,
  type RevisionSpec,
  revision,
  scriptContainer,
} from "../qemu/index.ts";
import { archive, folder } from "../qemu/newc.ts";
import { pack } from "../qemu/tree.ts";

/**
 * What the story's revisions are, beside the factory's 0. `swap` changes a container, `base` the base system and the initramfs,
 * `runtime` the runtime itself; `bad-swap` and `broken` have a container that never says it is ready.
 */
export const storyNames = ["swap", "bad-swap", "base", "broken", "runtime"] as const;
export type StoryName = (typeof storyNames)[number];
export const revisionOf = (name: StoryName): string => `locals/${name}`;

export interface Story {
  readonly arch: Arch;
  readonly factory: Revision;
  readonly revisions: Readonly<Record<StoryName, Revision>>;
  /** Read-only squashfs with an export of each revision. */
  readonly exports: string;
}

const group = (name: string, timeout: number): Json => ({
  name,
  description: name,
  restart_policy: "container",
  status_goal: "STARTED",
  timeout,
});
// Emulated machines are slow; a goal that is missed on purpose has its own, short group.
const device: Json = { groups: [group("root", 120), group("app", 120), group("short", 15)] };

const lives = (says: string): string =>
  `export PATH=/bin\ntrap 'exit 0' PWR TERM\necho '${says}'\nwhile :; do sleep 3600 & wait $!; done\n`;

export async function makeStory(arch: Arch): Promise<Story> {
  const probe = await probeContainer(arch);
  const app = (says: string) => scriptContainer(arch, "app", lives(says));
  const never = await scriptContainer(arch, "never", lives("not ready"), {
    spec: { args: { PV_GROUP: "short", PV_STATUS_GOAL: "READY" } },
  });
  const made = (spec: Omit<RevisionSpec, "arch" | "device">) => revision({ ...spec, arch, device });
  const [first, second] = [await app("first"), await app("second")];
  const factory = await made({ containers: [probe, first] });
  const base = { files: { "/etc/cairn-base": "the second\n" } };
  const parts = { "bsp/initramfs.cpio.gz": { file: await otherInitramfs(factory.initramfs) } };
  const revisions = {
    swap: await made({ containers: [probe, second] }),
    "bad-swap": await made({ containers: [probe, second, never] }),
    base: await made({ containers: [probe, second], base, parts }),
    broken: await made({
      containers: [probe, first, never],
      base,
      parts: { ...parts, "bsp/x": { bytes: "broken\n" } },
    }),
    runtime: await made({ containers: [probe, second], base: { ...base, cairn: await otherRuntime(arch) }, parts }),
  };
  return { arch, factory, revisions, exports: await exportsOf(revisions) };
}

/** What the machines of the story are booted with. */
export const bootOptions = ({ arch, factory, exports }: Story, name: string): BootOptions => ({
  name: `${name}-${arch}`,
  arch,
  revision: factory,
  loader: "real",
  reboots: true,
  memoryMib: 512,
  watchdog: true,
  append: [`PV_BOOTLOADER_TYPE=${arch === "x86_64" ? "grub" : "uboot"}`, "PV_UPDATER_COMMIT_DELAY=3"],
  disk: { storageMib: 512 },
  devices: [
    ...["-drive", `if=none,id=exports,format=raw,readonly=on,file=${exports}`],
    ...["-device", "virtio-blk-pci,drive=exports,romfile="],
  ],
});

/** The same initramfs with one more, empty folder: other bytes, that start as well. */
async function otherInitramfs(path: string): Promise<string> {
  const made = await cached("power/initramfs", ["initramfs 1", await sha256OfFile(path)], async (scratch) => {
    const bytes = await readFile(path);
    const filled = Buffer.alloc(Math.ceil(bytes.length / 4) * 4);
    filled.set(bytes);
    await writeFile(join(scratch, "initramfs.cpio.gz"), Buffer.concat([filled, archive([folder("second")])]));
  });
  return join(made, "initramfs.cpio.gz");
}

/** The same program that calls itself another build: what a device updates itself to. */
async function otherRuntime(arch: Arch): Promise<string> {
  const path = `dist/cairn-${arch}`;
  const made = await cached(`power/runtime-${arch}`, ["runtime 1", await sha256OfFile(path)], async (scratch) => {
    const bytes = await readFile(path);
    const text = bytes.toString("latin1");
    const digest = /sources: ([0-9a-f]{12})/.exec(text)?.[1];
    if (digest === undefined) throw new Error(`${path} does not say which sources it is made of`);
    for (let at = text.indexOf(digest); at >= 0; at = text.indexOf(digest, at + 1)) bytes.write("0ther0bu1ld0", at);
    await writeFile(join(scratch, "cairn"), bytes);
    await chmod(join(scratch, "cairn"), 0o755);
  });
  return join(made, "cairn");
}

/** A pvr repository for each revision; they share their objects. All of them: a device may have removed any that it does not use. */
async function exportsOf(revisions: Story["revisions"]): Promise<string> {
  const states = Object.values(revisions).map(({ state }) => sha256(state));
  const made = await cached("power/exports", ["exports 2", states], async (scratch) => {
    const tree = join(scratch, "tree");
    await mkdir(join(tree, "objects"), { recursive: true });
    for (const [name, { state, parts }] of Object.entries(revisions)) {
      await mkdir(join(tree, name, ".pvr"), { recursive: true });
      await writeFile(join(tree, name, ".pvr/json"), state);
      await writeFile(join(tree, name, ".pvr/config"), '{"ObjectsDir":"../objects"}');
      for (const part of parts.values()) {
        const digest = await digestOfPart(part, sha256OfFile);
        if (digest === null || "json" in part) continue;
        const object = join(tree, "objects", digest);
        if (existsSync(object)) continue;
        await ("file" in part ? link(part.file, object) : writeFile(object, part.bytes));
      }
    }
    await pack(tree, join(scratch, "exports.squashfs"), 128 * 1024, 1);
    await rm(tree, { recursive: true });
  });
  return join(made, "exports.squashfs");
}
