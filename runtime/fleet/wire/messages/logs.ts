import { bytes, keyed, oneOf, optional, uint, type ValueOf } from "../codec.ts";
import { limits } from "../limits.ts";
import { message } from "../message.ts";
import { revisionName } from "../names.ts";

/** u/g: log lines, because somebody asked for them or as evidence of a failure. */
const logs = keyed({
  /** `requested`: lines. `evidence`: what is known of a failure, as the device's progress record has it: JSON (`runtime/store`). */
  kind: [1, oneOf(["requested", "evidence"])],
  /** Whose lines they are. */
  revision: [2, revisionName],
  /** Text (`runtime/fleet/logs`). */
  deflated: [3, bytes(limits.logsBytesMax, 0)],
  /** Id of the command that asked; null: nobody did. */
  command: [4, optional(uint)],
});

export type Logs = ValueOf<typeof logs>;
export const { encode: encodeLogs, decode: decodeLogs } = message("u/g", logs);
