/** A hub's authority, as tests need one: who it names gets a certificate. */
import {
  type Host,
  issueCertificate,
  newPrivateKey,
  type Purpose,
  parseHost,
  readPrivateKey,
} from "../../runtime/certificates/index.ts";
import { type PublicKey, readCertificate, writePem } from "../../runtime/signatures/index.ts";
import { must } from "../store/world.ts";

export interface Identity {
  /** PEM. */
  readonly key: string;
  readonly certificate: string;
}

export interface Authority {
  /** PEM: who names servers. Devices know it. */
  readonly servers: string;
  /** PEM: who names devices. Servers know it. Another one, so that OpenSSL does not send it along with a server's certificate. */
  readonly devices: string;
  server(...hosts: readonly string[]): Identity;
  client(name: string): Identity;
  /** A certificate for somebody else's key, in PEM. */
  certify(name: string, key: PublicKey, days?: number): string;
}

const DAY_MS = 24 * 3600_000;
const YEAR_MS = 365 * DAY_MS;
const pem = (bytes: Uint8Array): string => writePem("CERTIFICATE", bytes);

function newIssuer(commonName: string) {
  const notBeforeMs = Date.now() - 60_000;
  const validity = { notBeforeMs, notAfterMs: notBeforeMs + YEAR_MS };
  const key = must(readPrivateKey(newPrivateKey("p256")));
  const purpose = { kind: "authority", pathLengthMax: 0 } as const;
  const own = issueCertificate({ key: key.publicKey, commonName, purpose, ...validity }, { certificate: null, key });
  const certificate = must(readCertificate(own));
  return {
    certificate: pem(own),
    certify: (name: string, of: Purpose, whose: PublicKey, days = 365): string => {
      const notAfterMs = notBeforeMs + days * DAY_MS;
      const wish = { key: whose, commonName: name, purpose: of, notBeforeMs, notAfterMs };
      return pem(issueCertificate(wish, { certificate, key }));
    },
  };
}

export function newAuthority(): Authority {
  const [servers, devices] = [newIssuer("servers"), newIssuer("devices")];
  const issue = ({ certify }: ReturnType<typeof newIssuer>, name: string, purpose: Purpose): Identity => {
    const key = newPrivateKey("p256");
    return { key, certificate: certify(name, purpose, must(readPrivateKey(key)).publicKey) };
  };
  const hostsOf = (hosts: readonly string[]) => hosts.map((host): Host => must(parseHost(host)));
  return {
    servers: servers.certificate,
    devices: devices.certificate,
    server: (...hosts) => issue(servers, hosts[0] ?? "", { kind: "server", hosts: hostsOf(hosts) }),
    client: (name) => issue(devices, name, { kind: "client" }),
    certify: (name, key, days) => devices.certify(name, { kind: "client" }, key, days),
  };
}
