/** What strangers can send to the readers of signatures: JSON, protected headers, PEM files, certificates, keys. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  encodePublicKey,
  explainTrust,
  explainVerify,
  readCertificate,
  readCertificates,
  readPem,
  readPublicKey,
  readPublicKeys,
  verifyState,
  writePem,
} from "../../runtime/signatures/index.ts";
import { canonicalText, explainState } from "../../runtime/state/index.ts";
import { asBytes, mutantBytes } from "../fuzz/bytes.ts";
import { explained, type Input, type Target, type Verdict } from "../fuzz/campaign.ts";
import type { Dice } from "../fuzz/dice.ts";
import { readable } from "../state/fuzz-target.ts";
import { mutant } from "../state/mutate.ts";
import { certificatesOf, NOW, sample, trust, unsigned, unwrap } from "./signed-state.ts";
import { vectorJson, vectorPath, vectorText } from "./vectors.ts";

const asText = (input: Input): string => (typeof input === "string" ? input : Buffer.from(input).toString("latin1"));

/** The target with a reader that is wrong in one way. */
const planted = (target: Omit<Target, "planted">, verdict: (right: Verdict) => Verdict): Target => ({
  ...target,
  read: async (input) => {
    const look = await target.read(input);
    return () => verdict(look());
  },
  planted: [],
});

/** Its refusals without a sentence, and its refusals taken back: what a target's own checks must see, seen by the campaign. */
export const withPlanted = (target: Omit<Target, "planted">): Target => ({
  ...target,
  planted: [
    ["unexplained", planted(target, (right) => (right === "refused" ? explained("\u001b[2J") : right))],
    ["accepted", planted(target, (right) => (right === "refused" ? "accepted" : right))],
  ],
});

const documents = [
  ...vectorJson<readonly { readonly in: string }[]>("canonical.json").map((one) => one.in),
  vectorText("verify/v08-canonical-stress.state.json"),
  vectorText("verify/t26-non-canonical-state-text.state.json"),
  sample,
];

export const jsonTarget = withPlanted({
  name: "canonical-json",
  draw: (dice) => mutant(dice, documents),
  read: (input) => {
    const text = typeof input === "string" ? input : Buffer.from(input).toString();
    const result = canonicalText(text);
    return () => {
      if (!result.ok) return explained(explainState({ kind: "syntax", fault: result.error }));
      if (!readable(text)) return "accepted";
      const again = canonicalText(result.value);
      return again.ok && again.value === result.value ? "fine" : "inexact";
    };
  },
});

const pki = readdirSync(vectorPath("pki"));
const pemFiles = pki.map((file) => vectorText(`pki/${file}`));
const PEM_PIECES = [
  "-----BEGIN ",
  "-----END ",
  "CERTIFICATE-----\n",
  "PUBLIC KEY-----",
  "-----",
  "\n",
  "\r\n",
  "=",
  "==",
  ":",
  "Proc-Type: 4,ENCRYPTED\n",
  "A",
  "+/",
  "-_",
  " ",
  "\0",
  "é",
  "😀",
];

function mutantPem(dice: Dice): string {
  let text = dice.pick(pemFiles);
  for (let count = 1 + dice.roll(3); count > 0; count -= 1) {
    const at = dice.roll(text.length + 1);
    const other =
      dice.roll(2) === 0 ? dice.pick(PEM_PIECES) : dice.pick(pemFiles).slice(dice.roll(2000), dice.roll(3000));
    text = text.slice(0, at) + other + text.slice(at + dice.roll(dice.roll(4) === 0 ? 200 : 2));
  }
  return dice.roll(100) === 0 ? text + dice.pick(PEM_PIECES).repeat(dice.roll(100_000)) : text;
}

