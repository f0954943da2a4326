import { Database, SQLiteError } from "bun:sqlite";
import { closeSync, openSync } from "node:fs";
import * as v from "valibot";
import { type DeviceId, type Presence, presences } from "../../fleet/terms/index.ts";
import { err, ok, type Result } from "../../result.ts";
import type { By } from "./by.ts";
import { Connection } from "./connection.ts";
import {
  type Deed,
  type Device,
  type DeviceCertificate,
  deeds,
  type HubDatabase,
  type NewDevice,
  type Token,
} from "./database.ts";
import { migrations } from "./migrations.ts";
import { Bytes, Id } from "./rows.ts";
import { sqliteBeacons } from "./sqlite-beacons.ts";
import { sqliteCommands } from "./sqlite-commands.ts";
import { sqliteLogs } from "./sqlite-logs.ts";
import { sqliteMetadata } from "./sqlite-metadata.ts";
import { sqliteOrderEpochs } from "./sqlite-order-epochs.ts";
import { sqliteParcels } from "./sqlite-parcels.ts";
import { sqliteReleases } from "./sqlite-releases.ts";
import { sqliteRevisions } from "./sqlite-revisions.ts";

export type DatabaseFault =
  /** Another hub works with this file. */
  | { readonly kind: "busy"; readonly path: string }
  /** A newer program made it. */
  | { readonly kind: "newer"; readonly path: string; readonly version: number }
  | { readonly kind: "failed"; readonly path: string; readonly why: string };

/** Opens the file or makes it, readable by its owner alone, and holds it: no other process can open it meanwhile. */
export function openSqlite(path: string): Result<HubDatabase, DatabaseFault> {
  let db: Database | null = null;
  try {
    closeSync(openSync(path, "a", 0o600)); // SQLite gives its other files the mode of the first
    db = new Database(path, { strict: true, readwrite: true });
    db.run("PRAGMA locking_mode = EXCLUSIVE");
    db.run("PRAGMA journal_mode = WAL");
    db.run("PRAGMA synchronous = FULL");
    db.run("PRAGMA foreign_keys = ON");
    const version = migrate(db);
    if (version <= migrations.length) return ok(new SqliteDatabase(new Connection(db)));
    db.close();
    return err({ kind: "newer", path, version });
  } catch (thrown) {
    db?.close();
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    return err(/locked|busy/i.test(why) ? { kind: "busy", path } : { kind: "failed", path, why });
  }
}

/** Brings an older file to the newest form, step by step; the value is its version then. */
function migrate(db: Database): number {
  return db
    .transaction(() => {
      const { user_version: version } = v.parse(Version, db.query("PRAGMA user_version").get());
      for (const step of migrations.slice(version)) db.run(step);
      if (version < migrations.length) db.run(`PRAGMA user_version = ${migrations.length}`);
      return Math.max(version, migrations.length);
    })
    .exclusive();
}

const Version = v.object({ user_version: v.number() });
const Count = v.object({ count: v.number() });
const Value = v.object({ value: v.string() });
const DeviceRow = v.object({
  id: Id,
  key: Bytes,
  status: v.picklist(["waiting", "accepted", "revoked"]),
  code: v.string(),
  tags: v.pipe(v.string(), v.parseJson(), v.array(v.string())),
  firstMs: v.number(),
  changedMs: v.number(),
  askedMs: v.number(),
  reportMs: v.nullable(v.number()),
  report: v.nullable(v.string()),
  presence: v.nullable(v.picklist(presences)),
  presenceMs: v.nullable(v.number()),
  falls: v.number(),
  fallMs: v.nullable(v.number()),
});
const CertificateRow = v.object({ serial: Bytes, der: Bytes, notAfterMs: v.number() });
const RevokedRow = v.object({ device: Id, serial: Bytes, atMs: v.number() });
const TokenRow = v.object({ hash: Bytes, purpose: v.picklist(["join", "operator"]), holder: v.string() });
const DeedRow = v.object({
  who: v.string(),
  atMs: v.number(),
  what: v.picklist(deeds),
  about: v.string(),
});

const DEVICE = `SELECT id, key, status, code, firstMs, changedMs, askedMs, reportMs, report, presence, presenceMs, falls, fallMs,
  (SELECT json_group_array(tag) FROM (SELECT tag FROM tag WHERE device = id ORDER BY tag)) AS tags FROM device`;

