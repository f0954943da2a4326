import * as v from "valibot";
import { phases, reasons } from "../../fleet/terms/index.ts";
import type { By } from "./by.ts";
import type { Connection } from "./connection.ts";
import type { KeptOrder, NewOrder, NewRelease, Release, ReleaseRecords, Standing, Tally } from "./releases.ts";
import { Bytes, HAS_KEY, Id, Sha } from "./rows.ts";

const Yes = v.pipe(
  v.number(),
  v.transform((bit) => bit === 1),
);
const ReleaseRow = v.pipe(
  v.object({
    number: v.number(),
    revision: Sha,
    tag: v.string(),
    security: Yes,
    https: Yes,
    whole: Yes,
    expiryMs: v.nullable(v.number()),
    who: v.string(),
    atMs: v.number(),
  }),
  v.transform(({ security, https, whole, ...rest }): Release => ({ ...rest, policy: { security, https, whole } })),
);
const OrderRow = v.pipe(
  v.object({
    device: Id,
    sequence: v.number(),
    rev: v.number(),
    revision: Sha,
    release: v.number(),
    atMs: v.number(),
    publishedMs: v.nullable(v.number()),
    takenMs: v.nullable(v.number()),
    phase: v.nullable(v.picklist(phases)),
    percent: v.nullable(v.number()),
    reason: v.nullable(v.picklist(reasons)),
    progressMs: v.nullable(v.number()),
    security: Yes,
    https: Yes,
    whole: Yes,
    expiryMs: v.nullable(v.number()),
  }),
  v.transform(({ phase, percent, reason, progressMs, security, https, whole, ...rest }): KeptOrder => {
    const isKnown = phase !== null && percent !== null && progressMs !== null;
    const progress = isKnown ? { phase, percent, reason, atMs: progressMs } : null;
    return { ...rest, policy: { security, https, whole }, progress };
  }),
);
const StandingRow = v.object({
  device: Id,
  tags: v.pipe(v.string(), v.parseJson(), v.array(v.string())),
  report: v.nullable(v.string()),
});
const PublicationRow = v.object({ device: Id, sequence: v.number(), envelope: Bytes, epoch: v.number() });
const TallyRow = v.object({
  release: v.number(),
  failed: Yes,
  reason: v.nullable(v.picklist(reasons)),
  meant: v.number(),
  taken: v.number(),
  done: v.number(),
});
const PolicyRow = v.object({ security: Yes, https: Yes, whole: Yes });

const RELEASES = "SELECT number, revision, tag, security, https, whole, expiryMs, who, atMs FROM release";
const ORDERS = `SELECT device, sequence, rev, this.revision, release, this.atMs, publishedMs, takenMs, phase, percent, reason, progressMs,
  security, https, whole, expiryMs FROM desired AS this JOIN release ON release.number = this.release`;
const IS_LAST = "sequence = (SELECT max(sequence) FROM desired AS other WHERE other.device = this.device)";
const FAILED = "coalesce(phase IN ('error', 'wontgo'), 0)";
const TALLIES = `SELECT release, ${FAILED} AS failed, reason, count(*) AS meant,
  sum(takenMs IS NOT NULL) AS taken, sum(phase IS 'done') AS done
  FROM desired JOIN device ON device.id = desired.device WHERE device.status = 'accepted'
  AND release >= $from GROUP BY release, ${FAILED}, reason`;
const NO_TALLY: Tally = { meant: 0, taken: 0, done: 0, failed: 0, reasons: {} };

