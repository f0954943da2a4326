/** `cairn sign`: signatures over what is committed, into the working copy. */
import type { SignatureTarget, Signed, Signer, SignOptions } from "../../author/sign/index.ts";
import { err, ok, type Result } from "../../result.ts";
import type { Certificate, Claim, PublicKey } from "../../signatures/index.ts";
import { command, EXIT_USAGE, flag, type Out } from "../command.ts";
import { PEM_BYTES_MAX, STATE_BYTES_MAX, textOf } from "./files.ts";

const EXIT = { done: 0, failed: 1 } as const;

interface Wish {
  readonly part: readonly string[];
  readonly raw: string | null;
  readonly update: boolean;
  readonly only: readonly string[];
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly noconfig: boolean;
  readonly key: string | null;
  readonly signer: string | null;
  readonly pubkey: string | null;
  readonly x5c: string | null;
  readonly ecdsa: string | null;
}

export const sign = command("sign", {
  summary: "Sign what is committed: writes _sigs/<name>.json into the working copy, to be committed next",
  example: "cairn sign --part web --key signer.pem --x5c chain.pem",
  flags: {
    part: flag.texts("sign this part: all below it but its src.json, and _config/<part>"),
    raw: flag.text("make _sigs/<raw>.json with the patterns as given; without --include it covers everything"),
    update: flag.switch("sign again what has a signature, with the same patterns"),
    only: flag.texts("with --update: just this signature, by its key such as _sigs/web.json"),
    include: flag.texts("pattern of keys to protect; with --part it counts from the part"),
    exclude: flag.texts("pattern of keys to leave out; default src.json"),
    noconfig: flag.switch("with --part: leave _config/<part> out", "n"),
    key: flag.text("PEM file with the private key", "k"),
    signer: flag.text("shell command that signs: bytes to sign on stdin, signature on stdout"),
    pubkey: flag.text("with --signer: PEM file with its public key or certificate; default: the first of --x5c"),
    x5c: flag.text('PEM file with certificates to send along, the signer\'s first; "no": none', "x"),
    ecdsa: flag.text("form of ECDSA signatures: raw (as pvr and Cairn want it) or der (Pantavisor); default raw"),
    "with-payload": flag.switch("put the signed content into the file too, for people"),
    repo: flag.text("folder of the repository; default: here"),
    json: flag.switch("one JSON object for each signature"),
  },
  operands: {},
  exits: {
    [EXIT.done]: "signed",
    [EXIT.failed]: "not signed: the reason is said, and nothing was written",
    [EXIT_USAGE]: "wrong arguments, or a file that cannot be read",
  },
  async run(values, out) {
    const wrong = misuse(values);
    const prepared = wrong === null ? await prepare(values) : err(wrong);
    if (!prepared.ok) {
      out.complain(`cairn sign: ${prepared.error}`);
      return EXIT_USAGE;
    }
    const { repo, "with-payload": withPayload, ecdsa } = values;
    return signAll(prepared.value, {
      repo: repo ?? ".",
      form: ecdsa === "der" ? "der" : "raw",
      withPayload,
      values,
      out,
    });
  },
});

function misuse({
  part,
  raw,
  update,
  only,
  include,
  exclude,
  noconfig,
  key,
  signer,
  pubkey,
  ecdsa,
}: Wish): string | null {
  const ways = [part.length > 0, raw !== null, update].filter(Boolean).length;
  if (ways !== 1) return "give one of --part, --raw and --update: what to sign";
  if ((key === null) === (signer === null)) return "give either --key or --signer: who signs";
  if (pubkey !== null && signer === null) return "--pubkey goes with --signer";
  if (update && include.length + exclude.length > 0)
    return "--update keeps the patterns: leave --include and --exclude out";
  if (only.length > 0 && !update) return "--only goes with --update";
  if (noconfig && part.length === 0) return "--noconfig goes with --part";
  if (ecdsa !== null && ecdsa !== "raw" && ecdsa !== "der") return `--ecdsa "${ecdsa}" is neither raw nor der`;
  return null;
}

interface Prepared {
  readonly signer: Signer;
  /** Null: --x5c was not given. */
  readonly x5c: readonly Certificate[] | null;
}

/** Who signs, and with which certificates. */
async function prepare({ key, signer, pubkey, x5c }: Wish): Promise<Result<Prepared, string>> {
  const [author, signatures] = [await import("../../author/sign/index.ts"), await import("../../signatures/index.ts")];
  const chain = x5c === null || x5c === "no" ? ok([]) : await certificatesOf(x5c);
  if (!chain.ok) return chain;
  const certificates = x5c === null ? null : chain.value;
  if (key !== null) {
    const pem = await textOf(key, "private key", PEM_BYTES_MAX);
    if (!pem.ok) return pem;
    const { explainKeyFile, readPrivateKey } = await import("../../certificates/index.ts");
    const secret = readPrivateKey(pem.value);
    if (!secret.ok) return err(`private key ${key}: ${explainKeyFile(secret.error)}`);
    return ok({ signer: author.keySigner(secret.value), x5c: certificates });
  }
  const known = pubkey === null ? keyOf(chain.value[0]) : await publicKeyOf(pubkey);
  if (!known.ok) return known;
  if (signatures.algorithmFor(known.value) === null)
    return err(`no verifier takes signatures of ${signatures.kindOf(known.value)}`);
  return ok({ signer: author.commandSigner(signer ?? "", known.value), x5c: certificates });
}

async function certificatesOf(path: string): Promise<Result<readonly Certificate[], string>> {
  const { explainTrust, readCertificates } = await import("../../signatures/index.ts");
  const pem = await textOf(path, "certificates", PEM_BYTES_MAX);
  if (!pem.ok) return pem;
  const read = readCertificates(pem.value);
  return read.ok ? read : err(`certificates ${path}: ${explainTrust(read.error)}`);
}

