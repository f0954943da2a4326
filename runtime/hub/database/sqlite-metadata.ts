import * as v from "valibot";
import type { DeviceId } from "../../fleet/terms/index.ts";
import type { Connection } from "./connection.ts";
import type { MetaRecords, MetaStanding } from "./metadata.ts";
import { Id } from "./rows.ts";

const Pair = v.object({ key: v.string(), value: v.string() });
const Row = v.object({ key: v.string(), value: v.nullable(v.string()), sequence: v.number() });
const Standing = v.object({
  device: Id,
  sequence: v.number(),
  taken: v.number(),
  sent: v.number(),
  sentMs: v.number(),
  asked: v.number(),
  askedMs: v.number(),
});
const Size = v.object({ keys: v.number(), bytes: v.number() });
const Found = v.object({ found: v.number() });

const STANDING = "SELECT device, sequence, taken, sent, sentMs, asked, askedMs FROM metadata";
const size = (table: "userMeta" | "deviceMeta"): string =>
  `SELECT count(*) AS keys, coalesce(sum(octet_length(key) + octet_length(value)), 0) AS bytes
   FROM ${table} WHERE device = $device AND value IS NOT NULL`;

class TooMuch extends Error {}

export function sqliteMetadata(db: Connection): MetaRecords {
  const mapOf = (table: "userMeta" | "deviceMeta", device: DeviceId): ReadonlyMap<string, string> =>
    new Map(
      db
        .all(Pair, `SELECT key, value FROM ${table} WHERE device = $device AND value IS NOT NULL ORDER BY key`, {
          device,
        })
        .map(({ key, value }) => [key, value]),
    );

  function standing(device: DeviceId): MetaStanding {
    const found = db.one(Standing, `${STANDING} WHERE device = $device`, { device });
    return found ?? { device, sequence: 0, taken: 0, sent: 0, sentMs: 0, asked: 0, askedMs: 0 };
  }

  function save(one: MetaStanding): void {
    db.change(
      `INSERT INTO metadata (device, sequence, taken, sent, sentMs, asked, askedMs)
       SELECT id, $sequence, $taken, $sent, $sentMs, $asked, $askedMs FROM device WHERE id = $device
       ON CONFLICT (device) DO UPDATE SET sequence = $sequence, taken = $taken, sent = $sent, sentMs = $sentMs,
         asked = $asked, askedMs = $askedMs`,
      { ...one },
    );
  }

  /** All of it or nothing. */
  function within(
    table: "userMeta" | "deviceMeta",
    device: DeviceId,
    limits: { readonly keysMax: number; readonly bytesMax: number },
    act: () => boolean,
  ): boolean {
    try {
      return db.step(() => {
        const done = act();
        const now = db.one(Size, size(table), { device });
        if (now !== null && (now.keys > limits.keysMax || now.bytes > limits.bytesMax)) throw new TooMuch();
        return done;
      });
    } catch (thrown) {
      if (thrown instanceof TooMuch) return false;
      throw thrown;
    }
  }

  return {
    user: async (device) => mapOf("userMeta", device),
    device: async (device) => mapOf("deviceMeta", device),
    standing: async (device) => standing(device),
    changeUser: async (device, { set, remove }, limits, by) =>
      within("userMeta", device, limits, () => {
        const before = standing(device);
        const there = mapOf("userMeta", device);
        const changes: (readonly [string, string | null])[] = [
          ...remove.filter((key) => there.has(key) && !set.has(key)).map((key) => [key, null] as const),
          ...[...set].filter(([key, value]) => there.get(key) !== value),
        ];
        if (changes.length === 0) return true;
        for (const [at, [key, value]] of changes.entries()) {
          db.change(
            `INSERT INTO userMeta (device, key, value, sequence) VALUES ($device, $key, $value, $sequence)
             ON CONFLICT (device, key) DO UPDATE SET value = $value, sequence = $sequence`,
            { device, key, value, sequence: before.sequence + at + 1 },
          );
        }
        save({ ...before, sequence: before.sequence + changes.length });
        db.note("meta", `${device} ${changes.map(([key]) => key).join(" ")}`, by);
        return true;
      }),
    since: async (device, sequence) =>
      db.all(
        Row,
        "SELECT key, value, sequence FROM userMeta WHERE device = $device AND sequence > $sequence ORDER BY sequence",
        { device, sequence },
      ),
    take: async (device, sequence) =>
      db.step(() => {
        const before = standing(device);
        if (sequence > before.sequence) {
          // This hub was brought back from an old copy: what it has counts as newer than what the device has.
          db.change("UPDATE userMeta SET sequence = sequence + $sequence WHERE device = $device", { device, sequence });
          save({ ...before, sequence: before.sequence + sequence, taken: sequence, sent: sequence, asked: 0 });
          return;
        }
        db.change("DELETE FROM userMeta WHERE device = $device AND value IS NULL AND sequence <= $sequence", {
          device,
          sequence,
        });
        if (sequence !== before.taken) save({ ...before, taken: sequence });
      }),
    ask: async (device, atMs) =>
      db.step(() => {
        const before = standing(device);
        const sequence = before.sequence + 1;
        save({ ...before, sequence, asked: sequence, askedMs: atMs });
      }),
    unsent: async (max) =>
      db.all(
        Standing,
        `${STANDING} WHERE sequence > sent AND device IN (SELECT id FROM device WHERE status = 'accepted')
         ORDER BY device LIMIT $max`,
        { max },
      ),
    markSent: async (device, sequence, atMs) => {
      db.change("UPDATE metadata SET sent = $sequence, sentMs = $atMs WHERE device = $device", {
        device,
        sequence,
        atMs,
      });
    },
    unmarkSent: async (device) => {
      db.change("UPDATE metadata SET sent = taken WHERE device = $device", { device });
    },
    changeDevice: async (device, { set, remove, whole }, limits) =>
      within("deviceMeta", device, limits, () => {
        if (db.one(Found, "SELECT 1 AS found FROM device WHERE id = $device", { device }) === null) return false;
        if (whole) db.change("DELETE FROM deviceMeta WHERE device = $device", { device });
        for (const key of remove)
          db.change("DELETE FROM deviceMeta WHERE device = $device AND key = $key", { device, key });
        for (const [key, value] of set) {
          db.change(
            `INSERT INTO deviceMeta (device, key, value) VALUES ($device, $key, $value)
             ON CONFLICT (device, key) DO UPDATE SET value = $value`,
            { device, key, value },
          );
        }
        return true;
      }),
  };
}
