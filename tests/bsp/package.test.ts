/** package/cairn/cairn.mk, evaluated by make: what it puts into the base system, and what it wants of the kernel. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { resolveConfig } from "../../runtime/boot/config/index.ts";
import { externalTree } from "./kconfig.ts";

const top = mkdtempSync(join(tmpdir(), "cairn-package-"));
afterAll(() => rmSync(top, { recursive: true }));

let count = 0;
let target = "";
beforeEach(() => {
  target = join(top, String(count++), "target");
  for (const folder of ["etc", "usr/bin", "usr/sbin"]) mkdirSync(join(target, folder), { recursive: true });
  for (const name of ["cairn-x86_64", "cairn-aarch64"]) {
    mkdirSync(join(target, "../sources"), { recursive: true });
    writeFileSync(join(target, "../sources", name), name);
  }
});

type Settings = Readonly<Record<string, string>>;
const loader = { BR2_PACKAGE_CAIRN_LOADER_GRUB: "y", BR2_x86_64: "y" };
const file = (name: string, text = ""): string => {
  const path = join(target, "..", name);
  writeFileSync(path, text);
  return path;
};

function make(goal: "install" | "finalize" | "kernel" | "exported", settings: Settings = {}): string {
  const run = tried(goal, settings);
  expect([run.exitCode, run.stderr.toString()]).toEqual([0, ""]);
  return run.stdout.toString();
}

function tried(goal: string, settings: Settings) {
  const sources = join(target, "../sources");
  const words = Object.entries({ TREE: externalTree, TARGET_DIR: target, SOURCES: sources, ...loader, ...settings });
  const of = goal === "install" ? `${sources}/install` : goal;
  return Bun.spawnSync(
    [
      "make",
      "-s",
      "-f",
      join(import.meta.dir, "buildroot.mk"),
      of,
      ...words.map(([name, value]) => `${name}=${value}`),
    ],
    { cwd: top, env: { PATH: process.env["PATH"] ?? "" } },
  );
}

describe("what is installed", () => {
  test.each([
    ["cairn-x86_64", {}],
    ["cairn-aarch64", { BR2_x86_64: "", BR2_aarch64: "y" }],
  ])("%s, which nobody strips, since nobody can run it yet", (name, settings) => {
    make("install", settings);
    const program = join(target, "usr/bin/cairn");
    expect(readFileSync(program, "utf8")).toBe(name);
    expect(statSync(program).mode & 0o111).toBe(0);
  });

  test("it is process 1 where it was chosen as that", () => {
    make("install");
    expect(readdirSync(join(target, "usr/sbin"))).toEqual([]);
    mkdirSync(join(target, "sbin"));
    make("install", { BR2_INIT_CAIRN: "y" });
    expect(readlinkSync(join(target, "sbin/init"))).toBe("/usr/bin/cairn");
  });

  test("a read-only root has where process 1 mounts something", () => {
    make("install");
    for (const folder of ["storage", "volumes", "configs", "exports", "var", "lib/firmware"])
      expect(statSync(join(target, folder)).isDirectory()).toBe(true);
    expect(readlinkSync(join(target, "etc/resolv.conf"))).toBe("../run/resolv.conf");
  });
});

test("of LXC's programs those stay that somebody uses, and none that is setuid", () => {
  const programs = ["lxc-start", "lxc-attach", "lxc-create", "lxc-usernsexec", "busybox"];
  for (const name of programs) writeFileSync(join(target, "usr/bin", name), "");
  for (const folder of ["libexec/lxc", "share/lxc/templates", "share/lxc/config"])
    mkdirSync(join(target, "usr", folder), { recursive: true });
  writeFileSync(join(target, "usr/libexec/lxc/lxc-user-nic"), "");
  make("finalize");
  expect(readdirSync(join(target, "usr/bin")).sort()).toEqual(["busybox", "lxc-attach", "lxc-start"]);
  expect(readdirSync(join(target, "usr/libexec/lxc"))).toEqual([]);
  expect(readdirSync(join(target, "usr/share/lxc"))).toEqual(["config"]);
});

describe("/etc/pantavisor.config", () => {
  const configured = (settings: Settings) => {
    make("finalize", settings);
    const { config, warnings } = resolveConfig({ file: readFileSync(join(target, "etc/pantavisor.config"), "utf8") });
    expect(warnings).toEqual([]);
    return config;
  };

  test("says the boot loader and the watchdog", () => {
    const watched = { BR2_PACKAGE_CAIRN_WATCHDOG: "y", BR2_PACKAGE_CAIRN_WATCHDOG_TIMEOUT: "30" };
    const guarded = { PV_BOOTLOADER_TYPE: "grub", PV_WDT_MODE: "always", PV_WDT_TIMEOUT: 30_000 };
    expect(configured(watched)).toMatchObject(guarded);
    expect(configured({})).toMatchObject({ PV_WDT_MODE: "disabled" });
    for (const [name, type] of [
      ["UBOOT", "uboot"],
      ["RPIAB", "rpiab"],
      ["NONE", "none"],
    ] as const) {
      const chosen = { BR2_PACKAGE_CAIRN_LOADER_GRUB: "", [`BR2_PACKAGE_CAIRN_LOADER_${name}`]: "y" };
      expect(configured(chosen).PV_BOOTLOADER_TYPE).toBe(type);
    }
  });

  test("says whether the storage grows", () => {
    expect(configured({ BR2_PACKAGE_CAIRN_STORAGE_GROW: "y" }).PV_STORAGE_GROW).toBe(true);
    expect(configured({}).PV_STORAGE_GROW).toBe(false);
  });

  test("says who may have a shell, and that it is closed, unless it is wished otherwise", () => {
    const keys = join(target, "etc/cairn/authorized_keys");
    const named = { BR2_PACKAGE_CAIRN_DEBUG_KEYS: `"${file("keys.pub", "ssh-ed25519 A")}"` };
    const config = configured({ ...named, BR2_PACKAGE_CAIRN_DEBUG_OPEN: "y" });
    expect(config.PV_DEBUG_SSH).toBe(true);
    expect(resolve(config.PV_SYSTEM_ETCDIR, config.PV_DEBUG_SSH_AUTHORIZED_KEYS ?? "")).toBe(
      "/etc/cairn/authorized_keys",
    );
    expect(readFileSync(keys, "utf8")).toBe("ssh-ed25519 A");
    expect(configured({ BR2_PACKAGE_CAIRN_DEBUG_SHELL: "y" }).PV_DEBUG_SHELL).toBe(true);
    expect(configured({})).toMatchObject({
      PV_DEBUG_SSH: false,
      PV_DEBUG_SSH_AUTHORIZED_KEYS: null,
      PV_DEBUG_SHELL: false,
    });
    expect(statSync(keys, { throwIfNoEntry: false })).toBeUndefined();
  });

  test("says the hub, whose authority comes along", () => {
    const authority = file("authority.crt", "certificate");
    const config = configured({
      BR2_PACKAGE_CAIRN_HUB_HOST: '"hub.example"',
      BR2_PACKAGE_CAIRN_HUB_PORT: "8444",
      BR2_PACKAGE_CAIRN_HUB_AUTHORITY: `"${authority}"`,
      BR2_PACKAGE_CAIRN_HUB_TOKEN: '"secret"',
    });
    expect(config).toMatchObject({ PV_HUB_HOST: "hub.example", PV_HUB_PORT: 8444, PV_HUB_TOKEN: "secret" });
    expect(readFileSync(join(target, config.PV_HUB_AUTHORITY), "utf8")).toBe("certificate");
    expect(configured({}).PV_HUB_HOST).toBeNull();
  });

  test("says what has to be signed, and by whom is in the base system until it is no longer asked for", () => {
    const trusted = join(target, "etc/pantavisor/pvs/trust/ca-certificates.crt");
    const trust = { BR2_PACKAGE_CAIRN_TRUST: `"${file("ca.crt", "authority")}"`, BR2_PACKAGE_CAIRN_TRUST_AUDIT: "y" };
    expect(configured(trust).PV_SECUREBOOT_MODE).toBe("audit");
    expect(readFileSync(trusted, "utf8")).toBe("authority");
    expect(configured({}).PV_SECUREBOOT_MODE).toBeNull();
    expect(statSync(trusted, { throwIfNoEntry: false })).toBeUndefined();
  });
});

test("the kernel has what the first stage mounts built in, whatever its configuration says", () => {
  const wanted = make("kernel").trim().split("\n");
  for (const option of ["EXT4_FS", "SQUASHFS_ZSTD", "EROFS_FS_ZIP", "BLK_DEV_LOOP", "OVERLAY_FS", "CGROUPS", "MEMCG"])
    expect(wanted).toContain(`CONFIG_${option}=y`);
  expect(wanted.filter((line) => !/^CONFIG_\w+=y$/.test(line))).toEqual([]);
});

test("a kernel that has lost an option is not built, and which one is said", () => {
  const needs = make("kernel");
  const fragment = file("linux.fragment", "CONFIG_TUN=m\nCONFIG_VETH=y\nCONFIG_DUMMY=y\n");
  const later = file("own.fragment", "CONFIG_TUN=y\n# CONFIG_DUMMY is not set\n");
  const check = (config: string) => {
    file(".config", config);
    const { exitCode, stderr } = tried("kernel-check", {
      LINUX_DIR: join(target, ".."),
      BR2_LINUX_KERNEL_CONFIG_FRAGMENT_FILES: `"${fragment} ${later}"`,
    });
    return [exitCode === 0, stderr.toString().split("\n")[0]];
  };
  expect(check(`${needs}CONFIG_TUN=y\nCONFIG_VETH=y\n`)).toEqual([true, ""]);
  for (const lost of ["CONFIG_VETH=y", "CONFIG_TUN=y", "CONFIG_EXT4_FS=y"])
    expect(check(`${needs}CONFIG_TUN=y\nCONFIG_VETH=y\n`.replace(`${lost}\n`, `# ${lost} is not set\n`))).toEqual([
      false,
      `the kernel's configuration has lost ${lost}`,
    ]);
});

test("the script that makes the disk gets its settings without quotes", () => {
  const given = make("exported", {
    BR2_PACKAGE_CAIRN_CONSOLE: '"ttyS0"',
    BR2_PACKAGE_CAIRN_CMDLINE: '"quiet"',
  });
  expect(given).toContain("CAIRN_CMDLINE=console=ttyS0 quiet\n");
  expect(given).toContain("CAIRN_LOADER=grub\n");
});

test("and is told which root file system this build makes", () => {
  expect(make("exported", { BR2_TARGET_ROOTFS_SQUASHFS: "y" })).toContain("CAIRN_ROOTFS=rootfs.squashfs\n");
  expect(make("exported", { BR2_TARGET_ROOTFS_EROFS: "y" })).toContain("CAIRN_ROOTFS=rootfs.erofs\n");
});
