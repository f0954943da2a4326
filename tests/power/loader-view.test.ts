import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { arches } from "../qemu/index.ts";
import { decide, loaderViews } from "./loader-view.ts";
import { damageKernel, sampleImage } from "./sample-image.ts";

test.each([
  ["nothing was ever written", { committed: "", trial: "", trying: "" }, "0", false, "0"],
  ["a revision is committed", { committed: "7", trial: "", trying: "" }, "7", false, "7"],
  ["a revision is on trial", { committed: "7", trial: "8", trying: "" }, "8", true, "7"],
  ["it was tried already", { committed: "7", trial: "8", trying: "8" }, "7", false, "7"],
  ["another one was tried before", { committed: "7", trial: "8", trying: "6" }, "8", true, "7"],
] as const)("the loader decides when %s", (_when, variables, first, isTrial, committed) => {
  expect(decide(variables)).toEqual({ first, isTrial, committed });
});

describe.each(arches)("as the loader of %s reads", (arch) => {
  const view = loaderViews[arch];

  test("variables come from the environment, its spare, and the note of what was tried", async () => {
    const none = await sampleImage(arch);
    expect(await view.variables(none)).toEqual({ committed: "", trial: "", trying: "" });
    const environment = { pv_rev: "locals/a", pv_try: "8" };
    const full = await sampleImage(arch, { environment, trying: "8" });
    expect(await view.variables(full)).toEqual({ committed: "locals/a", trial: "8", trying: "8" });
    const spare = await sampleImage(arch, { environment, spare: true });
    expect(await view.variables(spare)).toEqual({ committed: "locals/a", trial: "8", trying: "" });
    // A spare that says something else is not looked at, even when the first one knows of a trial only.
    const both = await sampleImage(arch, { environment: { pv_try: "8" }, spareToo: { pv_rev: "8" } });
    expect(await view.variables(both)).toEqual({ committed: "", trial: "8", trying: "" });
    for (const { folder } of [none, full, spare, both]) rmSync(folder, { recursive: true });
  });

  test("a file is the same only with every byte of it", async () => {
    const image = await sampleImage(arch);
    const [kernel, initramfs] = [image.bootFiles["pv-kernel.img"] ?? "", image.bootFiles["pv-initrd.img"] ?? ""];
    const same = (name: string, file: string) => view.isSame(image, `/trails/0/.pv/${name}`, file);
    expect(await same("pv-kernel.img", kernel)).toBe(true);
    expect(await same("pv-initrd.img", initramfs)).toBe(true);
    expect(await same("pv-kernel.img", initramfs)).toBe(false);
    expect(await same("nothing.img", kernel)).toBe(false);
    damageKernel(image.storage);
    expect(await same("pv-kernel.img", kernel)).toBe(false);
    expect(await same("pv-initrd.img", initramfs)).toBe(true);
    rmSync(image.folder, { recursive: true });
  });

  test("where the writes are known, a file is read again when it stands on others, however alike", async () => {
    const image = { ...(await sampleImage(arch)), writers: new Uint32Array((32 << 20) / 512) };
    const [kernel, initramfs] = [image.bootFiles["pv-kernel.img"] ?? "", image.bootFiles["pv-initrd.img"] ?? ""];
    const same = (name: string, file: string) => view.isSame(image, `/trails/0/.pv/${name}`, file);
    for (const _ of [1, 2]) {
      expect(await same("pv-kernel.img", kernel)).toBe(true);
      expect(await same("pv-kernel.img", initramfs)).toBe(false);
    }
    image.writers[damageKernel(image.storage) / 512] = 1;
    expect(await same("pv-kernel.img", kernel)).toBe(false);
    expect(await same("pv-initrd.img", initramfs)).toBe(true);
    rmSync(image.folder, { recursive: true });
  });
});
