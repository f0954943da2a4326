/** Whoever uses a simulated device, over its control API. */
import { putObject } from "../../runtime/store/index.ts";
import { revision, stream } from "../store/world.ts";
import type { Device } from "./device.ts";
import type { SimulatedHub } from "./hub.ts";
import type { Oracle } from "./oracle.ts";
import type { Power } from "./power.ts";
import { type Release, ROOT, releases } from "./releases.ts";
import type { Rng } from "./rng.ts";

type Run = "LOCAL_RUN" | "LOCAL_RUN_COMMIT";

/** What becomes of the last object on the way: it is sent, forgotten, or another program puts wrong bytes in its place. */
type Odd = "sent" | "forgotten" | "forged";

export type Wish =
  | {
      readonly kind: "offer";
      readonly name: string;
      readonly release: Release;
      readonly run: Run;
      /** What becomes of one of the objects on the way: it is sent, forgotten, or another program puts wrong bytes in its place. */
      readonly odd: Odd;
    }
  | { readonly kind: "again"; readonly name: string; readonly run: Run }
  | { readonly kind: "collect" | "reboot" | "pull" | "factory" | "nothing" }
  /** The hub wants another revision. */
  | { readonly kind: "desired" }
  /** A container writes so much. */
  | { readonly kind: "fill"; readonly bytes: number };

export interface PlannedWish {
  readonly wish: Wish;
  /** Until the next one. */
  readonly pauseMs: number;
}

const NAMES = ["locals/a", "locals/b", "locals/c"];
const PAUSES_MS = [100, 1_000, 5_000, 20_000, 45_000, 45_000, 200_000, 200_000, 1_500_000];

function wish(rng: Rng, capacityBytes: number): Wish {
  const run: Run = rng.chance(0.3) ? "LOCAL_RUN_COMMIT" : "LOCAL_RUN";
  const drawn = rng.unit();
  if (drawn < 0.6) {
    return {
      kind: "offer",
      name: rng.pick(NAMES),
      release: rng.pick(releases),
      run,
      odd: rng.chance(0.92) ? "sent" : rng.pick(["forgotten", "forged"] as const),
    };
  }
  if (drawn < 0.75) return { kind: "again", name: rng.pick(["0", ...NAMES]), run };
  if (drawn < 0.82) return { kind: "collect" };
  if (drawn < 0.89) return { kind: "reboot" };
  if (drawn < 0.93) return { kind: "pull" };
  if (drawn < 0.96) return { kind: "factory" };
  if (drawn < 0.98) return { kind: "fill", bytes: rng.below(Math.min(capacityBytes, 200_000)) };
  return { kind: "nothing" };
}

export const wishes = (rng: Rng, count: number, capacityBytes: number): readonly PlannedWish[] =>
  Array.from({ length: count }, () => ({ wish: wish(rng, capacityBytes), pauseMs: rng.pick(PAUSES_MS) }));

/** With a hub, too: most of what happens is its wish. */
export const hubWishes = (rng: Rng, count: number, capacityBytes: number): readonly PlannedWish[] =>
  wishes(rng, count, capacityBytes).map((planned) =>
    rng.chance(0.6) ? { ...planned, wish: { kind: "desired" } } : planned,
  );

const encoder = new TextEncoder();

/** As a program that writes into the storage by itself, and badly. */
async function forge({ store: { disk } }: Device, digest: string): Promise<void> {
  const made = await disk.create("sim/forge", `${ROOT}/objects/${digest}`, 0o644);
  if (!made.ok) return;
  await made.value.write(encoder.encode("something else"));
  await made.value.fsync();
  await made.value.close();
}

/** The value: null, or why the device would not. */
export async function offer(
  device: Device,
  oracle: Oracle,
  { name, release, run, odd }: Omit<Extract<Wish, { kind: "offer" }>, "kind">,
): Promise<string | null> {
  const { store, updates } = device;
  const last = [...release.objects.keys()].at(-1);
  for (const [digest, bytes] of release.objects) {
    if (digest === last && odd === "forged") await forge(device, digest);
    if (digest === last && odd !== "sent") continue;
    const put = await putObject(store, digest, stream(bytes), { reservedPercent: 5 });
    if (!put.ok) return put.error.kind;
  }
  oracle.askedFor(name);
  const put = await updates.put(revision(name), encoder.encode(release.text));
  return put.ok ? runAgain(device, oracle, name, run) : put.error.why;
}

async function runAgain({ updates }: Device, oracle: Oracle, name: string, run: Run): Promise<string | null> {
  oracle.askedFor(name);
  const answer = await updates.command(run, name);
  if (answer.kind === "accepted") oracle.saw("offer accepted");
  return answer.kind === "accepted" ? null : "why" in answer ? answer.why : answer.kind;
}

async function fill({ store: { disk } }: Device, bytes: number): Promise<void> {
  const made = await disk.create("sim/fill", `${ROOT}/disks/perm/filled`, 0o644);
  if (!made.ok) return;
  await made.value.write(new Uint8Array(bytes));
  await made.value.close();
}

export const empty = ({ store: { disk } }: Device) => disk.unlink("sim/fill", `${ROOT}/disks/perm/filled`);

export async function fulfil(
  device: Device,
  hub: SimulatedHub | null,
  oracle: Oracle,
  power: Power,
  wanted: Wish,
): Promise<void> {
  switch (wanted.kind) {
    case "offer":
      return void (await offer(device, oracle, wanted));
    case "again":
      return void (await runAgain(device, oracle, wanted.name, wanted.run));
    case "collect":
      return void (await device.updates.collectGarbage());
    case "reboot":
      return device.reboot();
    case "pull":
      return power.cut();
    case "factory":
      oracle.remakesFactory();
      return void (await device.updates.command("MAKE_FACTORY", ""));
    case "fill":
      return fill(device, wanted.bytes);
    case "desired":
      return hub?.wants();
    case "nothing":
      return;
  }
}
