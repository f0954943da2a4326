import { ok, type Result } from "../../result.ts";
import {
  type Certificate,
  encodePublicKey,
  readCertificate,
  readCertificates,
  writePem,
} from "../../signatures/index.ts";
import { type DiskResult, explainDiskError } from "../../store/index.ts";
import { type DeviceId, renewalDueMs } from "../terms/index.ts";
import { decodeRenewal, encodeRenewalRequest, explainWire, openSigned, type Topic } from "../wire/index.ts";

/** Both in PEM. */
export interface OwnCertificates {
  /** With which the device was at its broker. */
  readonly certificate: string;
  /** Another one, with which it has not been there yet. */
  readonly renewed: string | null;
}

export interface CertificatesPorts {
  readonly id: DeviceId;
  readonly own: OwnCertificates;
  keep(own: OwnCertificates): DiskResult<void>;
  /** The hub's order keys, by epoch. */
  readonly keys: ReadonlyMap<number, Uint8Array>;
  /** Hands over `u/k`. */
  post(bytes: Uint8Array): void;
  /** Milliseconds since 1970; null: nobody knows. */
  timeMs(): number | null;
  warn(message: string): void;
}

/** The device's certificates. One that has been good is kept until the one after it has been, too. */
export interface Certificates {
  /** In PEM, with which the next connection is to be tried. */
  next(): string;
  /** That connection is there, or never was. */
  tried(good: boolean): Promise<void>;
  /** Asks for another one if it is time. */
  look(): void;
  take(at: Topic<"n/k">, envelope: Uint8Array): Promise<void>;
}

const ASK_AGAIN_MS = 86_400_000;
/** Most attempts fail because there is no network: only every so many-th is made with the old one. */
const ATTEMPTS = 4;

export function openCertificates(ports: CertificatesPorts): Certificates {
  const { id, keys, warn } = ports;
  let { own } = ports;
  /** In a row, with a new one. */
  let failures = 0;
  let askedMs = Number.NEGATIVE_INFINITY;

  const newest = (): Certificate | null => certificateIn(own.renewed ?? own.certificate);
  async function change(next: OwnCertificates): Promise<void> {
    const kept = await ports.keep(next);
    if (kept.ok) own = next;
    else warn(`the device's certificate is not kept: ${explainDiskError(kept.error)}`);
  }
  const triesNew = (): boolean => own.renewed !== null && failures % ATTEMPTS < ATTEMPTS - 1;

  return {
    next: () => (triesNew() && own.renewed !== null ? own.renewed : own.certificate),
    async tried(good) {
      const { renewed } = own;
      if (renewed === null) return;
      const wasNew = triesNew();
      failures = good ? 0 : failures + 1;
      if (good && wasNew) await change({ certificate: renewed, renewed: null });
    },
    look() {
      const [nowMs, mine] = [ports.timeMs(), newest()];
      if (nowMs === null || mine === null || nowMs < renewalDueMs(mine) || nowMs < askedMs + ASK_AGAIN_MS) return;
      askedMs = nowMs;
      ports.post(encodeRenewalRequest({ notAfter: Math.floor(mine.notAfterMs / 1000) }));
    },
    async take(at, envelope) {
      const opened = openSigned(at, envelope, keys);
      const renewal = opened.ok ? decodeRenewal(opened.value.payload) : opened;
      if (!renewal.ok) return warn(explainWire(renewal.error));
      const [mine, read] = [newest(), readCertificate(renewal.value.certificate)];
      const why = mine === null || !read.ok ? "it cannot be read" : unfit(read.value, mine);
      if (!read.ok || why !== null)
        return why === "" ? undefined : warn(`a certificate of the hub is not taken: ${why}`);
      failures = 0;
      await change({ ...own, renewed: writePem("CERTIFICATE", read.value.der) });
    },
  };

  /** Null: it can follow `mine`; "": it is no news. */
  function unfit({ key, subject, notBeforeMs, notAfterMs }: Certificate, mine: Certificate): string | null {
    if (notAfterMs <= mine.notAfterMs) return "";
    const isOurs = key.ok && mine.key.ok && sameBytes(encodePublicKey(key.value), encodePublicKey(mine.key.value));
    if (!isOurs) return "it is for another key";
    if (subject.commonName !== id) return "it is for another name";
    const nowMs = ports.timeMs();
    return nowMs !== null && (nowMs < notBeforeMs || nowMs >= notAfterMs) ? "it does not hold now" : null;
  }
}

/** Nobody takes it any more, if the clock is right. */
export function hasEnded(pem: string, nowMs: number): boolean {
  const certificate = certificateIn(pem);
  return certificate === null || certificate.notAfterMs <= nowMs;
}

function certificateIn(pem: string): Certificate | null {
  const read: Result<readonly Certificate[], unknown> = readCertificates(pem);
  return (read.ok ? read : ok([])).value[0] ?? null;
}

const sameBytes = (one: Uint8Array, other: Uint8Array): boolean => Buffer.from(one).equals(other);
