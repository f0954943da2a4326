import { err, ok, type Result } from "../result.ts";
import type { ContainerName, RevisionName } from "../state/index.ts";
import type { DiskError, DiskResult } from "./disk.ts";
import { makeFolders, saveFile } from "./save.ts";
import type { Store } from "./store.ts";

const WHY = "store/folders";

/** Reference 5.1; `cache/meta` is user-meta. Folders that only some devices need are made by who needs them. */
const FOLDERS = ["objects", "trails", "logs", "disks/perm", "disks/rev", "cache/meta", "cache/devmeta", "config"];

/** After mounting: makes the folders of a storage tree and its marker `.pvmounted`. Writes nothing when all is there. */
export async function prepareStorage(store: Store): DiskResult<void> {
  for (const folder of FOLDERS) {
    const made = await makeFolders(store.disk, WHY, store.root, folder);
    if (!made.ok) return made;
  }
  const marker = `${store.root}/.pvmounted`;
  const there = await store.disk.stat(WHY, marker);
  if (there.ok) return ok(undefined);
  return there.error.kind === "missing" ? saveFile(store.disk, WHY, marker, new Uint8Array()) : there;
}

/** Storage of a container or of the base system on the plain disk (reference 2.4); `boot` storage is a tmpfs and not here. */
export interface VolumeStorage {
  readonly owner: ContainerName | "bsp";
  readonly volume: string;
  /** A revision's own storage starts empty with it and ends with it; null: permanent, never collected. */
  readonly rev: RevisionName | null;
}

/** A volume's name is not one plain component of a path. */
export interface BadVolumeName {
  readonly kind: "badVolumeName";
  readonly volume: string;
}

/** Makes `disks/perm/<owner>/<volume>` or `disks/rev/<rev>/<owner>/<volume>`; the value is its path. */
export async function makeVolumeFolder(
  { disk, root }: Store,
  { owner, volume, rev }: VolumeStorage,
): Promise<Result<string, DiskError | BadVolumeName>> {
  if (volume === "" || volume === "." || volume === ".." || /[/\0]/.test(volume)) {
    return err({ kind: "badVolumeName", volume });
  }
  return makeFolders(disk, WHY, root, `disks/${rev === null ? "perm" : `rev/${rev}`}/${owner}/${volume}`);
}

/** Makes `logs/<rev>`; the value is its path. */
export const makeLogFolder = ({ disk, root }: Store, rev: RevisionName): DiskResult<string> =>
  makeFolders(disk, WHY, root, `logs/${rev}`);
