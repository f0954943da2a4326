/** Small stories, each about one way to write something; the ways are given, good ones and bad ones. */
import { dirname } from "node:path";
import { invariant, ok } from "../../runtime/result.ts";
import {
  type Disk,
  type DiskResult,
  installRevision,
  newHashCache,
  openStore,
  putObject,
  validate,
} from "../../runtime/store/index.ts";
import { type Files, files, must, revision, sha256, stateOf, stateText, stream } from "../store/world.ts";
import type { Story, World } from "./campaign.ts";
import { type DiskImage, type SimulatedDisk, simulatedDisk } from "./disk.ts";
import { CUT, calm, Power } from "./power.ts";
import { newRng } from "./rng.ts";

/** A way to give a file new bytes. */
export type Save = (disk: Disk, path: string, bytes: Uint8Array) => DiskResult<void>;

const BOOTS = 3;
const SAVES = 5;
/** Some sectors. */
const FILE_BYTES_MAX = 2_000;

const encoder = new TextEncoder();
const hex = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString("hex"));
const short = (value: string | null): string =>
  value === null ? "nothing" : `${value.slice(0, 16)}… of ${value.length / 2}`;

function among(allowed: ReadonlySet<string | null>, found: Uint8Array | null, where: string): void {
  const has = hex(found);
  if (allowed.has(has)) return;
  throw new Error(`${where} has ${short(has)}, may have ${[...allowed].map(short).join(" or ")}`);
}

/** Contents of a disk with one file, at home. */
async function withFile(path: string, bytes: Uint8Array): Promise<DiskImage> {
  const rng = newRng(0);
  const made = simulatedDisk(rng, new Power(rng, calm), { at: dirname(path) });
  const disk = made.mount();
  const file = must(await disk.create("test", path, 0o644));
  must(await file.write(bytes));
  return made.image();
}

const PATH = "/storage/file";
const FIRST = encoder.encode("as it was delivered");
const delivered = await withFile(PATH, FIRST);

/** Reads what must be old or new, whole: as the machine itself finds it after a cut, or as its boot loader does. */
type Reader = "machine" | "loader";

/**
 * Saves one version after the other through cuts and errors. A version that was acknowledged is what is there after a cut; one that was
 * being saved may be.
 */
export const savesVersions =
  (save: Save, reader: Reader): Story =>
  async ({ rng, power }) => {
    const storage = simulatedDisk(rng.fork("storage"), power, { contents: delivered });
    const draw = rng.fork("versions");
    let allowed = new Set<string | null>([hex(FIRST)]);
    for (let boot = 0; boot < BOOTS; boot += 1) {
      const disk = storage.mount();
      const ended = await power.run(async () => {
        for (let count = 0; count < SAVES; count += 1) {
          const bytes = draw.bytes(1 + draw.below(FILE_BYTES_MAX));
          allowed.add(hex(bytes));
          const saved = await save(disk, PATH, bytes);
          if (saved.ok) allowed = new Set([hex(bytes)]);
          among(allowed, storage.peek(PATH), "a running machine");
        }
      });
      if (ended !== CUT) power.cut();
      if (reader === "loader") among(allowed, storage.loaderRead(PATH), "the boot loader");
      among(allowed, storage.peek(PATH), "what survived");
      allowed = new Set([hex(storage.peek(PATH))]);
    }
  };

/** Two facts that must change together, each time to the same number; `commit` writes both. */
export const commitsPairs =
  (commit: (disk: Disk, value: string) => DiskResult<void>, read: (of: SimulatedDisk) => readonly string[]): Story =>
  async ({ rng, power }) => {
    const storage = simulatedDisk(rng.fork("storage"), power, { contents: delivered });
    for (let boot = 0; boot < BOOTS; boot += 1) {
      const disk = storage.mount();
      const ended = await power.run(async () => {
        for (let count = 0; count < SAVES; count += 1) await commit(disk, `${boot}.${count}`);
      });
      if (ended !== CUT) power.cut();
      const values = read(storage);
      if (new Set(values).size > 1) throw new Error(`only part was committed: ${values.join(", ")}`);
    }
  };

const ROOT = "/storage";

