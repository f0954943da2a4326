/** X.509 certificates (RFC 5280): reading them, and the way from one to a trusted one. */
export { type Certificate, readCertificate } from "./certificate.ts";
export { type ChainFault, type ChainOptions, explainChain, findChain } from "./chain.ts";
export { type DistinguishedName, readName } from "./name.ts";
