import { presences } from "../../terms/index.ts";
import { oneOf } from "../codec.ts";
import { message } from "../message.ts";

/** u/l: one byte. */
export const { encode: encodePresence, decode: decodePresence } = message("u/l", oneOf(presences));
