import { err, ok, type Result } from "../result.ts";
import { bytesOf, type Format, type TooLarge, textOf } from "./format.ts";
import type { Variables } from "./variables.ts";

/**
 * Entries `key=value`, each ended by a NUL, the list by a further one (U-Boot, `himport_r` with separator NUL). What U-Boot escapes in a
 * value stays escaped. `rest` is what follows the list's end; null: the bytes end before it.
 */
export function decodeEntries(
  bytes: Uint8Array,
): Result<{ readonly variables: Variables; readonly rest: Uint8Array | null }, string> {
  const variables = new Map<string, string>();
  for (let at = 0; at < bytes.byteLength; ) {
    const end = bytes.indexOf(0, at);
    if (end === at) return ok({ variables, rest: bytes.subarray(at + 1) });
    if (end < 0) return err(`the entry at byte ${at} has no end`);
    const entry = textOf(bytes.subarray(at, end));
    const equals = entry.indexOf("=");
    if (equals < 1) return err(`the entry at byte ${at} is not "key=value"`);
    variables.set(entry.slice(0, equals), entry.slice(equals + 1));
    at = end + 1;
  }
  return ok({ variables, rest: null });
}

/** The list of entries, with NULs up to `sizeBytes`. */
export function encodeEntries(variables: Variables, sizeBytes: number): Result<Uint8Array, TooLarge> {
  const list = bytesOf(`${[...variables].map(([name, value]) => `${name}=${value}\0`).join("")}\0`);
  if (list.byteLength > sizeBytes) return err({ kind: "tooLarge", bytes: list.byteLength, bytesMax: sizeBytes });
  const bytes = new Uint8Array(sizeBytes);
  bytes.set(list);
  return ok(bytes);
}

const textFormat = (sizeBytes: number): Format<Variables> => ({
  bytesMax: sizeBytes,
  missing: new Map(),
  decode: (bytes) => {
    if (bytes.byteLength === 0) return err("it is empty");
    const decoded = decodeEntries(bytes);
    if (!decoded.ok) return decoded;
    const { variables, rest } = decoded.value;
    return rest?.some((byte) => byte !== 0) ? err("something follows the end of the list") : ok(variables);
  },
  encode: (variables) => encodeEntries(variables, sizeBytes),
});

/** `boot/uboot.txt` (reference 6.1): written with 64 KiB, as the original does; read also when it is shorter. No checksum. */
export const ubootText: Format<Variables> = textFormat(64 * 1024);

/** `boot/rpiab.txt` (reference 6.4): the same in 512 bytes. */
export const rpiabText: Format<Variables> = textFormat(512);
