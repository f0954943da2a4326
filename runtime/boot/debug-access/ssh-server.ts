import { mkdirSync, symlinkSync } from "node:fs";
import {
  createCgroup,
  explainLinux,
  killCgroup,
  type LinuxError,
  mount,
  readText,
  spawnChild,
  sweepCgroup,
  umount,
  viaNode,
} from "../../linux/index.ts";
import { type Logger, openLineSplitter } from "../../logs/index.ts";
import { err, ok, type Result } from "../../result.ts";
import type { Disk } from "../../store/index.ts";
import { holdsKey } from "./authorized-keys.ts";
import { hostKey } from "./host-key.ts";
import { type Denial, SSH_PORT, type SshServer } from "./model.ts";

export interface SshServerParts {
  readonly disk: Disk;
  /** The host key is kept there. */
  readonly keyFolder: string;
  /** Lines as in `~/.ssh/authorized_keys`. Read at each login: who is taken off is not let in again. */
  readonly authorizedKeys: string;
  /** What there is to do when no key is in that. */
  readonly keysWanted: string;
  /** Everything that the server starts is in there, and nothing else. */
  readonly cgroup: string;
  readonly log: Pick<Logger, "debug" | "info" | "warn">;
}

const PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin";
const LISTENS_WITHIN_MS = 10_000;
const ENDS_WITHIN_MS = 5_000;
/** It enters the cgroup before it is the server: nobody ever gets in outside of it. */
const ENTER = 'echo 0 > "$0" && exec "$@"';
/** What dropbear(8) says once its sockets listen, and not before. */
const LISTENS = "Not backgrounding";
/** Who gets in and leaves. Those who only knock must not fill the log. */
const OF_NOTE = /auth succeeded|^Exit \(/;

const refused = (why: string): Result<never, Denial> => err({ kind: "refused", why });
const failed = (why: string | LinuxError): Result<never, Denial> =>
  err({ kind: "failed", why: typeof why === "string" ? why : explainLinux(why) });

export function openSshServer(parts: SshServerParts): SshServer {
  const { disk, keyFolder, authorizedKeys, keysWanted, cgroup, log } = parts;
  /** Root's, while it is mounted. */
  let home: string | null = null;

  /** Root's home becomes an empty folder in memory: the base system is read-only, and nothing of a session outlives it. */
  function makeHome(): Result<string, Denial> {
    if (home !== null) return ok(home);
    const passwd = readText("/etc/passwd");
    if (!passwd.ok) return failed(passwd.error);
    const [, target = "/"] = /^root:[^:]*:0:[^:]*:[^:]*:([^:\n]*):/m.exec(passwd.value) ?? [];
    if (!/^\/[^/]/.test(target)) return refused("the base system has no user root with a home of its own");
    const options = "mode=700,size=16m";
    const mounted = mount({ source: "tmpfs", target, type: "tmpfs", flags: ["nosuid", "nodev"], options });
    if (!mounted.ok) return failed(mounted.error);
    home = target;
    const made = viaNode("mkdir", { path: `${target}/.ssh` }, () => {
      mkdirSync(`${target}/.ssh`, { mode: 0o700 });
      symlinkSync(authorizedKeys, `${target}/.ssh/authorized_keys`);
    });
    return made.ok ? ok(target) : failed(made.error);
  }

  async function listen(
    server: string,
    hostKeyPath: string,
    scratch: string,
  ): Promise<Result<Promise<string>, Denial>> {
    const made = createCgroup(cgroup);
    if (!made.ok) return failed(made.error);
    const flags = ["-F", "-E", "-m", "-s", "-j", "-k", "-p", `${SSH_PORT}`, "-r", hostKeyPath, "-P", `${scratch}/pid`];
    const command = ["/bin/sh", "-c", ENTER, `${cgroup}/cgroup.procs`, server, ...flags];
    const started = spawnChild(command, { stdout: "ignore", stderr: "pipe", env: { PATH } });
    if (!started.ok) return failed(started.error);
    const child = started.value;
    let last = "it said nothing";
    const { promise: listening, resolve } = Promise.withResolvers<"listens">();
    const followed = follow(child.stderr, (line) => {
      last = line.replace(/^\[\d+\] \w{3} +\d+ [\d:]{8} /, "");
      if (last === LISTENS) resolve("listens");
      else log[OF_NOTE.test(last) ? "info" : "debug"](last);
    });
    const ended = child.exited.then((code) => `ended with ${child.signalCode ?? code}`);
    const timer = setTimeout(() => child.kill("SIGKILL"), LISTENS_WITHIN_MS);
    const outcome = await Promise.race([listening, ended]);
    clearTimeout(timer);
    if (outcome === "listens") return ok(ended);
    await followed;
    return failed(`the SSH server ${outcome}: ${last}`);
  }

  return {
    async start() {
      const [server, program] = ["dropbear", "dropbearkey"].map((name) => Bun.which(name, { PATH }));
      if (server == null || program == null)
        return refused("there is no SSH server in the base system: dropbear and dropbearkey are wanted");
      const keys = readText(authorizedKeys);
      if (!keys.ok || !holdsKey(keys.value)) return refused(`no key is known that could log in: ${keysWanted}`);
      const scratch = makeHome();
      if (!scratch.ok) return scratch;
      const key = await hostKey({ disk, folder: keyFolder, scratch: scratch.value, program });
      if (!key.ok) return failed(key.error);
      const ended = await listen(server, key.value.path, `${scratch.value}/.ssh`);
      return ended.ok ? ok({ fingerprint: key.value.fingerprint, ended: ended.value }) : ended;
    },
    async end() {
      const killed = killCgroup(cgroup);
      const gone = !killed.ok && killed.error.code !== "ENOENT" ? killed : await sweepCgroup(cgroup, ENDS_WITHIN_MS);
      if (!gone.ok) log.warn(`sessions of debug access may still run: ${explainLinux(gone.error)}`);
      if (home === null) return;
      const freed = umount(home, { lazy: true });
      if (!freed.ok) log.warn(explainLinux(freed.error));
      home = null;
    },
  };
}

/** Until there is no more, or it cannot be read. */
async function follow(output: AsyncIterable<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  const split = openLineSplitter();
  try {
    for await (const bytes of output) for (const line of split(bytes)) onLine(line);
  } catch {}
}
