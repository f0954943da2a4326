/** Making X.509 certificates, requests for them and lists of revoked ones, and the private keys for it. Times come from the caller. */
export { type BadHost, explainHost, type Host, inUrl, parseHost } from "./host.ts";
export { type CertificateWish, type Issuer, issueCertificate, type Purpose } from "./issue.ts";
export {
  explainKeyFile,
  type KeyFileFault,
  type KeyType,
  newPrivateKey,
  type PrivateKey,
  readPrivateKey,
} from "./private-key.ts";
export {
  type CertificateRequest,
  explainRequest,
  makeRequest,
  REQUEST_BYTES_MAX,
  type RequestFault,
  readRequest,
} from "./request.ts";
export { issueRevocationList, type RevocationListWish, type Revoked } from "./revocation-list.ts";
