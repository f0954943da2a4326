import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { p256, p384 } from "@noble/curves/nist.js";
import * as v from "valibot";
import { err, ok, type Result } from "../result.ts";
import {
  algorithmFor,
  explainKey,
  explainPem,
  type Hash,
  type KeyFault,
  type PemFault,
  type PublicKey,
  readPem,
  readPublicKey,
  writePem,
} from "../signatures/index.ts";

/** A private key in memory. */
export interface PrivateKey {
  readonly publicKey: PublicKey;
  /** RSASSA-PKCS1-v1_5, or ECDSA as r‖s. The same message gives the same signature (RFC 6979), so signing again changes nothing. */
  sign(hash: Hash, message: Uint8Array): Uint8Array;
}

export type KeyFileFault =
  | { readonly kind: "pem"; readonly fault: PemFault }
  | { readonly kind: "none" }
  | { readonly kind: "encrypted" }
  | { readonly kind: "broken" }
  | { readonly kind: "unusable"; readonly fault: KeyFault }
  | { readonly kind: "algorithm"; readonly found: string };

/** The first block of a PEM file with PRIVATE KEY in its name: PKCS #8, PKCS #1 or SEC 1 (reference authoring 3.5). */
export function readPrivateKey(pem: string): Result<PrivateKey, KeyFileFault> {
  const blocks = readPem(pem);
  if (!blocks.ok) return err({ kind: "pem", fault: blocks.error });
  const block = blocks.value.find(({ label }) => label.includes("PRIVATE KEY"));
  if (block === undefined) return err({ kind: "none" });
  if (block.encrypted || block.label.startsWith("ENCRYPTED")) return err({ kind: "encrypted" });
  let secret: KeyObject;
  let spki: Uint8Array;
  try {
    secret = createPrivateKey(writePem(block.label, block.bytes));
    spki = createPublicKey(secret).export({ format: "der", type: "spki" });
  } catch {
    return err({ kind: "broken" });
  }
  const publicKey = readPublicKey(spki);
  if (!publicKey.ok) return err({ kind: "unusable", fault: publicKey.error });
  if (algorithmFor(publicKey.value) === null) return err({ kind: "algorithm", found: "EC P-521" });
  return ok({ publicKey: publicKey.value, sign: signing(publicKey.value, secret) });
}

const EcJwk = v.object({ d: v.string() });
const curves = { "P-256": p256, "P-384": p384 } as const;

function signing(publicKey: PublicKey, secret: KeyObject): PrivateKey["sign"] {
  if (publicKey.kind === "rsa") return (hash, message) => new Uint8Array(sign(hash, message, secret));
  const number = Buffer.from(v.parse(EcJwk, secret.export({ format: "jwk" })).d, "base64url");
  const curve = curves[publicKey.curve === "P-384" ? "P-384" : "P-256"];
  return (hash, message) =>
    curve.sign(createHash(hash).update(message).digest(), number, { prehash: false, lowS: false });
}

export type KeyType = "p256" | "p384" | "rsa";
const RSA_BITS = 3072; // 128 bits of strength, as P-256 has: NIST SP 800-57 part 1, table 2

/** A new private key as PKCS #8 in PEM. */
export function newPrivateKey(type: KeyType): string {
  const made =
    type === "rsa"
      ? generateKeyPairSync("rsa", { modulusLength: RSA_BITS })
      : generateKeyPairSync("ec", { namedCurve: type === "p256" ? "P-256" : "P-384" });
  return made.privateKey.export({ format: "pem", type: "pkcs8" }).toString();
}

/** To be put behind the file's name. */
export function explainKeyFile(fault: KeyFileFault): string {
  switch (fault.kind) {
    case "pem":
      return explainPem(fault.fault);
    case "none":
      return "it has no PEM block with PRIVATE KEY in its name";
    case "encrypted":
      return 'its key is encrypted: decrypt it first ("openssl pkey -in … -out …"), or let a program sign with --signer';
    case "broken":
      return "its key is broken, or not of a kind that is known here";
    case "unusable":
      return `its key is ${explainKey(fault.fault)}`;
    case "algorithm":
      return `its key is ${fault.found}, and no verifier takes signatures of it: use EC P-256, EC P-384 or RSA`;
  }
}
