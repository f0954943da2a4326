/** One boot of a simulated device: the shipping code on simulated disk, loader and clock; only containers are played. */

import type { Updates } from "../../runtime/boot/control-commands.ts";
import { type HubRevisions, openHubRevisions } from "../../runtime/boot/hub-revisions.ts";
import { keysOf, type LoadedRevision, loadRevision, openRevision, openStorage } from "../../runtime/boot/revision.ts";
import { updateRequests } from "../../runtime/boot/update-requests.ts";
import {
  type Goals,
  resumeUpdating,
  type Updating,
  type UpdatingPorts,
  withoutLoader,
} from "../../runtime/boot/updating.ts";
import { openLoader } from "../../runtime/loader/index.ts";
import { err, ok, type Result } from "../../runtime/result.ts";
import {
  type ContainerName,
  parseRevisionName,
  type RevisionName,
  type State,
  transition,
} from "../../runtime/state/index.ts";
import {
  type Disk,
  explainStore,
  finishRemovals,
  openStore,
  removeUnfinishedObjects,
  type Store,
  setCurrent,
} from "../../runtime/store/index.ts";
import { failure, type UpdateLimits } from "../../runtime/update/index.ts";
import { must } from "../store/world.ts";
import type { LoaderKind } from "./boot-loader.ts";
import { type Clock, virtualClock } from "./clock.ts";
import type { SimulatedHub } from "./hub.ts";
import type { Oracle } from "./oracle.ts";
import type { Power } from "./power.ts";
import { type Behaviour, ROOT } from "./releases.ts";
import type { Rng } from "./rng.ts";

const stableMs = 10 * 60_000;
export const limits: UpdateLimits = {
  commitDelayMs: 25_000,
  goalsMs: 10 * 60_000,
  contactMs: 120_000,
  retriesMax: 10,
};

export interface DeviceWorld {
  readonly disk: Disk;
  readonly power: Power;
  readonly rng: Rng;
  readonly kind: LoaderKind;
  readonly oracle: Oracle;
  /** How the containers of a revision behave now. */
  behaviour(rev: string): Behaviour;
  /** How likely freezing the disk takes minutes. */
  readonly slowSettles: number;
  readonly hub: SimulatedHub | null;
}

/** A device that is up, for its user. */
export interface Device {
  readonly clock: Clock;
  readonly store: Store;
  readonly updating: Updating;
  readonly updates: Updates;
  running(): RevisionName;
  /** As somebody asks for it who may. */
  reboot(): void;
}

const log = { fatal() {}, error() {}, warn() {}, info() {}, debug() {}, trace() {} };

/** Signatures have tests of their own. */
const accepts = () => ok(undefined);

/** Starts what the boot loader has chosen; null: it goes down again, or will in a moment. */
export async function bootDevice(
  world: DeviceWorld,
  rev: string,
  clock: Clock = virtualClock(),
): Promise<Device | null> {
  const { power, rng, kind, oracle } = world;
  const disk = slowed(world, clock);
  const store = openStore(disk, ROOT);
  const loader = oracle.watched(must(openLoader(kind, { disk, storage: ROOT })));
  const booted = must(parseRevisionName(rev));
  let goingDown = false;

  /** In order: what was written is durable. */
  function goDown(force: boolean): void {
    if (force) power.cut();
    if (force || goingDown) return;
    goingDown = true;
    if (rng.chance(0.02)) return; // hangs until it is forced
    clock.set(3_000, async () => {
      if (rng.chance(0.5)) await disk.settle("sim/unmount", ROOT);
      power.cut();
    });
  }

  const storage = await openStorage(store, booted);
  if (!storage.ok) return giveUp();
  await finishRemovals(store);
  await removeUnfinishedObjects(store);
  const revision = await loadRevision(storage.value, { useVerity: false, accepts });

  function giveUp(): null {
    oracle.saw("boot given up");
    clock.set(1_000, () => power.cut());
    return null;
  }

  let loaded: { readonly name: RevisionName; readonly state: State } | null = revision.ok ? revision.value : null;
  let revisions: HubRevisions | null = null;
  const scene = revision.ok ? played(world, clock, revision.value, () => updating) : null;
  const ports: UpdatingPorts = {
    store,
    loader,
    log,
    limits,
    now: clock.now,
    setTimer: clock.set,
    wallMs: () => 1_700_000_000_000 + clock.now(),
    reservedPercent: 5,
    keepFactory: true,
    collectBelowPercent: rng.chance(0.1) ? 99 : 0,
    useVerity: false,
    accepts,
    booted,
    onChange: () => revisions?.changed(),
    fetch: async (candidate) => revisions?.fetch(candidate) ?? oracle.violated("a local revision needs no source"),
    running: () => loaded ?? oracle.violated("an update begins before a revision runs"),
    revisionsInUse: () => new Set(loaded === null ? [] : [loaded.name]),
    lastLines: () => [],
    goals: () => scene?.goals() ?? { result: "pending", missing: [] },
    stability: () => ({ stable: scene?.isStable() ?? false, withinMs: stableMs }),
    swap: async (to) => {
      if (loaded === null || scene === null) return err("no revision runs");
      const swapped = await swap(loaded, to);
      if (swapped.ok) {
        loaded = to;
        oracle.saw("swap");
      }
      return swapped;
    },
    reboot: (_why, { force }) => goDown(force),
  };

  /** As boot/device.ts does it. */
  async function swap(from: { readonly state: State }, to: { readonly name: RevisionName; readonly state: State }) {
    const way = transition(from.state, to.state);
    if (way.kind === "reboot") return err(`revision ${to.name} needs a reboot`);
    const next = openRevision(store, to.name, to.state, false);
    for (const container of to.state.containers) {
      const good = way.affected.has(container.name) ? await next.prepare(container) : ok(undefined);
      if (!good.ok) return good;
    }
    const pointed = await setCurrent(store, to.name);
    if (!pointed.ok) return err(explainStore(pointed.error));
    scene?.play(next, way.affected, false);
    return ok(undefined);
  }

  const resumed = await resumeUpdating(ports);
  const updating: Updating = resumed.ok ? resumed.value : withoutLoader(ports);
  if (!resumed.ok) oracle.saw("boot without loader");
  oracle.look();
  const { phase, safe } = updating.view();
  if (safe) oracle.saw("safe mode");
  if (phase.at === "leaving") return null;
  if (!revision.ok) {
    if (phase.at !== "trying") return giveUp();
    updating.send({ kind: "damaged", failure: revision.error });
    return null;
  }
  scene?.play(revision.value, new Set(revision.value.state.containers.map(({ name }) => name)), safe);
  if (world.hub !== null) {
    const link = world.hub.link(clock, store, () => loaded?.name ?? booted);
    revisions = openHubRevisions({ ...ports, updating, say: link.say });
    link.begin(revisions.hear, revisions.begin);
    revisions.changed();
  }

  return {
    clock,
    store,
    updating,
    updates: updateRequests({ store, updating, booted, accepts, warn: () => {} }),
    running: () => loaded?.name ?? booted,
    reboot() {
      if (updating.view().phase.at !== "idle") return;
      void updating.work.well(loaded?.name ?? booted);
      goDown(false);
    },
  };
}

