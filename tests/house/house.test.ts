/** Rules that a compiler does not know (design, section 2). Each is shown to fail on a source that breaks it. */
import { expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import {
  behindDoors,
  cycles,
  emptyNames,
  foreignImports,
  loadedWith,
  localNames,
  reachesTheWorld,
  type Sources,
  tooLong,
} from "./rules.ts";

const top = resolve(import.meta.dir, "../..");
const git = Bun.spawnSync(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], { cwd: top });
const tracked = git.stdout
  .toString()
  .split("\0")
  .filter((file) => file !== "" && statSync(`${top}/${file}`, { throwIfNoEntry: false })?.isFile());
const textOf = (file: string): string => readFileSync(`${top}/${file}`, "utf8");
const sourcesOf = (files: readonly string[]): Sources => new Map(files.map((file) => [file, textOf(file)]));
const runtime = sourcesOf(tracked.filter((file) => /^runtime\/.*\.ts$/.test(file)));

const source = (file: string, text: string): Sources => new Map([[file, text]]);

test("the files of the repository are looked at", () => {
  expect(tracked).toContain("package.json");
  expect([...runtime.keys()]).toContain("runtime/main.ts");
});

/** What any folder may use. */
const anybody = ["runtime/result.ts", "runtime/quoted.ts"];

/** Beside their own files. Types from elsewhere count: who knows a type knows its owner. */
const pure = {
  "runtime/state": [...anybody, "valibot"],
  "runtime/supervise": [...anybody, "runtime/state/index.ts"],
  "runtime/update": [...anybody, "runtime/state/index.ts"],
  "runtime/author/document": [...anybody, "runtime/state/index.ts"],
  "runtime/author/explain": ["runtime/state/index.ts", "runtime/signatures/index.ts"],
  "runtime/author/app/template": [...anybody, "runtime/state/index.ts", "valibot"],
  // Of node:crypto no more than functions of their arguments: RSA and digests.
  "runtime/signatures": [...anybody, "runtime/state/index.ts", "valibot", "@noble/curves/nist.js", "node:crypto"],
  // And chance, for new keys.
  "runtime/certificates": [
    ...anybody,
    "runtime/signatures/index.ts",
    "valibot",
    "@noble/curves/nist.js",
    "node:crypto",
  ],
  "runtime/fleet/budget": ["valibot"],
  "runtime/fleet/link": [],
  "runtime/fleet/terms": [...anybody],
  "runtime/fleet/transfer": [
    ...anybody,
    "runtime/fleet/terms/index.ts",
    "runtime/fleet/wire/index.ts",
    "runtime/state/index.ts",
  ],
  "runtime/fleet/wire": [
    ...anybody,
    "runtime/fleet/terms/index.ts",
    "runtime/state/index.ts",
    "valibot",
    "cborg",
    "@noble/curves/ed25519.js",
  ],
  "runtime/author/image/documents": [
    ...anybody,
    "runtime/author/image/fault.ts",
    "runtime/author/image/limits.ts",
    "runtime/state/index.ts",
    "valibot",
  ],
};

test.each(Object.entries(pure))("%s decides and does no I/O", (folder, allowed) => {
  expect([...runtime.keys()].some((file) => file.startsWith(folder))).toBe(true);
  expect(foreignImports(runtime, folder, allowed)).toEqual([]);
  expect(reachesTheWorld(runtime, folder)).toEqual([]);

  const breaking = (text: string) => source(`${folder}/x.ts`, text);
  for (const target of ["node:fs", "bun:ffi", "../linux/index.ts", "../store/index.ts"]) {
    expect(foreignImports(breaking(`import { x } from "${target}";`), folder, allowed)).toHaveLength(1);
    expect(foreignImports(breaking(`import type {\n  X,\n} from "${target}";`), folder, allowed)).toHaveLength(1);
    expect(foreignImports(breaking(`const x = await import("${target}");`), folder, allowed)).toHaveLength(1);
  }
  for (const use of ["Bun.file(path)", "process.env", "Date.now()", "setTimeout(f)", "await x", "fetch(url)"]) {
    expect(reachesTheWorld(breaking(`const y = ${use};`), folder)).toHaveLength(1);
  }
  expect(reachesTheWorld(breaking("// process.env\n/** Answers `start`: Bun.file */"), folder)).toEqual([]);
});

/** The kernel and liblxc, and nothing of what they are used for. */
const low = {
  "runtime/linux": [...anybody, "node:", "bun:"],
  "runtime/lxc": [...anybody, "runtime/linux/index.ts", "node:", "bun:"],
};

test.each(Object.entries(low))("%s knows nothing of revisions", (folder, allowed) => {
  expect([...runtime.keys()].some((file) => file.startsWith(folder))).toBe(true);
  expect(foreignImports(runtime, folder, allowed)).toEqual([]);
  const breaking = source(`${folder}/x.ts`, 'import type { State } from "../state/index.ts";');
  expect(foreignImports(breaking, folder, allowed)).toEqual([`${folder}/x.ts imports runtime/state/index.ts`]);
});

