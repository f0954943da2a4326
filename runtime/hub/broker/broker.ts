import { newPrivateKey, readPrivateKey } from "../../certificates/index.ts";
import type { DeviceId, FleetName } from "../../fleet/terms/index.ts";
import { err, invariant, ok, type Result } from "../../result.ts";
import { writePem } from "../../signatures/index.ts";
import { type Disk, type DiskError, type DiskResult, explainDiskError, saveFile } from "../../store/index.ts";
import { type Authority, authorityFiles, certifyTakeOver, HUB_NAME } from "../authority/index.ts";
import type { Revocations } from "../registry/index.ts";
import { aclText, type BrokerFiles, type BrokerWish, configurationText } from "./configuration.ts";
import { explainMosquitto, type Mosquitto, type MosquittoFault, startMosquitto } from "./mosquitto.ts";
import { takeOver } from "./take-over.ts";

export interface BrokerOptions extends BrokerWish {
  /** Of the hub; the keys and certificates are in its folder `authority`. */
  readonly folder: string;
  readonly fleet: FleetName;
  /** Of servers, and of devices. */
  readonly authority: Authority;
  readonly devices: Authority;
  /** Milliseconds since 1970. */
  now(): number;
  /** It ended by itself, serves again, and has forgotten what it had not written down. */
  restarted(): void;
  log(line: string): void;
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

const files: BrokerFiles & { readonly configuration: string; readonly lock: string } = {
  configuration: "broker/mosquitto.conf",
  authority: `authority/${authorityFiles.devices}`,
  certificate: `authority/${authorityFiles.server}`,
  key: `authority/${authorityFiles.serverKey}`,
  revoked: "broker/revoked.crl",
  acl: "broker/acl",
  lock: "broker/lock",
  folder: "broker",
};
const WHY = "configure the broker";
const [FOLDER_MODE, FILE_MODE] = [0o700, 0o600];

/** Writes all that the broker reads, and starts it. */
export async function startBroker(
  disk: Disk,
  options: BrokerOptions,
  revoked: Revocations,
): Promise<Result<Broker, BrokerFault>> {
  const { folder, fleet, log, restarted } = options;
  const save = (path: string, text: string): DiskResult<void> =>
    saveFile(disk, WHY, `${folder}/${path}`, Buffer.from(text), FILE_MODE);
  const saveRevoked = async ({ list, devices }: Revocations): DiskResult<void> => {
    const saved = await save(files.revoked, writePem("X509 CRL", list));
    return saved.ok ? save(files.acl, aclText(fleet, HUB_NAME, devices)) : saved;
  };

  const made = await disk.mkdir(WHY, `${folder}/${files.folder}`, FOLDER_MODE);
  if (!made.ok && made.error.kind !== "exists") return err({ kind: "disk", error: made.error });
  const configured = await save(files.configuration, configurationText(options, files));
  const told = configured.ok ? await saveRevoked(revoked) : configured;
  if (!told.ok) return err({ kind: "disk", error: told.error });
  const started = await startMosquitto({
    folder,
    configuration: files.configuration,
    lock: files.lock,
    restarted,
    log,
  });
  if (!started.ok) return started;
  return ok({
    process: started.value,
    async publishRevoked(now) {
      const saved = await saveRevoked(now);
      if (!saved.ok) return err({ kind: "disk", error: saved.error });
      return (await started.value.reload()) ? ok(undefined) : err({ kind: "deaf" });
    },
    async endSession(id) {
      const pem = newPrivateKey("p256");
      const key = readPrivateKey(pem);
      invariant(key.ok, "a new key can be read");
      const { authority, devices } = options;
      const ended = await takeOver({
        host: reachable(options.host.text),
        port: options.port,
        authority: writePem("CERTIFICATE", authority.certificate.der),
        certificate: writePem("CERTIFICATE", certifyTakeOver(devices, key.value.publicKey, id, options.now())),
        key: pem,
        clientId: id,
      });
      return ended.ok ? ended : err({ kind: "session", id, why: ended.error });
    },
    stop: () => started.value.stop(),
  });
}

/** Where a broker is reached from this machine: who listens everywhere listens here. */
export const reachable = (host: string): string => (host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host);

export function explainBroker(fault: BrokerFault): string {
  switch (fault.kind) {
    case "disk":
      return explainDiskError(fault.error);
    case "session":
      return `device ${fault.id} is revoked, and its session at the broker did not end (${fault.why}): it is allowed nothing, revoke it again to end it`;
    default:
      return explainMosquitto(fault);
  }
}
