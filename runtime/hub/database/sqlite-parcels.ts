import * as v from "valibot";
import type { Connection } from "./connection.ts";
import type { ParcelName, ParcelRecords } from "./parcels.ts";
import { Bytes, Sha } from "./rows.ts";

const Row = v.object({
  target: Sha,
  base: v.union([
    v.pipe(
      v.literal(""),
      v.transform(() => null),
    ),
    Sha,
  ]),
  format: v.number(),
  digest: Sha,
  bytes: v.number(),
  key: Bytes,
  askedMs: v.number(),
});

const COLUMNS = "SELECT target, base, format, digest, bytes, key, askedMs FROM parcel";
const NAMED = "WHERE target = $target AND base = $base AND format = $format";
/** No base is no text: a primary key takes no null. */
const nameOf = ({ target, base, format }: ParcelName) => ({ target, base: base ?? "", format });

export const sqliteParcels = (db: Connection): ParcelRecords => ({
  find: async (name) => db.one(Row, `${COLUMNS} ${NAMED}`, nameOf(name)),
  findByKey: async (key) => db.one(Row, `${COLUMNS} WHERE key = $key`, { key }),
  async set(parcel) {
    const { digest, bytes, key, askedMs } = parcel;
    db.change(
      `INSERT OR REPLACE INTO parcel (target, base, format, digest, bytes, key, askedMs)
       VALUES ($target, $base, $format, $digest, $bytes, $key, $askedMs)`,
      { ...nameOf(parcel), digest, bytes, key, askedMs },
    );
  },
  async markAsked(name, atMs) {
    db.change(`UPDATE parcel SET askedMs = $atMs ${NAMED}`, { ...nameOf(name), atMs });
  },
  list: async () => db.all(Row, COLUMNS),
  async remove(name) {
    db.change(`DELETE FROM parcel ${NAMED}`, nameOf(name));
  },
});
