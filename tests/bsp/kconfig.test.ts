/** The external tree's menu and its defconfigs, without a Buildroot tree: nothing names a symbol that nobody declares. */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configurations, defconfigs, erofsConfig, uBootConfig, withErofs, withUBoot, wordsOf } from "./defconfigs.ts";
import { externalTree, ownOptions, readKconfig, readSettings, recordedSymbols } from "./kconfig.ts";

const top = mkdtempSync(join(tmpdir(), "cairn-kconfig-"));
afterAll(() => rmSync(top, { recursive: true }));

const own = ownOptions();
const declared = new Set(own.options.map(({ symbol }) => symbol));
const { symbols: buildroots } = recordedSymbols();
const known = (symbol: string): boolean => declared.has(symbol) || buildroots.has(symbol);

/** Reads a text as a file of the tree. */
function reading(text: string) {
  const file = join(top, "Config.in");
  writeFileSync(file, text);
  return readKconfig(file);
}

describe("the reader", () => {
  test("finds options, prompts, help and what is named", () => {
    const { options, uses } = reading(
      'config BR2_A\n\tbool "a" # why\n\tdepends on BR2_B || \\\n\t\t!BR2_C # BR2_D\n\tselect BR2_E if BR2_F != "BR2_G"\n' +
        "\thelp\n\t  BR2_H\n\n\t  more\n\nconfig BR2_I\n\tbool\n\tdefault y\n",
    );
    expect(options.map(({ symbol, prompt, help }) => ({ symbol, prompt, help }))).toEqual([
      { symbol: "BR2_A", prompt: "a", help: true },
      { symbol: "BR2_I", prompt: null, help: false },
    ]);
    expect(uses.map(({ symbol }) => symbol)).toEqual(["BR2_B", "BR2_C", "BR2_E", "BR2_F"]);
  });

  test("passes over nothing that it does not know", () => {
    expect(() => reading('config BR2_A\n\ttristate "a"\n')).toThrow("tristate");
    expect(() => reading('config BR2_A\n  bool "a"\n')).toThrow("tabs");
    expect(() => readSettings("BR2_A=m\n", "x_defconfig")).toThrow("BR2_A=m");
  });
});

describe("the menu", () => {
  test("explains each option that it shows", () => {
    const shown = own.options.filter(({ prompt }) => prompt !== null);
    expect(shown.length).toBeGreaterThan(20);
    expect(shown.filter(({ help }) => !help).map(({ symbol }) => symbol)).toEqual([]);
  });

  test("names no symbol that nobody declares", () => {
    expect(own.uses.length).toBeGreaterThan(30);
    expect(own.uses.filter(({ symbol }) => !known(symbol))).toEqual([]);
  });

  test("declares no symbol twice, and none outside of its own names", () => {
    const names = own.options.map(({ symbol }) => symbol);
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
    expect(names.filter((name) => !/^BR2_(?:PACKAGE_CAIRN|INIT_CAIRN$)/.test(name))).toEqual([]);
  });
});

