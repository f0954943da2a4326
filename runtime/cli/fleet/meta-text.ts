import * as v from "valibot";
import { table } from "../table.ts";

const pairs = v.record(v.string(), v.string());

/** The metadata of a device as the hub's API shows it. */
export const Meta = v.object({ id: v.string(), userMeta: pairs, taken: v.boolean(), deviceMeta: pairs });

export function metaText({ userMeta, taken, deviceMeta }: v.InferOutput<typeof Meta>): string {
  return table([
    ["KIND", "KEY", "VALUE"],
    ...rows("user", userMeta),
    ...rows("device", deviceMeta),
    ...(taken ? [] : [["note", "", "the device has not all of user-meta yet"]]),
  ]);
}

const rows = (kind: string, of: Readonly<Record<string, string>>): readonly string[][] =>
  Object.entries(of).map(([key, value]) => [kind, key, value]);
