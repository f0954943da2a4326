/** The life of a device with updates and accidents; then the accidents stop, and it must come to rest and take one more update. */

import { isLocal } from "../../runtime/state/index.ts";
import { bootLoader } from "./boot-loader.ts";
import type { Story, World } from "./campaign.ts";
import { type Clock, drained, virtualClock } from "./clock.ts";
import { bootDevice, type Device } from "./device.ts";
import { simulatedDisk } from "./disk.ts";
import { SimulatedHub } from "./hub.ts";
import { Oracle, type Sightings } from "./oracle.ts";
import { CUT, type Rates } from "./power.ts";
import { type Behaviour, deliveredDevice, lastRelease, ROOT } from "./releases.ts";
import { empty, fulfil, hubWishes, offer, wishes } from "./user.ts";

export const updateRates: Rates = { cut: 0.0025, noSpace: 0.0005, io: 0.001 };

const GIB = 2 ** 30;
/** Room for what the estimate of an update wants, and some revisions of ours. */
const TIGHT_BYTES = 480_000;
const WISHES_MAX = 3;
/** A revision that crashes takes five boots to be gone back from, and may have been gone back to itself. */
const BOOTS_MAX = 60;
const RESTING_BOOTS_MAX = 25;
const LAST = "locals/last";
/** What a device at rest has no record of. */
const UNDER_WAY = new Set(["QUEUED", "DOWNLOADING", "INPROGRESS", "TESTING"]);
/** How many stories end with one more update. */
const LAST_UPDATES = 0.3;
/** Of one boot. Nothing of ours waits longer than the goals and the stability of a trial together. */
const BOOT_MS_MAX = 4 * 3600_000;

export const sightings: Sightings = new Map();

/** What the runtime threw and nobody caught: on a device it would be the end of process 1. */
const stray: unknown[] = [];
process.on("unhandledRejection", (error) => void stray.push(error));

/** Its user is somebody who stands beside it. */
export const updateStory: Story = (world) => lifeOf(world, false);
/** A hub has wishes, too. */
export const hubStory: Story = (world) => lifeOf(world, true);

