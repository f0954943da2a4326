/** The tests that change this machine (mounts, loop devices, cgroups, containers, in a mount namespace of their own) run only when
 *  CAIRN_HOST_PRIVILEGED=1 asks for them, and then they must succeed. */
export const privileged = process.env["CAIRN_HOST_PRIVILEGED"] === "1";

if (!privileged) {
  console.warn(
    "NOT TESTED on this host: mounts, loop devices, cgroups, loopback, LXC. Run as root with CAIRN_HOST_PRIVILEGED=1; " +
      "needs unshare, cgroup v2 mounted somewhere, /dev/loop-control, liblxc.so.1.",
  );
}

/** Runs a program of ours in a mount and network namespace of its own. */
export async function inNamespace(
  ...command: string[]
): Promise<{ readonly output: string; readonly exitCode: number }> {
  const child = Bun.spawn(["unshare", "--mount", "--net", "--propagation", "private", process.execPath, ...command], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { output: out + errors, exitCode: await child.exited };
}
