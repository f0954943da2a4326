import type { KeyType, PrivateKey } from "../../certificates/index.ts";
import { err, ok, type Result } from "../../result.ts";
import { command, EXIT_USAGE, flag, operand } from "../command.ts";
import { PEM_BYTES_MAX, textOf } from "./files.ts";

const EXIT = { done: 0, failed: 1 } as const;
const DAY_MS = 86_400_000;
const DAYS_DEFAULT = 3650;
const KEY_MODE = 0o600;
const CERTIFICATE_MODE = 0o644;

interface Wish {
  readonly file: string;
  readonly type: string | null;
  readonly "self-signed": string | null;
  readonly issued: string | null;
  readonly ca: string | null;
  readonly "ca-key": string | null;
  readonly days: string | null;
  readonly authority: boolean;
}

export const keyNew = command("new", {
  summary: "Make a private key, and a certificate for it if wanted",
  example: 'cairn key new signer.pem --issued "web signer" --ca root.crt --ca-key root.pem',
  flags: {
    type: flag.text("p256, p384 or rsa (3072 bits, which pvr and Pantavisor verify too); default p256"),
    "self-signed": flag.text(
      "also a certificate for this name, signed by the key itself, beside it with the ending .crt",
    ),
    issued: flag.text(
      "also a certificate for this name, signed by --ca, beside it with the ending .crt; the authority's follows it, ready for --x5c",
    ),
    ca: flag.text("PEM file with the authority's certificate first, and those above it"),
    "ca-key": flag.text("PEM file with the authority's private key"),
    authority: flag.switch("the certificate may sign others, and no states"),
    days: flag.text(`days for which the certificate is valid; default ${DAYS_DEFAULT}`),
  },
  operands: { file: operand.needed("file for the key, readable by you alone; one that is there is never overwritten") },
  exits: {
    [EXIT.done]: "made",
    [EXIT.failed]: "not made, for example because the file is there already",
    [EXIT_USAGE]: "wrong arguments, or a file that cannot be read",
  },
  async run(values, out) {
    const wrong = misuse(values);
    const made = wrong === null ? await make(values) : err(wrong);
    if (!made.ok) {
      out.complain(`cairn key new: ${made.error}`);
      return EXIT_USAGE;
    }
    const [{ saveNewFile }, { explainDiskError, realDisk }] = [
      await import("../../author/sign/index.ts"),
      await import("../../store/index.ts"),
    ];
    for (const { path } of made.value) {
      // Asked before anything is written: a certificate without its key, or the other way round, helps nobody.
      if (!(await realDisk.stat("look for a key", path)).ok) continue;
      out.complain(`cairn key new: ${path} is there already: it was left as it is`);
      return EXIT.failed;
    }
    for (const { path, text, mode, what } of made.value) {
      const saved = await saveNewFile(realDisk, `write a new ${what}`, path, text, mode);
      if (!saved.ok) {
        out.complain(`cairn key new: ${explainDiskError(saved.error)}`);
        return EXIT.failed;
      }
      out.print(`${path}: ${what}`);
    }
    return EXIT.done;
  },
});

const TYPES: readonly (KeyType | null)[] = ["p256", "p384", "rsa", null];
const isType = (type: string | null): type is KeyType | null => TYPES.some((one) => one === type);

function misuse({ type, issued, ca, authority, days, ...rest }: Wish): string | null {
  const [selfSigned, caKey] = [rest["self-signed"], rest["ca-key"]];
  if (!isType(type)) return `--type "${type}" is none of p256, p384 and rsa`;
  if (selfSigned !== null && issued !== null) return "--self-signed and --issued are two ways: give one";
  if ([issued, ca, caKey].some((one) => one === null) && [issued, ca, caKey].some((one) => one !== null)) {
    return "--issued, --ca and --ca-key go together";
  }
  const certified = selfSigned ?? issued;
  if (certified === null && (authority || days !== null))
    return "--authority and --days are about a certificate: give --self-signed or --issued";
  if (certified !== null && (certified === "" || Buffer.byteLength(certified) > 64))
    return "a name in a certificate has 1 to 64 bytes";
  if (days !== null && !/^[1-9]\d{0,4}$/.test(days)) return `--days "${days}" is no number of days from 1 to 99999`;
  return null;
}

