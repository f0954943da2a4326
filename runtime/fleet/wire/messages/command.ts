import { operations } from "../../terms/index.ts";
import { keyed, oneOf, seconds, text, uint, type ValueOf } from "../codec.ts";
import { limits } from "../limits.ts";
import { message } from "../message.ts";

/** n/c: something to be done once. */
const command = keyed({
  /** Rises; the result has it, too. */
  id: [1, uint],
  operation: [2, oneOf(operations)],
  /**
   * What the operation takes. `restartContainer`: the name of one. `logs`: how many lines, and before that, with a space between, the
   * name of a container; without, they are the runtime's own. `debugAccess`: for how many seconds. The others take nothing.
   */
  arguments: [3, text(limits.argumentsBytesMax)],
  expiry: [4, seconds],
});

export type Command = ValueOf<typeof command>;
export const { encode: encodeCommand, decode: decodeCommand } = message("n/c", command);
