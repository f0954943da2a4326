/** Signing what was committed: with a key, or a program that has one, and which files a signature is about. */
export { saveNewFile } from "./new-file.ts";
export {
  type BadName,
  explainName,
  type Patterns,
  partTarget,
  rawTarget,
  type SignatureTarget,
  sameTarget,
} from "./patterns.ts";
export { explainSign, type SignError, type Signed, type SignOptions, signState, writeSignatures } from "./sign.ts";
export { commandSigner, keySigner, type Signer, type SignerError } from "./signer.ts";
