import { constants } from "node:fs";
import { closeFd, lockFile, openFd } from "../../linux/index.ts";
import { err, type Result } from "../../result.ts";
import type { RepositoryError } from "./fault.ts";

/** Errnos of a file system that has no locks: there, nobody can do better than hope. */
const HELD = new Set(["EAGAIN", "EWOULDBLOCK"]);

/** Does what changes a repository, one process at a time. The lock is the kernel's, so a killed process leaves none behind. */
export async function alone<T, E>(
  folder: string,
  work: () => Promise<Result<T, E>>,
): Promise<Result<T, E | RepositoryError>> {
  const fd = openFd(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  if (!fd.ok) return work(); // it will say better what is wrong there
  try {
    const locked = lockFile(fd.value);
    if (!locked.ok && HELD.has(locked.error.code)) return err({ kind: "busy", folder });
    return await work();
  } finally {
    closeFd(fd.value);
  }
}
