import { err, ok, type Result } from "../../result.ts";
import type { Certificate, PublicKey } from "../../signatures/index.ts";
import { command, EXIT_USAGE, flag, operand } from "../command.ts";
import { PEM_BYTES_MAX, textOf } from "./files.ts";

export const keyShow = command("show", {
  summary: "What a key or certificate is: kind, fingerprint, JWK",
  example: "cairn key show signer.pem --pem",
  flags: {
    pem: flag.switch('print the public key as PEM instead, as "cairn verify --key" wants it'),
    json: flag.switch("one JSON object"),
  },
  operands: {
    file: operand.needed("PEM file with a private key, a public key or a certificate; the first of them counts"),
  },
  exits: { 0: "shown", [EXIT_USAGE]: "wrong arguments, or no key in the file" },
  async run({ file, pem, json }, out) {
    const { encodePublicKey, fingerprint, jwkOf, kindOf, writePem } = await import("../../signatures/index.ts");
    const found = await read(file);
    if (!found.ok) {
      out.complain(`cairn key show: ${found.error}`);
      return EXIT_USAGE;
    }
    const { what, key, certificate } = found.value;
    const certified = certificate === null ? {} : about(certificate);
    const facts = { what, kind: kindOf(key), fingerprint: `sha256:${fingerprint(key)}`, ...certified };
    if (pem) out.print(writePem("PUBLIC KEY", encodePublicKey(key)).trimEnd());
    else if (json) out.print(JSON.stringify({ ...facts, jwk: jwkOf(key) }));
    else
      for (const [name, value] of Object.entries({ ...facts, jwk: JSON.stringify(jwkOf(key)) }))
        out.print(`${name}: ${value}`);
    return 0;
  },
});

interface Found {
  readonly what: "private key" | "public key" | "certificate";
  readonly key: PublicKey;
  readonly certificate: Certificate | null;
}

async function read(path: string): Promise<Result<Found, string>> {
  const { explainKeyFile, readPrivateKey } = await import("../../certificates/index.ts");
  const signatures = await import("../../signatures/index.ts");
  const text = await textOf(path, "key", PEM_BYTES_MAX);
  if (!text.ok) return text;
  const secret = readPrivateKey(text.value);
  if (secret.ok) return ok({ what: "private key", key: secret.value.publicKey, certificate: null });
  if (secret.error.kind !== "none") return err(`${path}: ${explainKeyFile(secret.error)}`);
  const keys = signatures.readPublicKeys(text.value);
  const [key] = keys.ok ? keys.value : [];
  if (key !== undefined) return ok({ what: "public key", key, certificate: null });
  if (!keys.ok && keys.error.kind !== "none") return err(`${path}: ${signatures.explainTrust(keys.error)}`);
  const certificates = signatures.readCertificates(text.value);
  if (!certificates.ok && certificates.error.kind !== "none")
    return err(`${path}: ${signatures.explainTrust(certificates.error)}`);
  const [certificate] = certificates.ok ? certificates.value : [];
  if (certificate === undefined) return err(`${path}: it has neither a key nor a certificate in PEM`);
  if (!certificate.key.ok) return err(`${path}: its key is ${signatures.explainKey(certificate.key.error)}`);
  return ok({ what: "certificate", key: certificate.key.value, certificate });
}

const about = ({ subject, issuer, notBeforeMs, notAfterMs }: Certificate): Readonly<Record<string, string>> => ({
  subject: JSON.stringify(subject.text),
  issuer: JSON.stringify(issuer.text),
  valid: `${new Date(notBeforeMs).toISOString()} to ${new Date(notAfterMs).toISOString()}`,
});