function keyOf(leaf: Certificate | undefined): Result<PublicKey, string> {
  if (leaf === undefined)
    return err("--signer needs its public key: give --pubkey, or --x5c with its certificate first");
  return leaf.key.ok ? leaf.key : err(`the key of the first certificate is of no use: ${leaf.key.error.what}`);
}

/** Of a public key's PEM file, or of a certificate's. */
async function publicKeyOf(path: string): Promise<Result<PublicKey, string>> {
  const { explainTrust, readCertificates, readPublicKeys } = await import("../../signatures/index.ts");
  const pem = await textOf(path, "public key", PEM_BYTES_MAX);
  if (!pem.ok) return pem;
  const keys = readPublicKeys(pem.value);
  const [key] = keys.ok ? keys.value : [];
  if (key !== undefined) return ok(key);
  const certificates = readCertificates(pem.value);
  const [leaf] = certificates.ok ? certificates.value : [];
  if (leaf !== undefined) return keyOf(leaf);
  return err(`public key ${path}: ${keys.ok ? "it is empty" : explainTrust(keys.error)}`);
}

interface Task {
  readonly repo: string;
  readonly form: SignOptions["form"];
  readonly withPayload: boolean;
  readonly values: Wish & { readonly json: boolean };
  readonly out: Out;
}

/** Signs everything before it writes anything: half a set of signatures is of no use. */
async function signAll({ signer, x5c }: Prepared, { repo, form, withPayload, values, out }: Task): Promise<number> {
  const author = await import("../../author/sign/index.ts");
  const fail = (why: string): number => {
    out.complain(`cairn sign: ${why}`);
    return EXIT.failed;
  };
  const state = await textOf(`${repo}/.pvr/json`, "the committed state", STATE_BYTES_MAX);
  if (!state.ok) return fail(`${state.error}; is ${repo} a repository?`);
  const targets = await targetsOf(state.value, values);
  if (!targets.ok) return fail(targets.error);
  const signed: Signed[] = [];
  for (const { target, claim } of targets.value) {
    const chain = x5c ?? (await sameChain(claim, signer));
    const options = { x5c: chain, form, withPayload: withPayload || claim?.withPayload === true };
    const one = await author.signState(state.value, target, signer, options);
    if (!one.ok) return fail(author.explainSign(one.error));
    signed.push(one.value);
  }
  const { explainDiskError, realDisk } = await import("../../store/index.ts");
  const written = await author.writeSignatures(realDisk, repo, signed);
  if (!written.ok) return fail(explainDiskError(written.error));
  tell(signed, values.json, out);
  return EXIT.done;
}

interface Planned {
  readonly target: SignatureTarget;
  /** What is there already; null for a new signature. */
  readonly claim: Claim | null;
}

async function targetsOf(state: string, wish: Wish): Promise<Result<readonly Planned[], string>> {
  const { explainName, partTarget, rawTarget } = await import("../../author/sign/index.ts");
  if (wish.update) return claimed(state, wish.only);
  const { include, exclude, raw } = wish;
  const planned: Planned[] = [];
  const wanted =
    raw === null
      ? wish.part.map((part) => partTarget(part, { include, exclude, config: !wish.noconfig }))
      : [rawTarget(raw, { include, exclude })];
  for (const target of wanted) {
    if (!target.ok) return err(explainName(target.error));
    planned.push({ target: target.value, claim: null });
  }
  return ok(planned);
}

/** Signatures that the state has in its folder for them; `only` names some. */
async function claimed(state: string, only: readonly string[]): Promise<Result<readonly Planned[], string>> {
  const [{ sameTarget }, { explainVerify, readClaims }] = [
    await import("../../author/sign/index.ts"),
    await import("../../signatures/index.ts"),
  ];
  const claims = readClaims(state);
  if (!claims.ok) return err(explainVerify(claims.error));
  const own: Claim[] = [];
  for (const [key, claim] of claims.value) {
    if (!claim.ok) return err(explainVerify({ kind: "signature", key, problem: claim.error }));
    if (/^_sigs\/[^/]+\.json$/.test(key)) own.push(claim.value);
  }
  const missing = only.find((key) => !own.some((claim) => claim.key === key));
  if (missing !== undefined) return err(`the committed state has no signature ${missing}`);
  const chosen = own.filter(({ key }) => only.length === 0 || only.includes(key));
  if (chosen.length === 0) return err("the committed state has no signature to make again: use --part or --raw first");
  return ok(chosen.map((claim) => ({ target: sameTarget(claim), claim })));
}

/** The certificates that are there already, if they are this signer's. */
async function sameChain(claim: Claim | null, signer: Signer): Promise<readonly Certificate[]> {
  const { fingerprint } = await import("../../signatures/index.ts");
  const [leaf] = claim?.x5c ?? [];
  const same = leaf?.key.ok === true && fingerprint(leaf.key.value) === fingerprint(signer.publicKey);
  return same ? (claim?.x5c ?? []) : [];
}

function tell(signed: readonly Signed[], json: boolean, out: Out): void {
  for (const { key, algorithm, fingerprint, protected: keys, bareScalars } of signed) {
    for (const bare of bareScalars) {
      out.complain(`note: ${bare} is a bare value, which Pantavisor does not verify: put it into an object`);
    }
    if (json) out.print(JSON.stringify({ key, algorithm, fingerprint, protected: keys }));
    else out.print(`${key}: ${algorithm}, protects ${keys.length} ${keys.length === 1 ? "key" : "keys"}`);
  }
  if (!json) out.print(`next: cairn add ${signed.map(({ key }) => key).join(" ")} && cairn commit`);
}
