/** bsp-buildroot/sbom on what Buildroot 2025.02.16 said of `cairn_qemu_x86_64` (`make show-info`, fewer packages, fewer keys). */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Ajv } from "ajv";
import * as v from "valibot";
import { billOfMaterials, type Image } from "../../../bsp-buildroot/sbom/bill.ts";
import { hashesIn, PackageLock, ShowInfo } from "../../../bsp-buildroot/sbom/sources.ts";

const top = resolve(import.meta.dir, "../../..");
const json = (file: string): unknown => JSON.parse(readFileSync(file, "utf8"));
const lxcHash = "d8195423bb1e206f8521d24b6cde4789f043960c7cf065990a9cf741dcfaddf0";

const image: Image = {
  board: "qemu_x86_64",
  version: "0.1.0",
  buildroot: "2025.02.16",
  bun: "@oven/bun-linux-x64",
  packages: v.parse(ShowInfo, json(join(import.meta.dir, "show-info.json"))),
  lock: v.parse(PackageLock, json(join(top, "package-lock.json"))),
  hashesOf: ({ hashes }, source) =>
    hashes.includes("package/lxc/lxc.hash") ? hashesIn(`# signed\nsha256  ${lxcHash}  lxc-5.0.3.tar.gz\n`, source) : [],
};
const text = billOfMaterials(image);

const Bill = v.object({
  components: v.array(
    v.looseObject({ name: v.string(), version: v.optional(v.string()), licenses: v.optional(v.array(v.unknown())) }),
  ),
  dependencies: v.array(v.object({ ref: v.string(), dependsOn: v.optional(v.array(v.string()), []) })),
});
const { components, dependencies } = v.parse(Bill, JSON.parse(text));
const component = (name: string) => components.find((each) => each.name === name);

/** The schemas of CycloneDX, as its own library brings them along; they know each other by these addresses. */
const schema = (name: string): object =>
  json(join(top, "node_modules/@cyclonedx/cyclonedx-library/res/schema", `${name}.SNAPSHOT.schema.json`)) as object;
const parts = ["spdx", "jsf-0.82", "cryptography-defs"].map(
  (name) => [`http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`, schema(name)] as const,
);
const ajv = new Ajv({ strict: false, validateFormats: false, schemas: Object.fromEntries(parts) });
const valid = ajv.compile(schema("bom-1.6"));

test("it is CycloneDX 1.6 by the official schema", () => {
  expect([valid(JSON.parse(text)), valid.errors]).toEqual([true, null]);
});

test("the schema would tell: a licence that SPDX does not know is no id", () => {
  expect(valid(JSON.parse(text.replaceAll('"id": "MIT"', '"id": "Mit-ish"')))).toBe(false);
});

test("the same image gives the same bytes, whatever order Buildroot names its packages in", () => {
  const reversed = Object.fromEntries(Object.entries(image.packages).reverse());
  expect(billOfMaterials({ ...image, packages: reversed })).toBe(text);
});

test("what is for the target is in it; tools of the build, formats of images and virtual packages are not", () => {
  const names = components.map(({ name }) => name);
  for (const name of ["busybox", "linux", "lxc", "libseccomp", "grub2", "toolchain-external-bootlin"])
    expect(names).toContain(name);
  for (const name of ["host-cairn", "rootfs-squashfs", "toolchain", "skeleton"]) expect(names).not.toContain(name);
});

test("a package has version, licence, names for databases, and where its source is with the hash that Buildroot checks", () => {
  expect(component("lxc")).toEqual({
    type: "library",
    "bom-ref": "buildroot:lxc",
    name: "lxc",
    version: "5.0.3",
    licenses: [{ expression: "GPL-2.0-only AND LGPL-2.1-or-later" }],
    cpe: "cpe:2.3:a:linuxcontainers:lxc:5.0.3:-:*:*:*:*:*:*",
    purl: "pkg:generic/lxc@5.0.3",
    externalReferences: [
      {
        type: "source-distribution",
        url: "https://linuxcontainers.org/downloads/lxc/lxc-5.0.3.tar.gz",
        hashes: [{ alg: "SHA-256", content: lxcHash }],
      },
    ],
  });
});

test("no folder of the builder's machine is told", () => {
  expect(text).not.toContain("/srv/");
});

test("the program's packages of npm are in it, with npm's own hashes; what only makes or tests it is not", () => {
  const packages = image.lock.packages;
  const names = components.map(({ name }) => name);
  expect(component("@noble/curves")).toMatchObject({
    version: packages["node_modules/@noble/curves"]?.version,
    licenses: [{ license: { id: "MIT" } }],
    purl: `pkg:npm/%40noble/curves@${packages["node_modules/@noble/curves"]?.version}`,
    hashes: [{ alg: "SHA-512" }],
  });
  expect(names).toContain("readable-stream"); // of mqtt, not of the project
  for (const name of ["typescript", "fast-check", "@biomejs/biome", "ajv", "@types/node"])
    expect(names).not.toContain(name);
});

test("Bun is in it as the one of the device's architecture", () => {
  const bun = (name: string) =>
    JSON.parse(billOfMaterials({ ...image, bun: name }))
      .components.map((each: { readonly name: string }) => each.name)
      .filter((each: string) => each.startsWith("@oven/"));
  expect(bun("@oven/bun-linux-x64")).toEqual(["@oven/bun-linux-x64"]);
  expect(bun("@oven/bun-linux-aarch64")).toEqual(["@oven/bun-linux-aarch64"]);
});

test("who needs whom: through virtual packages, and no tool of the build", () => {
  const of = (ref: string) => dependencies.find((each) => each.ref === ref)?.dependsOn;
  expect(of("buildroot:lxc")).toEqual([
    "buildroot:libcap",
    "buildroot:libseccomp",
    "buildroot:skeleton-init-none",
    "buildroot:toolchain-external-bootlin",
  ]);
  expect(of("buildroot:cairn")).toContain("buildroot:lxc");
  expect(of("buildroot:cairn")?.some((ref) => ref.startsWith("pkg:npm/mqtt@"))).toBe(true);
  expect(of("image")).toContain("buildroot:linux");
});
