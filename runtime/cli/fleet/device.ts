import * as v from "valibot";
import { table } from "../table.ts";

/** A device as the hub's API shows it. */
export const Device = v.looseObject({
  id: v.string(),
  status: v.string(),
  code: v.optional(v.string()),
  tags: v.array(v.string()),
  first: v.string(),
  changed: v.string(),
  asked: v.string(),
  report: v.nullable(v.object({ at: v.string(), text: v.string() })),
});
export type Device = v.InferOutput<typeof Device>;

export const Devices = v.object({ devices: v.array(Device) });

const ABSENT = "-";

export const devicesTable = (devices: readonly Device[]): string =>
  table([
    ["ID", "STATUS", "CODE", "REPORTED", "TAGS"],
    ...devices.map(({ id, status, code, report, tags }) => [
      id,
      status,
      code ?? ABSENT,
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
    ["report", report === null ? ABSENT : `${report.at} ${report.text}`],
  ]);
}
