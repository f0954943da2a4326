import type { Judge } from "../../author/explain/index.ts";
import { err, ok, type Result } from "../../result.ts";
import { command, flag, operand } from "../command.ts";
import { EXIT, exits, refuse } from "./exits.ts";

export const explainCommand = command("explain", {
  summary: "Say what a revision is, what a device would do with it, what it needs, and what its signatures cover",
  example: "cairn explain --against release-7.tgz --trust ca.pem .",
  flags: {
    against: flag.text("what a device has now: a revision in any of these forms"),
    trust: flag.text("PEM file of certificates: signers must lead to one of them"),
    key: flag.text("PEM file of public keys: one of them must have signed"),
    json: flag.switch("one JSON object"),
  },
  operands: {
    revision: operand.optional(
      "a state file, an export, a repository, a revision's folder on a device; default: the repository here",
    ),
  },
  exits: { ...exits, [EXIT.refused]: "it cannot be read, a device would refuse it, or a signature in it is bad" },
  async run({ revision, against, trust, key, json }, out) {
    const { explainRevision, judgeSignatures } = await import("../../author/explain/index.ts");
    const { openRevision } = await import("./open-revision.ts");
    const judge = await readJudge(trust, key);
    if (!judge.ok) return refuse(out, judge.error);
    const opened = await openRevision(revision ?? ".");
    if (!opened.ok) return refuse(out, opened.error);
    const other = against === null ? ok(null) : await openRevision(against);
    if (!other.ok) return refuse(out, other.error);
    const signatures = judgeSignatures(opened.value.state, judge.value);
    const explanation = explainRevision({ ...opened.value, signatures }, other.value?.state ?? null);
    if (json) {
      const asJson = (_: string, value: unknown): unknown => (value instanceof Set ? [...value] : value);
      out.print(JSON.stringify(explanation, asJson));
    } else {
      out.print((await import("./explain-text.ts")).explanationText(explanation));
    }
    return signatures.each.some(({ verdict }) => verdict.kind === "bad") ? EXIT.refused : EXIT.done;
  },
});

/** Whom `--trust` and `--key` say to believe; certificates are judged by this machine's clock. */
async function readJudge(trust: string | null, key: string | null): Promise<Result<Judge | null, string>> {
  if (trust === null && key === null) return ok(null);
  const { explainTrust, readCertificates, readPublicKeys } = await import("../../signatures/index.ts");
  const texts = await Promise.all([trust, key].map(readPem));
  const [certificatesText, keysText] = texts;
  if (certificatesText?.ok === false) return certificatesText;
  if (keysText?.ok === false) return keysText;
  const certificates = certificatesText?.value == null ? ok([]) : readCertificates(certificatesText.value);
  if (!certificates.ok) return err(`${trust}: ${explainTrust(certificates.error)}`);
  const keys = keysText?.value == null ? ok([]) : readPublicKeys(keysText.value);
  if (!keys.ok) return err(`${key}: ${explainTrust(keys.error)}`);
  return ok({ trust: { certificates: certificates.value, keys: keys.value }, nowMs: Date.now() });
}

const PEM_BYTES_MAX = 1 << 20;

async function readPem(path: string | null): Promise<Result<string | null, string>> {
  if (path === null) return ok(null);
  const file = Bun.file(path);
  try {
    return file.size > PEM_BYTES_MAX ? err(`${path}: it has more than ${PEM_BYTES_MAX} bytes`) : ok(await file.text());
  } catch (error) {
    if (error instanceof Error && "code" in error) return err(`${path}: it cannot be read (${String(error.code)})`);
    throw error;
  }
}
