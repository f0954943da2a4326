import { DerCursor, TAG } from "../der/index.ts";

/** What we understand of a certificate's extensions (RFC 5280 section 4.2.1). Null: the extension is absent. */
export interface Extensions {
  readonly basicConstraints: { readonly authority: boolean; readonly pathLengthMax: number | null } | null;
  readonly keyUsage: { readonly digitalSignature: boolean; readonly certificateSign: boolean } | null;
  /** Object identifiers of the purposes. */
  readonly extendedKeyUsage: readonly string[] | null;
  /** By which name those that it issued may point to its key. */
  readonly subjectKeyIdentifier: Uint8Array | null;
  /** Object identifiers of critical extensions that nobody here understands: such a certificate must not be used. */
  readonly unknownCritical: readonly string[];
}

const SUBJECT_KEY_IDENTIFIER = "2.5.29.14";
const BASIC_CONSTRAINTS = "2.5.29.19";
const KEY_USAGE = "2.5.29.15";
const EXTENDED_KEY_USAGE = "2.5.29.37";
/** Names mean nothing here but the subject's, so critical ones restrict nothing. */
const SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";
const EXTENSIONS_MAX = 64;
const PATH_LENGTH_MAX = 255;

export const NO_EXTENSIONS: Extensions = {
  basicConstraints: null,
  keyUsage: null,
  extendedKeyUsage: null,
  subjectKeyIdentifier: null,
  unknownCritical: [],
};

/** Reads the list of extensions, the cursor standing inside it. */
export function readExtensions(list: DerCursor): Extensions {
  const seen = new Set<string>();
  const unknownCritical: string[] = [];
  let { basicConstraints, keyUsage, extendedKeyUsage, subjectKeyIdentifier } = NO_EXTENSIONS;
  while (list.more) {
    const extension = list.inside("an extension");
    const oid = extension.oid("an extension's type");
    const critical = extension.tag === TAG.boolean && extension.boolean("an extension's mark as critical");
    const value = new DerCursor(extension.element("an extension's value", TAG.octetString).contents);
    extension.end("an extension's value");
    if (seen.has(oid) || seen.size === EXTENSIONS_MAX)
      list.fail(seen.has(oid) ? `extension ${oid} twice` : "too many extensions");
    seen.add(oid);
    if (oid === BASIC_CONSTRAINTS) basicConstraints = readBasicConstraints(value);
    else if (oid === KEY_USAGE) keyUsage = readKeyUsage(value);
    else if (oid === EXTENDED_KEY_USAGE) extendedKeyUsage = readPurposes(value);
    else if (oid === SUBJECT_KEY_IDENTIFIER) subjectKeyIdentifier = readIdentifier(value);
    else if (critical && oid !== SUBJECT_ALTERNATIVE_NAME) unknownCritical.push(oid);
    if (value.fault !== null) list.fail(`extension ${oid}: ${value.fault}`);
  }
  return { basicConstraints, keyUsage, extendedKeyUsage, subjectKeyIdentifier, unknownCritical };
}

function readIdentifier(value: DerCursor): Uint8Array {
  const { contents } = value.element("the identifier", TAG.octetString);
  value.end("the identifier");
  return contents;
}

function readBasicConstraints(value: DerCursor): NonNullable<Extensions["basicConstraints"]> {
  const inner = value.inside("the constraints");
  value.end("the constraints");
  const authority = inner.tag === TAG.boolean && inner.boolean("the mark as authority");
  const pathLengthMax = inner.more ? inner.small("the path length", PATH_LENGTH_MAX) : null;
  inner.end("the path length");
  return { authority, pathLengthMax };
}

/** Bits count from the most significant one: 0 is digitalSignature, 5 keyCertSign. */
function readKeyUsage(value: DerCursor): NonNullable<Extensions["keyUsage"]> {
  const { contents } = value.element("the usage", TAG.bitString);
  value.end("the usage");
  const [unused = 8, bits = 0] = contents;
  if (value.fault === null && (unused > 7 || contents.length < 2 || contents.length > 3)) value.fail("no bits");
  return { digitalSignature: (bits & 0x80) !== 0, certificateSign: (bits & 0x04) !== 0 };
}

function readPurposes(value: DerCursor): readonly string[] {
  const inner = value.inside("the purposes");
  value.end("the purposes");
  const purposes: string[] = [];
  do purposes.push(inner.oid("a purpose"));
  while (inner.more);
  return purposes;
}
