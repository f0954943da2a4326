import type { DeviceId, FleetName } from "../../fleet/terms/index.ts";
import { encodeDesired } from "../../fleet/wire/index.ts";
import { err, ok, type Result } from "../../result.ts";
import type { Digest } from "../../state/index.ts";
import type { HubDatabase, KeptOrder, NewOrder, Release, Tally } from "../database/index.ts";
import { isTag } from "../registry/index.ts";
import type { OrderSigner } from "../signing/index.ts";
import { type Decision, decide } from "./desired.ts";

export interface ReleasesPorts {
  readonly database: Pick<HubDatabase, "releases" | "revisions">;
  readonly fleet: FleetName;
  readonly signer: Pick<OrderSigner, "seal">;
  /** Milliseconds since 1970. */
  now(): number;
  /** There is something to publish. */
  publish(): void;
  /** What failed is done again in a while. */
  again(act: () => Promise<void>): void;
  log(line: string): void;
}

export interface ReleaseWish {
  readonly revision: Digest;
  readonly tag: string;
  readonly policy: Release["policy"];
  readonly expiryMs: number | null;
}

export type ReleaseFault =
  | { readonly kind: "tag"; readonly tag: string }
  | { readonly kind: "expired" }
  | { readonly kind: "noRevision"; readonly revision: Digest };

/** What devices are to run: revisions released to tags, and the order that each device has of it. */
export interface Releases {
  release(wish: ReleaseWish, who: string): Promise<Result<Release, ReleaseFault>>;
  /** The newest first. */
  list(): Promise<readonly (Release & { readonly tally: Tally })[]>;
  /** What a device was told last. */
  orderOf(device: DeviceId): Promise<KeptOrder | null>;
  /** Gives orders to those whose order is not what it should be: one device or, null, all. The same again changes nothing. */
  settle(device: DeviceId | null): Promise<void>;
}

const RELEASES_MAX = 1000;

export function openReleases({ database, fleet, signer, now, publish, again, log }: ReleasesPorts): Releases {
  const { releases } = database;

  async function settleNow(only: DeviceId | null): Promise<void> {
    const newest = await releases.newest();
    const orders: NewOrder[] = [];
    for (const { device, ...standing } of await releases.standings(only)) {
      const decision = decide(newest, { device, ...standing }, now());
      const order = decision.kind === "give" ? await orderOf(device, decision) : null;
      if (order !== null) orders.push(order);
      if (decision.kind === "adopt") await releases.adopt(device, decision.sequence, decision.release.number);
      if (decision.kind === "exhausted") log(`device ${device} has no numbers left: it has to get a new key`);
    }
    // Whose order was not kept got another one meanwhile, of somebody who knew at least as much.
    if (orders.length > 0 && (await releases.give(orders)) > 0) publish();
  }

  /** Null: the revision was removed meanwhile. */
  async function orderOf(
    device: DeviceId,
    { sequence, rev, release }: Decision & { kind: "give" },
  ): Promise<NewOrder | null> {
    const { revision, policy, expiryMs, number } = release;
    const [state] = await database.revisions.find(revision);
    if (state === undefined) return null;
    const payload = encodeDesired({
      sequence,
      rev,
      stateDigest: revision,
      stateBytes: state.bytes,
      notBefore: null,
      expiry: expiryMs === null ? null : Math.floor(expiryMs / 1000),
      policy,
    });
    const envelope = await signer.seal({ fleet, device, leaf: "n/d" }, payload);
    return { device, sequence, rev, revision, release: number, envelope, atMs: now() };
  }

  let settling = Promise.resolve();
  /** One after the other: each sees what the one before it has given. */
  function settle(only: DeviceId | null): Promise<void> {
    const act = () => settleNow(only);
    settling = settling.then(act, act);
    return settling;
  }

  /** What was decided is kept: that orders of it cannot be, as on a full disk, does not undo it. */
  async function settleAll(): Promise<void> {
    try {
      await settle(null);
    } catch (thrown) {
      log(`no orders of the releases yet: ${String(thrown)}`);
      again(settleAll);
    }
  }

  return {
    async release(wish, who) {
      if (!isTag(wish.tag)) return err({ kind: "tag", tag: wish.tag });
      if (wish.expiryMs !== null && wish.expiryMs <= now()) return err({ kind: "expired" });
      const release = await releases.add(wish, { who, atMs: now() });
      if (release === null) return err({ kind: "noRevision", revision: wish.revision });
      await settleAll();
      return ok(release);
    },
    list: () => releases.list(RELEASES_MAX),
    orderOf: (device) => releases.lastOrder(device),
    settle,
  };
}
