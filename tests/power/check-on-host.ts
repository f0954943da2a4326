/** Checks sample images, in a mount namespace of its own; says what was found wrong with each as JSON. For check.test.ts. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Arch } from "../qemu/index.ts";
import { type CheckSpec, check } from "./check.ts";
import { KnownBytes } from "./known-bytes.ts";
import { loaderViews } from "./loader-view.ts";
import { withMounted } from "./mounted.ts";
import { boot } from "./recover.ts";
import { damageKernel, type SampleImage, type SampleSpec, sampleImage } from "./sample-image.ts";

const root = "/mnt";
const found: Record<string, readonly string[]> = {};

/** `change` works on the mounted storage, `damage` on the image. */
async function look(
  name: string,
  arch: Arch,
  spec: SampleSpec,
  change: (storage: string) => void = () => {},
  damage: (storage: string) => void = () => {},
): Promise<void> {
  const image: SampleImage = await sampleImage(arch, spec);
  await withMounted(image.storage, root, async () => change(root));
  damage(image.storage);
  const checks: CheckSpec = {
    arch,
    view: loaderViews[arch],
    boot,
    known: new KnownBytes(),
    bootFiles: new Map([["0", image.bootFiles]]),
    root,
  };
  found[name] = await check(checks, { ...image, writers: new Uint32Array((32 << 20) / 512) });
  rmSync(image.folder, { recursive: true });
}

/** Another revision that has nothing but a state and a record. */
const claims = (status: string) => (storage: string) => {
  mkdirSync(`${storage}/trails/5/.pv`, { recursive: true });
  mkdirSync(`${storage}/trails/5/.pvr`);
  writeFileSync(`${storage}/trails/5/.pvr/json`, readFileSync(`${storage}/trails/0/.pvr/json`));
  writeFileSync(`${storage}/trails/5/.pv/progress`, JSON.stringify({ status, "status-msg": "", progress: 100 }));
};

for (const arch of ["x86_64", "aarch64"] as const) {
  await look(`good ${arch}`, arch, {});
  await look(`committed ${arch}`, arch, { environment: { pv_rev: "0" } });
  await look(`damaged ${arch}`, arch, {}, () => {}, damageKernel);
}
await look("failed before", "x86_64", {}, claims("ERROR"));
await look("says DONE", "x86_64", {}, claims("DONE"));
await look("unknown trial", "x86_64", { environment: { pv_rev: "0", pv_try: "9" } });
await look("tried", "x86_64", { environment: { pv_rev: "0", pv_try: "9" }, trying: "9" });
await look("no storage", "x86_64", {}, undefined, (storage) => {
  const bytes = readFileSync(storage);
  bytes.fill(0, 1024, 2048); // the superblock
  writeFileSync(storage, bytes);
});
console.log(JSON.stringify(found));
