import { oneOf } from "../codec.ts";
import { message } from "../message.ts";
import { presences } from "../words.ts";

/** u/l: one byte. */
export const { encode: encodePresence, decode: decodePresence } = message("u/l", oneOf(presences));