/** Boot loaders know revisions and files, and nothing of how they are run. */
const loaderMay = ["result", "state/index", "store/index", "linux/index"].map((file) => `runtime/${file}.ts`);

test("runtime/loader knows no more than state and store", () => {
  expect([...runtime.keys()].some((file) => file.startsWith("runtime/loader/"))).toBe(true);
  const allowed = [...loaderMay, "node:", "bun:"];
  expect(foreignImports(runtime, "runtime/loader", allowed)).toEqual([]);
  const breaking = source("runtime/loader/x.ts", 'import type { Config } from "../boot/config/index.ts";');
  expect(foreignImports(breaking, "runtime/loader", allowed)).toHaveLength(1);
});

test("runtime/tar knows archives and nothing else", () => {
  expect([...runtime.keys()].some((file) => file.startsWith("runtime/tar/"))).toBe(true);
  expect(foreignImports(runtime, "runtime/tar", [...anybody])).toEqual([]);
  expect(foreignImports(source("runtime/tar/x.ts", 'import { open } from "node:fs";'), "runtime/tar", [])).toHaveLength(
    1,
  );
});

test("runtime/hub knows nothing of the device's runtime, and not how it is asked or shown", () => {
  expect([...runtime.keys()].some((file) => file.startsWith("runtime/hub/"))).toBe(true);
  const below = [
    "certificates",
    "signatures",
    "state",
    "store",
    "fleet/terms",
    "fleet/wire",
    "fleet/identity",
    "fleet/logs",
    "fleet/metadata",
    "fleet/sealed",
    "fleet/session",
    "patch",
  ];
  const allowed = [...anybody, ...below.map((name) => `runtime/${name}/index.ts`), "node:", "bun:", "valibot"];
  expect(foreignImports(runtime, "runtime/hub", allowed)).toEqual([]);
  for (const target of ["../cli/index.ts", "../boot/index.ts", "../author/sign/index.ts"]) {
    const breaking = source("runtime/hub/x.ts", `import type { X } from "${target}";`);
    expect(foreignImports(breaking, "runtime/hub", allowed)).toHaveLength(1);
  }
});

test("what the hub decides is decided without clock, disk or network", () => {
  for (const file of [
    "runtime/hub/api/range.ts",
    "runtime/hub/blocks/plan.ts",
    "runtime/hub/blocks/rate.ts",
    "runtime/hub/commands/wish.ts",
    "runtime/hub/releases/desired.ts",
    "runtime/hub/revisions/signed.ts",
  ]) {
    const text = runtime.get(file);
    expect(text, file).toBeDefined();
    expect(reachesTheWorld(source(file, text ?? ""), dirname(file))).toEqual([]);
    expect(reachesTheWorld(source(file, `${text}\nconst now = Date.now();`), dirname(file))).toHaveLength(1);
  }
});

test("when a device can be debugged is decided without clock, disk or network", () => {
  for (const file of ["runtime/boot/debug-access/access.ts", "runtime/boot/debug-access/authorized-keys.ts"]) {
    const text = runtime.get(file);
    expect(text, file).toBeDefined();
    expect(reachesTheWorld(source(file, text ?? ""), dirname(file))).toEqual([]);
  }
});

test("runtime/parcel knows patches and files, and nothing of fleets", () => {
  expect([...runtime.keys()].some((file) => file.startsWith("runtime/parcel/"))).toBe(true);
  const allowed = [...anybody, "runtime/state/index.ts", "runtime/store/index.ts", "runtime/patch/index.ts", "node:"];
  expect(foreignImports(runtime, "runtime/parcel", allowed)).toEqual([]);
  const breaking = source("runtime/parcel/x.ts", 'import type { Hub } from "../hub/index.ts";');
  expect(foreignImports(breaking, "runtime/parcel", allowed)).toHaveLength(1);
});

/** From a state in an author's hands up to where it goes; each knows those before it, and none how it is asked or shown. */
const authorsMay: Readonly<Record<string, readonly string[]>> = {
  "runtime/author/repository": ["state", "store", "linux", "author/document"],
  "runtime/author/working-copy": ["state", "store", "author/document", "author/repository"],
  "runtime/author/app": ["state", "store", "author/repository"],
  "runtime/author/reference": [
    "state",
    "store",
    "package",
    "author/document",
    "author/repository",
    "author/working-copy",
  ],
};

test.each(Object.entries(authorsMay))("%s knows no more than what is below it", (folder, below) => {
  expect([...runtime.keys()].some((file) => file.startsWith(`${folder}/`))).toBe(true);
  const allowed = [...anybody, ...below.map((name) => `runtime/${name}/index.ts`), "node:", "valibot"];
  expect(foreignImports(runtime, folder, allowed)).toEqual([]);
  const breaking = source(`${folder}/x.ts`, 'import type { Out } from "../../cli/index.ts";');
  expect(foreignImports(breaking, folder, allowed)).toHaveLength(1);
});