/** Files of the external tree that a setting names. */
const named = (text: string): readonly string[] =>
  [...text.matchAll(/\$\(BR2_EXTERNAL_CAIRN_PATH\)\/([^ "]+)/g)].map(([, path = ""]) => path);

test("a file that is not there is found", () => {
  expect(named('X="$(BR2_EXTERNAL_CAIRN_PATH)/a/b $(BR2_EXTERNAL_CAIRN_PATH)/c"\n')).toEqual(["a/b", "c"]);
});

test("MIGRATION.md asks for what a board here has", () => {
  const page = readFileSync(join(externalTree, "MIGRATION.md"), "utf8");
  const wanted = /^```\n(BR2_.*?)^```$/ms.exec(page)?.[1]?.trimEnd().split("\n") ?? [];
  const board = defconfigs.find(({ name }) => name === "cairn_qemu_x86_64_defconfig")?.text.split("\n");
  expect(wanted.length).toBeGreaterThan(5);
  expect(wanted.filter((line) => !board?.includes(line))).toEqual([]);
});

test("there are eight boards", () => {
  expect(defconfigs).toHaveLength(8);
});

test("U-Boot is there for each Raspberry Pi, in place of the firmware's own way, and its disk is laid out for it", () => {
  expect(withUBoot.map(({ name }) => name)).toEqual(
    ["3_64", "4_64", "5", "zero2w"].map((pi) => `cairn_raspberrypi${pi}_defconfig`),
  );
  for (const { name, settings } of withUBoot) {
    expect(settings.get("BR2_TARGET_UBOOT"), name).toBe("y");
    expect(settings.get("BR2_PACKAGE_CAIRN_LOADER_UBOOT"), name).toBe("y");
    expect(settings.get("BR2_PACKAGE_CAIRN_LOADER_RPIAB"), name).toBe("n");
    expect(settings.get("BR2_ROOTFS_POST_SCRIPT_ARGS"), name).toContain("/board/raspberrypi/genimage-uboot.cfg");
  }
});

test("EROFS is there for each board, in place of squashfs, with a hint file of this tree", () => {
  expect(withErofs.map(({ name }) => name)).toEqual(defconfigs.map(({ name }) => name));
  expect(defconfigs.filter(({ settings }) => settings.get("BR2_TARGET_ROOTFS_SQUASHFS") !== "y")).toEqual([]);
  for (const { name, settings, text } of withErofs) {
    expect(settings.get("BR2_TARGET_ROOTFS_EROFS"), name).toBe("y");
    expect(settings.get("BR2_TARGET_ROOTFS_SQUASHFS"), name).toBe("n");
    expect(named(text), name).toContain("board/all/erofs.hints");
  }
});

test("README and the bench's page say where to read about EROFS, and that page names the file that brings it", () => {
  const page = (name: string): string => readFileSync(join(externalTree, name), "utf8");
  expect(page("../README.md")).toContain("(bsp-buildroot/board/all/erofs.md)");
  expect(page("../tests/bench/README.md")).toContain("(../../bsp-buildroot/board/all/erofs.md)");
  expect(page("board/all/erofs.md")).toContain(`bsp-buildroot/${erofsConfig}`);
});

test("each Raspberry Pi's page says where to read about U-Boot, and that page names the file that brings it", () => {
  const page = (name: string): string => readFileSync(join(externalTree, "board", name), "utf8");
  for (const { name } of withUBoot)
    expect(page(`${name.replace(/^cairn_|_defconfig$/g, "")}.md`), name).toContain("(raspberrypi/uboot.md)");
  expect(page("raspberrypi/uboot.md")).toContain(`bsp-buildroot/${uBootConfig}`);
});

describe.each(configurations)("%s", (_name, board) => {
  test("sets only what is declared", () => {
    expect([...board.settings.keys()].filter((symbol) => !known(symbol))).toEqual([]);
  });

  test("names only files that are there", () => {
    expect(named(board.text).length).toBeGreaterThan(4);
    expect(named(board.text).filter((path) => !existsSync(join(externalTree, path)))).toEqual([]);
  });

  test("boots into Cairn from a read-only root, and lets nobody in", () => {
    expect(board.settings.get("BR2_INIT_CAIRN")).toBe("y");
    const erofs = board.settings.get("BR2_TARGET_ROOTFS_EROFS") === "y";
    expect(board.settings.get("BR2_TARGET_ROOTFS_SQUASHFS")).toBe(erofs ? "n" : "y");
    expect(board.settings.get("BR2_TARGET_ENABLE_ROOT_LOGIN")).toBe("n");
    expect([...board.settings.keys()].filter((symbol) => /DROPBEAR|OPENSSH|ROOT_PASSWD|GETTY/.test(symbol))).toEqual(
      [],
    );
  });

  test("has a page on it, which names its console", () => {
    const page = readFileSync(
      join(externalTree, "board", `${board.name.replace(/^cairn_|_defconfig$/g, "")}.md`),
      "utf8",
    );
    expect(page.split("\n")[0]).toContain(`(\`${board.name}\`)`);
    const told = [...page.matchAll(/^\*\*(\w+)\.\*\* /gm)].map(([, word]) => word);
    expect(["Start", "Flash"]).toContain(told[0] ?? "");
    expect(told.slice(1)).toEqual(["Console", "Disk", "Watchdog", "Rollback", "Recovery"]);
    const [device = ""] = wordsOf(board, "BR2_PACKAGE_CAIRN_CONSOLE")[0]?.split(",") ?? [];
    expect(/^\*\*Console\.\*\* .*$/m.exec(page)?.[0]).toContain(`\`${device}\``);
  });

  test("downloads nothing without a hash", () => {
    expect(board.settings.get("BR2_DOWNLOAD_FORCE_CHECK_HASHES")).toBe("y");
    expect(wordsOf(board, "BR2_GLOBAL_PATCH_DIR")).toEqual(["$(BR2_EXTERNAL_CAIRN_PATH)/patches"]);
  });
});
