/** Signing what was committed: keys from files or behind a program, certificates, and which files a signature is about. */
export { type CertificateWish, type Issuer, issueCertificate } from "./certificate.ts";
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
export {
  explainKeyFile,
  type KeyFileFault,
  type KeyType,
  newPrivateKey,
  type PrivateKey,
  readPrivateKey,
} from "./private-key.ts";
export { explainSign, type SignError, type Signed, type SignOptions, signState, writeSignatures } from "./sign.ts";
export { commandSigner, keySigner, type Signer, type SignerError } from "./signer.ts";
