/**
 * PVS signatures of states (`pvs@2`, reference authoring chapter 3 and runtime section 12): verifying them against what is trusted, saying
 * what they cover, and making them. Pure: keys, texts and the time come from the caller.
 */
export { type Claim, readClaims } from "./claims.ts";
export { type Coverage, coverage, type SecureBootMode } from "./coverage.ts";
export { DerCursor, der, derBits, derNull, derOid, derSequence, derUnsigned, TAG } from "./der/index.ts";
export type { GlobFault } from "./glob.ts";
export { type Algorithm, algorithmFor } from "./header.ts";
export {
  explainMake,
  finishSignature,
  type MakeError,
  type PreparedSignature,
  prepareSignature,
  type SignatureWish,
} from "./make.ts";
export { explainPem, type PemBlock, type PemFault, readPem, writePem } from "./pem.ts";
export { type EcdsaForm, type Hash, isSignedBy } from "./primitive.ts";
export { explainProblem, explainVerify, type SignatureProblem, type VerifyError } from "./problem.ts";
export {
  type Curve,
  encodePublicKey,
  explainKey,
  fingerprint,
  jwkOf,
  type KeyFault,
  kindOf,
  type PublicKey,
  readPublicKey,
} from "./public-key.ts";
export type { Report, SignatureReport, Signer } from "./report.ts";
export { explainTrust, type OemTrust, readCertificates, readPublicKeys, type Trust, type TrustFault } from "./trust.ts";
export { type VerifyOptions, verifyState } from "./verify.ts";
export { type Certificate, type DistinguishedName, readCertificate, readName } from "./x509/index.ts";
