import { basename } from "node:path";
import { err, ok, type Result } from "../result.ts";
import type {
  Container,
  DiskDefinition,
  StorageVolume,
  VerityManifest,
  VolumeOwner,
  VolumeRef,
} from "../state/index.ts";
import { configOverlayDir, controlSocket, type Layout, managementView, trailDir, volumeDir } from "./layout.ts";

/** One mount that a container's volumes need, in order; undone in reverse. */
export type MountStep =
  | {
      readonly kind: "image";
      readonly source: string;
      readonly target: string;
      readonly fstype: string;
      /** The manifest and the folder its devices are in, when the image is opened under dm-verity. */
      readonly verity: { readonly manifest: VerityManifest; readonly folder: string; readonly mapping: string } | null;
    }
  | { readonly kind: "bind-file"; readonly source: string; readonly target: string }
  | { readonly kind: "bind-folder"; readonly source: string; readonly target: string; readonly owner?: VolumeOwner }
  | { readonly kind: "tmpfs"; readonly target: string; readonly owner?: VolumeOwner };

/** Why a container's volumes cannot be planned. */
export type MountPlanError =
  | { readonly kind: "unknownDisk"; readonly volume: string; readonly disk: string }
  | { readonly kind: "unsupportedDisk"; readonly volume: string; readonly disk: string; readonly type: string };

/** What mounting depends on besides the container itself. */
export interface MountWorld {
  readonly layout: Layout;
  readonly disks: readonly DiskDefinition[];
  /** False (`PV_SECUREBOOT_HANDLERS=0`, `pv_verityoff`): `dm:` images are mounted plainly; their digests are checked instead. */
  readonly useVerity: boolean;
}

/** The device-mapper name of reference 5.5: `pv--dmverity--<container>-<image without extension>`. */
export const verityMapping = (owner: string, image: string): string =>
  `pv--dmverity--${owner}-${image.replace(/\.[^.]*$/, "")}`;

/** How one volume reference of `owner` is mounted (reference 2.3). `verity` holds the owner's manifests. */
export function volumeStep(
  owner: Container["name"] | "bsp",
  ref: VolumeRef,
  verity: readonly VerityManifest[],
  { layout, useVerity }: MountWorld,
): MountStep {
  const folder = `${trailDir(layout)}/${owner}`;
  const source = ref.file.startsWith("/") ? ref.file : `${folder}/${ref.file}`;
  const target = volumeDir(owner, ref.file.startsWith("/") ? basename(ref.file) : ref.file);
  if (ref.mount === "bind-file") return { kind: "bind-file", source, target };
  if (ref.mount === "bind-folder") return { kind: "bind-folder", source, target };
  const manifest =
    ref.handler === "dm" && useVerity ? verity.find((candidate) => candidate.image === ref.file) : undefined;
  return {
    kind: "image",
    source,
    target,
    fstype: ref.fstype,
    verity: manifest === undefined ? null : { manifest, folder, mapping: verityMapping(owner, ref.file) },
  };
}

/**
 * How one storage volume is backed (reference 2.4): a folder that lasts, a folder of this revision, or memory. Folders are made by
 * `store/` before. Disks of device.json (encrypted ones and their kin) come in a later version.
 */
function storageStep(
  container: Container["name"],
  volume: StorageVolume,
  { disks, layout }: MountWorld,
): Result<MountStep, MountPlanError> {
  const wanted = volume.disk;
  const disk =
    wanted === null
      ? disks.find((candidate) => candidate.isDefault)
      : disks.find((candidate) => candidate.name === wanted || candidate.aliases.includes(wanted));
  if (wanted !== null && disk === undefined) return err({ kind: "unknownDisk", volume: volume.name, disk: wanted });
  if (disk !== undefined)
    return err({ kind: "unsupportedDisk", volume: volume.name, disk: disk.name, type: disk.type });
  const target = volumeDir(container, volume.name);
  const owner = volume.owner === undefined ? {} : { owner: volume.owner };
  if (volume.persistence === "boot") return ok({ kind: "tmpfs", target, ...owner });
  const lifetime = volume.persistence === "permanent" ? "perm" : `rev/${layout.revision}`;
  return ok({
    kind: "bind-folder",
    source: `${layout.storage}/disks/${lifetime}/${container}/${volume.name}`,
    target,
    ...owner,
  });
}

/**
 * Every mount of a container: root, further volumes, storage, in the order of its manifest, then its configuration overlay. The
 * original copies the overlay's files into memory; as a lower layer nothing writes to them, so the trail's own folder serves.
 */
export function mountPlan(container: Container, world: MountWorld): Result<readonly MountStep[], MountPlanError> {
  const images = [...(container.rootVolume === null ? [] : [container.rootVolume]), ...container.volumes];
  const steps: MountStep[] = images.map((ref) => volumeStep(container.name, ref, container.verity, world));
  for (const volume of container.storage) {
    const step = storageStep(container.name, volume, world);
    if (!step.ok) return step;
    steps.push(step.value);
  }
  if (container.hasConfigOverlay) {
    const source = `${trailDir(world.layout)}/_config/${container.name}`;
    steps.push({ kind: "bind-folder", source, target: configOverlayDir(container.name) });
  }
  // What a `mgmt` container sees as `/pantavisor` is composed out here: liblxc cannot bind a socket over a socket.
  if (container.roles.includes("mgmt")) {
    const view = managementView(container.name);
    steps.push({ kind: "bind-folder", source: world.layout.runDir, target: view });
    steps.push({ kind: "bind-file", source: controlSocket(container.name), target: `${view}/pv-ctrl` });
  }
  return ok(steps);
}