function deviceOf(row: unknown): Device {
  const { reportMs, report, presence, presenceMs, falls, fallMs, ...rest } = v.parse(DeviceRow, row);
  return {
    ...rest,
    report: reportMs === null || report === null ? null : { atMs: reportMs, text: report },
    presence: presenceMs === null || presence === null ? null : { is: presence, atMs: presenceMs },
    falls: fallMs === null ? null : { count: falls, atMs: fallMs },
  };
}

class SqliteDatabase implements HubDatabase {
  readonly revisions;
  readonly releases;
  readonly parcels;
  readonly commands;
  readonly logs;
  readonly beacons;
  readonly metadata;
  readonly orderEpochs;

  constructor(private readonly db: Connection) {
    this.revisions = sqliteRevisions(db);
    this.releases = sqliteReleases(db);
    this.parcels = sqliteParcels(db);
    this.commands = sqliteCommands(db);
    this.logs = sqliteLogs(db);
    this.beacons = sqliteBeacons(db);
    this.metadata = sqliteMetadata(db);
    this.orderEpochs = sqliteOrderEpochs(db);
  }

  async addDevice({ id, key, code, status }: NewDevice, by: By): Promise<boolean> {
    return this.db.step(() => {
      const added = this.db.change(
        `INSERT INTO device (id, key, status, code, firstMs, changedMs, askedMs) VALUES ($id, $key, $status, $code, $at, $at, $at)
         ON CONFLICT (id) DO NOTHING`,
        { id, key, status, code, at: by.atMs },
      );
      if (added && status === "accepted") this.db.note("join", id, by);
      return added;
    });
  }

  async findDevice(id: DeviceId): Promise<Device | null> {
    const row = this.db.query(`${DEVICE} WHERE id = $id`).get({ id });
    return row === null ? null : deviceOf(row);
  }

  async listDevices(): Promise<readonly Device[]> {
    return this.db.query(`${DEVICE} ORDER BY id`).all().map(deviceOf);
  }

  async acceptDevice(id: DeviceId, by: By): Promise<boolean> {
    return this.db.step(() => {
      const accepted = this.db.change(
        "UPDATE device SET status = 'accepted', changedMs = $at WHERE id = $id AND status = 'waiting'",
        { id, at: by.atMs },
      );
      if (accepted) this.db.note("accept", id, by);
      return accepted;
    });
  }

  async revokeDevice(id: DeviceId, by: By): Promise<boolean> {
    return this.db.step(() => {
      const revoked = this.db.change(
        "UPDATE device SET status = 'revoked', changedMs = $at WHERE id = $id AND status <> 'revoked'",
        { id, at: by.atMs },
      );
      if (!revoked) return false;
      this.db.change("UPDATE certificate SET revokedMs = $at WHERE device = $id AND revokedMs IS NULL", {
        id,
        at: by.atMs,
      });
      this.db.note("revoke", id, by);
      return true;
    });
  }

  async setTags(id: DeviceId, tags: readonly string[], by: By): Promise<boolean> {
    return this.db.step(() => {
      if (this.db.query("SELECT 1 FROM device WHERE id = $id").get({ id }) === null) return false;
      this.db.change("DELETE FROM tag WHERE device = $id", { id });
      for (const tag of tags) this.db.change("INSERT INTO tag (device, tag) VALUES ($id, $tag)", { id, tag });
      this.db.note("tag", id, by);
      return true;
    });
  }

  async markAsked(id: DeviceId, atMs: number): Promise<boolean> {
    return this.db.change("UPDATE device SET askedMs = $atMs WHERE id = $id", { id, atMs });
  }

  async setReport(id: DeviceId, { atMs, text }: { readonly atMs: number; readonly text: string }): Promise<boolean> {
    return this.db.change("UPDATE device SET reportMs = $atMs, report = $text WHERE id = $id", { id, atMs, text });
  }

  async setFalls(id: DeviceId, { count, atMs }: NonNullable<Device["falls"]>): Promise<void> {
    this.db.change("UPDATE device SET falls = $count, fallMs = $atMs WHERE id = $id", { id, count, atMs });
  }

  async setPresence(id: DeviceId, presence: Presence, atMs: number): Promise<boolean> {
    return this.db.change("UPDATE device SET presence = $presence, presenceMs = $atMs WHERE id = $id", {
      id,
      presence,
      atMs,
    });
  }

  async listUncleared(): Promise<readonly DeviceId[]> {
    const rows = this.db
      .query("SELECT id FROM device WHERE status = 'revoked' AND clearedMs IS NULL ORDER BY id")
      .all();
    return rows.map((row) => v.parse(v.object({ id: Id }), row).id);
  }

