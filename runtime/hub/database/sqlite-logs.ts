import * as v from "valibot";
import type { Connection } from "./connection.ts";
import type { LogBatch, LogRecords } from "./logs.ts";
import { Bytes, Id } from "./rows.ts";

const BatchRow = v.object({
  device: Id,
  kind: v.picklist(["requested", "evidence"]),
  revision: v.string(),
  command: v.nullable(v.number()),
  deflated: Bytes,
  atMs: v.number(),
});

export const sqliteLogs = (db: Connection): LogRecords => ({
  keep: async (batch, keepMax) => db.step(() => keepBatch(db, batch, keepMax)),
  list: async (device) =>
    db.all(
      BatchRow,
      `SELECT device, kind, revision, command, deflated, atMs FROM logBatch WHERE device = $device
       ORDER BY number DESC`,
      { device },
    ),
});

function keepBatch(db: Connection, batch: LogBatch, keepMax: number): boolean {
  const { device, kind, revision, command, deflated, atMs } = batch;
  const about = kind === "evidence" ? revision : String(command);
  db.change("DELETE FROM logBatch WHERE device = $device AND kind = $kind AND about = $about", { device, kind, about });
  const kept = db.change(
    `INSERT INTO logBatch (device, kind, about, revision, command, deflated, atMs)
     SELECT id, $kind, $about, $revision, $command, $deflated, $atMs FROM device WHERE id = $device`,
    { device, kind, about, revision, command, deflated, atMs },
  );
  db.change(
    `DELETE FROM logBatch WHERE device = $device AND kind = $kind AND number NOT IN
     (SELECT number FROM logBatch WHERE device = $device AND kind = $kind ORDER BY number DESC LIMIT $keepMax)`,
    { device, kind, keepMax },
  );
  return kept;
}
