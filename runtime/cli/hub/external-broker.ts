import { readFile } from "node:fs/promises";
import { withoutBrackets } from "../../address.ts";
import { explainHost, parseHost, readPrivateKey } from "../../certificates/index.ts";
import type { ExternalBroker } from "../../hub/index.ts";
import { err, ok, type Result } from "../../result.ts";
import { explainTrust, readCertificates } from "../../signatures/index.ts";

export interface BrokerWords {
  readonly broker: string;
  /** Paths of PEM files. */
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

const MQTTS_PORT = 8883;

/** What `--broker` and its companions mean. The error is a sentence. */
export async function externalBroker({ broker, ca, cert, key }: BrokerWords): Promise<Result<ExternalBroker, string>> {
  const bad = err(`--broker ${JSON.stringify(broker)}: wanted mqtts://host:port`);
  if (!URL.canParse(broker)) return bad;
  const { protocol, hostname, port, pathname, search, hash, username, password } = new URL(broker);
  if (protocol !== "mqtts:" || `${search}${hash}${username}${password}` !== "" || !/^\/?$/.test(pathname)) return bad;
  const host = parseHost(withoutBrackets(hostname));
  if (!host.ok) return err(`--broker: ${explainHost(host.error)}`);
  if ((cert === null) !== (key === null)) return err("--broker-cert and --broker-key go together");
  const certifiedBy = ca === null ? ok(null) : await certificatesIn("--broker-ca", ca);
  if (!certifiedBy.ok) return certifiedBy;
  const client = cert === null || key === null ? ok(null) : await clientIn(cert, key);
  if (!client.ok) return client;
  return ok({
    host: host.value,
    port: port === "" ? MQTTS_PORT : Number(port),
    certifiedBy: certifiedBy.value,
    client: client.value,
  });
}

async function clientIn(cert: string, key: string): Promise<Result<ExternalBroker["client"], string>> {
  const certificate = await certificatesIn("--broker-cert", cert);
  if (!certificate.ok) return certificate;
  const pem = await textOf("--broker-key", key);
  if (!pem.ok) return pem;
  // What it says could be the key.
  return readPrivateKey(pem.value).ok
    ? ok({ certificate: certificate.value, key: pem.value })
    : err(`--broker-key ${key}: no private key in PEM`);
}

async function certificatesIn(option: string, path: string): Promise<Result<string, string>> {
  const pem = await textOf(option, path);
  if (!pem.ok) return pem;
  const read = readCertificates(pem.value);
  return read.ok ? pem : err(`${option} ${path}: ${explainTrust(read.error)}`);
}

async function textOf(option: string, path: string): Promise<Result<string, string>> {
  try {
    return ok(await readFile(path, "latin1"));
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    return err(`${option} ${path} cannot be read (${code ?? String(thrown)})`);
  }
}
