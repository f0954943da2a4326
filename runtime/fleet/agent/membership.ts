import * as v from "valibot";
import { ok } from "../../result.ts";
import { type Disk, type DiskResult, readFile, saveFile } from "../../store/index.ts";
import type { Membership } from "../enrol/index.ts";
import { parsedBy } from "../parsed-by.ts";
import { parseDeviceId, parseFleetName } from "../terms/index.ts";

const WHY = "fleet/membership";
const BYTES_MAX = 64 * 1024;

const Stored = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    id: parsedBy(parseDeviceId, "id of a device"),
    fleet: parsedBy(parseFleetName, "name of a fleet"),
    hub: v.optional(v.nullable(v.string()), null),
    certificate: v.string(),
    renewed: v.optional(v.nullable(v.string()), null),
    broker: v.object({ host: v.string(), port: v.number(), authority: v.optional(v.string()) }),
    orderKeys: v.pipe(v.array(v.tuple([v.number(), v.pipe(v.string(), v.hexadecimal())])), v.minLength(1)),
  }),
);

const pathOf = (folder: string): string => `${folder}/membership.json`;

/** What the hub said when the device became one of the fleet; null: it has not yet, or what is there is damaged, and it asks again. */
export async function readMembership(disk: Disk, folder: string): DiskResult<Membership | null> {
  const bytes = await readFile(disk, WHY, pathOf(folder), BYTES_MAX);
  if (!bytes.ok) return bytes.error.kind === "missing" || bytes.error.kind === "tooLarge" ? ok(null) : bytes;
  const stored = v.safeParse(Stored, Buffer.from(bytes.value).toString("utf8"));
  if (!stored.success) return ok(null);
  const { orderKeys, ...rest } = stored.output;
  const keys = orderKeys.map(([epoch, hex]) => [epoch, new Uint8Array(Buffer.from(hex, "hex"))] as const);
  return ok({ ...rest, orderKeys: new Map(keys) });
}

/** A membership on the disk. Whoever changes a part of it does so here: the others' parts stay as they are. */
export interface KeptMembership {
  /** Durable when it returns. */
  change(part: Partial<Membership>): DiskResult<void>;
}

export function keepMembership(disk: Disk, folder: string, first: Membership): KeptMembership {
  let kept = first;
  let turn: DiskResult<void> = Promise.resolve(ok(undefined));
  async function save(part: Partial<Membership>): DiskResult<void> {
    const next = { ...kept, ...part };
    const saved = await saveMembership(disk, folder, next);
    if (saved.ok) kept = next;
    return saved;
  }
  return {
    change(part) {
      turn = turn.then(() => save(part));
      return turn;
    },
  };
}

export function saveMembership(
  disk: Disk,
  folder: string,
  { id, fleet, hub, certificate, renewed, broker, ...membership }: Membership,
): DiskResult<void> {
  const orderKeys = [...membership.orderKeys].map(([epoch, key]) => [epoch, Buffer.from(key).toString("hex")]);
  return saveFile(
    disk,
    WHY,
    pathOf(folder),
    Buffer.from(`${JSON.stringify({ id, fleet, hub, certificate, renewed, broker, orderKeys })}\n`),
  );
}
