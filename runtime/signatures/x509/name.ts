import { DerCursor, type Element, TAG } from "../der/index.ts";

/** A distinguished name (RFC 5280 section 4.1.2.4). Two are the same when their `der` is, byte for byte, as other readers have it. */
export interface DistinguishedName {
  readonly der: Uint8Array;
  /** For people: `O=Vector Lab, CN=dev`. */
  readonly text: string;
  /** Null: it has none, several, or one that is no text. */
  readonly commonName: string | null;
}

const COMMON_NAME = "2.5.4.3";
const SHORT: ReadonlyMap<string, string> = new Map([
  [COMMON_NAME, "CN"],
  ["2.5.4.5", "serialNumber"],
  ["2.5.4.6", "C"],
  ["2.5.4.7", "L"],
  ["2.5.4.8", "ST"],
  ["2.5.4.10", "O"],
  ["2.5.4.11", "OU"],
]);

/** Reads the next element of a cursor as a name. */
export function readName(cursor: DerCursor, what: string): DistinguishedName {
  const { whole, contents, tag } = cursor.any(what);
  if (cursor.fault === null && tag !== TAG.sequence) cursor.fail(`${what} is no sequence`);
  const sets = new DerCursor(contents);
  const attributes: (readonly [oid: string, value: string | null])[] = [];
  while (sets.more) {
    const set = sets.inside("a part", TAG.set);
    do {
      const attribute = set.inside("an attribute");
      const oid = attribute.oid("its type");
      attributes.push([oid, textOf(attribute.any("its value"))]);
      attribute.end("its value");
    } while (set.more);
  }
  if (sets.fault !== null) cursor.fail(`${what}: ${sets.fault}`);
  const common = attributes.filter(([oid]) => oid === COMMON_NAME);
  return {
    der: whole,
    text: attributes.map(([oid, value]) => `${SHORT.get(oid) ?? oid}=${value ?? "?"}`).join(", "),
    commonName: common.length === 1 ? (common[0]?.[1] ?? null) : null,
  };
}

/** UTF8String, PrintableString and IA5String, which are what certificates are made with today. */
function textOf({ tag, contents }: Element): string | null {
  if (tag !== TAG.utf8String && tag !== 0x13 && tag !== 0x16) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(contents);
  } catch {
    return null;
  }
}
