/** A hub and the links to it, as a simulated device meets them: it wants revisions, takes its time, and is not always there. */
import type { HubWish } from "../../runtime/boot/hub-revisions.ts";
import type { ToLink } from "../../runtime/fleet/pipe/index.ts";
import { putObject, type Store } from "../../runtime/store/index.ts";
import { revision, sha256, stream } from "../store/world.ts";
import type { Clock } from "./clock.ts";
import type { Oracle } from "./oracle.ts";
import { type Release, releases } from "./releases.ts";
import type { Rng } from "./rng.ts";

type Message<K extends ToLink["kind"]> = Extract<ToLink, { kind: K }>;

interface Wanted {
  readonly rev: string;
  readonly release: Release;
}

/** As many as the oracle looks at. */
export const HUB_REVISIONS = ["1", "2", "3"];

export class SimulatedHub {
  /** By revision, as the device told it. */
  readonly verdicts = new Map<string, string>();
  /** Revisions from which it was heard. */
  readonly heardFrom = new Set<string>();
  #wanted: Wanted | null = null;
  #tell = (): void => {};
  #nice = false;

  constructor(
    private readonly rng: Rng,
    private readonly oracle: Oracle,
  ) {}

  get wanted(): Wanted | null {
    return this.#wanted;
  }

  /** Another revision from now on, under the next number. */
  wants(): void {
    const rev = HUB_REVISIONS[HUB_REVISIONS.indexOf(this.#wanted?.rev ?? "") + 1];
    if (rev === undefined) return;
    this.#wanted = { rev, release: this.rng.pick(releases) };
    this.oracle.askedFor(rev);
    this.#tell();
  }

  /** From now on everything it is asked for comes, and every call is answered. */
  calm(): void {
    this.#nice = true;
  }

  private fails(probability: number): boolean {
    return this.rng.chance(probability) && !this.#nice;
  }

  /** The link of one boot. */
  link(
    clock: Clock,
    store: Store,
    running: () => string,
  ): { begin(hear: (message: HubWish) => void, again: () => void): void; say(message: ToLink): void } {
    const { rng, verdicts } = this;
    const reachable = !this.fails(0.1);
    let hear = (_: HubWish): void => {};
    let again = (): void => {};
    let room: ((enough: boolean) => void) | null = null;
    /** Grows when a fetch is called off, or the link ends: what is under way is nobody's then. */
    let epoch = 0;
    let waits = false;

    const wanted = async (): Promise<void> => {
      const it = this.#wanted;
      if (it === null || !reachable) return;
      if (verdicts.has(it.rev) && rng.chance(0.7)) return; // or it had no time to note that
      const state = sha256(it.release.text);
      const put = await putObject(store, state, stream(it.release.text));
      if (!put.ok) return void clock.set(60_000, () => void wanted());
      hear({ kind: "desired", rev: revision(it.rev), state });
    };
    const soon = (): void => void clock.set(rng.below(10_000), () => void wanted());

    const fetch = async ({ rev, objects }: Message<"fetch">): Promise<void> => {
      const mine = ++epoch;
      const end = (failure: Extract<HubWish, { kind: "fetched" }>["failure"]): void => {
        if (mine === epoch) hear({ kind: "fetched", rev, failure });
      };
      for (const { digest } of objects) {
        await clock.sleep(rng.below(20_000));
        if (mine !== epoch) return;
        if (rng.chance(0.05)) {
          epoch += 1;
          return void clock.set(5_000, again); // it was killed, and has started again; that can happen to anybody
        }
        const bytes = this.#wanted?.release.objects.get(digest);
        if (bytes === undefined || this.fails(0.02))
          return end({ reason: "objectMissing", message: "the hub has not got it" });
        const bounded = { expectedBytes: bytes.length, reservedPercent: 5 };
        let put = await putObject(store, digest, stream(bytes), bounded);
        if (!put.ok && put.error.kind === "noSpace") {
          hear({ kind: "needRoom", bytes: bytes.length });
          const enough = await new Promise<boolean>((resolve) => {
            room = resolve;
          });
          if (enough) put = await putObject(store, digest, stream(bytes), bounded);
        }
        if (!put.ok)
          return end({ reason: put.error.kind === "noSpace" ? "noSpace" : "installFailed", message: put.error.kind });
      }
      this.oracle.saw("fetched from a hub");
      end(null);
    };

    const trial = (): void => {
      // Not from this boot, or not from this revision, which breaks the network.
      if (!reachable || this.fails(0.1)) this.oracle.saw("trial without a hub");
      else
        clock.set(rng.below(30_000), () => {
          if (!waits) return;
          this.heardFrom.add(running());
          hear({ kind: "contact" });
        });
    };

    return {
      begin: (hears, starts) => {
        [hear, again] = [hears, starts];
        this.#tell = soon;
        soon();
      },
      say(message) {
        switch (message.kind) {
          case "fetch":
            return void fetch(message);
          case "stopFetch":
            epoch += 1;
            return;
          case "room":
            return room?.(message.enough);
          case "trial":
            waits = message.waits;
            return waits ? trial() : undefined;
          case "progress":
            if (["done", "error", "wontgo"].includes(message.phase)) verdicts.set(message.rev, message.phase);
            return;
          default:
            return;
        }
      },
    };
  }
}
