/** What the boards make of U-Boot's environment: none, or one that keeps the note of a trial (boot/boot.cmd) and gives nothing else. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { machines, wordsOf } from "./defconfigs.ts";
import { externalTree } from "./kconfig.ts";
import { fragments, type UBootConfig, uBootConfig } from "./uboot.ts";

const boards = machines.flatMap(([name, board]) => {
  const config = uBootConfig(board);
  return config === null ? [] : [{ name, board, config }];
});
const keeping = boards.filter(({ config }) => config.get("CONFIG_ENV_IS_IN_MMC") === "y");

const number = (config: UBootConfig, symbol: string): number => Number(config.get(symbol));

test("boards with U-Boot are found, those that keep an environment are the i.MX8M", () => {
  const names = boards.map(({ name }) => name);
  for (const name of ["cairn_qemu_aarch64_defconfig", "cairn_raspberrypi5_defconfig, with U-Boot"])
    expect(names).toContain(name);
  expect(keeping.map(({ name }) => name)).toEqual(["cairn_imx8mmevk_defconfig", "cairn_imx8mpevk_defconfig"]);
});

test("what a later fragment says counts", () => {
  const config = fragments([
    "CONFIG_A=y\nCONFIG_B=y\n# of C\n# CONFIG_C is not set\n",
    'CONFIG_C="c"\n# CONFIG_A is not set\n',
  ]);
  expect([...config]).toEqual([
    ["CONFIG_A", "n"],
    ["CONFIG_B", "y"],
    ["CONFIG_C", "c"],
  ]);
  expect(() => fragments(["CONFIG_A = y\n"])).toThrow("CONFIG_A = y");
});

test.each(boards.filter((board) => !keeping.includes(board)))("$name: no environment is stored", ({ config }) => {
  expect(config.get("CONFIG_ENV_IS_NOWHERE")).toBe("y");
  expect([...config].filter(([symbol, value]) => /^CONFIG_ENV_IS_IN_/.test(symbol) && value !== "n")).toEqual([]);
  expect(config.get("CONFIG_BOOTCOMMAND")).not.toContain("save_trying");
});

describe.each(keeping)("$name", ({ board, config }) => {
  test("pv_trying and nothing else is taken from the environment, which has two copies", () => {
    const wanted = {
      CONFIG_ENV_IS_NOWHERE: "n", // else it would count as read when no copy holds, and saveenv would go nowhere
      CONFIG_ENV_WRITEABLE_LIST: "y",
      CONFIG_ENV_FLAGS_LIST_STATIC: "pv_trying:sw",
      CONFIG_SYS_REDUNDAND_ENVIRONMENT: "y",
    };
    for (const [symbol, value] of Object.entries(wanted)) expect(config.get(symbol), symbol).toBe(value);
  });

  test("the boot command says how the note is saved and read back", () => {
    expect(config.get("CONFIG_BOOTCOMMAND")).toContain(
      " setenv save_trying 'saveenv && setenv pv_trying && env load'; if load ",
    );
    expect([config.get("CONFIG_CMD_SAVEENV"), config.get("CONFIG_CMD_NVEDIT_LOAD")]).toEqual(["y", "y"]);
    expect(config.get("CONFIG_BOOTCOMMAND")).toContain(`setenv devnum ${config.get("CONFIG_SYS_MMC_ENV_DEV")};`);
  });

  test("U-Boot has the option that says so by a patch for its version", () => {
    const folder = join(externalTree, "patches/uboot", wordsOf(board, "BR2_TARGET_UBOOT_CUSTOM_VERSION_VALUE").join());
    const patches = existsSync(folder)
      ? readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"))
      : [];
    expect(patches.filter((text) => text.includes("\n+config ENV_FLAGS_LIST_STATIC\n"))).toHaveLength(1);
  });

  test("the disk leaves both copies their places", () => {
    const [layout = ""] = wordsOf(board, "BR2_ROOTFS_POST_SCRIPT_ARGS");
    const text = readFileSync(layout.replace("$(BR2_EXTERNAL_CAIRN_PATH)", externalTree), "utf8");
    const place = (name: string): unknown => {
      const [, offset, size] =
        new RegExp(`partition ${name} \\{[^}]*"no"[^}]*offset = (\\d+)M\\s+size = (\\d+)K\\s`).exec(text) ?? [];
      return { offset: Number(offset) * 2 ** 20, size: Number(size) * 2 ** 10 };
    };
    const size = number(config, "CONFIG_ENV_SIZE");
    expect([place("environment"), place("environment-redundant")]).toEqual([
      { offset: number(config, "CONFIG_ENV_OFFSET"), size },
      { offset: number(config, "CONFIG_ENV_OFFSET_REDUND"), size },
    ]);
    expect(size % 512).toBe(0);
  });
});
