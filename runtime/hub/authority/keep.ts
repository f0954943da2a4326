import { explainKeyFile, type Host, newPrivateKey, type PrivateKey, readPrivateKey } from "../../certificates/index.ts";
import type { FleetName } from "../../fleet/terms/index.ts";
import { err, ok, type Result } from "../../result.ts";
import { type Certificate, explainTrust, type PublicKey, readCertificates, writePem } from "../../signatures/index.ts";
import { type Disk, readFile } from "../../store/index.ts";
import {
  type Authority,
  certifyAuthority,
  certifyHub,
  certifyServer,
  isRenewalDue,
  sameKey,
  serverIssuedMs,
} from "./authority.ts";
import { FILE_BYTES_MAX, type KeepFault, readIfThere, readOrMake, save, WHY } from "./files.ts";
import { FIRST_ORDER_KEY, isOrderKey, type OrderKeys, openOrderKeys } from "./order-keys.ts";

/** Names of the files in the authority's folder. Keys are readable by their owner alone. */
export const authorityFiles = {
  /** Of servers: devices and operators know it. */
  authorityKey: "authority.key",
  authority: "authority.crt",
  /** Of devices, and of the hub as a client of the broker: servers know it. */
  devicesKey: "devices.key",
  devices: "devices.crt",
  serverKey: "server.key",
  /** The server's certificate, with the addresses it is good for. */
  server: "server.crt",
  hubKey: "hub.key",
  /** The hub's certificate as a client of the broker. */
  hub: "hub.crt",
  /** Of a broker that is not the hub's own, for the name under which it is reached. */
  brokerKey: "broker.key",
  broker: "broker.crt",
} as const;

export interface HubKeys {
  /** Of servers. */
  readonly authority: Authority;
  readonly devices: Authority;
  readonly server: Certified;
  /** The hub as a client of the broker. */
  readonly hub: Certified;
  /** A broker elsewhere; null: none was asked for. */
  readonly broker: Certified | null;
  /** They sign what the hub wants of devices. The last one is the newest. */
  readonly order: OrderKeys;
}

/** Both in PEM. */
export interface Certified {
  readonly certificate: string;
  readonly key: string;
}

export interface KeepOptions {
  readonly folder: string;
  readonly fleet: FleetName;
  /** Under which the server is reached. */
  readonly hosts: readonly Host[];
  /** A broker elsewhere that is to have a certificate. */
  readonly broker?: Host | null;
  readonly nowMs: number;
  /** There are devices that know the authorities and the order key: those are never made anew. */
  readonly known: boolean;
}

const [CERTIFICATE_MODE, FOLDER_MODE] = [0o644, 0o700];

/**
 * The hub's keys and certificates, from its folder; what is missing is made, as long as nobody knows it. The certificates of server and hub are made again when
 * they end within 60 days, or the server is reached under other names; so is that of a broker elsewhere.
 */
export async function openKeys(disk: Disk, options: KeepOptions): Promise<Result<HubKeys, KeepFault>> {
  const { folder, fleet, hosts, broker: elsewhere = null, nowMs } = options;
  const made = await disk.mkdir(WHY, folder, FOLDER_MODE);
  if (!made.ok && made.error.kind !== "exists") return err({ kind: "disk", error: made.error });
  const at = (name: keyof typeof authorityFiles): string => `${folder}/${authorityFiles[name]}`;
  const there = options.known ? await requireKnown(disk, options) : ok(undefined);
  if (!there.ok) return there;

  const authority = await openAuthority(disk, at("authorityKey"), at("authority"), (key) =>
    certifyAuthority(key, "servers", fleet, nowMs),
  );
  if (!authority.ok) return authority;
  const devices = await openAuthority(disk, at("devicesKey"), at("devices"), (key) =>
    certifyAuthority(key, "devices", fleet, nowMs),
  );
  if (!devices.ok) return devices;
  const server = await openCertified(disk, at("serverKey"), at("server"), nowMs, {
    issue: (key, ms) => certifyServer(authority.value, key, hosts, ms),
    issuedMs: serverIssuedMs,
  });
  if (!server.ok) return server;
  const hub = await openCertified(disk, at("hubKey"), at("hub"), nowMs, {
    issue: (key, ms) => certifyHub(devices.value, key, ms),
    issuedMs: ({ notBeforeMs }) => notBeforeMs,
  });
  if (!hub.ok) return hub;
  const broker =
    elsewhere === null
      ? ok(null)
      : await openCertified(disk, at("brokerKey"), at("broker"), nowMs, {
          issue: (key, ms) => certifyServer(authority.value, key, [elsewhere], ms),
          issuedMs: serverIssuedMs,
        });
  if (!broker.ok) return broker;
  const order = await openOrderKeys(disk, folder);
  if (!order.ok) return order;
  return ok({
    authority: authority.value,
    devices: devices.value,
    server: server.value,
    hub: hub.value,
    broker: broker.value,
    order: order.value,
  });
}

