/** A hub's authority, as tests need one: who it names gets a certificate. */
import {
  type Host,
  issueCertificate,
  newPrivateKey,
  type Purpose,
  parseHost,
  readPrivateKey,
} from "../../runtime/certificates/index.ts";
import { readCertificate, writePem } from "../../runtime/signatures/index.ts";
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
}

const YEAR_MS = 365 * 24 * 3600_000;
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
    issue(name: string, of: Purpose): Identity {
      const text = newPrivateKey("p256");
      const wish = { key: must(readPrivateKey(text)).publicKey, commonName: name, purpose: of, ...validity };
      return { key: text, certificate: pem(issueCertificate(wish, { certificate, key })) };
    },
  };
}

export function newAuthority(): Authority {
  const [servers, devices] = [newIssuer("servers"), newIssuer("devices")];
  const hostsOf = (hosts: readonly string[]) => hosts.map((host): Host => must(parseHost(host)));
  return {
    servers: servers.certificate,
    devices: devices.certificate,
    server: (...hosts) => servers.issue(hosts[0] ?? "", { kind: "server", hosts: hostsOf(hosts) }),
    client: (name) => devices.issue(name, { kind: "client" }),
  };
}
