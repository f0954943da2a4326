import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Result } from "../../runtime/result.ts";
import {
  type Digest,
  parseRevisionName,
  parseState,
  type RevisionName,
  type State,
} from "../../runtime/state/index.ts";
import { openStore, putObject, realDisk } from "../../runtime/store/index.ts";
import { watchfulDisk } from "./disks.ts";

const made: string[] = [];

/** An empty folder; a test file that makes any says `afterEach(removeFolders)`. */
export function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "store-"));
  made.push(folder);
  return folder;
}

export function removeFolders(): void {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export function must<T>(result: Result<T, unknown>): T {
  if (result.ok) return result.value;
  throw new Error(JSON.stringify(result.error));
}

export function mustFail<E>(result: Result<unknown, E>): E {
  if (!result.ok) return result.error;
  throw new Error(`wanted a failure, got ${JSON.stringify(result.value)}`);
}

export const revision = (name: string): RevisionName => must(parseRevisionName(name));
export const sha256 = (bytes: string | Uint8Array): Digest =>
  new Bun.CryptoHasher("sha256").update(bytes).digest("hex") as Digest;

export async function* stream(...chunks: readonly (string | Uint8Array)[]): AsyncIterable<Uint8Array> {
  for (const chunk of chunks) yield typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
}

/** Files of a revision by key: a string is an object's bytes, anything else inline JSON. */
export type Files = Readonly<Record<string, string | object>>;

/** A revision with kernel, two containers that share an object, a `.bind` file, and inline JSON with spaces that must stay. */
export const files: Files = {
  "_config/web/etc/app.json": { port: 80 },
  "_sigs/web.json": { "#spec": "pvs@2", protected: "e30", signature: "AA" },
  "bsp/addon.cpio": "addon",
  "bsp/initrd.cpio": "initrd",
  "bsp/kernel": "kernel",
  "bsp/run.json": { linux: "kernel", initrd: "initrd.cpio", addons: ["addon.cpio"] },
  "db/lxc.conf": "shared configuration",
  "db/root.squashfs": "root of db",
  "db/run.json": { name: "db", type: "lxc", group: "app", config: "lxc.conf", "root-volume": "root.squashfs" },
  "web/lxc.conf": "shared configuration",
  "web/own.bind": "a file of its own",
  "web/root.squashfs": "root of web",
  "web/run.json": {
    name: "web",
    type: "lxc",
    group: "app",
    config: "lxc.conf",
    "root-volume": "root.squashfs",
    volumes: ["own.bind"],
  },
  "web/src.json": { "#spec": "service-manifest-src@1" },
};

/** The state text with odd spaces, as some tools write: it must come back byte for byte. */
export function stateText(of: Files): string {
  const members = Object.entries(of).map(([key, value]) => {
    const shown = typeof value === "string" ? JSON.stringify(sha256(value)) : JSON.stringify(value, null, 1);
    return `${JSON.stringify(key)}:  ${shown}`;
  });
  return `{"#spec":"pantavisor-service-system@1",\n${members.join(",\n")}}\n`;
}

/** What the trail of `of` must hold, by path, `.pvr/config` apart. */
export function trailOf(of: Files): Readonly<Record<string, string>> {
  const keys = Object.entries(of).filter(([key]) => !key.startsWith("_sigs/") && key !== "web/src.json");
  return {
    ...Object.fromEntries(keys.map(([k, v]) => [k, typeof v === "string" ? v : JSON.stringify(v, null, 1)])),
    ".pvr/json": stateText(of),
    ".pv/pv-kernel.img": "kernel",
    ".pv/pv-initrd.img": "initrd",
    ".pv/pv-initrd.img.0": "addon",
  };
}

export const stateOf = (of: Files): State => must(parseState(stateText(of)));

export async function putObjects(root: string, of: Files): Promise<void> {
  const store = openStore(watchfulDisk(realDisk).disk, root); // real fsyncs would be most of the suite's time
  for (const bytes of Object.values(of)) {
    if (typeof bytes === "string") must(await putObject(store, sha256(bytes), stream(bytes)));
  }
}

export const read = (...path: readonly string[]): string => readFileSync(join(...path), "utf8");
export const inode = (...path: readonly string[]): number => lstatSync(join(...path)).ino;
export const links = (...path: readonly string[]): number => lstatSync(join(...path)).nlink;

/** Every file below a folder with its bytes; links as `-> target`. */
export function tree(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) found[path.slice(folder.length + 1)] = readFileSync(path, "utf8");
  }
  return found;
}