async function requireKnown(disk: Disk, { folder }: KeepOptions): Promise<Result<void, KeepFault>> {
  const listed = await disk.list(WHY, folder);
  if (!listed.ok) return err({ kind: "disk", error: listed.error });
  const { authority, authorityKey, devices, devicesKey } = authorityFiles;
  const gone = [authority, authorityKey, devices, devicesKey].find((name) => !listed.value.includes(name));
  if (gone !== undefined) return err({ kind: "gone", path: `${folder}/${gone}` });
  return listed.value.some(isOrderKey) ? ok(undefined) : err({ kind: "gone", path: `${folder}/${FIRST_ORDER_KEY}` });
}

/** Devices know it: whatever its certificate says, only people replace it. */
async function openAuthority(
  disk: Disk,
  keyPath: string,
  path: string,
  issue: (key: PrivateKey) => Uint8Array,
): Promise<Result<Authority, KeepFault>> {
  const old = await readIfThere(disk, path);
  if (!old.ok) return old;
  if (old.value !== null) {
    const pem = await readIfThere(disk, keyPath);
    if (!pem.ok) return pem;
    if (pem.value === null) return err({ kind: "keyGone", path: keyPath, certificate: path });
  }
  const key = await openKey(disk, keyPath);
  if (!key.ok) return key;
  if (old.value === null) {
    const saved = await save(disk, path, writePem("CERTIFICATE", issue(key.value)), CERTIFICATE_MODE);
    if (!saved.ok) return saved;
  }
  const certificate = await openCertificate(disk, path);
  if (!certificate.ok) return certificate;
  const isItsKey = certificate.value.key.ok && sameKey(certificate.value.key.value, key.value.publicKey);
  if (!isItsKey)
    return err({ kind: "unusable", path: keyPath, why: `it is not the key of the certificate in ${path}` });
  return ok({ certificate: certificate.value, key: key.value });
}

/** The same wish gives the same bytes, so a certificate is good as long as it is what would have been issued on its day. */
async function openCertified(
  disk: Disk,
  keyPath: string,
  path: string,
  nowMs: number,
  { issue, issuedMs }: { issue(key: PublicKey, nowMs: number): Uint8Array; issuedMs(certificate: Certificate): number },
): Promise<Result<Certified, KeepFault>> {
  const key = await openKey(disk, keyPath);
  if (!key.ok) return key;
  const { publicKey, pem } = key.value;
  const old = await openCertificate(disk, path);
  const isGood =
    old.ok &&
    !isRenewalDue(old.value, nowMs) &&
    Buffer.from(old.value.der).equals(issue(publicKey, issuedMs(old.value)));
  const certificate = writePem("CERTIFICATE", isGood ? old.value.der : issue(publicKey, nowMs));
  const saved = isGood ? ok(undefined) : await save(disk, path, certificate, CERTIFICATE_MODE);
  return saved.ok ? ok({ certificate, key: pem }) : saved;
}

async function openKey(disk: Disk, path: string): Promise<Result<PrivateKey & { readonly pem: string }, KeepFault>> {
  const pem = await readOrMake(disk, path, () => newPrivateKey("p256"));
  if (!pem.ok) return pem;
  const key = readPrivateKey(pem.value);
  if (!key.ok) return err({ kind: "unusable", path, why: explainKeyFile(key.error) });
  return ok({ ...key.value, pem: pem.value });
}

async function openCertificate(disk: Disk, path: string): Promise<Result<Certificate, KeepFault>> {
  const pem = await readFile(disk, WHY, path, FILE_BYTES_MAX);
  if (!pem.ok) return err({ kind: "disk", error: pem.error });
  const read = readCertificates(Buffer.from(pem.value).toString("latin1"));
  if (!read.ok) return err({ kind: "unusable", path, why: explainTrust(read.error) });
  const [certificate] = read.value;
  return certificate === undefined ? err({ kind: "unusable", path, why: "it is empty" }) : ok(certificate);
}
