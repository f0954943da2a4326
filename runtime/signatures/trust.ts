import { err, ok, type Result } from "../result.ts";
import { explainPem, type PemFault, readPem } from "./pem.ts";
import { explainKey, type KeyFault, type PublicKey, readPublicKey } from "./public-key.ts";
import { type Certificate, readCertificate } from "./x509/index.ts";

/**
 * Whom a verifier believes. A signature with `x5c` must lead to one of `certificates`. One without it must be made by one of `keys`,
 * or by the key of one of `certificates`. When there are no certificates, `x5c` is ignored and `keys` decide (reference authoring 3.6).
 */
export interface Trust {
  readonly certificates: readonly Certificate[];
  readonly keys: readonly PublicKey[];
}

/**
 * Another trust store for the customer of a device's maker (reference 12.4): for signatures with `x5c` whose signer is called `name`
 * (common name) and which protect nothing below `bsp/` nor below `<name>/`, `certificates` count instead of those of {@link Trust}.
 */
export interface OemTrust {
  readonly name: string;
  readonly certificates: readonly Certificate[];
}

/** Why a PEM file gives no trust. `number` counts its blocks of the kind from 1. */
export type TrustFault =
  | { readonly kind: "pem"; readonly fault: PemFault }
  | { readonly kind: "none"; readonly label: string }
  | { readonly kind: "certificate"; readonly number: number; readonly what: string }
  | { readonly kind: "key"; readonly number: number; readonly fault: KeyFault };

/** All certificates of a PEM file, at least one. One that cannot be read refuses the file. */
export function readCertificates(pem: string): Result<readonly Certificate[], TrustFault> {
  return readAll(pem, "CERTIFICATE", (bytes, number) => {
    const read = readCertificate(bytes);
    return read.ok ? read : err({ kind: "certificate", number, what: read.error });
  });
}

/** All blocks `PUBLIC KEY` of a PEM file, at least one. One that cannot be used refuses the file. */
export function readPublicKeys(pem: string): Result<readonly PublicKey[], TrustFault> {
  return readAll(pem, "PUBLIC KEY", (bytes, number) => {
    const read = readPublicKey(bytes);
    return read.ok ? read : err({ kind: "key", number, fault: read.error });
  });
}

function readAll<T>(
  pem: string,
  label: string,
  read: (bytes: Uint8Array, number: number) => Result<T, TrustFault>,
): Result<readonly T[], TrustFault> {
  const blocks = readPem(pem);
  if (!blocks.ok) return err({ kind: "pem", fault: blocks.error });
  const all: T[] = [];
  for (const block of blocks.value) {
    if (block.label !== label) continue;
    const one = read(block.bytes, all.length + 1);
    if (!one.ok) return one;
    all.push(one.value);
  }
  return all.length === 0 ? err({ kind: "none", label }) : ok(all);
}

/** To be put behind the file's name. */
export function explainTrust(fault: TrustFault): string {
  switch (fault.kind) {
    case "pem":
      return explainPem(fault.fault);
    case "none":
      return `it has no PEM block "${fault.label}"`;
    case "certificate":
      return `its certificate ${fault.number} cannot be read: ${fault.what}`;
    case "key":
      return `its key ${fault.number} is ${explainKey(fault.fault)}`;
  }
}
