import { constants } from "node:fs";
import { open, rm } from "node:fs/promises";
import { fileSystemSpace } from "../linux/index.ts";
import { type Budget, budgetOf, type Removal, toRemove, toRotate } from "./budget.ts";
import type { LogPlace } from "./model.ts";
import { rotate } from "./rotate.ts";
import type { LogConfig } from "./settings.ts";
import { listLogFiles } from "./tree.ts";

export interface Swept {
  readonly rotated: number;
  readonly removed: number;
  readonly emptied: number;
  /** What could not be done; the next sweep tries again. */
  readonly failures: readonly string[];
}

export function readBudget(config: LogConfig, dir: string): Budget {
  const space = fileSystemSpace(dir);
  return budgetOf(config, space.ok ? space.value : null);
}

/** Brings the log folder within its budget: all revisions together, not only the running one, as the original does it. */
export async function sweep({ dir, rev }: LogPlace, budget: Budget): Promise<Swept> {
  const failures: string[] = [];
  let rotated = 0;
  for (const path of toRotate(await listLogFiles(dir, rev), budget)) {
    const done = await rotate(`${dir}/${path}`);
    if (done.ok) rotated++;
    else failures.push(`${path} cannot be rotated: ${done.error.why}`);
  }
  const counts = { remove: 0, empty: 0 };
  for (const removal of toRemove(await listLogFiles(dir, rev), budget)) {
    try {
      await carryOut(dir, removal);
      counts[removal.kind]++;
    } catch (thrown) {
      failures.push(`${removal.path}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    }
  }
  return { rotated, removed: counts.remove, emptied: counts.empty, failures };
}

async function carryOut(dir: string, { kind, path }: Removal): Promise<void> {
  if (kind === "remove") return rm(`${dir}/${path}`, { force: true });
  await using file = await open(`${dir}/${path}`, constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  await file.truncate(0);
}
