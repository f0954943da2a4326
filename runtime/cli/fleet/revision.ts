import * as v from "valibot";
import { table } from "../table.ts";

/** A revision as the hub's API shows it. */
export const Revision = v.looseObject({
  revision: v.string(),
  bytes: v.number(),
  message: v.string(),
  who: v.string(),
  at: v.string(),
});
export type Revision = v.InferOutput<typeof Revision>;
export const Revisions = v.object({ revisions: v.array(Revision) });

const counts = v.pipe(v.number(), v.minValue(0));
const Released = v.looseObject({
  number: v.number(),
  revision: v.string(),
  tag: v.string(),
  policy: v.object({ security: v.boolean(), https: v.boolean(), whole: v.boolean() }),
  expires: v.nullable(v.string()),
  who: v.string(),
  at: v.string(),
});
export type Released = v.InferOutput<typeof Released>;
/** A release, and how far it has come. */
const Listed = v.looseObject({
  ...Released.entries,
  devices: v.object({
    meant: counts,
    taken: counts,
    done: counts,
    failed: counts,
    reasons: v.record(v.string(), counts),
  }),
});
export type Listed = v.InferOutput<typeof Listed>;
export const Releases = v.object({ releases: v.array(Listed) });
export const Release = Released;

/** Digits that tell a revision from others, for people. */
export const shortened = (digest: string): string => digest.slice(0, 12);

const ABSENT = "-";

export const revisionsTable = (revisions: readonly Revision[]): string =>
  table([
    ["REVISION", "SENT", "BY", "MESSAGE"],
    ...revisions.map(({ revision, at, who, message }) => [shortened(revision), at, who, message || ABSENT]),
  ]);

export const releasesTable = (releases: readonly Listed[]): string =>
  table([
    ["NUMBER", "REVISION", "TAG", "RELEASED", "DEVICES", "TAKEN", "DONE", "FAILED", "POLICY"],
    ...releases.map(({ number, revision, tag, at, devices, policy, expires }) => [
      String(number),
      shortened(revision),
      tag,
      at,
      String(devices.meant),
      String(devices.taken),
      String(devices.done),
      failures(devices),
      policyText(policy, expires),
    ]),
  ]);

export const releaseText = ({ number, revision, tag, policy, expires }: Released): string =>
  `release ${number}: revision ${shortened(revision)} for devices with tag ${tag}, ${policyText(policy, expires)}`;

function failures({ failed, reasons }: Listed["devices"]): string {
  const known = Object.entries(reasons).map(([reason, count]) => `${count} ${reason}`);
  return known.length === 0 ? String(failed) : `${failed} (${known.join(", ")})`;
}

function policyText(policy: Released["policy"], expires: string | null): string {
  const words = Object.entries(policy).flatMap(([word, isSet]) => (isSet ? [word] : []));
  return [...words, ...(expires === null ? [] : [`until ${expires}`])].join(" ") || "no exceptions";
}
