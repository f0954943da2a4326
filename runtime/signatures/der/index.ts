/** DER, read strictly and written: the encoding of keys, certificates and OpenSSL's ECDSA signatures. */
export { DerCursor, type Element, TAG } from "./read.ts";
export { der, derBits, derNull, derOid, derSequence, derUnsigned } from "./write.ts";
