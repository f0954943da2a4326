import { resolve } from "node:path";
import { ok, type Result } from "../../result.ts";
import type { Disk } from "../../store/index.ts";
import { openRepository, type RepositoryError } from "../repository/index.ts";
import type { WorkingCopy } from "./scan.ts";

/** The working copy whose top folder is `root`. Folders above it are not searched. */
export async function openWorkingCopy(disk: Disk, root: string): Promise<Result<WorkingCopy, RepositoryError>> {
  const repository = await openRepository(disk, root);
  return repository.ok ? ok({ root: resolve(root), repository: repository.value }) : repository;
}
