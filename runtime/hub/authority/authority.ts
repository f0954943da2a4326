import {
  type CertificateRequest,
  type Host,
  issueCertificate,
  issueRevocationList,
  type PrivateKey,
  type Purpose,
  type Revoked,
} from "../../certificates/index.ts";
import { deviceIdOf } from "../../fleet/identity/index.ts";
import type { DeviceId, FleetName } from "../../fleet/terms/index.ts";
import { type Certificate, encodePublicKey, type PublicKey } from "../../signatures/index.ts";

/** Who vouches for somebody. */
export interface Authority {
  readonly certificate: Certificate;
  readonly key: PrivateKey;
}

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 20 * 365;
const CERTIFICATE_DAYS = 365;
/** What ends sooner is renewed. */
const RENEWAL_DAYS = 60;

const TAKE_OVER_MS = 300_000;

/** The name in the hub's own client certificate, by which the broker knows it. No device has it: ids have 13 characters. */
export const HUB_NAME = "hub";

/**
 * Two vouch, each for one side of a connection. A server would send the authority of the other side along with its own certificate (OpenSSL
 * looks for it among those that it trusts), and each connection would cost 400 bytes more.
 */
export type Side = "servers" | "devices";

/** A new authority's own certificate: for 20 years, and for nothing but one side. */
export const certifyAuthority = (key: PrivateKey, side: Side, fleet: FleetName, nowMs: number): Uint8Array =>
  issueCertificate(
    {
      key: key.publicKey,
      commonName: `${fleet} ${side}`,
      purpose: { kind: "authority", pathLengthMax: 0 },
      ...from(nowMs, AUTHORITY_DAYS),
    },
    { certificate: null, key },
  );

/**
 * For a year, as the others below, and backwards as long as its authority: a device without a clock takes the time from the hub, and before
 * that it has to believe the hub's server.
 */
export const certifyServer = (authority: Authority, key: PublicKey, hosts: readonly Host[], nowMs: number) =>
  certify(authority, key, HUB_NAME, { kind: "server", hosts }, nowMs, authority.certificate.notBeforeMs);

/** When {@link certifyServer} issued it. */
export const serverIssuedMs = ({ notAfterMs }: Certificate): number => notAfterMs - CERTIFICATE_DAYS * DAY_MS;

/** With which the hub itself is a client of the broker. */
export const certifyHub = (authority: Authority, key: PublicKey, nowMs: number) =>
  certify(authority, key, HUB_NAME, { kind: "client" }, nowMs);

/** The name is made from the key and not taken from the request: nobody is certified by a name that is another's. */
export const certifyDevice = (authority: Authority, key: PublicKey, nowMs: number) =>
  certify(authority, key, deviceIdOf(key), { kind: "client" }, nowMs);

/** For the few minutes in which the hub takes a device's place at the broker. */
export const certifyTakeOver = (authority: Authority, key: PublicKey, id: DeviceId, nowMs: number): Uint8Array =>
  issueCertificate(
    {
      key,
      commonName: id,
      purpose: { kind: "client" },
      notBeforeMs: nowMs - TAKE_OVER_MS,
      notAfterMs: nowMs + TAKE_OVER_MS,
    },
    authority,
  );

/** The id of the device that asks; null: the request is for another name. */
export function deviceOf({ commonName, key }: CertificateRequest): DeviceId | null {
  const id = deviceIdOf(key);
  return commonName === id ? id : null;
}

function certify(
  authority: Authority,
  key: PublicKey,
  commonName: string,
  purpose: Purpose,
  nowMs: number,
  sinceMs: number | null = null,
) {
  const { notBeforeMs, notAfterMs } = from(nowMs, CERTIFICATE_DAYS);
  // Nothing outlives its authority: OpenSSL would refuse it anyway.
  const wish = {
    key,
    commonName,
    purpose,
    notBeforeMs: sinceMs ?? notBeforeMs,
    notAfterMs: Math.min(notAfterMs, authority.certificate.notAfterMs),
  };
  return issueCertificate(wish, authority);
}

/** From the beginning of the day: a device whose clock is a little behind takes it too. */
function from(nowMs: number, days: number) {
  const notBeforeMs = Math.floor(nowMs / DAY_MS) * DAY_MS;
  return { notBeforeMs, notAfterMs: notBeforeMs + days * DAY_MS };
}

export const isRenewalDue = ({ notAfterMs }: { readonly notAfterMs: number }, nowMs: number): boolean =>
  nowMs > notAfterMs - RENEWAL_DAYS * DAY_MS;

export const sameKey = (a: PublicKey, b: PublicKey): boolean =>
  Buffer.from(encodePublicKey(a)).equals(encodePublicKey(b));

/**
 * Whose certificates count no more, as of `atMs`. Of two lists OpenSSL takes the one with the later time, in whole seconds. It holds as
 * long as the authority: the hub itself puts it where the broker reads it, so an end would only lock everybody out when the hub is away.
 */
export const listRevoked = (authority: Authority, revoked: readonly Revoked[], atMs: number): Uint8Array =>
  issueRevocationList(
    { revoked, number: Math.floor(atMs / 1000), thisUpdateMs: atMs, nextUpdateMs: authority.certificate.notAfterMs },
    authority,
  );
