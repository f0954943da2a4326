import { type Host, newPrivateKey, readPrivateKey } from "../../certificates/index.ts";
import type { DeviceId, FleetName } from "../../fleet/terms/index.ts";
import { err, invariant, ok, type Result } from "../../result.ts";
import { writePem } from "../../signatures/index.ts";
import { type Disk, type DiskError, explainDiskError, saveFile } from "../../store/index.ts";
import { type Authority, authorityFiles, certifyTakeOver, HUB_NAME } from "../authority/index.ts";
import type { Revocations } from "../registry/index.ts";
import { aclText, type BrokerFiles, type BrokerWish, configurationText, tlsText } from "./configuration.ts";
import {
  explainMosquitto,
  type Mosquitto,
  type MosquittoFault,
  type MosquittoOptions,
  startMosquitto,
} from "./mosquitto.ts";
import { type Intruder, takeOver } from "./take-over.ts";

export interface BrokerOptions {
  /** Of the hub; the keys and certificates are in its folder `authority`. */
  readonly folder: string;
  readonly fleet: FleetName;
  /** Where it is reached from here; the hub's own listens there. */
  readonly host: Host;
  readonly port: number;
  /** Of servers, and of devices. */
  readonly authority: Authority;
  readonly devices: Authority;
  /** Milliseconds since 1970. */
  now(): number;
  log(line: string): void;
}

/** Of a broker that the hub starts. */
export interface ChildOptions extends BrokerOptions, Pick<BrokerWish, "user"> {
  /** It serves, for the first time or again, and has forgotten what it was told since then. */
  serves(keptMs: number): void;
}

/** A broker that somebody else runs. */
export interface ExternalOptions extends BrokerOptions {
  /** PEM: who certifies its server; null: the hub's authority. */
  readonly certifiedBy: string | null;
}

export interface Broker {
  readonly process: Mosquitto;
  /** From now on these are out: they cannot connect, and who is connected is allowed nothing. */
  publishRevoked(revoked: Revocations): Promise<Result<void, BrokerFault>>;
  /** Ends the session of a device that is revoked, and with it what was queued. Nothing is wrong with one that has none. */
  endSession(id: DeviceId): Promise<Result<void, BrokerFault>>;
  stop(): Promise<void>;
}

export type BrokerFault =
  | MosquittoFault
  | { readonly kind: "session"; readonly id: DeviceId; readonly why: string }
  | { readonly kind: "disk"; readonly error: DiskError };

const files: BrokerFiles & Pick<MosquittoOptions, "configuration" | "tls" | "lock" | "kept"> = {
  configuration: "broker/mosquitto.conf",
  tls: "broker/openssl.cnf",
  authority: `authority/${authorityFiles.devices}`,
  certificate: `authority/${authorityFiles.server}`,
  key: `authority/${authorityFiles.serverKey}`,
  revoked: "broker/revoked.crl",
  acl: "broker/acl",
  lock: "broker/lock",
  kept: "broker/mosquitto.db",
  folder: "broker",
};
const WHY = "configure the broker";
const [FOLDER_MODE, FILE_MODE] = [0o700, 0o600];

/** Writes all that the broker reads, and starts it. */
export async function startBroker(
  disk: Disk,
  options: ChildOptions,
  revoked: Revocations,
): Promise<Result<Broker, BrokerFault>> {
  const { folder, host, port, user, log, serves } = options;
  const written = await writeFiles(disk, options, configurationText({ host, port, user }, files), revoked);
  if (!written.ok) return written;
  const started = await startMosquitto({
    folder,
    configuration: files.configuration,
    tls: files.tls,
    lock: files.lock,
    kept: files.kept,
    serves,
    log,
  });
  if (!started.ok) return started;
  const authority = writePem("CERTIFICATE", options.authority.certificate.der);
  return ok({
    process: started.value,
    async publishRevoked(now) {
      const saved = await saveRevoked(disk, options, now);
      if (!saved.ok) return saved;
      return (await started.value.reload()) ? ok(undefined) : err({ kind: "deaf" });
    },
    endSession: (id) => endSession(options, id, { host: reachable(host.text), serverName: null, authority }),
    stop: () => started.value.stop(),
  });
}

