import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { identify, type OpenRefusal, withRoot } from "../../runtime/logs/container-file.ts";
import { sampleContainer, temporaryFolder } from "./sample-container.ts";

const host = temporaryFolder();
const secret = `${host.path}/shadow`;
let container: Awaited<ReturnType<typeof sampleContainer>>;

beforeAll(async () => {
  writeFileSync(secret, "root:secret");
  container = await sampleContainer();
});
afterAll(async () => {
  await container[Symbol.asyncDispose]();
  host[Symbol.dispose]();
});

/** The text of a container's file, or why it is refused. */
function look(path: string): string | OpenRefusal["kind"] {
  const init = identify(container.pid);
  if (init === null) throw new Error("the container has ended");
  const text = withRoot(init, (root) => {
    const found = root.find(path);
    if (!found.ok) return found.error.kind;
    try {
      return readFileSync(`/proc/self/fd/${found.value}`, "utf8");
    } finally {
      closeSync(found.value);
    }
  });
  return text.ok ? text.value : text.error.kind;
}

describe("a file named by a container", () => {
  test("is the one in its own root", async () => {
    await container.sh("echo inside > /var/log/syslog");
    expect(look("/var/log/syslog")).toBe("inside\n");
  });

  test("may be reached by links, which cannot lead out of the root", async () => {
    await container.sh(`ln -s ${secret} /var/log/absolute; ln -s ../../../../../../..${secret} /var/log/relative`);
    expect(look("/var/log/absolute")).toBe("missing");
    expect(look("/var/log/relative")).toBe("missing");
    await container.sh(`mkdir -p ${host.path} && echo its own > ${secret}`);
    expect(look("/var/log/absolute")).toBe("its own\n");
    expect(look("/var/log/relative")).toBe("its own\n");
  });

  test("is not found through a folder that is a link to the host", async () => {
    await container.sh(`ln -s /../../proc/1/root${host.path} /var/out; ln -s /proc/self/root /var/root`);
    expect(look("/var/out/shadow")).not.toContain("secret");
    expect(look(`/var/root${secret}`)).toBe("unreadable"); // ELOOP: links of procfs are not followed
  });

  test.each([
    ["a FIFO", "mkfifo /var/log/odd", "notRegular"],
    ["a folder", "mkdir /var/log/odd", "notRegular"],
    ["a device", "mknod /var/log/odd c 1 8", "notRegular"],
    ["a file of procfs", "ln -s /proc/kmsg /var/log/odd", "fileSystem"],
  ] as const)("is refused when it is %s", async (_name, make, refusal) => {
    await container.sh(`rm -rf /var/log/odd; ${make}`);
    expect(look("/var/log/odd")).toBe(refusal);
  });

  test("is not looked for in mounts that can hang, and links are not followed while there is one", async () => {
    // a FUSE file system whose server never answers: whoever looks a name up in it waits until the server is gone
    await container.sh("mkdir /slow && mknod /dev/fuse c 10 229 && exec 3<>/dev/fuse");
    await container.sh("mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 none /slow");
    expect(look("/slow/syslog")).toBe("fileSystem");
    await container.sh("ln -sf syslog /var/log/link");
    expect(look("/var/log/link")).toBe("unreadable");
    expect(look("/var/log/syslog")).toBe("inside\n");
    await container.sh("exec 3>&-; umount /slow");
  });

  test("is gone when the number of its init belongs to another process", () => {
    const stranger = { pid: process.pid, mountNamespace: "mnt:[1]" };
    expect(withRoot(stranger, () => "looked")).toMatchObject({ ok: false, error: { kind: "gone" } });
  });
});

test("looking leaves no descriptor behind", () => {
  const count = () => readdirSync("/proc/self/fd").length;
  const before = count();
  for (let i = 0; i < 20; i++) for (const path of ["/var/log/syslog", "/var/log/odd", "/nowhere/at/all"]) look(path);
  expect(count()).toBe(before);
});