interface NewFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
  readonly what: string;
}

async function make(wish: Wish): Promise<Result<readonly NewFile[], string>> {
  const certificates = await import("../../certificates/index.ts");
  const { fingerprint, kindOf } = await import("../../signatures/index.ts");
  const type = isType(wish.type) ? (wish.type ?? "p256") : "p256";
  const pem = certificates.newPrivateKey(type);
  const key = certificates.readPrivateKey(pem);
  if (!key.ok) return err(certificates.explainKeyFile(key.error));
  const { publicKey } = key.value;
  const what = `${kindOf(publicKey)} private key, sha256:${fingerprint(publicKey)}`;
  const file = { path: wish.file, text: pem, mode: KEY_MODE, what };
  const commonName = wish["self-signed"] ?? wish.issued;
  if (commonName === null) return ok([file]);
  const certificate = await certify(wish, commonName, key.value);
  if (!certificate.ok) return certificate;
  const path = `${wish.file.replace(/\.(?:pem|key)$/, "")}.crt`;
  return ok([
    { path, text: certificate.value, mode: CERTIFICATE_MODE, what: `certificate for ${JSON.stringify(commonName)}` },
    file,
  ]);
}

async function certify(wish: Wish, commonName: string, key: PrivateKey): Promise<Result<string, string>> {
  const certificates = await import("../../certificates/index.ts");
  const { writePem } = await import("../../signatures/index.ts");
  const authority =
    wish.issued === null ? ok({ chain: [], key }) : await authorityOf(wish.ca ?? "", wish["ca-key"] ?? "");
  if (!authority.ok) return authority;
  const { chain, key: issuerKey } = authority.value;
  // From the beginning of the day: a device whose clock is a little behind takes it too.
  const notBeforeMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const notAfterMs = notBeforeMs + Number(wish.days ?? DAYS_DEFAULT) * DAY_MS;
  const purpose = wish.authority
    ? ({ kind: "authority", pathLengthMax: null } as const)
    : ({ kind: "codeSigning" } as const);
  const der = certificates.issueCertificate(
    { key: key.publicKey, commonName, purpose, notBeforeMs, notAfterMs },
    { certificate: chain[0] ?? null, key: issuerKey },
  );
  return ok([der, ...chain.map((one) => one.der)].map((one) => writePem("CERTIFICATE", one)).join(""));
}

async function authorityOf(ca: string, caKey: string) {
  const certificates = await import("../../certificates/index.ts");
  const { explainTrust, fingerprint, readCertificates } = await import("../../signatures/index.ts");
  const [certificatePem, keyPem] = [
    await textOf(ca, "certificate", PEM_BYTES_MAX),
    await textOf(caKey, "private key", PEM_BYTES_MAX),
  ];
  if (!certificatePem.ok) return certificatePem;
  if (!keyPem.ok) return keyPem;
  const chain = readCertificates(certificatePem.value);
  if (!chain.ok) return err(`certificate ${ca}: ${explainTrust(chain.error)}`);
  const key = certificates.readPrivateKey(keyPem.value);
  if (!key.ok) return err(`private key ${caKey}: ${certificates.explainKeyFile(key.error)}`);
  const [issuer] = chain.value;
  if (issuer?.basicConstraints?.authority !== true) return err(`certificate ${ca}: it may not sign others`);
  const same = issuer.key.ok && fingerprint(issuer.key.value) === fingerprint(key.value.publicKey);
  return same ? ok({ chain: chain.value, key: key.value }) : err(`${caKey} is not the key of the certificate in ${ca}`);
}
