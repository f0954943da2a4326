/** Composes a revision and lays it out as a device's storage has it (reference 1, 5.1). */
import { existsSync } from "node:fs";
import { copyFile, link, mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import type { BaseOptions } from "./base.ts";
import { bsp } from "./bsp.ts";
import { type ContainerSpec, containerParts, digestOfPart, type Part } from "./container.ts";
import { type Arch, sha256OfFile } from "./host.ts";
import { canonical, type Json } from "./json.ts";

export interface RevisionSpec {
  readonly arch: Arch;
  readonly containers: readonly ContainerSpec[];
  /** device.json; without one the runtime's own default groups apply. */
  readonly device?: Json;
  readonly base?: BaseOptions;
  /** Further parts, or replacements, by their keys. */
  readonly parts?: Readonly<Record<string, Part>>;
}

export interface Revision {
  /** The state, canonical. */
  readonly state: string;
  readonly parts: ReadonlyMap<string, Part>;
  /** The files of `bsp/` that a boot loader starts. */
  readonly kernel: string;
  readonly initramfs: string;
  /** The kernel as QEMU starts it quickest. */
  readonly directKernel: string;
  /** Sizes for people: what → bytes. */
  readonly sizes: Readonly<Record<string, number>>;
}

/** The groups that Pantavisor ships (reference 3.1). */
export const defaultGroups: readonly Json[] = [
  { name: "data", description: "Volumes only", restart_policy: "system", status_goal: "MOUNTED", timeout: 30 },
  { name: "root", description: "Connectivity", restart_policy: "system", status_goal: "STARTED", timeout: 30 },
  { name: "platform", description: "Middleware", restart_policy: "system", status_goal: "STARTED", timeout: 30 },
  {
    name: "app",
    description: "Applications",
    restart_policy: "container",
    status_goal: "STARTED",
    timeout: 30,
    auto_recovery: {
      policy: "on-failure",
      max_retries: 5,
      retry_delay: 5,
      backoff_factor: 2.0,
      stable_timeout: 30,
      backoff_policy: "reboot",
    },
  },
];

/** Modules that containers of these boards ask for by name. */
const drivers: Json = { "#spec": "driver-aliases@1", all: { ethernet: ["virtio_net"] } };

const digests = new Map<string, Promise<string>>();
/** Built files never change under their path: hash each once per process. */
const digestOf = (file: string): Promise<string> => {
  const known = digests.get(file) ?? sha256OfFile(file);
  digests.set(file, known);
  return known;
};

export async function revision(spec: RevisionSpec): Promise<Revision> {
  const { arch } = spec;
  const { kernel, direct, initramfs, modules, rootfs } = await bsp(arch, spec.base);
  const root = `rootfs${extname(rootfs)}`; // the first stage goes by it
  const parts = new Map<string, Part>([
    ["bsp/vmlinuz", { file: kernel }],
    ["bsp/initramfs.cpio.gz", { file: initramfs }],
    ["bsp/modules.squashfs", { file: modules }],
    [`bsp/${root}`, { file: rootfs }],
    ["bsp/drivers.json", { json: drivers }],
    [
      "bsp/run.json",
      {
        json: {
          addons: [],
          initrd: "initramfs.cpio.gz",
          linux: "vmlinuz",
          modules: "modules.squashfs",
          rootfs: root,
        },
      },
    ],
  ]);
  if (spec.device !== undefined) parts.set("device.json", { json: spec.device });
  for (const container of spec.containers)
    for (const [key, part] of await containerParts(container, digestOf)) parts.set(key, part);
  for (const [key, part] of Object.entries(spec.parts ?? {})) parts.set(key, part);
  const state: Record<string, Json> = { "#spec": "pantavisor-service-system@1" };
  for (const [key, part] of parts) state[key] = "json" in part ? part.json : await digestOfPart(part, digestOf);
  const bytes = (file: string): number => Bun.file(file).size;
  return {
    state: canonical(state),
    parts,
    kernel,
    directKernel: direct,
    initramfs,
    sizes: {
      kernel: bytes(kernel),
      initramfs: bytes(initramfs),
      "base system": bytes(rootfs),
      modules: bytes(modules),
      ...Object.fromEntries(spec.containers.map(({ name, root }) => [`container ${name}`, bytes(root)])),
    },
  };
}

/** Lays revision `rev` out below `storage`, a folder on the file system that holds the build cache (objects are hard links
 *  into it: never write into one). */
export async function layOut(storage: string, rev: string, made: Revision): Promise<void> {
  const trail = join(storage, "trails", rev);
  for (const folder of ["objects", "boot", "config", "logs", "cache", "disks"])
    await mkdir(join(storage, folder), { recursive: true });
  for (const folder of [".pvr", ".pv"]) await mkdir(join(trail, folder), { recursive: true });
  for (const [key, part] of made.parts) {
    const path = join(trail, key);
    await mkdir(dirname(path), { recursive: true });
    if ("json" in part) {
      if (!writtenByAuthorsOnly(key)) await writeFile(path, canonical(part.json));
      continue;
    }
    const digest = (await digestOfPart(part, digestOf)) ?? "";
    const object = join(storage, "objects", digest);
    if (!existsSync(object)) await ("file" in part ? link(part.file, object) : writeFile(object, part.bytes));
    await (key.endsWith(".bind") ? copyFile(object, path) : link(object, path));
  }
  await writeFile(join(trail, ".pvr/json"), made.state);
  await writeFile(join(trail, ".pvr/config"), '{"ObjectsDir":"/storage/objects"}');
  await link(join(trail, "bsp/vmlinuz"), join(trail, ".pv/pv-kernel.img"));
  await link(join(trail, "bsp/initramfs.cpio.gz"), join(trail, ".pv/pv-initrd.img"));
}

/** Inline JSON that a device never expands (reference 1.3). */
const writtenByAuthorsOnly = (key: string): boolean =>
  key.startsWith("_sigs/") || ["src.json", "build.json"].includes(basename(key));
