import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { type ContainerLogSource, type Logs, startLogs } from "../../runtime/logs/index.ts";
import { config } from "./sample-config.ts";
import { eventually, mainLoopBeat, sampleContainer, temporaryFolder } from "./sample-container.ts";

type Container = Awaited<ReturnType<typeof sampleContainer>>;
let container: Container;
let folder: ReturnType<typeof temporaryFolder>;
let logs: Logs;
let consoleFd: number;

beforeAll(async () => {
  container = await sampleContainer();
});
afterAll(() => container[Symbol.asyncDispose]());
beforeEach(async () => {
  await container.sh("rm -rf /var/log /tmp/*; mkdir -p /var/log");
  folder = temporaryFolder();
  consoleFd = openSync(`${folder.path}/console`, "a");
  logs = startLogs({ config: config(), consoleFd });
  logs.useStorage({ dir: folder.path, rev: "7" });
});
afterEach(async () => {
  await logs.close();
  closeSync(consoleFd);
  folder[Symbol.dispose]();
});

const copy = (path: string, rev = "7"): string => {
  const file = `${folder.path}/${rev}/web${path}`;
  return existsSync(file) ? readFileSync(file, "utf8") : "";
};
const said = (): string => {
  const file = `${folder.path}/7/pantavisor/pantavisor.log`;
  return existsSync(file) ? readFileSync(file, "utf8") : "";
};
const file = (path: string, more: { maxBytes?: number; truncate?: boolean } = {}): ContainerLogSource => ({
  kind: "file",
  file: path,
  maxBytes: more.maxBytes ?? 2 << 20,
  truncate: more.truncate ?? true,
});
const attach = (...sources: ContainerLogSource[]): void =>
  logs.attach("web", { pid: container.pid, sources: sources.length === 0 ? null : sources });
const arrived = (path: string, text: string) =>
  eventually(`${path}: ${JSON.stringify(text)}`, () => copy(path) === text);

describe("a container's log file", () => {
  test("is copied from its start, and then as it grows", async () => {
    await container.sh("echo before > /var/log/messages");
    attach();
    await arrived("/var/log/messages", "before\n");
    await container.sh("echo one >> /var/log/messages; echo two >> /var/log/messages");
    await arrived("/var/log/messages", "before\none\ntwo\n");
  });

  test("is waited for, and so are its folders", async () => {
    attach(file("/tmp/deep/er/app.log"));
    await container.sh("mkdir /tmp/deep");
    await Bun.sleep(50);
    await container.sh("mkdir /tmp/deep/er; echo hello > /tmp/deep/er/app.log");
    await arrived("/tmp/deep/er/app.log", "hello\n");
  });

  test("is read to its end when it is renamed, and the new one from its start", async () => {
    await container.sh("echo one > /var/log/syslog");
    attach();
    await arrived("/var/log/syslog", "one\n");
    await container.sh(
      "echo two >> /var/log/syslog; mv /var/log/syslog /var/log/syslog.1; echo three > /var/log/syslog",
    );
    await arrived("/var/log/syslog", "one\ntwo\nthree\n");
    await container.sh("echo four >> /var/log/syslog");
    await arrived("/var/log/syslog", "one\ntwo\nthree\nfour\n");
  });

  test("is read from its start after the container truncated it", async () => {
    await container.sh("echo a long first line > /var/log/syslog");
    attach();
    await arrived("/var/log/syslog", "a long first line\n");
    await container.sh("echo short > /var/log/syslog");
    await arrived("/var/log/syslog", "a long first line\nshort\n");
  });

  test("is truncated at its maxsize, when that is asked for, and nothing is lost", async () => {
    attach(file("/var/log/a", { maxBytes: 100 }), file("/var/log/b", { maxBytes: 100, truncate: false }));
    const line = "x".repeat(60);
    for (const name of ["a", "b"])
      await container.sh(`echo ${line} > /var/log/${name}; echo ${line} >> /var/log/${name}`);
    await arrived("/var/log/a", `${line}\n${line}\n`);
    await arrived("/var/log/b", `${line}\n${line}\n`);
    await container.sh("[ $(stat -c %s /var/log/a) = 0 ] && [ $(stat -c %s /var/log/b) = 122 ]");
    await container.sh("echo more >> /var/log/a");
    await arrived("/var/log/a", `${line}\n${line}\nmore\n`);
  });

  test("is found after something was mounted over its folder", async () => {
    attach();
    await Bun.sleep(100);
    await container.sh("mount -t tmpfs none /var/log && echo mounted > /var/log/syslog");
    try {
      await arrived("/var/log/syslog", "mounted\n");
    } finally {
      await container.sh("umount -l /var/log");
    }
  });

  test("goes on where it was read to when the container is attached again", async () => {
    await container.sh("echo one > /var/log/syslog");
    attach();
    await arrived("/var/log/syslog", "one\n");
    logs.detach("web");
    await container.sh("echo two >> /var/log/syslog");
    attach();
    await arrived("/var/log/syslog", "one\ntwo\n");
  });

  test("goes on where it was read to after the runtime was started anew", async () => {
    await container.sh("echo one > /var/log/syslog");
    attach();
    await arrived("/var/log/syslog", "one\n");
    await logs.close();
    logs = startLogs({ config: config() });
    logs.useStorage({ dir: folder.path, rev: "8" });
    await container.sh("echo two >> /var/log/syslog");
    attach();
    await eventually("the second line", () => copy("/var/log/syslog", "8") === "two\n");
  });

  test("goes to the new revision's folder after a switch", async () => {
    await container.sh("echo one > /var/log/syslog");
    attach();
    await arrived("/var/log/syslog", "one\n");
    logs.switchRevision("8");
    await container.sh("echo two >> /var/log/syslog");
    await eventually("the second line", () => copy("/var/log/syslog", "8") === "two\n");
  });

  test("is not followed when the configuration says so", async () => {
    await container.sh("echo one > /var/log/syslog");
    logs.configure(config({ PV_LOG_LOGGERS: false }));
    attach();
    await Bun.sleep(100);
    expect(copy("/var/log/syslog")).toBe("");
    logs.configure(config());
    await arrived("/var/log/syslog", "one\n");
  });
});