  async markCleared(id: DeviceId, atMs: number): Promise<void> {
    this.db.change("UPDATE device SET clearedMs = $atMs WHERE id = $id", { id, atMs });
  }

  async countWaiting(): Promise<number> {
    const row = this.db.query("SELECT count(*) AS count FROM device WHERE status = 'waiting'").get();
    return v.parse(Count, row).count;
  }

  async forgetWaiting(askedBeforeMs: number): Promise<void> {
    this.db.change("DELETE FROM device WHERE status = 'waiting' AND askedMs < $askedBeforeMs", { askedBeforeMs });
  }

  async addCertificate(id: DeviceId, { serial, der, notAfterMs }: DeviceCertificate): Promise<boolean> {
    return this.db.change(
      `INSERT INTO certificate (serial, device, der, notAfterMs)
       SELECT $serial, id, $der, $notAfterMs FROM device WHERE id = $id AND status = 'accepted'
       ON CONFLICT (serial) DO UPDATE SET der = excluded.der`,
      { id, serial, der, notAfterMs },
    );
  }

  async newestCertificate(id: DeviceId): Promise<DeviceCertificate | null> {
    const row = this.db
      .query(
        "SELECT serial, der, notAfterMs FROM certificate WHERE device = $id AND revokedMs IS NULL ORDER BY notAfterMs DESC LIMIT 1",
      )
      .get({ id });
    return row === null ? null : v.parse(CertificateRow, row);
  }

  async revokedCertificates(notAfterMs: number) {
    return this.db
      .query(
        "SELECT device, serial, revokedMs AS atMs FROM certificate WHERE revokedMs IS NOT NULL AND notAfterMs >= $notAfterMs ORDER BY serial",
      )
      .all({ notAfterMs })
      .map((row) => v.parse(RevokedRow, row));
  }

  async addToken({ hash, purpose, holder }: Token, by: By): Promise<void> {
    this.db.step(() => {
      this.db.change("INSERT INTO token (hash, purpose, holder) VALUES ($hash, $purpose, $holder)", {
        hash,
        purpose,
        holder,
      });
      this.db.note("token", holder, by);
    });
  }

  async removeTokens(purpose: Token["purpose"], holder: string, by: By): Promise<number> {
    return this.db.step(() => {
      const sql = "DELETE FROM token WHERE purpose = $purpose AND holder = $holder";
      const { changes } = this.db.query(sql).run({ purpose, holder });
      if (changes > 0) this.db.note("noToken", holder, by);
      return changes;
    });
  }

  async listTokens(purpose: Token["purpose"]): Promise<readonly Token[]> {
    const rows = this.db.query("SELECT hash, purpose, holder FROM token WHERE purpose = $purpose").all({ purpose });
    return rows.map((row) => v.parse(TokenRow, row));
  }

  async listDeeds(max: number): Promise<readonly Deed[]> {
    const rows = this.db.query("SELECT who, atMs, what, about FROM deed ORDER BY number DESC LIMIT $max").all({ max });
    return rows.map((row) => v.parse(DeedRow, row));
  }

  async setting(name: string): Promise<string | null> {
    const row = this.db.query("SELECT value FROM setting WHERE name = $name").get({ name });
    return row === null ? null : v.parse(Value, row).value;
  }

  async setSetting(name: string, value: string): Promise<void> {
    this.db.change(
      "INSERT INTO setting (name, value) VALUES ($name, $value) ON CONFLICT (name) DO UPDATE SET value = $value",
      {
        name,
        value,
      },
    );
  }

  async close(): Promise<void> {
    this.db.close();
  }
}

/** A call was rejected because there is no room on the disk; nothing of it was kept. */
export const isDatabaseFull = (thrown: unknown): boolean =>
  thrown instanceof SQLiteError && (thrown.code === "SQLITE_FULL" || thrown.code === "SQLITE_IOERR_WRITE");

export function explainDatabase(fault: DatabaseFault): string {
  switch (fault.kind) {
    case "busy":
      return `open the hub's database: ${fault.path} is in use: another hub works in this folder`;
    case "newer":
      return `open the hub's database: ${fault.path} has version ${fault.version}, and this program knows ${migrations.length} at most: use a newer one`;
    case "failed":
      return `open the hub's database: ${fault.path}: ${fault.why}`;
  }
}
