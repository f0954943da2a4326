import * as v from "valibot";
import { table } from "../table.ts";
import { shortened } from "./revision.ts";

const count = v.pipe(v.number(), v.minValue(0));

/** What a revision costs devices that run the same one, as the hub's API shows it. */
const Cost = v.looseObject({
  running: v.nullable(v.string()),
  devices: count,
  bytes: v.nullable(count),
  wholeBytes: v.nullable(count),
});
export type Cost = v.InferOutput<typeof Cost>;
export const Costs = v.object({ costs: v.array(Cost) });

export const isKnown = (costs: readonly Cost[]): boolean => costs.every(({ bytes }) => bytes !== null);

export const costsTable = (costs: readonly Cost[]): string =>
  table([
    ["DEVICES", "RUNNING", "BYTES EACH", "OF THAT WHOLE"],
    ...costs.map(({ devices, running, bytes, wholeBytes }) => [
      String(devices),
      running === null ? "not at the hub" : shortened(running),
      bytes === null ? "being made" : String(bytes),
      wholeBytes === null ? "" : String(wholeBytes),
    ]),
  ]);
