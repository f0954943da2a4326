/** CBOR (RFC 8949) in one form only: a message is read if it is, byte for byte, what would be written here. */
import { type DecodeOptions, decode, encode, type Token, Tokenizer } from "cborg";
import { err, ok, type Result } from "../../result.ts";
import { limits } from "./limits.ts";

/** What messages are made of: no floats, tags, null or undefined. */
export type Cbor = number | boolean | string | Uint8Array | readonly Cbor[] | ReadonlyMap<number | string, Cbor>;

/** These say what is wrong; the comparison in {@link readCbor} would refuse the same without a word. */
const STRICT: DecodeOptions = {
  strict: true, // integers and lengths in no more bytes than needed
  allowIndefinite: false,
  allowUndefined: false,
  allowBigInt: false,
  useMaps: true,
  rejectDuplicateMapKeys: true,
  retainStringBytes: true,
};

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

class Strict extends Tokenizer {
  private collections = 0;

  override next(): Token {
    const token = super.next();
    // Bounds recursion: each byte can ask for a level of it.
    if (!token.type.terminal) this.collections += 1;
    if (this.collections > limits.collectionsMax) throw new Error(`more than ${limits.collectionsMax} arrays and maps`);
    // cborg mends broken text, and drops a mark at its beginning.
    if (token.byteValue !== undefined) token.value = UTF8.decode(token.byteValue);
    return token;
  }
}

/** The error is for people, and may have a stranger's text in it. */
export function readCbor(message: Uint8Array): Result<Cbor, string> {
  // Of a Buffer, slices would be views of the network's memory.
  const bytes = new Uint8Array(message.buffer, message.byteOffset, message.length);
  try {
    const value: unknown = decode(bytes, { ...STRICT, tokenizer: new Strict(bytes, STRICT) });
    if (!isCbor(value)) return err("a value that no message has");
    // Beside what the options say: the order of keys, whole numbers written as floats.
    return sameBytes(writeCbor(value), bytes) ? ok(value) : err("written in another way");
  } catch (cause) {
    return err(cause instanceof Error ? cause.message : String(cause));
  }
}

/** Keys ascend: numbers by value, then texts by length and bytes, whatever the order of the map. */
export function writeCbor(value: Cbor): Uint8Array {
  const bytes = encode(value);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

function isCbor(value: unknown): value is Cbor {
  if (value instanceof Map) return [...value].every(([key, one]) => isKey(key) && isCbor(one));
  if (Array.isArray(value)) return value.every(isCbor);
  return isKey(value) || typeof value === "boolean" || value instanceof Uint8Array;
}

const isKey = (value: unknown): boolean => typeof value === "string" || Number.isSafeInteger(value);

const sameBytes = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, at) => byte === other[at]);
