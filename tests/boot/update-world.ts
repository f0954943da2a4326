/** A device's storage and boot loader in a folder, for the work of updates: the real store and driver, nothing that waits for a real disk. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type UpdateWorld, updateWork } from "../../runtime/boot/update-work.ts";
import { type Loader, openLoader } from "../../runtime/loader/index.ts";
import { ok } from "../../runtime/result.ts";
import type { RevisionName } from "../../runtime/state/index.ts";
import { type Disk, installRevision, openStore, realDisk, type Store } from "../../runtime/store/index.ts";
import type { Candidate } from "../../runtime/update/index.ts";
import { watchfulDisk } from "../store/disks.ts";
import { emptyFolder, type Files, files, must, putObjects, revision, stateOf } from "../store/world.ts";

/** The container `web` differs: a swap will do. */
export const changed: Files = { ...files, "web/root.squashfs": "another root of web" };
/** The base system differs: only a reboot will do. */
export const rebased: Files = { ...files, "bsp/kernel": "another kernel" };

export interface Device {
  readonly root: string;
  readonly store: Store;
  readonly loader: Loader;
  readonly work: ReturnType<typeof updateWork>;
  /** What changed on the disk or was asked of the loader, one after the other: `rename trails/0/.pv/done`, `loader.arm`. */
  readonly trace: string[];
  readonly logged: string[];
  /** Objects and trail of a revision, as if it had been installed. */
  install(rev: string, of: Files): Promise<void>;
  hasTrail(rev: string): boolean;
  hasStorage(rev: string): boolean;
}

export interface Options extends Partial<Omit<UpdateWorld, "store" | "loader" | "log">> {
  readonly type?: "grub" | "none";
  /** Takes the place of single calls of the disk, and of the loader. */
  readonly disk?: (disk: Disk, root: string) => Disk;
  readonly loader?: (loader: Loader) => Loader;
}

/** Revision 0 runs, made of {@link files}; the loader has never written its variables. */
export async function device({
  type = "grub",
  disk: ofDisk,
  loader: ofLoader,
  ...world
}: Options = {}): Promise<Device> {
  const root = emptyFolder();
  const trace: string[] = [];
  const watched = watchfulDisk(realDisk).disk;
  const disk = traced(ofDisk?.(watched, root) ?? watched, root, trace);
  const store = openStore(disk, root);
  const opened = must(openLoader(type, { disk, storage: root }));
  const loader = tracedLoader(ofLoader?.(opened) ?? opened, trace);
  const logged: string[] = [];
  const note = (message: string) => void logged.push(message);
  const install = async (rev: string, of: Files) => {
    await putObjects(root, of);
    must(await installRevision(store, revision(rev), stateOf(of)));
  };
  await install("0", files);
  trace.length = 0;
  const work = updateWork({
    store,
    loader,
    log: { fatal: note, error: note, warn: note, info: note, debug: note, trace: note },
    wallMs: () => 1_700_000_000_000,
    reservedPercent: 5,
    keepFactory: true,
    collectBelowPercent: 0,
    useVerity: false,
    accepts: () => ok(undefined),
    booted: revision("0"),
    running: () => ({ name: revision("0"), state: stateOf(files) }),
    revisionsInUse: () => new Set(),
    lastLines: () => [],
    ...world,
  });
  return {
    ...{ root, store, loader, work, trace, logged, install },
    hasTrail: (rev) => existsSync(join(root, "trails", rev)),
    hasStorage: (rev) => existsSync(join(root, "disks/rev", rev)),
  };
}

function traced(disk: Disk, root: string, trace: string[]): Disk {
  const note = (call: string, path: string) => void trace.push(`${call} ${path.slice(root.length + 1)}`);
  return {
    ...disk,
    rename(why, from, to) {
      note("rename", to);
      return disk.rename(why, from, to);
    },
    exchange(why, a, b) {
      note("exchange", b);
      return disk.exchange(why, a, b);
    },
    link(why, existing, path) {
      note("link", path);
      return disk.link(why, existing, path);
    },
    settle(why, folder) {
      note(why, folder);
      return disk.settle(why, folder);
    },
  };
}

function tracedLoader(loader: Loader, trace: string[]): Loader {
  return {
    ...loader,
    install(rev, state) {
      trace.push("loader.install");
      return loader.install(rev, state);
    },
  };
}

export const candidate = (rev: string, more: Partial<Candidate> = {}): Candidate => ({
  rev: revision(rev),
  origin: "local",
  wish: "run",
  retries: 0,
  ...more,
});

export const names = (...revs: readonly string[]): ReadonlySet<RevisionName> => new Set(revs.map(revision));
