import * as v from "valibot";
import { FIRST_EPOCH } from "../../fleet/terms/index.ts";
import { table } from "../table.ts";
import { evidenceLines } from "./evidence.ts";
import { shortened } from "./revision.ts";

const bytes = v.pipe(v.number(), v.minValue(0));
const State = v.object({
  running: v.string(),
  status: v.string(),
  containers: v.record(v.string(), v.object({ status: v.string(), goalReached: v.boolean() })),
  bytes: v.object({ day: bytes, month: bytes }),
  flags: v.object({ clockUnknown: v.boolean(), safeMode: v.boolean(), local: v.boolean() }),
  version: v.string(),
  orderEpoch: v.optional(v.nullable(v.number()), null),
});

/** What a device is to run, and how far it has come. */
const Order = v.object({
  sequence: v.number(),
  rev: v.number(),
  revision: v.string(),
  release: v.number(),
  published: v.nullable(v.string()),
  taken: v.nullable(v.string()),
  progress: v.nullable(
    v.object({ phase: v.string(), percent: v.number(), reason: v.nullable(v.string()), at: v.string() }),
  ),
});

/** A device as the hub's API shows it; `desired` and the metadata are there when one device is asked for, and `evidence` when it failed. */
export const Device = v.looseObject({
  id: v.string(),
  status: v.string(),
  code: v.optional(v.string()),
  tags: v.array(v.string()),
  first: v.string(),
  changed: v.string(),
  asked: v.string(),
  report: v.nullable(v.object({ at: v.string(), state: State })),
  duplicate: v.optional(v.boolean(), false),
  presence: v.optional(v.nullable(v.object({ at: v.string(), is: v.string() })), null),
  desired: v.optional(v.nullable(Order), null),
  evidence: v.optional(v.nullable(v.object({ at: v.string(), text: v.string() })), null),
  deviceMeta: v.optional(v.record(v.string(), v.string()), {}),
});
export type Device = v.InferOutput<typeof Device>;

export const Devices = v.object({ devices: v.array(Device) });

const ABSENT = "-";

export const devicesTable = (devices: readonly Device[]): string =>
  table([
    ["ID", "STATUS", "CODE", "RUNS", "REPORTED", "TAGS"],
    ...devices.map(({ id, status, code, report, tags, duplicate }) => [
      id,
      duplicate ? `${status}, twice` : status,
      code ?? ABSENT,
      report === null ? ABSENT : runs(report.state),
      report?.at ?? ABSENT,
      tags.join(" ") || ABSENT,
    ]),
  ]);

export function deviceText(device: Device): string {
  const { id, status, code, tags, first, changed, asked, report, presence, desired, duplicate, evidence, deviceMeta } =
    device;
  return table([
    ["id", id],
    ["status", `${status} since ${changed}`],
    ...(code === undefined ? [] : [["code", code]]),
    ...(duplicate ? [["note", "two boards report under this id: one has a copy of the other's key, revoke it"]] : []),
    ["tags", tags.join(" ") || ABSENT],
    ["first seen", first],
    ["last asked", asked],
    ...(presence === null ? [] : [["link", `${presence.is} since ${presence.at}`]]),
    ...(desired === null ? [] : orderRows(desired)),
    ...(evidence === null ? [] : evidenceLines(evidence.text).map((line, at) => [at === 0 ? "why" : "", line])),
    ...(report === null ? [["reported", ABSENT]] : [["reported", report.at], ...stateRows(report.state)]),
    ...Object.entries(deviceMeta),
  ]);
}

type Order = v.InferOutput<typeof Order>;

function orderRows({ sequence, rev, revision, release, published, taken, progress }: Order): readonly string[][] {
  const way = published === null ? "not with the broker yet" : taken === null ? "not taken up yet" : "taken up";
  const reason = progress?.reason ?? null;
  return [
    ["is to run", `revision ${shortened(revision)} as ${rev}, release ${release}, order ${sequence}`],
    ["progress", progress === null ? way : `${progress.phase} ${progress.percent} %, ${progress.at}`],
    ...(reason === null ? [] : [["reason", reason]]),
  ];
}

type State = v.InferOutput<typeof State>;

const runs = ({ running, status }: Pick<State, "running" | "status">): string => `${running} ${status}`;

function stateRows({
  containers,
  bytes: { day, month },
  flags,
  version,
  orderEpoch,
  ...state
}: State): readonly string[][] {
  const notes = [
    ...(flags.safeMode ? ["safe mode: its revision kept crashing"] : []),
    ...(flags.local ? ["its own revision runs, the hub has no say"] : []),
    ...(flags.clockUnknown ? ["it does not know the time"] : []),
  ];
  return [
    ["runs", runs(state)],
    ...Object.entries(containers).map(([name, { status, goalReached }]) => [
      `  ${name}`,
      goalReached ? status : `${status}, not at its goal`,
    ]),
    ["bytes", `${day} today, ${month} this month`],
    ["version", version],
    ["order key", `epoch ${orderEpoch ?? FIRST_EPOCH}`],
    ...notes.map((note) => ["note", note]),
  ];
}
