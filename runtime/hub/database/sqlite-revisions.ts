import * as v from "valibot";
import type { Connection } from "./connection.ts";
import type { RevisionRecords } from "./revisions.ts";
import { Sha } from "./rows.ts";

const Row = v.object({ digest: Sha, bytes: v.number(), message: v.string(), who: v.string(), atMs: v.number() });
const ObjectRow = v.object({ object: Sha });
const Found = v.object({ found: v.number() });
const COLUMNS = "SELECT digest, bytes, message, who, atMs FROM revision";

const IS_RELEASED = `SELECT 1 AS found FROM release WHERE revision = $digest
  AND number IN (SELECT max(number) FROM release GROUP BY tag)`;
const IS_DESIRED = `SELECT 1 AS found FROM desired JOIN device ON device.id = desired.device
  WHERE desired.revision = $digest AND device.status = 'accepted'
  AND sequence = (SELECT max(sequence) FROM desired AS last WHERE last.device = desired.device)`;

export const sqliteRevisions = (db: Connection): RevisionRecords => ({
  add: async (revision, objects) =>
    db.step(() => {
      const { digest, bytes, message, who, atMs } = revision;
      const added = db.change(
        `INSERT INTO revision (digest, bytes, message, who, atMs) VALUES ($digest, $bytes, $message, $who, $atMs)
         ON CONFLICT (digest) DO NOTHING`,
        { digest, bytes, message, who, atMs },
      );
      if (!added) return false;
      const sql = "INSERT INTO revisionObject (revision, object) VALUES ($digest, $object)";
      for (const object of new Set(objects)) db.change(sql, { digest, object });
      db.note("revision", digest, revision);
      return true;
    }),
  list: async () => db.all(Row, `${COLUMNS} ORDER BY atMs DESC, rowid DESC`),
  find: async (prefix) =>
    db.all(Row, `${COLUMNS} WHERE substr(digest, 1, length($prefix)) = $prefix LIMIT 2`, { prefix }),
  objectsOf: async (digest) =>
    db
      .all(ObjectRow, "SELECT object FROM revisionObject WHERE revision = $digest ORDER BY object", { digest })
      .map(({ object }) => object),
  among: async (objects) =>
    objects.filter((object) =>
      db.one(Found, "SELECT 1 AS found FROM revisionObject WHERE object = $object LIMIT 1", { object }),
    ),
  reached: async () =>
    new Set(db.all(ObjectRow, "SELECT DISTINCT object FROM revisionObject").map(({ object }) => object)),
  remove: async (digest, by) =>
    db.step(() => {
      if (db.one(Found, IS_RELEASED, { digest }) !== null) return "released";
      if (db.one(Found, IS_DESIRED, { digest }) !== null) return "desired";
      if (!db.change("DELETE FROM revision WHERE digest = $digest", { digest })) return "unknown";
      db.note("noRevision", digest, by);
      return "removed";
    }),
});
