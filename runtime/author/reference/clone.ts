import { rm } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { err, ok, type Result } from "../../result.ts";
import { type Disk, type DiskResult, makeWithParents } from "../../store/index.ts";
import { createRepository, isAlive, type NewRepository, remember } from "../repository/index.ts";
import { checkout, openWorkingCopy } from "../working-copy/index.ts";
import type { TransferError } from "./fault.ts";
import { parseReference } from "./parse.ts";
import { isFree } from "./paths.ts";
import type { ObjectProgress } from "./source.ts";
import { type Taken, take } from "./take.ts";

const WHY = "author/clone";

export interface CloneOptions extends NewRepository {
  readonly reference: string;
  /** Null: called as the source is. */
  readonly folder: string | null;
  readonly canonical: boolean;
  readonly now: Date;
  readonly progress?: ObjectProgress;
}

export interface Cloned extends Taken {
  readonly folder: string;
}

/** A new working copy of what a reference names. It is made beside its place and appears there when it is complete. */
export async function clone(disk: Disk, options: CloneOptions): Promise<Result<Cloned, TransferError>> {
  const folder = resolve(options.folder ?? nameOf(options.reference));
  if (!isFree(folder)) return err({ kind: "occupied", folder });
  const made = await makeWithParents(disk, WHY, dirname(folder));
  if (!made.ok) return made;
  await sweep(disk, folder);
  const temporary = `${dirname(folder)}/.${basename(folder)}.${process.pid}.tmp`;
  const filled = await fill(disk, temporary, options);
  const placed = filled.ok ? await place(disk, temporary, folder) : filled;
  if (!placed.ok) await rm(temporary, { recursive: true, force: true });
  if (!filled.ok) return filled;
  return placed.ok ? ok({ ...filled.value, folder }) : placed;
}

/** Removes what killed calls for the same folder left. */
async function sweep(disk: Disk, folder: string): Promise<void> {
  const names = await disk.list(WHY, dirname(folder));
  const start = `.${basename(folder)}.`;
  for (const name of names.ok ? names.value : []) {
    const pid = name.startsWith(start) ? /^(\d{1,9})\.tmp$/.exec(name.slice(start.length))?.[1] : undefined;
    if (pid !== undefined && !isAlive(Number(pid)))
      await rm(`${dirname(folder)}/${name}`, { recursive: true, force: true });
  }
}

async function place(disk: Disk, temporary: string, folder: string): DiskResult<void> {
  const moved = await disk.rename(WHY, temporary, folder);
  return moved.ok ? disk.fsync(WHY, dirname(folder)) : moved;
}

async function fill(disk: Disk, root: string, options: CloneOptions): Promise<Result<Taken, TransferError>> {
  const { reference, now, progress, canonical } = options;
  const created = await createRepository(disk, root, options);
  if (!created.ok) return created;
  const heard = progress === undefined ? {} : { progress };
  const taken = await take(created.value, { how: "get", reference, now, ...heard });
  if (!taken.ok) return taken;
  const remembered = await remember(created.value, "DefaultGetUrl", absolute(reference));
  if (!remembered.ok) return remembered;
  const copy = await openWorkingCopy(disk, root);
  const done = copy.ok ? await checkout(copy.value, { canonical }) : copy;
  return done.ok ? taken : done;
}

/** The reference, to be used again from any folder. */
export function absolute(reference: string): string {
  const parsed = parseReference(reference);
  return parsed.ok && parsed.value.kind === "path" ? resolve(reference) : reference;
}

/** As the source is called, without what says how it is packed. */
export function nameOf(reference: string): string {
  const path = resolve(reference.split("#", 1)[0] ?? "");
  const base = basename(path) === ".pvr" ? basename(dirname(path)) : basename(path);
  return base.replace(/\.(?:tar|tgz|tar\.gz|gz)$/i, "") || "clone";
}
