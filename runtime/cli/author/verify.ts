/** `cairn verify`: are the signatures of a state good, and what do they cover? */
import { err, ok, type Result } from "../../result.ts";
import type { EcdsaForm, Report, Trust } from "../../signatures/index.ts";
import { command, EXIT_USAGE, flag, type Out } from "../command.ts";
import { table } from "../table.ts";
import { PEM_BYTES_MAX, STATE_BYTES_MAX, textOf } from "./files.ts";

const EXIT = { good: 0, bad: 1 } as const;
const COMMITTED = ".pvr/json";

interface Wish {
  readonly state: string | null;
  readonly trust: string | null;
  readonly key: string | null;
  readonly only: readonly string[];
  readonly at: string | null;
  readonly ecdsa: string | null;
  readonly strict: boolean;
}

export const verify = command("verify", {
  summary: "Verify the signatures of a state",
  example: "cairn verify --state state.json --trust ca.pem --json",
  flags: {
    state: flag.text("file with the state, - is stdin; default: what is committed in the repository here"),
    trust: flag.text("PEM file of certificates: signers must lead to one of them"),
    key: flag.text("PEM file of public keys: one of them must have signed"),
    only: flag.texts("verify just this signature, by its key in the state"),
    strict: flag.switch("refuse a state with keys that no signature protects, as a device in mode strict does"),
    at: flag.text('time at which certificates must be valid, such as 2030-12-31; "any": not checked; default: now'),
    ecdsa: flag.text("form of ECDSA signatures: raw (r and s, as JOSE has it) or der; default raw"),
    json: flag.switch("the answer as one JSON object"),
  },
  operands: {},
  exits: {
    [EXIT.good]: "all signatures are good",
    [EXIT.bad]: "they are not, or there is none: the reason is said",
    [EXIT_USAGE]: "wrong arguments, or a file that cannot be read",
  },
  async run(values, out) {
    const question = await read(values);
    if (!question.ok) {
      out.complain(`cairn verify: ${question.error}`);
      return EXIT_USAGE;
    }
    const answer = await judge(question.value, values);
    if (values.json) out.print(JSON.stringify(asJson(answer)));
    else tell(answer, out);
    return answer.ok ? EXIT.good : EXIT.bad;
  },
});

interface Question {
  readonly text: string;
  readonly trust: Trust;
  readonly nowMs: number | null;
  readonly ecdsa: EcdsaForm;
}

async function read({ state, trust, key, at, ecdsa }: Wish): Promise<Result<Question, string>> {
  if ((trust === null) === (key === null)) return err("give either --trust or --key: whom to believe");
  const nowMs = at === "any" ? null : at === null ? Date.now() : Date.parse(at);
  if (Number.isNaN(nowMs)) return err(`--at "${at}" is no time such as 2030-12-31 or 2030-12-31T12:00:00Z`);
  if (ecdsa !== null && ecdsa !== "raw" && ecdsa !== "der") return err(`--ecdsa "${ecdsa}" is neither raw nor der`);
  const { explainTrust, readCertificates, readPublicKeys } = await import("../../signatures/index.ts");
  const path = trust ?? key ?? "";
  const pem = await textOf(path, trust === null ? "public keys" : "trust store", PEM_BYTES_MAX);
  if (!pem.ok) return pem;
  const certificates = trust === null ? ok([]) : readCertificates(pem.value);
  if (!certificates.ok) return err(`trust store ${path}: ${explainTrust(certificates.error)}`);
  const keys = key === null ? ok([]) : readPublicKeys(pem.value);
  if (!keys.ok) return err(`public keys ${path}: ${explainTrust(keys.error)}`);
  const text = await textOf(
    state ?? COMMITTED,
    state === null ? "no --state, and the repository here" : "state",
    STATE_BYTES_MAX,
  );
  if (!text.ok) return text;
  return ok({
    text: text.value,
    trust: { certificates: certificates.value, keys: keys.value },
    nowMs,
    ecdsa: ecdsa ?? "raw",
  });
}

async function judge(
  { text, trust, nowMs, ecdsa }: Question,
  { only, strict }: Pick<Wish, "only" | "strict">,
): Promise<Result<Report, string>> {
  const { coverage, explainVerify, verifyState } = await import("../../signatures/index.ts");
  const verified = verifyState(text, trust, { nowMs, ecdsa, ...(only.length > 0 ? { only } : {}) });
  if (!verified.ok) return err(explainVerify(verified.error));
  if (verified.value.signatures.length === 0) {
    return err('the state has no signature (no member with "#spec":"pvs@2"): sign it with "cairn sign"');
  }
  const { accepted, uncovered } = coverage(verified.value, strict ? "strict" : "lenient");
  return accepted
    ? verified
    : err(`the signatures are good, but these keys are not protected: ${uncovered.join(", ")}`);
}

/** All members are always there. Of a state that failed nothing is known, so its lists are empty. */
function asJson(answer: Result<Report, string>): object {
  if (!answer.ok) return { result: "fail", reason: answer.error, protected: [], excluded: [], notseen: [] };
  const { protected: covered, excluded, notseen, signatures } = answer.value;
  return {
    result: "ok",
    reason: null,
    protected: covered,
    excluded,
    notseen,
    signatures: signatures.map(({ key, algorithm, signer, protected: keys }) => ({
      key,
      algorithm,
      signer,
      protected: keys,
    })),
  };
}

function tell(answer: Result<Report, string>, out: Out): void {
  if (!answer.ok) {
    out.complain(`cairn verify: ${answer.error}`);
    return;
  }
  const { signatures, protected: covered, excluded, notseen } = answer.value;
  const by = new Map(covered.map((key) => [key, signatures.filter((one) => one.protected.includes(key))]));
  for (const { key, algorithm, signer } of signatures) {
    const who = signer.kind === "key" ? `key ${signer.fingerprint}` : JSON.stringify(signer.subject);
    out.print(`${key}: good, ${algorithm} by ${who}`);
  }
  const rows = [
    ...covered.map((key) => ["protected", key, (by.get(key) ?? []).map((one) => one.key).join(", ")]),
    ...excluded.map((key) => ["excluded", key, ""]),
    ...notseen.map((key) => ["not seen", key, ""]),
  ];
  out.print(table(rows));
}