export const pemTarget = withPlanted({
  name: "pem",
  draw: mutantPem,
  read: (input) => {
    const text = asText(input);
    const [blocks, certificates, keys] = [readPem(text), readCertificates(text), readPublicKeys(text)];
    return () => {
      for (const read of [certificates, keys]) {
        if (!read.ok && explained(`the file: ${explainTrust(read.error)}`) !== "refused") return "unexplained";
      }
      if (!blocks.ok) return "refused";
      const usable = blocks.value.filter(({ encrypted }) => !encrypted);
      const again = readPem(usable.map(({ label, bytes }) => writePem(label, bytes)).join(""));
      const same =
        again.ok && usable.every(({ bytes }, at) => Buffer.from(bytes).equals(again.value[at]?.bytes ?? Buffer.of()));
      return same ? "fine" : "inexact";
    };
  },
});

const certificates = pki.filter((file) => file.endsWith(".crt")).flatMap((file) => certificatesOf(file));

export const certificateTarget = withPlanted({
  name: "certificate",
  draw: (dice) =>
    mutantBytes(
      dice,
      certificates.map(({ der }) => der),
    ),
  read: (input) => {
    const bytes = asBytes(input);
    const result = readCertificate(bytes);
    return () => {
      if (!result.ok) return explained(`the certificate: ${result.error}`);
      const { signedPart, notBeforeMs, notAfterMs, subject } = result.value;
      const there = Buffer.from(bytes).includes(signedPart) && Buffer.from(signedPart).includes(subject.der);
      return there && Number.isFinite(notBeforeMs) && Number.isFinite(notAfterMs) ? "fine" : "inexact";
    };
  },
});

const spkis = pki
  .filter((file) => file.endsWith(".pub"))
  .flatMap((file) => unwrap(readPublicKeys(readFileSync(join(vectorPath("pki"), file), "utf8"))))
  .map(encodePublicKey);

export const keyTarget = withPlanted({
  name: "public-key",
  draw: (dice) => mutantBytes(dice, spkis),
  read: (input) => {
    const bytes = asBytes(input);
    const result = readPublicKey(bytes);
    return () => {
      if (!result.ok) return explained(`the public key: ${result.error.what}`);
      return Buffer.from(encodePublicKey(result.value)).equals(bytes) ? "fine" : "inexact";
    };
  },
});

interface Element {
  readonly "#spec": string;
  readonly protected: string;
  readonly signature: string;
}

const genuine: Readonly<Record<string, Element>> = JSON.parse(sample);
/** Of the RSA keys: checking ECDSA takes so long that little else would be seen. */
const signatureKeys = ["_sigs/bsp.json", "_sigs/web.json"];
const headers = signatureKeys.map((key) => Buffer.from(genuine[key]?.protected ?? "", "base64url").toString());

/** The state with one of its signatures, and that with these changes. */
function withElement(key: string, changes: object): string {
  return JSON.stringify({ ...JSON.parse(unsigned), [key]: { ...genuine[key], ...changes } });
}
const genuineStates = new Set(signatureKeys.map((key) => withElement(key, {})));

/** A protected header, or the certificates in it, that nobody signed; sometimes the genuine ones, to see that those still pass. */
function mutantState(dice: Dice): string {
  if (dice.roll(200) === 0) return dice.pick([...genuineStates]);
  const at = dice.roll(signatureKeys.length);
  const [key = "", header = ""] = [signatureKeys[at], headers[at]];
  const other = dice.roll(3) === 0 ? mutantX5c(header, dice) : mutant(dice, [header, dice.pick(headers)]);
  return withElement(key, { protected: Buffer.from(other).toString("base64url") });
}

function mutantX5c(header: string, dice: Dice): string {
  const ders = certificates.map(({ der }) => der);
  const x5c = Array.from({ length: 1 + dice.roll(9) }, () => Buffer.from(mutantBytes(dice, ders)).toString("base64"));
  const [first, ...rest] = x5c;
  const whole = Buffer.from(dice.pick(ders)).toString("base64");
  return JSON.stringify({ ...JSON.parse(header), x5c: dice.roll(2) === 0 ? [whole, ...rest] : [first, ...rest] });
}

export const headerTarget = withPlanted({
  name: "protected-header",
  draw: mutantState,
  read: (input) => {
    const result = verifyState(input, trust, { nowMs: NOW });
    return () => {
      if (!result.ok) return explained(explainVerify(result.error));
      return genuineStates.has(asText(input)) ? "fine" : "accepted";
    };
  },
});
