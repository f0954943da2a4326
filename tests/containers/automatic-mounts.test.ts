import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { automaticMounts, exportHook, type HostFacts } from "../../runtime/containers/automatic-mounts.ts";
import { type Members, parsedContainer } from "../state/samples.ts";

const layout = { storage: "/storage", revision: "7", runDir: "/run/pv", logDir: "/storage/logs" };
const bare: HostFacts = { modulesRelease: null, hasFirmware: false, libFolder: "lib" };
const mounts = (run: Members, host: HostFacts = bare) =>
  automaticMounts(parsedContainer(run), layout, host).map(
    ({ source, target, options }) => `${source} ${target} ${options}`,
  );
const own = "/run/cairn/containers/web";

describe("what a container sees as /pantavisor", () => {
  const narrow = [
    `${own}/pv-ctrl pantavisor/pv-ctrl bind,rw,create=file`,
    "/storage/logs/7/web pantavisor/logs/7/web bind,ro,create=dir",
    "/run/pv/user-meta.web pantavisor/user-meta bind,ro,create=dir",
    "/run/pv/device-meta.web pantavisor/device-meta bind,ro,create=dir",
  ];

  test.each([[[]], [["nobody"]]])("with the roles %j is its own socket, logs and metadata", (roles) => {
    expect(mounts({ roles })).toEqual(narrow);
  });

  test.each([[["mgmt"]], [["nobody", "mgmt"]]])("with the roles %j is the whole run folder, read-only", (roles) => {
    expect(mounts({ roles })).toEqual([`${own}/pantavisor pantavisor rbind,ro,create=dir`]);
  });

  test("without the key is what it is for nobody", () => {
    expect(mounts({})).toEqual(narrow);
  });
});

describe("kernel modules and firmware of the host", () => {
  const host: HostFacts = { modulesRelease: "6.1.0", hasFirmware: true, libFolder: "lib" };
  const fromHost = (run: Members, facts: HostFacts) =>
    mounts({ roles: [], ...run }, facts).filter((line) => line.startsWith("/lib/"));

  test("are there, read-only, where the container keeps /lib", () => {
    expect(fromHost({}, host)).toEqual([
      "/lib/modules/6.1.0 lib/modules/6.1.0 bind,ro,create=dir,optional",
      "/lib/firmware lib/firmware bind,ro,create=dir,optional",
    ]);
    expect(fromHost({}, { ...host, libFolder: "usr/lib" })).toEqual([
      "/lib/modules/6.1.0 usr/lib/modules/6.1.0 bind,ro,create=dir,optional",
      "/lib/firmware usr/lib/firmware bind,ro,create=dir,optional",
    ]);
  });

  test("are not there when the manifest says no, or the host has none", () => {
    expect(fromHost({ automodfw: "no" }, host)).toEqual([]);
    expect(fromHost({}, bare)).toEqual([]);
  });
});

describe("the hook that offers exports, run by sh", () => {
  const scratch = mkdtempSync(join(tmpdir(), "cairn-export-"));
  afterAll(() => rmSync(scratch, { recursive: true }));
  const [programs, rootfs, exportsDir] = ["bin", "root fs", "exports"].map((name) => join(scratch, name)) as [
    string,
    string,
    string,
  ];
  const calls = join(scratch, "calls");

  beforeEach(() => {
    for (const folder of [programs, rootfs, exportsDir]) {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder);
    }
    rmSync(calls, { force: true });
    // Writes its words down, each ended by a NUL, a call by a second one.
    const fake = `#!/bin/sh\nprintf '%s\\0' "$@" >>'${calls}'\nprintf '\\0' >>'${calls}'\n`;
    writeFileSync(join(programs, "mount"), fake);
    chmodSync(join(programs, "mount"), 0o755);
  });

  function run(paths: readonly string[]): { readonly exit: number; readonly mounts: readonly (readonly string[])[] } {
    const script = exportHook(parsedContainer({ exports: [...paths] }), exportsDir);
    const env = { PATH: `${programs}:${process.env["PATH"]}`, LXC_ROOTFS_MOUNT: rootfs };
    const { exitCode } = Bun.spawnSync(["sh", "-c", script], { env, cwd: scratch });
    const text = existsSync(calls) ? readFileSync(calls, "utf8") : "";
    const mounted = text.split("\0\0").flatMap((call) => (call === "" ? [] : [call.split("\0")]));
    return { exit: exitCode, mounts: mounted };
  }

  test.each([
    "/srv/data",
    "/a b/$(touch pwned)",
    "/it's/`touch pwned`",
    '/"; touch pwned; "',
    "/-rf",
    "/*",
    "/\\n",
    "/ü",
  ])("binds %p onto itself, shares it, and offers it on the host", (path) => {
    const [inside, offered] = [`${rootfs}${path}`, `${exportsDir}/web${path}`];
    expect(run([path])).toEqual({
      exit: 0,
      mounts: [
        ["--bind", inside, inside],
        ["--make-shared", inside],
        ["--bind", inside, offered],
      ],
    });
    expect([existsSync(inside), existsSync(offered), existsSync(join(scratch, "pwned"))]).toEqual([true, true, false]);
  });

  test("offers each of several", () => {
    expect(run(["/a", "/b/c"]).mounts.map((words) => words.at(-1)?.replace(scratch, ""))).toEqual([
      "/root fs/a",
      "/root fs/a",
      "/exports/web/a",
      "/root fs/b/c",
      "/root fs/b/c",
      "/exports/web/b/c",
    ]);
  });

  test.each([
    ["itself", "/srv", "srv"],
    ["on the way", "/srv/data/x", "srv/data"],
  ])("ends the start when a symbolic link stands at the path %s: it would lead to the host", (_where, path, link) => {
    const outside = join(scratch, "outside");
    mkdirSync(outside, { recursive: true });
    mkdirSync(join(rootfs, link, ".."), { recursive: true });
    symlinkSync(outside, join(rootfs, link));
    const { exit, mounts: mounted } = run([path]);
    expect(exit).not.toBe(0);
    expect(mounted).toEqual([]);
    expect(existsSync(join(outside, "x"))).toBe(false);
  });

  test("ends the start when a mount fails", () => {
    writeFileSync(join(programs, "mount"), "#!/bin/sh\nexit 32\n");
    expect(run(["/srv"]).exit).toBe(32);
  });
});
