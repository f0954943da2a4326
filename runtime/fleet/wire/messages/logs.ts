import { bytes, keyed, oneOf, type ValueOf } from "../codec.ts";
import { limits } from "../limits.ts";
import { message } from "../message.ts";
import { revisionName } from "../names.ts";

/** u/g: log lines, because somebody asked for them or as evidence of a failure. */
const logs = keyed({
  kind: [1, oneOf(["requested", "evidence"])],
  /** Whose lines they are. */
  revision: [2, revisionName],
  deflated: [3, bytes(limits.logsBytesMax, 0)],
});

export type Logs = ValueOf<typeof logs>;
export const { encode: encodeLogs, decode: decodeLogs } = message("u/g", logs);
