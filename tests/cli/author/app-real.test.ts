/** The program itself, with images that umoci makes, packed and looked into by the file systems' own tools. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha } from "../archives.ts";

const base = mkdtempSync(join(tmpdir(), "cairn-app-real-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));
setDefaultTimeout(60_000);
const main = join(import.meta.dir, "../../../runtime/main.ts");

/** Runs a program and gives what it prints; fails loudly when it is missing or fails. */
function run(words: readonly string[], cwd = base): string {
  const ran = Bun.spawnSync([...words], { cwd, env: { ...process.env, PVR_CONFIG_DIR: join(base, "user") } });
  if (!ran.success) throw new Error(`${words.join(" ")}: ${ran.stderr.toString()}${ran.stdout.toString()}`);
  return ran.stdout.toString();
}
const cairn = (cwd: string, ...words: string[]): string => run([process.execPath, main, ...words], cwd);

const layout = join(base, "layout");

beforeAll(() => {
  const bundle = join(base, "bundle");
  run(["umoci", "init", "--layout", layout]);
  run(["umoci", "new", "--image", `${layout}:web`]);
  run(["umoci", "unpack", "--rootless", "--image", `${layout}:web`, bundle]);
  const files = join(bundle, "rootfs");
  for (const folder of ["etc", "bin"]) mkdirSync(join(files, folder));
  writeFileSync(join(files, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nwww:x:33:34::/var/www:/bin/false\n");
  writeFileSync(join(files, "etc/group"), "root:x:0:\nwww:x:34:\naudio:x:29:www\n");
  writeFileSync(join(files, "bin/serve"), "#!/bin/sh\n", { mode: 0o755 });
  // Not "umoci insert": that of 0.4.7 writes archives without their end.
  run(["umoci", "repack", "--image", `${layout}:web`, bundle]);
  const config: Readonly<Record<string, string>> = {
    entrypoint: "/bin/serve",
    cmd: "two words",
    user: "www",
    env: "GREETING=good day",
    volume: "/data",
    stopsignal: "SIGQUIT",
    exposedports: "80/tcp",
    workingdir: "/srv",
  };
  const settings = Object.entries(config).map(([key, value]) => `--config.${key}=${value}`);
  run(["umoci", "config", "--image", `${layout}:web`, ...settings]);
});

function repository(name: string): string {
  const root = join(base, name);
  mkdirSync(root);
  cairn(root, "new");
  writeFileSync(join(root, "device.json"), '{"groups":[{"name":"root"},{"name":"app"}]}');
  return root;
}

const read = (...path: string[]): string => readFileSync(join(base, ...path), "utf8");

describe.each(["erofs", "squashfs"] as const)("an image becomes a container of %s", (format) => {
  const name = `repo-${format}`;
  const image = `root.${format}`;

  test("that a commit takes and a device would run", () => {
    const root = repository(name);
    const added = JSON.parse(
      cairn(root, "app", "add", "--from", `oci:${layout}:web`, "--format", format, "--verity", "--json", "web"),
    );
    expect(added).toMatchObject({ name: "web", packed: true, remarks: [] });
    expect(JSON.parse(read(name, "web/run.json"))).toMatchObject({
      group: "app",
      "root-volume": `dm:${image}`,
      storage: { "docker--data": { persistence: "permanent", owner: "33:34" } },
    });
    const config = read(name, "web/lxc.container.conf").split("\n");
    for (const line of [
      'lxc.init.cmd = /bin/serve "two words"',
      "lxc.init.cwd = /srv",
      "lxc.init.uid = 33",
      "lxc.init.gid = 34",
      "lxc.init.groups = 29",
      "lxc.signal.halt = SIGQUIT",
      "lxc.environment = GREETING=good day",
      "lxc.environment = HOME=/var/www",
    ]) {
      expect(config).toContain(line);
    }
    cairn(root, "add");
    cairn(root, "commit", "-m", "web");
    const explained = JSON.parse(cairn(root, "explain", "--json"));
    expect(explained.containers).toMatchObject([{ name: "web", ports: ["80/tcp"], root: `dm:${image}` }]);
    expect(explained.parts.find((part: { name: string }) => part.name === "web")).toMatchObject({ missing: [] });
  });

  test("with the image's files, the folders that a read-only root needs, and a hash tree that fits", () => {
    const folder = join(base, `out-${format}`);
    const packed = join(base, name, "web", image);
    if (format === "erofs") run(["fsck.erofs", `--extract=${folder}`, packed]);
    else run(["unsquashfs", "-no-progress", "-d", folder, packed]);
    expect(readFileSync(join(folder, "bin/serve"), "utf8")).toBe("#!/bin/sh\n");
    run(["ls", "-d", "proc", "sys", "dev", "tmp", "run"], folder);
    const { root_hash } = JSON.parse(read(name, `web/_dm/${image}.json`));
    run(["veritysetup", "verify", packed, `${packed}.hash`, root_hash]);
  });

  test("with the same bytes wherever it is packed, so that a device fetches nothing again", () => {
    const root = repository(`again-${format}`);
    cairn(root, "app", "add", "--from", `oci:${layout}:web`, "--format", format, "web");
    const digest = (repo: string) => sha(readFileSync(join(base, repo, "web", image)));
    expect(digest(`again-${format}`)).toBe(digest(name));
    cairn(root, "app", "update", "web", "--arg", "PV_ROLES=mgmt");
    expect(JSON.parse(read(`again-${format}`, "web/run.json"))).toMatchObject({ roles: ["mgmt"] });
    rmSync(join(root, "web", image));
    cairn(root, "app", "install", "web");
    expect(digest(`again-${format}`)).toBe(digest(name));
  });
});

test("a folder becomes a container, its files root's", () => {
  const root = repository("plain");
  mkdirSync(join(base, "target/bin"), { recursive: true });
  writeFileSync(join(base, "target/bin/serve"), "x", { mode: 0o755 });
  writeFileSync(join(base, "settings.json"), '{"Cmd":["/bin/serve"]}');
  cairn(root, "app", "add", "--type", "rootfs", "--from", "../target", "--config-json", "../settings.json", "plain");
  const packed = readFileSync(join(root, "plain/root.erofs"));
  expect(read("plain", "plain/root.erofs.rootfs-digest")).toBe(`sha256:${sha(packed)}`);
  expect(read("plain", "plain/lxc.container.conf")).toContain("lxc.init.cmd = /bin/serve\n");
});

test("an image that is not there leaves nothing behind", () => {
  const root = repository("nothing");
  expect(() => cairn(root, "app", "add", "--from", `oci:${layout}:gone`, "web")).toThrow("there is no image");
  expect(run(["ls", "-A"], root)).toBe(".pvr\ndevice.json\n");
});

test("the commands of the program itself have help with an example", () => {
  for (const name of ["add", "update", "install", "ls", "info", "rm"]) {
    const out = cairn(base, "app", name, "--help");

    expect(out).toContain("example:");
  }
});
