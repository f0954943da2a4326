import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bootedRevision, type QuietBoot, readCell } from "../../runtime/boot/booted.ts";
import { type Loader, openLoader } from "../../runtime/loader/index.ts";
import { ok } from "../../runtime/result.ts";
import { bootable, quickDisk } from "../loader/drivers.ts";
import { Pi } from "../loader/raspberry.ts";
import { emptyFolder, must, mustFail, removeFolders, revision } from "../store/world.ts";

afterEach(removeFolders);

const silent: QuietBoot = { firstStage: null, tryboot: false };
const opened = (type: "grub" | "none"): Loader => must(openLoader(type, { disk: quickDisk(), storage: emptyFolder() }));

describe("GRUB and U-Boot", () => {
  test("say on the command line which revision they started", async () => {
    expect(must(await bootedRevision(opened("grub"), "locals/a+b", silent))).toBe(revision("locals/a+b"));
  });

  test.each([
    [null, "names no revision"],
    ["../x", "is no revision"],
  ])("%p is an error", async (text, wanted) => {
    expect(mustFail(await bootedRevision(opened("grub"), text, { ...silent, firstStage: "7" }))).toContain(wanted);
  });
});

describe("without a boot loader", () => {
  test("what is committed runs, and before that what the command line says, or the factory revision", async () => {
    const loader = opened("none");
    expect(must(await bootedRevision(loader, null, silent))).toBe(revision("0"));
    expect(must(await bootedRevision(loader, "5", silent))).toBe(revision("5"));
    must(await loader.commit(revision("7")));
    for (const text of ["5", null]) expect(must(await bootedRevision(loader, text, silent))).toBe(revision("7"));
  });
});

describe("a Raspberry Pi", () => {
  /** With revision 1 on trial, in an image of its own or in that of the factory's. */
  async function trial(kernel: "A" | "B") {
    const pi = new Pi();
    const loader = must(openLoader("rpiab", { disk: quickDisk(), storage: pi.storage, rpi: pi.ports() }));
    pi.trail("1", kernel);
    must(await loader.install(revision("1"), bootable));
    must(await loader.arm(revision("1")));
    return { pi, loader };
  }

  test.each(["A", "B"] as const)("runs what its first stage says, image %s", async (kernel) => {
    const { pi, loader } = await trial(kernel);
    for (const boot of [pi.reboot(must(await loader.rebootArgument(true))), pi.powerCycle()]) {
      const said = { firstStage: boot.revision, tryboot: boot.tryboot };
      expect(must(await bootedRevision(loader, null, said))).toBe(revision(boot.revision));
    }
  });

  test("with another first stage runs what the partition that booted is for", async () => {
    const { pi, loader } = await trial("B");
    const first = pi.reboot(must(await loader.rebootArgument(true)));
    expect(must(await bootedRevision(loader, null, { ...silent, tryboot: first.tryboot }))).toBe(revision("1"));
    expect(must(await bootedRevision(loader, null, { ...silent, tryboot: pi.powerCycle().tryboot }))).toBe(
      revision("0"),
    );
    must(await loader.commit(revision("1")));
    expect(must(await bootedRevision(loader, null, silent))).toBe(revision("1"));
    expect(must(await bootedRevision(loader, null, { ...silent, tryboot: true }))).toBe(revision("1"));
  });

  test("below U-Boot has the command line like any other", async () => {
    const { loader } = await trial("B");
    expect(must(await bootedRevision(loader, "0", { firstStage: "1", tryboot: true }))).toBe(revision("0"));
  });

  test("whose first stage names no revision is an error", async () => {
    const loader: Loader = { ...opened("none"), type: "rpiab", rebootArgument: async () => ok(null) };
    expect(mustFail(await bootedRevision(loader, null, { ...silent, firstStage: "../x" }))).toContain("first stage");
  });
});

test("a number of the device tree has 32 bits, the highest first", () => {
  const folder = join(emptyFolder(), "bootloader");
  mkdirSync(folder);
  const cell = (name: string, ...bytes: number[]) => {
    writeFileSync(join(folder, name), Buffer.from(bytes));
    return readCell(join(folder, name));
  };
  expect(cell("partition", 0, 0, 1, 3)).toBe(259);
  expect(cell("tryboot", 0, 0, 0, 1)).toBe(1);
  expect(cell("short", 1)).toBeNull();
  expect(readCell(join(folder, "missing"))).toBeNull();
});
