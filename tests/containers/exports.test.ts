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
import { exportHook } from "../../runtime/containers/exports.ts";
import { parsedContainer } from "../state/samples.ts";

describe("the hook that shares exports, run by sh", () => {
  const scratch = mkdtempSync(join(tmpdir(), "cairn-export-"));
  afterAll(() => rmSync(scratch, { recursive: true }));
  const [programs, rootfs] = [join(scratch, "bin"), join(scratch, "root fs")];
  const calls = join(scratch, "calls");

  beforeEach(() => {
    for (const folder of [programs, rootfs]) {
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
    const script = exportHook(parsedContainer({ exports: [...paths] }));
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
  ])("binds %p onto itself and shares it", (path) => {
    const inside = `${rootfs}${path}`;
    expect(run([path])).toEqual({
      exit: 0,
      mounts: [
        ["--bind", inside, inside],
        ["--make-shared", inside],
      ],
    });
    expect([existsSync(inside), existsSync(join(scratch, "pwned"))]).toEqual([true, false]);
  });

  test("shares each of several", () => {
    expect(run(["/a", "/b/c"]).mounts.map((words) => words.at(-1)?.replace(scratch, ""))).toEqual([
      "/root fs/a",
      "/root fs/a",
      "/root fs/b/c",
      "/root fs/b/c",
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
