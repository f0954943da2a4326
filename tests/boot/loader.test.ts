import { afterEach, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { resolveConfig } from "../../runtime/boot/config/index.ts";
import { openDeviceLoader } from "../../runtime/boot/loader.ts";
import { explainLoader, type Loader } from "../../runtime/loader/index.ts";
import { encodeCopy, singleCopy } from "../../runtime/loader/uboot-binary.ts";
import type { Result } from "../../runtime/result.ts";
import { openStore } from "../../runtime/store/index.ts";
import { quickDisk } from "../loader/drivers.ts";
import { emptyFolder, must, mustFail, removeFolders, revision, stateOf } from "../store/world.ts";

afterEach(removeFolders);

const SIZE = 4096;
const variables = new Map([["pv_rev", "3"]]);

function open(type: string, folder = emptyFolder()): Promise<Result<Loader, string>> {
  const environment = { PV_BOOTLOADER_TYPE: type, PV_STORAGE_MNTPOINT: folder, PV_SYSTEM_ETCDIR: folder };
  return openDeviceLoader(resolveConfig({ environment }).config, openStore(quickDisk(), folder));
}

test.each(["grub", "uboot", "uboot-pvk", "none"])(
  "type %s keeps its variables below boot/ of the storage",
  async (type) => {
    const folder = emptyFolder();
    const loader = must(await open(type, folder));
    expect(loader.type).toBe(type);
    must(await loader.commit(revision("3")));
    expect(must(await must(await open(type, folder)).read()).committed).toBe(revision("3"));
  },
);

test("type uboot-env: two places of fw_env.config", async () => {
  const folder = emptyFolder();
  const path = join(folder, "disk");
  writeFileSync(path, Buffer.concat([must(encodeCopy(variables, SIZE, 1)), Buffer.alloc(SIZE)]));
  writeFileSync(join(folder, "fw_env.config"), `${path} 0 1000\n${path} 0x1000 1000\n`);
  const loader = must(await open("uboot-env", folder));
  expect(must(await loader.read()).committed).toBe(revision("3"));
});

test("type uboot-env: one place only as a file of its own, since a part of a disk could be torn", async () => {
  const folder = emptyFolder();
  mkdirSync(join(folder, "boot"));
  const path = join(folder, "boot/uboot.env");
  writeFileSync(path, must(singleCopy(SIZE).encode(variables)));
  writeFileSync(join(folder, "fw_env.config"), `${path} 0 1000\n`);
  expect(must(await must(await open("uboot-env", folder)).read()).committed).toBe(revision("3"));
  writeFileSync(path, Buffer.alloc(2 * SIZE));
  expect(mustFail(await open("uboot-env", folder))).toContain("a power cut could tear it");
});

test.each([
  ["uboot-env", "fw_env.config: ENOENT"],
  ["uboot-ab", "type uboot-ab is not supported by this version"],
  ["rpiab", "so the disk with the boot partitions is not known"],
])("type %s without what it needs is an error that says so", async (type, wanted) => {
  expect(mustFail(await open(type))).toContain(wanted);
});

test("a revision without the files that the loader starts is refused before it is armed", async () => {
  const rev = revision("4");
  const fit = stateOf({ "bsp/x.fit": "x", "bsp/run.json": { fit: "x.fit" } });
  expect(mustFail(await must(await open("grub")).install(rev, fit))).toEqual({
    kind: "bootFile",
    rev,
    wanted: "linux and initrd",
  });
  must(await must(await open("uboot")).install(rev, fit));
  const nothing = stateOf({ "_config/web/x.json": { x: 1 } });
  expect(explainLoader(mustFail(await must(await open("uboot")).install(rev, nothing)))).toBe(
    "revision 4 cannot be booted by this loader: bsp/run.json names no fit, and no linux and initrd",
  );
  must(await must(await open("none")).install(rev, nothing));
});
