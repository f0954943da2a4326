/** Runs this program again in a network namespace of its own, where it may do to the network what it likes; false: it is there already. */
export async function startApart(): Promise<boolean> {
  if (process.env["CAIRN_APART"] === "1") return false;
  const again = Bun.spawn(
    ["unshare", "--map-root-user", "--net", "--kill-child", process.execPath, ...process.argv.slice(1)],
    { env: { ...process.env, CAIRN_APART: "1" }, stdout: "inherit", stderr: "inherit" },
  );
  process.exitCode = await again.exited;
  return true;
}