export const sqliteReleases = (db: Connection): ReleaseRecords => ({
  add: async (release, by) => db.step(() => addRelease(db, release, by)),
  async list(max) {
    const releases = db.all(ReleaseRow, `${RELEASES} ORDER BY number DESC LIMIT $max`, { max });
    const tallies = talliesFrom(db, releases.at(-1)?.number ?? 0);
    return releases.map((release) => ({ ...release, tally: tallies.get(release.number) ?? NO_TALLY }));
  },
  newest: async () =>
    db.all(ReleaseRow, `${RELEASES} WHERE number IN (SELECT max(number) FROM release GROUP BY tag) ORDER BY number`),

  async standings(device) {
    const which = device === null ? "" : "AND id = $device";
    const values: Record<string, string> = device === null ? {} : { device };
    const orders = db.all(
      OrderRow,
      `${ORDERS} WHERE ${IS_LAST}${device === null ? "" : " AND device = $device"}`,
      values,
    );
    const lastOf = new Map(orders.map((order) => [order.device, order]));
    return db
      .all(
        StandingRow,
        `SELECT id AS device, report, (SELECT json_group_array(tag) FROM tag WHERE tag.device = id) AS tags
         FROM device WHERE status = 'accepted' ${which} ORDER BY id`,
        values,
      )
      .map((row): Standing => ({ ...row, last: lastOf.get(row.device) ?? null }));
  },
  give: async (orders) => db.step(() => orders.filter((order) => giveOne(db, order)).length),
  async adopt(device, sequence, release) {
    db.change("UPDATE desired SET release = $release WHERE device = $device AND sequence = $sequence", {
      device,
      sequence,
      release,
    });
  },
  lastOrder: async (device) => db.one(OrderRow, `${ORDERS} WHERE ${IS_LAST} AND device = $device`, { device }),

  unpublished: async (max) =>
    db.all(
      PublicationRow,
      `SELECT device, sequence, envelope, orderEpoch AS epoch FROM desired AS this JOIN device ON device.id = device
       WHERE ${IS_LAST} AND publishedMs IS NULL AND status = 'accepted' ORDER BY device LIMIT $max`,
      { max },
    ),
  markPublished: async (orders, atMs) =>
    db.step(() => {
      const sql = `UPDATE desired SET publishedMs = $atMs WHERE device = $device AND sequence = $sequence AND ${HAS_KEY}`;
      for (const { device, sequence, epoch } of orders) db.change(sql, { device, sequence, epoch, atMs });
    }),
  async unmarkPublished(device, sequence) {
    db.change("UPDATE desired SET publishedMs = NULL WHERE device = $device AND sequence = $sequence", {
      device,
      sequence,
    });
  },

  async unmarkUntaken(sinceMs) {
    db.change("UPDATE desired SET publishedMs = NULL WHERE takenMs IS NULL AND publishedMs >= $sinceMs", { sinceMs });
  },

  markTaken: async (device, sequence, atMs) =>
    db.change("UPDATE desired SET takenMs = coalesce(takenMs, $atMs) WHERE device = $device AND sequence = $sequence", {
      device,
      sequence,
      atMs,
    }),
  setProgress: async (device, sequence, { phase, percent, reason, atMs }) =>
    db.change(
      `UPDATE desired SET takenMs = coalesce(takenMs, $atMs), phase = $phase, percent = $percent, reason = $reason,
       progressMs = $atMs WHERE device = $device AND sequence = $sequence`,
      { device, sequence, phase, percent, reason, atMs },
    ),

  policyFor: async (device, object) =>
    db.one(
      PolicyRow,
      `SELECT security, https, whole FROM desired JOIN revisionObject ON revisionObject.revision = desired.revision
       JOIN release ON release.number = desired.release JOIN device ON device.id = desired.device
       WHERE desired.device = $device AND object = $object AND device.status = 'accepted' ORDER BY sequence DESC LIMIT 1`,
      { device, object },
    ),
});

function giveOne(db: Connection, order: NewOrder): boolean {
  const { device, sequence, rev, revision, release, envelope, atMs } = order;
  const given = db.change(
    `INSERT INTO desired (device, sequence, rev, revision, release, envelope, atMs)
     SELECT id, $sequence, $rev, $revision, $release, $envelope, $atMs FROM device WHERE id = $device AND status = 'accepted'
     AND NOT EXISTS (SELECT 1 FROM desired WHERE device = $device AND sequence >= $sequence)`,
    { device, sequence, rev, revision, release, envelope, atMs },
  );
  // A device that says what it likes of its sequence does not fill the disk with orders of one revision.
  const forgotten =
    "DELETE FROM desired WHERE device = $device AND sequence < $sequence AND revision = $revision AND takenMs IS NULL";
  if (given) db.change(forgotten, { device, sequence, revision });
  return given;
}

function addRelease(db: Connection, release: NewRelease, by: By): Release | null {
  const { revision, tag, policy, expiryMs } = release;
  const { who, atMs } = by;
  const added = db.change(
    `INSERT INTO release (revision, tag, security, https, whole, expiryMs, who, atMs)
     SELECT digest, $tag, $security, $https, $whole, $expiryMs, $who, $atMs FROM revision WHERE digest = $revision`,
    {
      revision,
      tag,
      security: Number(policy.security),
      https: Number(policy.https),
      whole: Number(policy.whole),
      expiryMs,
      who,
      atMs,
    },
  );
  if (!added) return null;
  db.note("release", `${revision} ${tag}`, by);
  return db.one(ReleaseRow, `${RELEASES} WHERE number = (SELECT max(number) FROM release)`, {});
}

function talliesFrom(db: Connection, from: number): ReadonlyMap<number, Tally> {
  const tallies = new Map<number, Tally>();
  for (const { release, failed, reason, meant, taken, done } of db.all(TallyRow, TALLIES, { from })) {
    const so = tallies.get(release) ?? NO_TALLY;
    tallies.set(release, {
      meant: so.meant + meant,
      taken: so.taken + taken,
      done: so.done + done,
      failed: so.failed + (failed ? meant : 0),
      reasons: failed ? { ...so.reasons, [reason ?? "none"]: meant } : so.reasons,
    });
  }
  return tallies;
}
