import * as v from "valibot";
import { operations, outcomes } from "../../fleet/terms/index.ts";
import type { By } from "./by.ts";
import type { CommandRecords, KeptCommand, NewCommand } from "./commands.ts";
import type { Connection } from "./connection.ts";
import { Bytes, HAS_KEY, Id } from "./rows.ts";

const CommandRow = v.pipe(
  v.object({
    device: Id,
    id: v.number(),
    operation: v.picklist(operations),
    argument: v.string(),
    expiryMs: v.number(),
    who: v.string(),
    atMs: v.number(),
    publishedMs: v.nullable(v.number()),
    code: v.nullable(v.picklist(outcomes)),
    text: v.nullable(v.string()),
    answeredMs: v.nullable(v.number()),
  }),
  v.transform(({ code, text, answeredMs, ...rest }): KeptCommand => {
    const isAnswered = code !== null && text !== null && answeredMs !== null;
    return { ...rest, answer: isAnswered ? { code, text, atMs: answeredMs } : null };
  }),
);
const PublicationRow = v.object({
  device: Id,
  id: v.number(),
  expiryMs: v.number(),
  envelope: Bytes,
  epoch: v.number(),
});
const LastRow = v.object({ last: v.nullable(v.number()) });

const COMMANDS =
  "SELECT device, id, operation, argument, expiryMs, who, atMs, publishedMs, code, text, answeredMs FROM command";

export const sqliteCommands = (db: Connection): CommandRecords => ({
  lastId: async (device) =>
    db.one(LastRow, "SELECT max(id) AS last FROM command WHERE device = $device", { device })?.last ?? 0,
  add: async (command, keepMax, by) => db.step(() => addCommand(db, command, keepMax, by)),
  list: async (device) => db.all(CommandRow, `${COMMANDS} WHERE device = $device ORDER BY id DESC`, { device }),
  find: async (device, id) => db.one(CommandRow, `${COMMANDS} WHERE device = $device AND id = $id`, { device, id }),

  unpublished: async (nowMs, max) =>
    db.all(
      PublicationRow,
      `SELECT command.device, command.id, expiryMs, envelope, orderEpoch AS epoch
       FROM command JOIN device ON device.id = command.device
       WHERE publishedMs IS NULL AND expiryMs > $nowMs AND status = 'accepted'
       ORDER BY command.device, command.id LIMIT $max`,
      { nowMs, max },
    ),
  markPublished: async (commands, atMs) =>
    db.step(() => {
      const sql = `UPDATE command SET publishedMs = $atMs WHERE device = $device AND id = $id AND ${HAS_KEY}`;
      for (const { device, id, epoch } of commands) db.change(sql, { device, id, epoch, atMs });
    }),
  unmarkPublished: async (device, nowMs) => {
    const sql = `UPDATE command SET publishedMs = NULL WHERE device = $device AND publishedMs IS NOT NULL
      AND answeredMs IS NULL AND expiryMs > $nowMs`;
    return db.query(sql).run({ device, nowMs }).changes;
  },
  answer: async (device, id, { code, text, atMs }) =>
    db.change("UPDATE command SET code = $code, text = $text, answeredMs = $atMs WHERE device = $device AND id = $id", {
      device,
      id,
      code,
      text,
      atMs,
    }),
});

function addCommand(db: Connection, command: NewCommand, keepMax: number, by: By): boolean {
  const { device, id, operation, argument, expiryMs, envelope } = command;
  const { who, atMs } = by;
  const added = db.change(
    `INSERT INTO command (device, id, operation, argument, expiryMs, envelope, who, atMs)
     SELECT id, $id, $operation, $argument, $expiryMs, $envelope, $who, $atMs FROM device WHERE id = $device
     AND status = 'accepted' AND NOT EXISTS (SELECT 1 FROM command WHERE device = $device AND id >= $id)`,
    { device, id, operation, argument, expiryMs, envelope, who, atMs },
  );
  if (!added) return false;
  db.change(
    `DELETE FROM command WHERE device = $device AND id NOT IN
     (SELECT id FROM command WHERE device = $device ORDER BY id DESC LIMIT $keepMax)`,
    { device, keepMax },
  );
  db.note("command", [device, operation, argument].filter((word) => word !== "").join(" "), by);
  return true;
}
