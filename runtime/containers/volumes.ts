import { chownSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import {
  attachLoop,
  bindMount,
  closeVerity,
  type LoopDevice,
  type MalformedError,
  mount,
  openVerity,
  readMountinfo,
  readVeritySuperblock,
  type SysError,
  umount,
  viaNode,
} from "../linux/index.ts";
import { err, ok, type Result } from "../result.ts";
import type { VerityManifest, VolumeOwner } from "../state/index.ts";
import type { MountStep } from "./mount-plan.ts";

/** A volume that could not be mounted, and what the kernel said. */
export interface VolumeError {
  readonly kind: "volume";
  readonly step: MountStep;
  readonly cause: SysError | MalformedError | { readonly kind: "missing"; readonly path: string };
}

type MountResult = Result<void, VolumeError["cause"]>;

/**
 * Images are content-addressed objects, so they are mounted read-only whatever their file system: a write would make the object
 * fail its next check. `noload` keeps ext4 from replaying a journal into the image.
 */
const imageOptions = (fstype: string): string => (/^ext[34]$/.test(fstype) ? "noload" : "");

function mountDevice(device: string, step: MountStep & { kind: "image" }): MountResult {
  return mount({
    source: device,
    target: step.target,
    type: step.fstype,
    flags: ["ro"],
    options: imageOptions(step.fstype),
  });
}

/** Loop device and mount; the device clears itself when the mount goes. */
function mountImage(step: MountStep & { kind: "image" }): MountResult {
  const loop = attachLoop({ file: step.source, readOnly: true });
  if (!loop.ok) return loop;
  const mounted = mountDevice(loop.value.path, step);
  loop.value.release();
  return mounted;
}

/** Two loop devices under one verity mapping. The mapping's removal is deferred to the moment its mount goes. */
function mountVerity(step: MountStep & { kind: "image" }, verity: NonNullable<typeof step.verity>): MountResult {
  const held: LoopDevice[] = [];
  const attach = (file: string) => {
    const loop = attachLoop({ file: `${verity.folder}/${file}`, readOnly: true });
    if (loop.ok) held.push(loop.value);
    return loop;
  };
  try {
    return openAndMount(step, verity.manifest, verity.mapping, attach);
  } finally {
    for (const loop of held) loop.release();
  }
}

function openAndMount(
  step: MountStep & { kind: "image" },
  manifest: VerityManifest,
  mapping: string,
  attach: (file: string) => Result<LoopDevice, SysError>,
): MountResult {
  const data = attach(manifest.dataDevice);
  if (!data.ok) return data;
  const hash = attach(manifest.hashDevice);
  if (!hash.ok) return hash;
  const superblock = readVeritySuperblock(hash.value.path);
  if (!superblock.ok) return superblock;
  const opened = openVerity({
    name: mapping,
    dataDevice: data.value.path,
    hashDevice: hash.value.path,
    params: { superblock: superblock.value, rootHash: manifest.rootHash },
  });
  if (!opened.ok) return opened;
  const mounted = mountDevice(opened.value, step);
  const removal = closeVerity(mapping, { deferred: mounted.ok });
  return mounted.ok ? removal : mounted;
}

/** What is mounted upon: an empty file for a file, a folder for all else. */
const makeTarget = ({ kind, target: path }: MountStep): Result<void, SysError> =>
  viaNode("mkdir", { path }, () => {
    mkdirSync(kind === "bind-file" ? dirname(path) : path, { recursive: true });
    if (kind === "bind-file" && !exists(path)) writeFileSync(path, "");
  });

function perform(step: MountStep): MountResult {
  if (step.kind !== "tmpfs" && !exists(step.source)) return err({ kind: "missing", path: step.source });
  const made = makeTarget(step);
  if (!made.ok) return made;
  switch (step.kind) {
    case "tmpfs":
      return mount({ source: "cairn", target: step.target, type: "tmpfs", options: "mode=755" });
    case "bind-file":
    case "bind-folder":
      return bindMount({ source: step.source, target: step.target });
    case "image":
      return step.verity === null ? mountImage(step) : mountVerity(step, step.verity);
  }
}

function settle(step: MountStep): MountResult {
  const done = perform(step);
  if (!done.ok || !("owner" in step) || step.owner === undefined) return done;
  return giveIfEmpty(step.target, step.owner);
}

/**
 * Gives a volume to its owner as long as there is nothing in it: an owner that was never given, for a power cut or an older revision,
 * is given at the next start, and what a container did with its own volume stays.
 */
const giveIfEmpty = (path: string, { uid, gid }: VolumeOwner): Result<void, SysError> =>
  viaNode("chown", { path, uid, gid }, () => {
    if (readdirSync(path).length === 0) chownSync(path, uid, gid);
  });

/** What cannot be looked at, such as a symbolic link to itself, cannot be mounted either. */
const exists = (path: string): boolean => viaNode("stat", { path }, () => statSync(path)).ok;

/** Carries out a mount plan, all or nothing. */
export function mountVolumes(steps: readonly MountStep[]): Result<void, VolumeError> {
  for (const [index, step] of steps.entries()) {
    const done = settle(step);
    if (!done.ok) {
      unmountVolumes(steps.slice(0, index + 1)); // this one may be half done
      return err({ kind: "volume", step, cause: done.error });
    }
  }
  return ok(undefined);
}

/** Undoes a mount plan in reverse, see {@link unmountAll}. */
export const unmountVolumes = (steps: readonly MountStep[]): readonly SysError[] =>
  unmountAll(steps.map(({ target }) => target));

/**
 * Takes away everything that is mounted below a folder of the host, such as what a container exported: those mounts came here from
 * its mount namespace and outlive it.
 */
export function unmountBelow(folder: string): readonly (SysError | MalformedError)[] {
  const mounts = readMountinfo();
  if (!mounts.ok) return [mounts.error];
  return unmountAll(mounts.value.map(({ target }) => target).filter((target) => target.startsWith(`${folder}/`)));
}

/**
 * Unmounts the last one first; what is not mounted is left alone. A mount that is still in use is detached, so that nothing holds up
 * the rest, and comes back as an error for the log.
 */
function unmountAll(targets: readonly string[]): readonly SysError[] {
  const busy: SysError[] = [];
  for (const target of targets.toReversed()) {
    const undone = umount(target);
    if (undone.ok || undone.error.code === "EINVAL" || undone.error.code === "ENOENT") continue;
    busy.push(undone.error);
    umount(target, { lazy: true });
  }
  return busy;
}
