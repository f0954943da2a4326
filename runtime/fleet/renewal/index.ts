/** A device's certificate, and the one after it. */
export {
  type Certificates,
  type CertificatesPorts,
  hasEnded,
  type OwnCertificates,
  openCertificates,
} from "./certificates.ts";