/** Of a broker elsewhere the hub is a client. What it has to know is written down for whoever runs it. */
export async function useBroker(
  disk: Disk,
  options: ExternalOptions,
  revoked: Revocations,
): Promise<Result<Broker, BrokerFault>> {
  const { host, port, certifiedBy, log } = options;
  const own = { certificate: `authority/${authorityFiles.broker}`, key: `authority/${authorityFiles.brokerKey}` };
  const configuration = configurationText({ host: null, port, user: null }, { ...files, ...own });
  const written = await writeFiles(disk, options, configuration, revoked);
  if (!written.ok) return written;
  const authority = certifiedBy ?? writePem("CERTIFICATE", options.authority.certificate.der);
  return ok({
    process: elsewhere,
    async publishRevoked(now) {
      const saved = await saveRevoked(disk, options, now);
      if (saved.ok) log(`install ${files.revoked} and ${files.acl} there: until then who was revoked gets in again`);
      return saved;
    },
    endSession: (id) => endSession(options, id, { host: host.text, serverName: host.text, authority }),
    stop: async () => {},
  });
}

const elsewhere: Mosquitto = { pid: null, reload: async () => true, save: () => {}, stop: async () => {} };

async function writeFiles(
  disk: Disk,
  options: BrokerOptions,
  configuration: string,
  revoked: Revocations,
): Promise<Result<void, BrokerFault>> {
  const { folder } = options;
  const made = await disk.mkdir(WHY, `${folder}/${files.folder}`, FOLDER_MODE);
  if (!made.ok && made.error.kind !== "exists") return err({ kind: "disk", error: made.error });
  const configured = await save(disk, `${folder}/${files.configuration}`, configuration);
  const secured = configured.ok ? await save(disk, `${folder}/${files.tls}`, tlsText()) : configured;
  return secured.ok ? saveRevoked(disk, options, revoked) : secured;
}

async function saveRevoked(
  disk: Disk,
  { folder, fleet }: BrokerOptions,
  { list, devices }: Revocations,
): Promise<Result<void, BrokerFault>> {
  const saved = await save(disk, `${folder}/${files.revoked}`, writePem("X509 CRL", list));
  return saved.ok ? save(disk, `${folder}/${files.acl}`, aclText(fleet, HUB_NAME, devices)) : saved;
}

async function save(disk: Disk, path: string, text: string): Promise<Result<void, BrokerFault>> {
  const saved = await saveFile(disk, WHY, path, Buffer.from(text), FILE_MODE);
  return saved.ok ? saved : err({ kind: "disk", error: saved.error });
}

async function endSession(
  { devices, port, now }: BrokerOptions,
  id: DeviceId,
  broker: Pick<Intruder, "host" | "serverName" | "authority">,
): Promise<Result<void, BrokerFault>> {
  const pem = newPrivateKey("p256");
  const key = readPrivateKey(pem);
  invariant(key.ok, "a new key can be read");
  const certificate = writePem("CERTIFICATE", certifyTakeOver(devices, key.value.publicKey, id, now()));
  const ended = await takeOver({ ...broker, port, certificate, key: pem, clientId: id });
  return ended.ok ? ended : err({ kind: "session", id, why: ended.error });
}

/** Where a broker is reached from this machine: who listens everywhere listens here. */
export const reachable = (host: string): string => (host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host);

export function explainBroker(fault: BrokerFault): string {
  switch (fault.kind) {
    case "disk":
      return explainDiskError(fault.error);
    case "session":
      return `device ${fault.id} is revoked, and its session at the broker did not end (${fault.why}): revoke it again to end it`;
    default:
      return explainMosquitto(fault);
  }
}
