import { outcomes } from "../../terms/index.ts";
import { keyed, oneOf, text, uint, type ValueOf } from "../codec.ts";
import { limits } from "../limits.ts";
import { message } from "../message.ts";

/** u/r: what a command came to. */
const commandResult = keyed({
  /** Of the command. */
  id: [1, uint],
  code: [2, oneOf(outcomes)],
  /** A sentence for people. */
  text: [3, text(limits.resultBytesMax)],
});

export type CommandResult = ValueOf<typeof commandResult>;
export const { encode: encodeCommandResult, decode: decodeCommandResult } = message("u/r", commandResult);
