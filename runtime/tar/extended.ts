import { ID_MAX, latin1, type Refuse } from "./header.ts";
import { tarLimits } from "./model.ts";
import { decodeName } from "./names.ts";

/** What an extended header says of the members that follow; an undefined value says nothing, and the header itself counts. */
export interface Extended {
  readonly path?: string;
  readonly linkpath?: string;
  readonly sizeBytes?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtimeSeconds?: number;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

export const NOTHING: Extended = { xattrs: new Map() };

const XATTR = "SCHILY.xattr."; // star(4); GNU tar and libarchive write it too

/**
 * Records `<length> <key>=<value>\n` over what was known before (POSIX.1-2017 pax, "pax Extended Header"): the last of a key counts, an
 * empty value takes the key back. Keys without a meaning here are passed over: user names, times of access, comments.
 */
export function readPax(bytes: Uint8Array, before: Extended, refuse: Refuse): Extended {
  const found: { -readonly [K in keyof Extended]: Extended[K] } = { ...before };
  const xattrs = new Map(before.xattrs);
  for (let at = 0; at < bytes.byteLength; ) {
    const digits = /^([1-9]\d{0,7}) /.exec(latin1(bytes.subarray(at, at + 9)))?.[1] ?? "";
    const end = at + Number(digits);
    const record = bytes.subarray(at + digits.length + 1, end);
    const equals = record.indexOf(0x3d);
    if (digits === "" || end > bytes.byteLength || equals < 1 || record.at(-1) !== 0x0a) refuse("badExtended", "");
    const key = decodeName(record.subarray(0, equals));
    const value = record.subarray(equals + 1, -1);
    at = end;
    if (key.startsWith("GNU.sparse") || key === "SCHILY.realsize") refuse("sparse", "");
    if (key.startsWith(XATTR)) {
      const name = key.slice(XATTR.length);
      if (name === "" || name.includes("\0") || Buffer.byteLength(name) > 255)
        refuse("badExtended", "name of an extended attribute");
      if (value.byteLength === 0) xattrs.delete(name);
      else xattrs.set(name, value);
      if (xattrs.size > tarLimits.xattrsMax) refuse("tooLong", "extended attributes");
      continue;
    }
    switch (key) {
      case "path":
      case "linkpath":
        set(found, key, value.byteLength === 0 ? undefined : decodeName(value));
        break;
      case "size":
        set(found, "sizeBytes", whole(key, value, Number.MAX_SAFE_INTEGER, refuse));
        break;
      case "uid":
      case "gid":
        set(found, key, whole(key, value, ID_MAX, refuse));
        break;
      case "mtime":
        set(found, "mtimeSeconds", seconds(value, refuse));
        break;
    }
  }
  return { ...found, xattrs };
}

function set<K extends keyof Extended>(
  into: { -readonly [P in keyof Extended]: Extended[P] },
  key: K,
  value: Extended[K] | undefined,
): void {
  if (value === undefined) delete into[key];
  else into[key] = value;
}

function whole(key: string, value: Uint8Array, most: number, refuse: Refuse): number | undefined {
  if (value.byteLength === 0) return undefined;
  const text = latin1(value);
  const number = Number(text);
  if (!/^\d{1,16}$/.test(text) || number > most) refuse("badNumber", key);
  return number;
}

/** Seconds since 1970 with a decimal fraction. */
function seconds(value: Uint8Array, refuse: Refuse): number | undefined {
  if (value.byteLength === 0) return undefined;
  const text = latin1(value);
  const number = Math.floor(Number(text));
  if (!/^-?\d{1,20}(?:\.\d{0,20})?$/.test(text) || !Number.isSafeInteger(number)) refuse("badNumber", "mtime");
  return number;
}
