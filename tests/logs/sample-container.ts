import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder that is gone after the test: `using dir = temporaryFolder()`. */
export function temporaryFolder() {
  const path = mkdtempSync(join(tmpdir(), "cairn-logs-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A process in a mount namespace and a root of its own, as liblxc makes one; a shell in it takes commands. Needs root. */
export async function sampleContainer() {
  const dir = temporaryFolder();
  const setup = `
    mount -t tmpfs none ${dir.path} && cd ${dir.path} && mkdir -p usr proc dev tmp var/log && ln -s usr/bin bin && ln -s usr/sbin sbin &&
    ln -s usr/lib lib && { [ ! -e /lib64 ] || ln -s usr/lib64 lib64; } && mount --rbind /usr usr && mount -t proc none proc &&
    mknod dev/null c 1 3 && exec chroot . /bin/sh`;
  const child = Bun.spawn(["unshare", "--mount", "sh", "-c", setup], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  let output = "";
  let count = 0;
  /** Runs a command in the container; fails when it fails. */
  const sh = async (command: string): Promise<void> => {
    const mark = `done-${++count}:`;
    child.stdin.write(`{ ${command}\n}; echo "${mark}$?"\n`);
    await child.stdin.flush();
    for (;;) {
      const status = new RegExp(`${mark}(\\d+)\\n`).exec(output)?.[1];
      if (status === "0") return;
      if (status !== undefined) throw new Error(`in the container: ${command}: exit status ${status}`);
      const { done, value } = await reader.read();
      if (done) throw new Error(`the container ended at: ${command}`);
      output += decoder.decode(value);
    }
  };
  await sh("true");
  return {
    pid: child.pid,
    sh,
    async kill(): Promise<void> {
      child.kill("SIGKILL");
      await child.exited;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
      dir[Symbol.dispose]();
    },
  };
}

/** Waits until `probe` gives something, and gives it; fails with `what` after `ms`. */
export async function eventually<T>(what: string, probe: () => T | undefined | false | null, ms = 5_000): Promise<T> {
  for (const endMs = performance.now() + ms; performance.now() < endMs; await Bun.sleep(10)) {
    const found = probe();
    if (found !== undefined && found !== false && found !== null) return found;
  }
  throw new Error(`not seen within ${ms} ms: ${what}`);
}

/** Watches how long this process keeps its main loop busy in one go. Its own processor time counts, so that a loaded machine,
 *  which takes the processor away from everybody, does not fail a test. */
export function mainLoopBeat() {
  let longestMs = 0;
  let last = process.cpuUsage();
  const beat = setInterval(() => {
    const { user, system } = process.cpuUsage(last);
    longestMs = Math.max(longestMs, (user + system) / 1000);
    last = process.cpuUsage();
  }, 1);
  return {
    stop(): number {
      clearInterval(beat);
      return longestMs;
    },
  };
}
