import * as v from "valibot";
import { table } from "../table.ts";

const bytes = v.pipe(v.number(), v.minValue(0));
const State = v.object({
  running: v.string(),
  status: v.string(),
  containers: v.record(v.string(), v.object({ status: v.string(), goalReached: v.boolean() })),
  bytes: v.object({ day: bytes, month: bytes }),
  flags: v.object({ clockUnknown: v.boolean(), safeMode: v.boolean(), local: v.boolean() }),
  version: v.string(),
});

/** A device as the hub's API shows it. */
export const Device = v.looseObject({
  id: v.string(),
  status: v.string(),
  code: v.optional(v.string()),
  tags: v.array(v.string()),
  first: v.string(),
  changed: v.string(),
  asked: v.string(),
  report: v.nullable(v.object({ at: v.string(), state: State })),
});
export type Device = v.InferOutput<typeof Device>;

export const Devices = v.object({ devices: v.array(Device) });

const ABSENT = "-";

export const devicesTable = (devices: readonly Device[]): string =>
  table([
    ["ID", "STATUS", "CODE", "RUNS", "REPORTED", "TAGS"],
    ...devices.map(({ id, status, code, report, tags }) => [
      id,
      status,
      code ?? ABSENT,
      report === null ? ABSENT : runs(report.state),
      report?.at ?? ABSENT,
      tags.join(" ") || ABSENT,
    ]),
  ]);

export function deviceText({ id, status, code, tags, first, changed, asked, report }: Device): string {
  return table([
    ["id", id],
    ["status", `${status} since ${changed}`],
    ...(code === undefined ? [] : [["code", code]]),
    ["tags", tags.join(" ") || ABSENT],
    ["first seen", first],
    ["last asked", asked],
    ...(report === null ? [["reported", ABSENT]] : [["reported", report.at], ...stateRows(report.state)]),
  ]);
}

type State = v.InferOutput<typeof State>;

const runs = ({ running, status }: Pick<State, "running" | "status">): string => `${running} ${status}`;

function stateRows({ containers, bytes: { day, month }, flags, version, ...state }: State): readonly string[][] {
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
    ...notes.map((note) => ["note", note]),
  ];
}
