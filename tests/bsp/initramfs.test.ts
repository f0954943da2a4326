/** The first stage as the external tree packs it: what the script runs, and nothing else; as the QEMU boards have it. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { externalTree } from "./kconfig.ts";

const top = mkdtempSync(join(tmpdir(), "cairn-pack-"));
afterAll(() => rmSync(top, { recursive: true }));

const read = (file: string): string => readFileSync(join(externalTree, file), "utf8");
/** The commands that the script says it uses, and the shell that runs it. */
const commands = [
  ...(/these of its commands: ([^.]+)\./.exec(read("initramfs/init"))?.[1] ?? "").replaceAll(/\n# /g, " ").split(" "),
  "sh",
].sort();

function pack(name: string): string {
  const out = join(top, name);
  const run = Bun.spawnSync(["fakeroot", join(externalTree, "initramfs/pack.sh"), "/bin/true", out]);
  expect([run.exitCode, run.stderr.toString()]).toEqual([0, ""]);
  return out;
}

function listed(archive: string): readonly string[] {
  const run = Bun.spawnSync(["sh", "-c", 'gzip -dc "$1" | cpio --quiet -tvn', "sh", archive]);
  return run.stdout.toString().trimEnd().split("\n");
}

test("it has the script, BusyBox under each name that the script runs, mount points and a console", () => {
  const lines = listed(pack("a"));
  const names = lines.map((line) =>
    line
      .replace(/ -> .*/, "")
      .split(/\s+/)
      .at(-1),
  );
  expect(names.filter((name) => name?.startsWith("bin/")).sort()).toEqual(
    ["busybox", ...commands].map((command) => `bin/${command}`).sort(),
  );
  expect(names.filter((name) => !name?.startsWith("bin"))).toEqual([
    "dev",
    "dev/console",
    "etc",
    "etc/modules",
    "init",
    "lib",
    "lib/modules",
    "newroot",
    "proc",
    "storage",
    "sys",
  ]);
  expect(lines.find((line) => line.endsWith("dev/console"))).toMatch(/^crw------- +1 0 +0 +5, +1 /);
  expect(lines.find((line) => line.endsWith(" init"))).toMatch(/^-rwxr-xr-x +1 0 +0 /);
});

test("the same inputs give the same bytes", () => {
  expect(readFileSync(pack("b")).equals(readFileSync(pack("c")))).toBe(true);
});

test("its BusyBox is configured with the commands that the script runs", () => {
  const recipe = read("package/cairn-initramfs/cairn-initramfs.mk").replaceAll("\\\n", " ");
  const options = (/^CAIRN_INITRAMFS_OPTIONS = (.*)$/m.exec(recipe)?.[1] ?? "").trim().split(/\s+/);
  const applets = commands.filter((command) => command !== "sh").map((command) => command.toUpperCase());
  for (const option of ["SH_IS_ASH", "STATIC", ...applets]) expect(options).toContain(option);
  expect(read("initramfs/init")).toContain("sleep 0.1");
  expect(options).toContain("FLOAT_DURATION");
  expect(read("initramfs/init")).toContain("od -An -tu1");
  expect(options).toContain("DESKTOP");
});