/** Objects arrive; under an object's name there are its bytes or nothing, and its bytes once that was acknowledged. */
export const putsObjects: Story = async ({ rng, power }) => {
  const storage = simulatedDisk(rng.fork("storage"), power, { contents: delivered });
  const draw = rng.fork("objects");
  const objects = Array.from({ length: 4 }, () => draw.bytes(draw.below(FILE_BYTES_MAX)));
  const kept = new Set<Uint8Array>();
  for (let boot = 0; boot < BOOTS; boot += 1) {
    const store = openStore(storage.mount(), ROOT);
    const ended = await power.run(async () => {
      for (const bytes of objects) {
        const half = bytes.byteLength >> 1;
        const put = await putObject(store, sha256(bytes), stream(bytes.subarray(0, half), bytes.subarray(half)));
        if (put.ok) kept.add(bytes);
      }
    });
    if (ended !== CUT) power.cut();
    for (const bytes of objects) {
      const allowed = new Set(kept.has(bytes) ? [hex(bytes)] : [hex(bytes), null]);
      among(allowed, storage.peek(`${ROOT}/objects/${sha256(bytes)}`), "an object");
    }
  }
};

const rev = revision("7");
const state = stateOf(files);

/** What the trail of `of` must hold, by path; `.pvr/config` apart. */
function trailOf(of: Files): Readonly<Record<string, string>> {
  const keys = Object.entries(of).filter(([key]) => !key.startsWith("_sigs/") && key !== "web/src.json");
  return {
    ...Object.fromEntries(keys.map(([k, v]) => [k, typeof v === "string" ? v : JSON.stringify(v, null, 1)])),
    ".pvr/json": stateText(of),
    ".pv/pv-kernel.img": "kernel",
    ".pv/pv-initrd.img": "initrd",
    ".pv/pv-initrd.img.0": "addon",
  };
}
const trail = Object.entries(trailOf(files)).map(([key, content]) => ({
  path: `${ROOT}/trails/7/${key}`,
  bytes: hex(encoder.encode(content)),
}));

async function stocked(): Promise<DiskImage> {
  const rng = newRng(0);
  const made = simulatedDisk(rng, new Power(rng, calm), { at: ROOT });
  const disk = made.mount();
  for (const bytes of Object.values(files)) {
    if (typeof bytes === "string") must(await putObject(openStore(disk, ROOT), sha256(bytes), stream(bytes)));
  }
  return made.image();
}
const withObjects = await stocked();

/** A revision is installed through cuts and errors: no file is ever wrong, it is whole once acknowledged, and a last run completes it. */
export const installs: Story = async (world) => {
  const { power } = world;
  const storage = simulatedDisk(world.rng.fork("storage"), power, { contents: withObjects });
  let whole = false;
  for (let boot = 0; boot < BOOTS; boot += 1) {
    whole = await installOnce(world, storage, whole);
  }
  power.calm();
  whole = await installOnce(world, storage, whole);
  invariant(whole, "without accidents an installation succeeds");
  const store = openStore(storage.mount(), ROOT);
  const { problems, mended } = await validate(store, rev, state, { trustVerity: false, hashes: newHashCache() });
  if (problems.length + mended.length > 0) throw new Error(JSON.stringify({ problems, mended }));
};

async function installOnce({ power }: World, storage: SimulatedDisk, before: boolean): Promise<boolean> {
  let whole = before;
  const store = openStore(storage.mount(), ROOT);
  const ended = await power.run(async () => {
    const installed = await installRevision(store, rev, state);
    if (installed.ok) whole = true;
  });
  if (ended !== CUT) power.cut();
  for (const { path, bytes } of trail) among(new Set(whole ? [bytes] : [bytes, null]), storage.peek(path), path);
  return whole;
}

/** Makes a file anew, whatever was there: a step of ways to write that are not the store's. */
export async function writeNew(disk: Disk, path: string, bytes: Uint8Array, fsync: boolean): DiskResult<void> {
  const gone = await disk.unlink("test", path);
  if (!gone.ok && gone.error.kind !== "missing") return gone;
  const file = await disk.create("test", path, 0o644);
  if (!file.ok) return file;
  const written = await file.value.write(bytes);
  const synced = written.ok && fsync ? await file.value.fsync() : written;
  const closed = await file.value.close();
  return synced.ok ? closed : synced;
}

/** Runs steps up to the first that fails. */
export async function inTurn(...steps: readonly (() => DiskResult<void>)[]): DiskResult<void> {
  for (const step of steps) {
    const done = await step();
    if (!done.ok) return done;
  }
  return ok(undefined);
}
