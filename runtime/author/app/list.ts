/** What `cairn app ls`, `info` and `rm` do. */
import { err, ok, type Result } from "../../result.ts";
import { type ContainerName, parseContainerName } from "../../state/index.ts";
import type { Disk } from "../../store/index.ts";
import { alone as locked, openRepository } from "../repository/index.ts";
import { rootImage } from "./compose.ts";
import { readText } from "./device.ts";
import type { AppError } from "./error.ts";
import { imageReference } from "./reference.ts";
import { parseSource, type Source } from "./template/index.ts";
import { removeFolder } from "./work-folder.ts";

const WHY = "author/app";

/** What a container's `src.json` says. */
export interface App {
  readonly name: ContainerName;
  readonly source: Source;
}

/** Where it comes from, as its author wrote it; "" when nothing says. */
export function originText({ docker_name = "", docker_tag = "latest", rootfs_url = "", pvr = "" }: Source): string {
  if (docker_name !== "") return imageReference({ name: docker_name, tag: docker_tag });
  return rootfs_url === "" ? pvr : rootfs_url;
}

export async function requireRepository(disk: Disk, root: string): Promise<Result<void, AppError>> {
  const repository = await openRepository(disk, root);
  return repository.ok ? ok(undefined) : err({ kind: "repository", error: repository.error });
}

/** Does what changes the working copy, one process at a time. */
export async function alone<T>(root: string, work: () => Promise<Result<T, AppError>>): Promise<Result<T, AppError>> {
  // An error inside of another, so that those of the lock can be told from those of the work.
  const done = await locked<Result<T, AppError>, never>(`${root}/.pvr`, async () => ok(await work()));
  return done.ok ? done.value : err({ kind: "repository", error: done.error });
}

export async function openSource(disk: Disk, root: string, name: string): Promise<Result<Source, AppError>> {
  const text = await readText(disk, `${root}/${name}/src.json`);
  if (!text.ok) return text;
  if (text.value === null) return err({ kind: "missing", name, names: await namesOf(disk, root) });
  const source = parseSource(text.value);
  return source.ok ? source : err({ kind: "source", name, error: source.error });
}

/** Folders that have a `src.json` and can be containers, sorted. */
async function namesOf(disk: Disk, root: string): Promise<readonly ContainerName[]> {
  const names = await disk.list(WHY, root);
  if (!names.ok) return [];
  const found: ContainerName[] = [];
  for (const text of names.value) {
    const name = parseContainerName(text);
    const source = name === null ? null : await disk.stat(WHY, `${root}/${name}/src.json`);
    if (name !== null && source?.ok === true) found.push(name);
  }
  return found;
}

export async function listApps(disk: Disk, root: string): Promise<Result<readonly App[], AppError>> {
  const repository = await requireRepository(disk, root);
  if (!repository.ok) return repository;
  const apps: App[] = [];
  for (const name of await namesOf(disk, root)) {
    const source = await openSource(disk, root, name);
    if (!source.ok) return source;
    apps.push({ name, source: source.value });
  }
  return ok(apps);
}

export async function openApp(disk: Disk, root: string, named: string): Promise<Result<App, AppError>> {
  const name = parseContainerName(named);
  if (name === null) return err({ kind: "name", name: named });
  const repository = await requireRepository(disk, root);
  if (!repository.ok) return repository;
  const source = await openSource(disk, root, name);
  return source.ok ? ok({ name, source: source.value }) : source;
}

/** Removes a container's folder from the working copy; what is committed stays until the next commit. */
export async function removeApp(disk: Disk, root: string, named: string): Promise<Result<void, AppError>> {
  return alone(root, async () => {
    const app = await openApp(disk, root, named);
    return app.ok ? removeFolder(disk, root, app.value.name) : app;
  });
}

export const rootFileOf = ({ source }: App): string => rootImage(source);
