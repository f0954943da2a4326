/**
 * Is the process that a temporary file is named after still at work? Our own number counts as nobody's: what is ours is gone when it is not
 * wanted any more, and numbers come around again.
 */
export function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