test("nobody reaches behind a folder's door", () => {
  expect(behindDoors(runtime)).toEqual([]);

  const house = (file: string, target: string): Sources =>
    new Map([
      ["runtime/a/index.ts", ""],
      ["runtime/a/inner.ts", ""],
      ["runtime/a/deep/index.ts", ""],
      [file, `import { x } from "${target}";`],
    ]);
  expect(behindDoors(house("runtime/b.ts", "./a/inner.ts"))).toEqual(["runtime/b.ts imports runtime/a/inner.ts"]);
  expect(behindDoors(house("runtime/a/other.ts", "./deep/hidden.ts"))).toHaveLength(1);
  expect(behindDoors(house("runtime/b.ts", "./a/deep/index.ts"))).toHaveLength(1);
  expect(behindDoors(house("runtime/b.ts", "./a/index.ts"))).toEqual([]);
  expect(behindDoors(house("runtime/a/other.ts", "./inner.ts"))).toEqual([]);
});

test("imports make no circle", () => {
  expect(cycles(runtime)).toEqual([]);

  const circle = new Map([
    ["runtime/a.ts", 'import { b } from "./b.ts";'],
    ["runtime/b.ts", 'export type { C } from "./c.ts";'],
    ["runtime/c.ts", 'import type { A } from "./a.ts";\nimport { d } from "./d.ts";'],
    ["runtime/d.ts", ""],
  ]);
  expect(cycles(circle)).toEqual(["runtime/a.ts → runtime/b.ts → runtime/c.ts → runtime/a.ts"]);
});

test("a start pays only for what it needs", () => {
  const loaded = (entry: string, of: string, sources: Sources) =>
    loadedWith(sources, entry).filter((file) => file.startsWith(of));
  expect(loadedWith(runtime, "runtime/main.ts")).toEqual(["runtime/main.ts"]);
  expect(loadedWith(runtime, "runtime/boot/index.ts").length).toBeGreaterThan(50);
  // Other faces, what few devices need, and what of the platform takes long to load.
  for (const of of [
    "runtime/cli/",
    "runtime/fleet/",
    "runtime/hub/",
    "runtime/signatures/",
    "node:crypto",
    "node:stream",
    "node:zlib",
    "@noble",
  ]) {
    expect(loaded("runtime/boot/index.ts", of, runtime)).toEqual([]);
  }
  expect(loadedWith(runtime, "runtime/cli/index.ts").length).toBeGreaterThan(20);
  for (const of of [
    "runtime/boot/",
    "runtime/fleet/",
    "runtime/hub/",
    "runtime/store/",
    "runtime/state/",
    "valibot",
    "node:tty",
    "node:stream",
  ]) {
    expect(loaded("runtime/cli/index.ts", of, runtime)).toEqual([]);
  }

  const eager = new Map([
    ["runtime/boot/index.ts", 'import "./a.ts";\nconst later = await import("../hub/index.ts");'],
    ["runtime/boot/a.ts", 'import { x } from "../cli/index.ts";\nimport type { Y } from "../author/index.ts";'],
  ]);
  expect(loaded("runtime/boot/index.ts", "runtime/cli/", eager)).toEqual(["runtime/cli/index.ts"]);
  for (const of of ["runtime/hub/", "runtime/author/"]) expect(loaded("runtime/boot/index.ts", of, eager)).toEqual([]);
});

test("a file has at most 400 lines", () => {
  expect(tooLong(runtime, 400)).toEqual([]);
  expect(tooLong(source("runtime/x.ts", "x\n".repeat(401)), 400)).toEqual(["runtime/x.ts has 401 lines"]);
});

test("a file's name says what is inside", () => {
  expect(emptyNames(tracked)).toEqual([]);
  const empty = ["runtime/utils/a.ts", "runtime/helper.ts", "tests/log-manager.ts", "runtime/util.test.ts"];
  expect(emptyNames(empty)).toEqual(empty);
  expect(emptyNames(["runtime/utilization.ts"])).toEqual([]);
});

test("no file names a folder of one developer's machine, or where its packages come from", () => {
  // Vectors are what other people's tools wrote.
  const own = tracked.filter((file) => !/^tests\/\w+\/vectors\//.test(file));
  expect(localNames(sourcesOf(own))).toEqual([]);

  const names = [
    ["", "home", "jane", "src"].join("/"),
    ["", "work", "main"].join("/"),
    ["registry", "npmjs", "org"].join("."),
    ["mirror", "intern", "example", "net"].join("."),
    `"${"resolved"}": "x`,
  ];
  for (const name of names) expect(localNames(source("README.md", `see ${name} for more`))).toHaveLength(1);
  expect(localNames(source("a.ts", "/var/lib/lxc homework/main /rootfs/home deb.ts"))).toEqual([]);
});
