import { phases, reasons } from "../../terms/index.ts";
import { integer, keyed, oneOf, optional, uint, type ValueOf } from "../codec.ts";
import { message } from "../message.ts";

/** u/p: how far the desired revision has come. */
const progress = keyed({
  /** Of the desired revision. */
  sequence: [1, uint],
  phase: [2, oneOf(phases)],
  percent: [3, integer(0, 100)],
  /** Why it failed; null: it did not. */
  reason: [4, optional(oneOf(reasons))],
});

export type Progress = ValueOf<typeof progress>;
export const { encode: encodeProgress, decode: decodeProgress } = message("u/p", progress);
