import * as v from "valibot";
import { err, ok, type Result } from "../../result.ts";
import { parseDigest } from "../../state/index.ts";
import { type Disk, type DiskError, type DiskResult, explainDiskError, readFile, saveFile } from "../../store/index.ts";
import { parsedBy } from "../parsed-by.ts";
import { type Desired, decodeDesired, explainWire, openSigned, type Topic, type WireFault } from "../wire/index.ts";
import { isNewer, type Order, type Verdict, verdicts } from "./order.ts";

/** The latest order, on the disk. */
export interface Orders {
  readonly order: Order | null;
  /**
   * Takes an envelope that came: durable when it returns. Null: it is not newer than what is kept, as when the broker sends a retained one
   * again.
   */
  take(at: Topic<"n/d">, envelope: Uint8Array): Promise<Result<Order | null, OrderFault>>;
  /** What came of it; of another order than the latest, nothing happens. */
  settle(sequence: number, verdict: Verdict): DiskResult<void>;
}

export type OrderFault = WireFault | DiskError;

export const explainOrder = (fault: OrderFault): string =>
  "call" in fault ? `a desired revision cannot be kept: ${explainDiskError(fault)}` : explainWire(fault);

const WHY = "fleet/desired";
const BYTES_MAX = 4096;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Stored = v.pipe(
  v.string(),
  v.parseJson(),
  v.strictObject({
    desired: v.strictObject({
      sequence: count,
      rev: count,
      stateDigest: parsedBy(parseDigest, "digest"),
      stateBytes: count,
      notBefore: v.nullable(count),
      expiry: v.nullable(count),
      policy: v.strictObject({ security: v.boolean(), https: v.boolean(), whole: v.boolean() }),
    }),
    verdict: v.nullable(v.picklist(verdicts)),
  }),
);

/** Goes on with the order that is kept in `folder`; one that is damaged counts as none. `keys`: the hub's order keys, by epoch. */
export async function openOrders(
  disk: Disk,
  folder: string,
  keys: ReadonlyMap<number, Uint8Array>,
): DiskResult<Orders> {
  const path = `${folder}/desired.json`;
  const bytes = await readFile(disk, WHY, path, BYTES_MAX);
  if (!bytes.ok && bytes.error.kind !== "missing" && bytes.error.kind !== "tooLarge") return bytes;
  const stored = v.safeParse(Stored, bytes.ok ? Buffer.from(bytes.value).toString("utf8") : null);
  let order: Order | null = stored.success ? stored.output : null;

  async function keep(next: Order): DiskResult<void> {
    const saved = await saveFile(disk, WHY, path, Buffer.from(`${JSON.stringify(next)}\n`));
    if (saved.ok) order = next;
    return saved;
  }
  return ok({
    get order() {
      return order;
    },
    async take(at, envelope) {
      const opened = opening(at, envelope, keys);
      if (!opened.ok) return opened;
      if (!isNewer(order, opened.value)) return ok(null);
      const next: Order = { desired: opened.value, verdict: null };
      const kept = await keep(next);
      return kept.ok ? ok(next) : kept;
    },
    async settle(sequence, verdict) {
      if (order === null || order.desired.sequence !== sequence || order.verdict === verdict) return ok(undefined);
      return keep({ ...order, verdict });
    },
  });
}

/** Signed for this topic by a key that is pinned, and a desired revision. */
function opening(
  at: Topic<"n/d">,
  envelope: Uint8Array,
  keys: ReadonlyMap<number, Uint8Array>,
): Result<Desired, WireFault> {
  const opened = openSigned(at, envelope, keys);
  return opened.ok ? decodeDesired(opened.value.payload) : err(opened.error);
}
