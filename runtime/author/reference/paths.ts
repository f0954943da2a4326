/** What a path that a user named is, before anything is done with it. What cannot be looked at counts as not there: the work itself says why. */
import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";

export const exists = existsSync;

export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Is something made there without touching anything else: is it an empty folder, or not there? */
export function isFree(path: string): boolean {
  try {
    return readdirSync(path).length === 0;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ENOENT";
  }
}

export function isSame(a: string, b: string): boolean {
  try {
    return realpathSync(a) === realpathSync(b);
  } catch {
    return false;
  }
}
