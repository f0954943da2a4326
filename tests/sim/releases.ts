/** What revisions of a simulated device contain, and how their containers behave. */
import { openStorage } from "../../runtime/boot/revision.ts";
import { type Digest, factory, type State } from "../../runtime/state/index.ts";
import { installRevision, openStore, putObject } from "../../runtime/store/index.ts";
import { type Files, must, sha256, stateOf, stateText, stream } from "../store/world.ts";
import { type DiskImage, simulatedDisk } from "./disk.ts";
import { calm, Power } from "./power.ts";
import { newRng } from "./rng.ts";

/**
 * `good` reaches its goals; `late` is stable long after that. `misses` a goal, `silent` says nothing of it, `restless` is never stable,
 * `fails` by a container that ends, `panics` by an end of process 1.
 */
export type Behaviour = "good" | "late" | "misses" | "silent" | "restless" | "fails" | "panics";

export interface Release {
  readonly text: string;
  readonly state: State;
  /** Every file of a trail by its key. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly objects: ReadonlyMap<Digest, Uint8Array>;
  readonly behaviour: Behaviour;
  /** From this boot of it on, after it was committed, it is what it `becomes`; null: never. */
  readonly wearsOut: { readonly afterBoots: number; readonly becomes: Behaviour } | null;
}

/** More than a sector, so that it can be torn. */
const LONG = 700;

function filesOf(kernel: string, web: string, db: string | null): Files {
  const container = (name: string, root: string): Files => ({
    [`${name}/lxc.conf`]: "configuration that both share",
    [`${name}/root.squashfs`]: root,
    [`${name}/run.json`]: { name, type: "lxc", group: "app", config: "lxc.conf", "root-volume": "root.squashfs" },
  });
  return {
    "bsp/initrd.cpio": "initramfs",
    "bsp/kernel": `kernel ${kernel}`,
    "bsp/run.json": { linux: "kernel", initrd: "initrd.cpio" },
    ...(db === null ? {} : container("db", `root of db ${db}`)),
    ...container("web", `root of web ${web}`.padEnd(LONG, ".")),
  };
}

const encoder = new TextEncoder();

function release(of: Files, behaviour: Behaviour, wearsOut: Release["wearsOut"] = null): Release {
  const [text, state] = [stateText(of), stateOf(of)];
  const objects = Object.values(of).flatMap((bytes) => (typeof bytes === "string" ? [encoder.encode(bytes)] : []));
  const entries = state.entries.filter(({ kind }) => kind !== "spec");
  const files = entries.map(({ key, slice }) => {
    const content = of[key];
    return [key, encoder.encode(typeof content === "string" ? content : text.slice(slice.start, slice.end))] as const;
  });
  return {
    text,
    state,
    files: new Map(files),
    objects: new Map(objects.map((bytes) => [sha256(bytes), bytes])),
    behaviour,
    wearsOut,
  };
}

export const factoryRelease = release(filesOf("of the factory", "of the factory", null), "good");

const behaviours: readonly (readonly [Behaviour, Release["wearsOut"]])[] = [
  ["good", null],
  ["late", null],
  ["misses", null],
  ["silent", null],
  ["restless", null],
  ["fails", null],
  ["panics", null],
  ["good", { afterBoots: 1, becomes: "panics" }],
  ["good", { afterBoots: 2, becomes: "fails" }],
  ["good", { afterBoots: 0, becomes: "fails" }],
  ["late", { afterBoots: 0, becomes: "panics" }],
];

/** With the kernel of the factory a change is exchanged without a reboot; with another one it is not. */
export const releases: readonly Release[] = behaviours.flatMap(([behaviour, wearsOut], at) =>
  ["of the factory", "new"].flatMap((kernel) =>
    [null, "1"].map((db) => release(filesOf(kernel, `${behaviour} ${at}`, db), behaviour, wearsOut)),
  ),
);

export const goodReleases = releases.filter(({ behaviour, wearsOut }) => behaviour === "good" && wearsOut === null);

/** What an accident-free story ends with. */
export const lastRelease = release(filesOf("new", "the last", "1"), "good");

const byText = new Map([...releases, factoryRelease, lastRelease].map((each) => [each.text, each]));
export const releaseOf = (text: Uint8Array | null): Release | null =>
  text === null ? null : (byText.get(new TextDecoder().decode(text)) ?? null);

export const ROOT = "/storage";

/** A device as it leaves its factory, and booted once. */
async function delivered(): Promise<DiskImage> {
  const rng = newRng(0);
  const made = simulatedDisk(rng, new Power(rng, calm), { at: ROOT });
  const store = openStore(made.mount(), ROOT);
  for (const [digest, bytes] of factoryRelease.objects) must(await putObject(store, digest, stream(bytes)));
  must(await installRevision(store, factory, factoryRelease.state));
  must(await openStorage(store, factory));
  return made.image();
}

export const deliveredDevice = await delivered();
