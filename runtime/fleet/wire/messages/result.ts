import { keyed, text, uint, type ValueOf } from "../codec.ts";
import { limits } from "../limits.ts";
import { message } from "../message.ts";

/** u/r: what a command came to. */
const commandResult = keyed({
  /** Of the command. */
  id: [1, uint],
  /** 0: done. */
  code: [2, uint],
  text: [3, text(limits.resultBytesMax)],
});

export type CommandResult = ValueOf<typeof commandResult>;
export const { encode: encodeCommandResult, decode: decodeCommandResult } = message("u/r", commandResult);
