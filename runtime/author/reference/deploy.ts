import { resolve } from "node:path";
import { err, ok, type Result } from "../../result.ts";
import { factory, parseState as parseDeviceState } from "../../state/index.ts";
import {
  type Disk,
  installRevision,
  makeFolders,
  makeWithParents,
  openStore,
  prepareStorage,
  putObject,
  type Store,
  saveFile,
} from "../../store/index.ts";
import { objectsIn, revisionText } from "../document/index.ts";
import { fileBytes, findObject, type Repository, readState } from "../repository/index.ts";
import type { TransferError } from "./fault.ts";
import { isFree } from "./paths.ts";
import type { ObjectProgress } from "./source.ts";

const WHY = "author/deploy";

/** Where a device mounts its storage. */
const ON_DEVICE = "/storage";

export interface Deployed {
  readonly folder: string;
  readonly objects: number;
}

/**
 * Makes `folder` the storage tree of a device that leaves its factory: what is committed becomes revision 0, laid out as a device lays
 * out what it installs. The device's own parser has read the state first, and every object its digest. `occupied`: the folder holds
 * something; what an earlier failure left there is to be removed.
 */
export async function deploy(
  own: Repository,
  { folder, progress }: { readonly folder: string; readonly progress?: ObjectProgress },
): Promise<Result<Deployed, TransferError>> {
  const root = resolve(folder);
  if (!isFree(root)) return err({ kind: "occupied", folder: root });
  const document = await readState(own);
  if (!document.ok) return document;
  const state = parseDeviceState(revisionText(document.value));
  if (!state.ok) return err({ kind: "notForDevice", error: state.error });
  if (state.value.bsp === null) return err({ kind: "noBaseSystem" });
  const made = await makeWithParents(own.disk, WHY, root);
  if (!made.ok) return made;
  const store = openStore(own.disk, root);
  const prepared = await prepareStorage(store);
  if (!prepared.ok) return prepared;
  const digests = objectsIn(document.value);
  for (const [index, digest] of digests.entries()) {
    const found = await findObject(own, digest);
    if (!found.ok) return found;
    const put = await putObject(store, digest, fileBytes(own, found.value.path));
    if (!put.ok) return err({ kind: "store", error: put.error });
    progress?.(index + 1, digests.length, digest, put.value.sizeBytes);
  }
  const named = await nameObjectsFolder(own.disk, store);
  if (!named.ok) return named;
  const installed = await installRevision(store, factory, state.value);
  return installed.ok ? ok({ folder: root, objects: digests.length }) : err({ kind: "store", error: installed.error });
}

/** The trail is a repository for `pvr` on the device, where the tree has another path than here. */
async function nameObjectsFolder(disk: Disk, store: Store): Promise<Result<void, TransferError>> {
  const folder = await makeFolders(disk, WHY, store.root, `trails/${factory}/.pvr`);
  if (!folder.ok) return folder;
  const config = JSON.stringify({ ObjectsDir: `${ON_DEVICE}/objects` });
  return saveFile(disk, WHY, `${folder.value}/config`, new TextEncoder().encode(config));
}
