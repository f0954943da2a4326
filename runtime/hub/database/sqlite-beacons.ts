import * as v from "valibot";
import type { BeaconRecords } from "./beacons.ts";
import type { Connection } from "./connection.ts";
import { Id } from "./rows.ts";

const Due = v.object({ device: Id, lastS: v.number(), epoch: v.number(), wish: v.number() });
const Last = v.object({ lastS: v.number() });

export const sqliteBeacons = (db: Connection): BeaconRecords => ({
  due: async (max) =>
    db.all(
      Due,
      `SELECT id AS device, beaconS AS lastS, orderEpoch AS epoch, beaconWish AS wish FROM device
       WHERE status = 'accepted' AND beaconWish > 0 ORDER BY id LIMIT $max`,
      { max },
    ),
  given: async ({ device, wish }, timeS) => {
    db.change(
      "UPDATE device SET beaconS = $timeS, beaconWish = CASE beaconWish WHEN $wish THEN 0 ELSE beaconWish END WHERE id = $device",
      { device, wish, timeS },
    );
  },
  lastS: async (device) =>
    db.one(Last, "SELECT beaconS AS lastS FROM device WHERE id = $device", { device })?.lastS ?? 0,
  want: async (device) => {
    db.change("UPDATE device SET beaconWish = beaconWish + 1 WHERE $device IS NULL OR id = $device", { device });
  },
});