async function lifeOf({ rng, power }: World, isInFleet: boolean): Promise<void> {
  const draw = rng.fork("story");
  const kind = draw.chance(0.15) ? "uboot" : "grub"; // its environment is 64 KiB long, which takes time
  const capacityBytes = draw.chance(0.15) ? TIGHT_BYTES : GIB;
  const storage = simulatedDisk(rng.fork("storage"), power, { contents: deliveredDevice, capacityBytes, at: ROOT });
  const loader = bootLoader(kind, storage, power, rng.fork("loader"));
  const plan = (isInFleet ? hubWishes : wishes)(rng.fork("user"), 1 + draw.below(WISHES_MAX), capacityBytes);
  const device = rng.fork("device");
  const slowSettles = draw.chance(0.1) ? 0.1 : 0;
  stray.length = 0;
  power.cut(); // as if it had been switched off
  const oracle = new Oracle(storage, kind, sightings);
  const hub = isInFleet ? new SimulatedHub(rng.fork("hub"), oracle) : null;
  const bootsOf = new Map<string, number>();
  let thrown: unknown = null;
  const violation = (): unknown => oracle.violation ?? thrown ?? stray.splice(0)[0] ?? null;

  function behaviour(rev: string): Behaviour {
    const release = oracle.release(rev);
    if (release === null) return "silent";
    const { wearsOut } = release;
    return wearsOut !== null && (bootsOf.get(rev) ?? 0) > wearsOut.afterBoots ? wearsOut.becomes : release.behaviour;
  }

  /** Until the power goes (null), all is quiet or `done`; `begin` is what happens in this time. */
  async function live<T>(
    clock: Clock,
    begin: () => Promise<T>,
    done = (): boolean => false,
  ): Promise<{ value: T | null } | null> {
    const { boot } = power;
    let value: T | null = null;
    const ended = await power.run(async () => {
      begin()
        .then((came) => {
          value = came;
        })
        .catch((error: unknown) => {
          if (power.boot === boot) thrown ??= error;
        });
      for (;;) {
        await drained();
        if (thrown !== null || oracle.violation !== null || stray.length > 0 || power.boot !== boot || done()) return;
        if (clock.now() > BOOT_MS_MAX) throw new Error("a boot goes on and on");
        if (!clock.next()) return;
      }
    });
    const violated = violation();
    if (violated !== null) throw violated;
    return ended === CUT ? null : { value };
  }

  /** Not while the machine lives: the power may go in it, too. */
  const chosen = (): string => oracle.started(loader.choose()).rev;

  async function boot(rev: string, clock: Clock, calm: boolean): Promise<Device | null> {
    const disk = storage.mount();
    oracle.mounted();
    if (rev === oracle.environment().committed) bootsOf.set(rev, (bootsOf.get(rev) ?? 0) + 1);
    return bootDevice(
      { disk, power, rng: device, kind, oracle, behaviour, slowSettles: calm ? 0 : slowSettles, hub },
      rev,
      clock,
    );
  }

  let fulfilled = 0;
  const spent = (): boolean => fulfilled === plan.length;
  for (let boots = 0; !spent() && boots < BOOTS_MAX; boots += 1) {
    const [rev, clock] = [chosen(), virtualClock()];
    const lived = await live(
      clock,
      async () => {
        const up = await boot(rev, clock, false);
        for (let next = plan[fulfilled]; up !== null && next !== undefined; next = plan[fulfilled]) {
          fulfilled += 1;
          await fulfil(up, hub, oracle, power, next.wish);
          oracle.look();
          await clock.sleep(next.pauseMs);
        }
      },
      spent,
    );
    if (lived !== null && !spent()) throw new Error("a device stands still");
  }

  power.calm();
  hub?.calm();
  power.cut();

  /** A device that is up, with nothing left to happen. */
  async function rest(): Promise<Device> {
    for (let boots = 0; boots < RESTING_BOOTS_MAX; boots += 1) {
      const [rev, clock] = [chosen(), virtualClock()];
      const lived = await live(clock, () => boot(rev, clock, true));
      if (lived === null) continue;
      const up = lived.value ?? oracle.violated("a device stands still");
      oracle.look();
      const { phase } = up.updating.view();
      const { committed, trial } = oracle.environment();
      if (phase.at !== "idle") oracle.violated(`it stays ${phase.at}`);
      if (trial !== "") oracle.violated(`${trial} stays on trial`);
      const status = oracle.status(committed);
      if (up.running() === committed && !["DONE", "ERROR", "WONTGO"].includes(status ?? ""))
        oracle.violated(`${committed} is committed, runs, and is ${status}`);
      // A record that a failing disk did not take may stay behind.
      for (const rev of power.struck.every(({ kind: accident }) => accident === "cut") ? oracle.revisions() : [])
        if (UNDER_WAY.has(oracle.status(rev) ?? "") && rev !== hub?.wanted?.rev)
          oracle.violated(`${rev} stays ${oracle.status(rev)}, and nothing is done about it`);
      if (up.running() === committed) return up;
      if (oracle.status(up.running()) !== "DONE")
        oracle.violated(`${up.running()} runs, and neither is nor was committed`);
      power.cut(); // the boot loader read what was not at home yet: now it is
    }
    return oracle.violated(`it does not come to rest within ${RESTING_BOOTS_MAX} boots`);
  }

  const rested = await rest();
  const { safe } = rested.updating.view();
  const runs = behaviour(rested.running());
  if (!safe && runs !== "good" && runs !== "late") oracle.violated(`${rested.running()} runs, and ${runs}`);
  if (hub !== null && hub.wanted !== null && !isLocal(rested.running())) {
    const verdict = hub.verdicts.get(hub.wanted.rev);
    oracle.saw(`hub hears ${verdict}`);
    if (verdict === undefined) oracle.violated(`the hub never heard what became of ${hub.wanted.rev}`);
    const status = oracle.status(hub.wanted.rev); // null: removed since
    if (status !== null && (verdict === "done") !== (status === "DONE"))
      oracle.violated(`the hub heard ${verdict} of ${hub.wanted.rev}, which is ${status}`);
    if (verdict === "done" && !hub.heardFrom.has(hub.wanted.rev))
      oracle.violated(`${hub.wanted.rev} was committed, and never heard of the hub`);
  }
  if (!draw.chance(LAST_UPDATES)) return;
  const said = await live(rested.clock, async () => {
    await empty(rested);
    if (capacityBytes < GIB) await rested.updates.collectGarbage();
    const run = draw.pick(["LOCAL_RUN", "LOCAL_RUN_COMMIT"] as const);
    return offer(rested, oracle, { name: LAST, release: lastRelease, run, odd: "sent" });
  });
  if (said !== null && said.value !== null) oracle.violated(`the last update is refused: ${said.value}`);
  if (said !== null) power.cut();
  const last = await rest();
  if (last.running() !== LAST) oracle.violated(`the last update is ${oracle.status(LAST)}, ${last.running()} runs`);
  if (oracle.status(LAST) !== "DONE") oracle.violated(`the last update is committed and ${oracle.status(LAST)}`);
}
