import * as v from "valibot";
import { FIRST_EPOCH } from "../../fleet/terms/index.ts";
import type { Connection } from "./connection.ts";
import type { OrderEpochRecords } from "./order-epochs.ts";

const Row = v.object({ orderEpoch: v.number() });

const AGAIN = [
  "UPDATE desired SET publishedMs = NULL WHERE device = $device",
  "UPDATE command SET publishedMs = NULL WHERE device = $device AND answeredMs IS NULL",
  "UPDATE metadata SET sent = taken WHERE device = $device",
];

export const sqliteOrderEpochs = (db: Connection): OrderEpochRecords => ({
  of: async (device) =>
    db.one(Row, "SELECT orderEpoch FROM device WHERE id = $device", { device })?.orderEpoch ?? FIRST_EPOCH,
  has: async (device, epoch) =>
    db.step(() => {
      const changed = db.change(
        `UPDATE device SET orderEpoch = $epoch, beaconWish = beaconWish + 1
         WHERE id = $device AND orderEpoch <> $epoch`,
        { device, epoch },
      );
      if (changed) for (const sql of AGAIN) db.change(sql, { device });
      return changed;
    }),
  add: async (epoch, by) =>
    db.step(() => {
      db.change("UPDATE device SET beaconWish = beaconWish + 1", {});
      db.note("orderKey", `epoch ${epoch}`, by);
    }),
});
