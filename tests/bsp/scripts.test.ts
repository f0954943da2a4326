/** Scripts of the external tree: read by those who know their language, before a board is the first to do so. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { externalTree } from "./kconfig.ts";

const text = (file: string): string => readFileSync(join(externalTree, file), "utf8");
const files = readdirSync(externalTree, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name).slice(externalTree.length + 1));
const shell = files.filter((file) => text(file).startsWith("#!/bin/sh\n"));

function checked(command: readonly string[], input: string): string {
  const run = Bun.spawnSync([...command], { stdin: Buffer.from(input) });
  return run.exitCode === 0 ? "" : `${run.stdout}${run.stderr}`;
}

test.each(shell)("%s: shellcheck finds nothing", (file) => {
  expect(checked(["shellcheck", "-s", "sh", "-"], text(file))).toBe("");
});

test("the scripts are found, and a fault in one is", () => {
  expect(shell.sort()).toEqual([
    "board/all/post-fakeroot.sh",
    "board/all/post-image.sh",
    "board/all/qemu.sh",
    "initramfs/init",
    "initramfs/pack.sh",
  ]);
  expect(checked(["shellcheck", "-s", "sh", "-"], "#!/bin/sh\nrm -rf $folder/*\n")).toContain("SC2115");
});

test("boot/grub.cfg is GRUB's language", () => {
  expect(checked(["grub-script-check"], text("boot/grub.cfg"))).toBe("");
  expect(checked(["grub-script-check"], "if true; then\n")).not.toBe("");
});

test("boot/boot.cmd is what U-Boot's hush shares with a shell", () => {
  expect(checked(["sh", "-n"], text("boot/boot.cmd"))).toBe("");
  expect(checked(["sh", "-n"], "for x in a b; do\n")).not.toBe("");
});

/** `setenv` and friends, `if`, `for`: what boot.cmd and a boot command run, by the option of U-Boot that brings it. */
const uBootCommands: Readonly<Record<string, string>> = {
  booti: "CMD_BOOTI",
  env: "CMD_IMPORTENV",
  fatwrite: "FAT_WRITE",
  load: "CMD_FS_GENERIC",
  "mw.b": "CMD_MEMORY",
  setexpr: "CMD_SETEXPR",
  sleep: "CMD_SLEEP",
  source: "CMD_SOURCE",
};

test.each(["imx8m", "qemu-aarch64", "raspberrypi"])(
  "%s: U-Boot's boot command says what boot.cmd asks of it",
  (board) => {
    const command = /^CONFIG_BOOTCOMMAND="(.*)"$/m.exec(text(`board/${board}/uboot.fragment`))?.[1] ?? "";
    expect(checked(["sh", "-n"], command)).toBe("");
    for (const name of ["devtype", "devnum", "distro_bootpart"]) expect(command).toContain(`setenv ${name} `);
    expect(command).toMatch(/if load \w+ [01]:1 \$\{scriptaddr\} boot\.scr; then source \$\{scriptaddr\}; fi; reset$/);
  },
);

test("U-Boot is configured with the commands that its scripts run", () => {
  const fragment = text("board/all/uboot.fragment");
  for (const [command, option] of Object.entries(uBootCommands)) {
    if (command !== "source") expect(text("boot/boot.cmd")).toContain(command);
    expect(fragment).toContain(`CONFIG_${option}=y\n`);
  }
});
