import * as v from "valibot";
import { err, ok, type Result } from "../result.ts";
import { canonicalMembers, decodeUtf8, shown } from "../state/index.ts";
import { decodeBase64 } from "./base64.ts";
import { type Glob, readGlob } from "./glob.ts";
import { limits } from "./limits.ts";
import type { Hash } from "./primitive.ts";
import type { SignatureProblem } from "./problem.ts";
import type { PublicKey } from "./public-key.ts";
import { type Certificate, readCertificate } from "./x509/index.ts";

export type Algorithm = "RS256" | "ES256" | "ES384";

interface Fit {
  readonly hash: Hash;
  readonly fits: (key: PublicKey) => boolean;
}

/** What each algorithm wants (RFC 7518 sections 3.3 and 3.4): its digest, and the one kind of key that it is for. */
export const algorithms: Readonly<Record<Algorithm, Fit>> = {
  RS256: { hash: "sha256", fits: (key) => key.kind === "rsa" },
  ES256: { hash: "sha256", fits: (key) => key.kind === "ec" && key.curve === "P-256" },
  ES384: { hash: "sha384", fits: (key) => key.kind === "ec" && key.curve === "P-384" },
};

/** The algorithm for signing with a key; null: P-521, which no verifier in the field takes. */
export function algorithmFor(key: PublicKey): Algorithm | null {
  const names: readonly Algorithm[] = ["RS256", "ES256", "ES384"];
  return names.find((name) => algorithms[name].fits(key)) ?? null;
}

/** The protected header (reference authoring 3.3), as far as it means anything. `jwk` does not: anybody can write one. */
export interface ProtectedHeader {
  readonly algorithm: Algorithm;
  readonly include: readonly Glob[];
  readonly exclude: readonly Glob[];
  /** Certificates of `x5c`, the signer's first; null: it has none. */
  readonly certificates: readonly [Certificate, ...Certificate[]] | null;
}

const Typ = v.literal("PVS");
const Alg = v.picklist(["RS256", "ES256", "ES384"]);
const Pvs = v.looseObject({ include: v.array(v.string()), exclude: v.array(v.string()) });
const X5c = v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(limits.certificatesMax));

/** Reads the decoded bytes of `protected`. Refuses what the profile of reference authoring 3.8 refuses; unknown members are ignored. */
export function readHeader(bytes: Uint8Array): Result<ProtectedHeader, SignatureProblem> {
  const text = decodeUtf8(bytes);
  const members = text.ok ? canonicalMembers(text.value) : text;
  if (!members.ok) return err({ kind: "headerJson", fault: members.error });
  if (members.value === null) return err({ kind: "headerJson", fault: null });
  const header = new Map(members.value.map(({ key, value }) => [key, value]));
  const wrong = (member: "alg" | "typ" | "pvs" | "x5c" | "crit"): Result<never, SignatureProblem> =>
    err({ kind: "header", member, found: shown(header.get(member)) });

  if (header.has("crit")) return wrong("crit");
  if (!v.is(Typ, header.get("typ"))) return wrong("typ");
  const algorithm = header.get("alg");
  if (!v.is(Alg, algorithm)) return wrong("alg");
  const pvs = header.get("pvs");
  if (!v.is(Pvs, pvs)) return wrong("pvs");
  const [include, exclude] = [readGlobs(pvs.include), readGlobs(pvs.exclude)];
  if (!include.ok) return include;
  if (!exclude.ok) return exclude;
  const read = { algorithm, include: include.value, exclude: exclude.value };
  const x5c = header.get("x5c");
  if (x5c === undefined) return ok({ ...read, certificates: null });
  if (!v.is(X5c, x5c)) return wrong("x5c");
  const certificates = readX5c(x5c);
  return certificates.ok ? ok({ ...read, certificates: certificates.value }) : certificates;
}

/** Globs of one list, read. */
export function readGlobs(sources: readonly string[]): Result<readonly Glob[], SignatureProblem> {
  if (sources.length > limits.globsMax) return err({ kind: "tooManyGlobs" });
  const globs: Glob[] = [];
  for (const source of sources) {
    const glob = readGlob(source);
    if (!glob.ok) return err({ kind: "glob", glob: source, fault: glob.error });
    globs.push(glob.value);
  }
  return ok(globs);
}

function readX5c(texts: readonly string[]): Result<readonly [Certificate, ...Certificate[]], SignatureProblem> {
  const certificates: Certificate[] = [];
  for (const [index, text] of texts.entries()) {
    const der = decodeBase64(text);
    const certificate = der === null ? err("no base64") : readCertificate(der);
    if (!certificate.ok) return err({ kind: "certificate", index, what: certificate.error });
    certificates.push(certificate.value);
  }
  const [leaf, ...others] = certificates;
  return leaf === undefined ? err({ kind: "header", member: "x5c", found: "empty" }) : ok([leaf, ...others]);
}
