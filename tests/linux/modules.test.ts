import { expect, test } from "bun:test";
import { loadModule } from "../../runtime/linux/index.ts";
import { moduleName, parseModuleIndex, resolveModule } from "../../runtime/linux/module-index.ts";

const index = parseModuleIndex({
  dep: [
    "kernel/fs/overlayfs/overlay.ko:",
    "kernel/net/bridge/br_netfilter.ko.zst: kernel/net/bridge/bridge.ko.zst kernel/net/802/stp.ko.zst kernel/net/llc/llc.ko.zst",
    "kernel/net/bridge/bridge.ko.zst: kernel/net/802/stp.ko.zst kernel/net/llc/llc.ko.zst",
    "kernel/drivers/i2c/i2c-dev.ko.xz:",
    "",
  ].join("\n"),
  alias: "# Aliases\nalias fs-overlay overlay\nalias pci:v00008086d0000[12]*sv*sd* i2c_dev\nalias a-b? overlay\n",
  builtin: "kernel/fs/ext4/ext4.ko\n",
});

test("a module's name is its file's, with underscores and without endings", () => {
  expect(["a/i2c-dev.ko.xz", "snd-hda.ko", "dummy", "x.ko.gz"].map(moduleName)).toEqual([
    "i2c_dev",
    "snd_hda",
    "dummy",
    "x",
  ]);
});

test("what a module needs comes before it, deepest first", () => {
  expect(index.files.get("br_netfilter")).toEqual([
    "kernel/net/llc/llc.ko.zst",
    "kernel/net/802/stp.ko.zst",
    "kernel/net/bridge/bridge.ko.zst",
    "kernel/net/bridge/br_netfilter.ko.zst",
  ]);
});

test.each([
  ["i2c-dev", ["i2c_dev"]],
  ["i2c_dev", ["i2c_dev"]],
  ["fs-overlay", ["overlay"]],
  ["pci:v00008086d00001xsv1sd2", ["i2c_dev"]],
  ["pci:v00008086d00003xsv1sd2", []],
  ["a-bc", ["overlay"]],
  ["a-b", []],
  ["ext4", ["ext4"]],
  ["nobody", []],
] as const)("%p stands for %p", (wanted, names) => {
  expect(resolveModule(index, wanted)).toEqual([...names]);
});

test("a built-in module needs no loading", () => {
  expect(loadModule(index, { module: "ext4" })).toEqual({ ok: true, value: undefined });
});

test("an unknown module says where it was looked for", () => {
  expect(loadModule(index, { module: "nobody", folder: "/lib/modules/6.1" })).toEqual({
    ok: false,
    error: { kind: "moduleNotFound", module: "nobody", folder: "/lib/modules/6.1" },
  });
});

test("a module whose file is missing says which", () => {
  expect(loadModule(index, { module: "i2c-dev", folder: "/nowhere" })).toMatchObject({
    ok: false,
    error: { code: "ENOENT", args: { path: "/nowhere/kernel/drivers/i2c/i2c-dev.ko.xz" } },
  });
});