test("what a container writes last is read after it was killed", async () => {
  await using other = await sampleContainer();
  await other.sh("echo starting > /var/log/syslog");
  logs.attach("web", { pid: other.pid, sources: null });
  await arrived("/var/log/syslog", "starting\n");
  await other.sh("echo the reason >> /var/log/syslog");
  await other.kill();
  logs.detach("web");
  await arrived("/var/log/syslog", "starting\nthe reason\n");
  const open = readdirSync("/proc/self/fd").map((fd) =>
    existsSync(`/proc/self/fd/${fd}`) ? readlinkSync(`/proc/self/fd/${fd}`) : "",
  );
  expect(open.filter((path) => path.includes("syslog"))).toEqual([]);
});

test("nothing is written and nobody is woken while nothing happens", async () => {
  await container.sh("echo one > /var/log/syslog");
  attach();
  await arrived("/var/log/syslog", "one\n");
  await Bun.sleep(300);
  const before = readFileSync("/proc/self/io", "utf8");
  const written = (io: string) => /^wchar: (\d+)/m.exec(io)?.[1];
  const readAtMs = statSync(`${folder.path}/7/web/var/log/syslog`).mtimeMs;
  await Bun.sleep(300);
  expect(written(readFileSync("/proc/self/io", "utf8"))).toBe(written(before));
  expect(statSync(`${folder.path}/7/web/var/log/syslog`).mtimeMs).toBe(readAtMs);
});

describe("a hostile container", () => {
  test("cannot have a file of the host copied, however fast it swaps what is at the path", async () => {
    const secret = `${folder.path}/shadow`;
    writeFileSync(secret, "root:secret");
    attach();
    await container.sh(`
      echo mine > /var/real; n=0
      while [ $n -lt 100 ]; do
        n=$((n+1)); ln -sfn ${secret} /var/log/syslog; ln -sfn /proc/1/root${secret} /var/log/messages
        rm -f /var/log/syslog; echo $n > /var/log/syslog; rm -f /var/log/messages
      done`);
    await eventually("the last number", () => copy("/var/log/syslog").endsWith("100\n"));
    expect(copy("/var/log/syslog") + copy("/var/log/messages")).not.toContain("secret");
    expect(logs.faults().restarts).toEqual({});
  }, 20_000);

  test("cannot stop us with a FIFO, which is refused and said once", async () => {
    await container.sh("mkfifo /var/log/syslog");
    attach();
    await eventually("the refusal", () =>
      said().includes("web: /var/log/syslog is not followed: it is not a regular file"),
    );
    await container.sh("touch /var/log/a /var/log/b; rm /var/log/syslog; echo fine > /var/log/syslog");
    await arrived("/var/log/syslog", "fine\n");
    expect(said().match(/is not followed/g)).toHaveLength(1);
  });

  test("that writes 50 MB at once costs us neither memory nor time, and its author's maxsize holds", async () => {
    attach(file("/var/log/syslog", { maxBytes: 1 << 19 }));
    Bun.gc(true);
    const before = process.memoryUsage().rss;
    const loop = mainLoopBeat();
    await container.sh("yes | head -c 52428800 > /var/log/syslog");
    await eventually("the skipped bytes", () => /grew too fast, \d+ bytes of it were skipped/.test(said()));
    await eventually("the truncation", () => statSync(`/proc/${container.pid}/root/var/log/syslog`).size === 0, 10_000);
    expect(loop.stop()).toBeLessThan(50);
    expect(process.memoryUsage().rss - before).toBeLessThan(24 << 20);
    expect(copy("/var/log/syslog").length).toBeLessThan(4 << 20);
  }, 30_000);

  test("that leaves holes in its log after a truncation does not make us copy them", async () => {
    attach(file("/var/log/a", { maxBytes: 1000 }));
    await container.sh("exec 3> /var/log/a; printf '%02000d' 0 >&3"); // no O_APPEND
    await eventually("the first part", () => copy("/var/log/a").length === 2000);
    await container.sh("sleep 0.4; echo after >&3; exec 3>&-");
    await arrived("/var/log/a", `${"0".repeat(2000)}after\n`);
  });
});

test.each(["../etc/passwd", "/var/../../x", "", "/", "/a\nb", `/${"x".repeat(2000)}`])(
  "%j is no log file",
  async (path) => {
    attach(file(path));
    await eventually("the refusal", () => said().includes("it is no path of a file"));
  },
);
