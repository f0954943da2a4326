import { type Digest, limits, parseState, type State, wantedObjects } from "../../state/index.ts";
import { type Disk, explainDiskError, readFile } from "../../store/index.ts";
import type { HubDatabase } from "../database/index.ts";
import type { HubObjects } from "../objects/index.ts";
import type { Parcels } from "../parcels/index.ts";
import { EVERY_DEVICE } from "./desired.ts";

/** What a revision costs each of so many devices, which run the same one. */
export interface Cost {
  /** What these devices run; null: it is not here, so that nothing can be made from it, or they have never reported. */
  readonly running: Digest | null;
  readonly devices: number;
  /** Parcels that such a device fetches, without what carries them; null: they are being made. */
  readonly bytes: number | null;
  /** Of these, objects that come whole, as nothing that the devices have and the hub has is like them. */
  readonly wholeBytes: number | null;
}

export interface CostsPorts {
  readonly disk: Disk;
  readonly database: Pick<HubDatabase, "releases" | "revisions">;
  readonly objects: Pick<HubObjects, "file">;
  readonly parcels: Pick<Parcels, "choose">;
}

export interface Costs {
  /**
   * What a release of the revision to a tag would cost, most devices first. The patches are made for that, which may take minutes: who asks
   * again gets what has been made meanwhile, and devices find them made.
   */
  of(revision: Digest, tag: string): Promise<readonly Cost[]>;
}

const WAIT_MS = 5_000;
const WHY = "tell what a revision costs";

export const openCosts = (ports: CostsPorts): Costs => ({ of: (revision, tag) => costsOf(ports, revision, tag) });

async function costsOf(ports: CostsPorts, revision: Digest, tag: string): Promise<readonly Cost[]> {
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(() => late.resolve(null), WAIT_MS);
  const costs: Cost[] = [];
  for (const [prefix, devices] of await devicesByState(ports, tag)) {
    const [running] = prefix === null ? [] : await ports.database.revisions.find(prefix);
    const price = await Promise.race([late.promise, priceOf(ports, revision, running?.digest ?? null)]);
    costs.push({
      running: running?.digest ?? null,
      devices,
      bytes: price?.bytes ?? null,
      wholeBytes: price?.wholeBytes ?? null,
    });
  }
  clearTimeout(timer);
  return costs.toSorted((a, b) => b.devices - a.devices);
}

/** Devices with the tag, counted by the first digits of the state that they report; null: they have reported none. */
async function devicesByState({ database }: CostsPorts, tag: string): Promise<ReadonlyMap<string | null, number>> {
  const counts = new Map<string | null, number>();
  for (const { tags, report } of await database.releases.standings(null)) {
    if (tag !== EVERY_DEVICE && !tags.includes(tag)) continue;
    const said: { readonly state?: unknown } = report === null ? {} : JSON.parse(report);
    const prefix = typeof said.state === "string" ? said.state : null;
    counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
  }
  return counts;
}

/** Null: some of it could not be made yet. */
async function priceOf(
  ports: CostsPorts,
  revision: Digest,
  running: Digest | null,
): Promise<Pick<Cost, "bytes" | "wholeBytes"> | null> {
  if (running === revision) return { bytes: 0, wholeBytes: 0 };
  const state = await readState(ports, revision);
  const there = running === null ? null : await readState(ports, running);
  if (state === null) return null;
  const has = new Set(there === null ? [] : wantedObjects(there, null).map(({ digest }) => digest));
  const wanted = [
    { digest: revision, candidates: running === null ? [] : [running] },
    ...wantedObjects(state, there).filter(({ digest }) => !has.has(digest)),
  ];
  let [bytes, wholeBytes] = [0, 0];
  for (const { digest, candidates } of wanted) {
    const parcel = await ports.parcels.choose(digest, candidates, null);
    if (parcel === "noObject" || parcel === "notMade") return null;
    bytes += parcel.bytes;
    wholeBytes += parcel.base === null ? parcel.bytes : 0;
  }
  return { bytes, wholeBytes };
}

/** Null: it is not here any more. */
async function readState({ disk, objects }: CostsPorts, digest: Digest): Promise<State | null> {
  const path = await objects.file(digest);
  if (path === null) return null;
  const bytes = await readFile(disk, WHY, path, limits.stateBytesMax);
  if (!bytes.ok) throw new Error(explainDiskError(bytes.error));
  const state = bytes.value === null ? null : parseState(bytes.value);
  return state?.ok === true ? state.value : null;
}
