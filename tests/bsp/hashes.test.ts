/** What is downloaded for a board is checked: its hash stands in a file that Buildroot reads. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { configurations, type Defconfig, wordsOf } from "./defconfigs.ts";
import { externalTree } from "./kconfig.ts";

const hashFiles = readdirSync(externalTree, { recursive: true, encoding: "utf8" }).filter((file) =>
  file.endsWith(".hash"),
);

/** Lines of a hash file; what Buildroot would not read is an error. */
function hashes(text: string): ReadonlyMap<string, string> {
  const lines = text.trimEnd().split("\n");
  const found = lines
    .filter((line) => !line.startsWith("#"))
    .map((line) => {
      const [, digest, file] =
        /^(?:sha256 {2}(?=[0-9a-f]{64} )|sha512 {2}(?=[0-9a-f]{128} ))([0-9a-f]+) {2}(\S+)$/.exec(line) ?? [];
      if (digest === undefined || file === undefined) throw new Error(`"${line}" is no hash`);
      return [file, digest] as const;
    });
  if (!lines[0]?.startsWith("# ")) throw new Error("nothing says where the first hash comes from");
  return new Map(found);
}

test("hash files are read, and say where their hashes come from", () => {
  expect(hashFiles.length).toBeGreaterThanOrEqual(4);
  expect(hashFiles.filter((file) => hashes(readFileSync(join(externalTree, file), "utf8")).size === 0)).toEqual([]);
  const digest = "0".repeat(64);
  for (const bad of [`# x\nsha256 ${digest} a`, `# x\nsha256  ${digest.slice(1)}  a`, `sha256  ${digest}  a`])
    expect(() => hashes(bad)).toThrow();
});

test("hash files are called as their package is", () => {
  expect(hashFiles.filter((file) => basename(file, ".hash") !== basename(dirname(file)))).toEqual([]);
});

const of = (file: string) => hashes(readFileSync(join(externalTree, file), "utf8"));
const [linux, uboot, firmware] = ["linux", "uboot", "arm-trusted-firmware"].map((name) =>
  of(`patches/${name}/${name}.hash`),
);

/** Archives that a board's versions stand for, by the names that Buildroot gives them. */
function archives(board: Defconfig): readonly (readonly [string, ReadonlyMap<string, string> | undefined])[] {
  const one = (symbol: string): string => wordsOf(board, symbol).at(-1) ?? "";
  const kernel = one("BR2_LINUX_KERNEL_CUSTOM_VERSION_VALUE");
  const loader = one("BR2_TARGET_UBOOT_CUSTOM_VERSION_VALUE");
  const trusted = one("BR2_TARGET_ARM_TRUSTED_FIRMWARE_CUSTOM_VERSION_VALUE");
  return [
    [kernel === "" ? basename(one("BR2_LINUX_KERNEL_CUSTOM_TARBALL_LOCATION")) : `linux-${kernel}.tar.xz`, linux],
    ...(loader === "" ? [] : [[`u-boot-${loader}.tar.bz2`, uboot] as const]),
    ...(trusted === "" ? [] : [[`arm-trusted-firmware-${trusted}-git4.tar.gz`, firmware] as const]),
  ];
}

test.each(configurations)("%s: kernel and boot loader have theirs", (_name, board) => {
  for (const [archive, known] of archives(board)) expect([...(known?.keys() ?? [])]).toContain(archive);
});