/** A card may need minutes to write what the kernel holds. */
function slowed({ disk, rng, slowSettles }: DeviceWorld, clock: Clock): Disk {
  return {
    ...disk,
    async settle(why, folder) {
      if (slowSettles > 0 && rng.chance(slowSettles)) await clock.sleep(1_000 * rng.below(6 * 60));
      return disk.settle(why, folder);
    },
  };
}

interface Scene {
  play(revision: LoadedRevision, affected: ReadonlySet<ContainerName>, safe: boolean): void;
  goals(): Goals;
  isStable(): boolean;
}

/** The containers of the running revision. */
function played(world: DeviceWorld, clock: Clock, first: LoadedRevision, updating: () => Updating): Scene {
  const { oracle, power } = world;
  let act = 0;
  let goals: Goals = { result: "pending", missing: [] };
  let stable = false;

  async function start(revision: LoadedRevision, affected: ReadonlySet<ContainerName>): Promise<Result<void, string>> {
    for (const container of revision.state.containers) {
      if (!affected.has(container.name)) continue;
      const good = await revision.prepare(container);
      if (!good.ok) return good;
      oracle.runs(revision.name, container.name);
    }
    return ok(undefined);
  }

  function fail(container: string, message: string): void {
    const why = { ...failure("containerFailed", message), container };
    updating().send({ kind: "containerFailed", failure: why, fatal: true });
  }

  let restChecked = false;
  function tell(result: "reached" | "missed", isStable: boolean): void {
    goals = { result, missing: result === "missed" ? ["web"] : [] };
    stable = isStable;
    updating().send({ kind: "goals", ...goals });
    if (stable) updating().send({ kind: "stable", stable: true, withinMs: stableMs });
    if (restChecked) return;
    restChecked = true;
    void first.check(keysOf(first.state, null)).then((good) => {
      if (!good.ok) updating().send({ kind: "damaged", failure: failure("badObject", good.error) });
    });
  }

  return {
    goals: () => goals,
    isStable: () => stable,
    play(revision, affected, safe) {
      act += 1;
      const mine = act;
      const later = (ms: number, happen: () => void): void => {
        clock.set(ms, () => {
          if (mine === act) happen();
        });
      };
      goals = { result: "pending", missing: [] };
      stable = false;
      if (safe) return later(1_000, () => tell("reached", true));
      void start(revision, affected).then((started) => {
        if (mine !== act) return;
        if (!started.ok) return fail("web", started.error);
        const script: Record<Behaviour, () => void> = {
          good: () => later(2_000, () => tell("reached", true)),
          late: () => {
            later(2_000, () => tell("reached", false));
            later(90_000, () => tell("reached", true));
          },
          misses: () => later(30_000, () => tell("missed", false)),
          silent: () => {},
          restless: () => later(2_000, () => tell("reached", false)),
          fails: () => later(8_000, () => fail("web", "web exited with code 1")),
          panics: () => later(8_000, () => power.cut()),
        };
        script[world.behaviour(revision.name)]();
      });
    },
  };
}
