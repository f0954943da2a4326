import * as v from "valibot";
import { type ReasonCode, reasonCodes } from "../update/index.ts";

/** What is known of a failure, kept beside the verdict in one record so that a power cut takes both or neither. */
export interface Evidence {
  readonly reason: ReasonCode;
  /** One sentence for a person. */
  readonly message?: string;
  /** The container at fault. */
  readonly container?: string;
  /** How its init ended. */
  readonly exit?: { readonly code: number } | { readonly signal: string };
  /** Its last log lines, oldest first. */
  readonly lines?: readonly string[];
  /** What the boot loader's variables said, and which revision it had started. */
  readonly loader?: {
    readonly committed: string | null;
    readonly trial: string | null;
    readonly booted: string | null;
  };
  /** Milliseconds since 1970, by the device's clock, which may not have been set. */
  readonly at?: number;
}

/** UTF-8 bytes of the evidence as JSON. */
export const EVIDENCE_BYTES_MAX = 2048;
/** So that one long line leaves room for those before it. */
const LINE_BYTES_MAX = 512;

// A member that is odd is left out; without a reason that we know, there is no evidence.
const text = v.string();
const name = v.nullable(v.string());
const odd = <T extends v.GenericSchema>(schema: T) => v.optional(v.fallback(v.optional(schema), undefined));
const Shape = v.object({
  reason: v.picklist(reasonCodes),
  message: odd(text),
  container: odd(text),
  exit: odd(v.union([v.object({ code: v.pipe(v.number(), v.integer()) }), v.object({ signal: text })])),
  lines: odd(v.array(text)),
  loader: odd(v.object({ committed: name, trial: name, booted: name })),
  at: odd(v.pipe(v.number(), v.finite())),
});

/** Null: nothing that makes sense here. */
export const EvidenceMember = v.fallback(
  v.pipe(
    v.nullable(Shape),
    v.transform((read) => (read === null ? null : present(read))),
  ),
  null,
);

type Members = { readonly [K in keyof Evidence]: Evidence[K] | undefined } & Pick<Evidence, "reason">;

/** Without the members that are undefined, in the order in which they are written. */
const present = ({ reason, message, container, exit, lines, loader, at }: Members): Evidence => ({
  reason,
  ...(message === undefined ? {} : { message }),
  ...(container === undefined ? {} : { container }),
  ...(exit === undefined ? {} : { exit }),
  ...(loader === undefined ? {} : { loader }),
  ...(at === undefined ? {} : { at }),
  ...(lines === undefined ? {} : { lines }),
});

/** With whole characters only: half of a surrogate pair is no text, and some readers refuse its escape. */
const wellFormed = (evidence: Evidence): Evidence =>
  JSON.parse(JSON.stringify(evidence, (_key, value) => (typeof value === "string" ? value.toWellFormed() : value)));

const jsonBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

/** The longest beginning of `whole` that `fits` accepts, in whole characters; null when not even "" does. */
function longest(whole: string, fits: (beginning: string) => boolean): string | null {
  const chars = Array.from(whole);
  let [low, high] = [0, chars.length];
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (fits(chars.slice(0, middle).join(""))) low = middle;
    else high = middle - 1;
  }
  const beginning = chars.slice(0, low).join("");
  return fits(beginning) ? beginning : null;
}

/**
 * What fits into {@link EVIDENCE_BYTES_MAX}: the oldest lines go first, then the end of the message. Names are short by their own
 * rules; should they not be, only the reason is left.
 */
export function boundEvidence(evidence: Evidence): Evidence {
  const { lines = [], ...rest } = wellFormed(present({ ...absent, ...evidence }));
  const fits = (candidate: Evidence): boolean => jsonBytes(candidate) <= EVIDENCE_BYTES_MAX;
  if (!fits(rest)) {
    const message = longest(rest.message ?? "", (beginning) => fits({ ...rest, message: beginning }));
    return message === null ? { reason: rest.reason } : { ...rest, message };
  }
  let bytes = jsonBytes({ ...rest, lines: [] });
  const kept: string[] = [];
  for (const line of lines.toReversed()) {
    const cut = longest(line, (beginning) => jsonBytes(beginning) <= LINE_BYTES_MAX) ?? "";
    bytes += jsonBytes(cut) + 1; // the comma
    if (bytes > EVIDENCE_BYTES_MAX) break;
    kept.push(cut);
  }
  return kept.length === 0 ? rest : { ...rest, lines: kept.reverse() };
}

const absent = {
  message: undefined,
  container: undefined,
  exit: undefined,
  lines: undefined,
  loader: undefined,
  at: undefined,
} as const;
