/** What a device is to run: decided here and nowhere else. Pure. */
import type { KeptOrder, Release, Standing } from "../database/index.ts";

/** The tag that every device has. */
export const EVERY_DEVICE = "all";

const SEQUENCE_MAX = 0xffff_ffff;
const REV_MAX = 0xffff_ffff;

export type Decision =
  | { readonly kind: "keep" }
  /** It is to run another state than it was told last. */
  | { readonly kind: "give"; readonly sequence: number; readonly rev: number; readonly release: Release }
  /** It was told to run this state by another release: no byte needs to be sent. */
  | { readonly kind: "adopt"; readonly sequence: number; readonly release: Release }
  /** Numbers do not go further: the device must be enrolled anew. */
  | { readonly kind: "exhausted" };

const KEEP: Decision = { kind: "keep" };

/**
 * `newest`: of each tag. The newest of the device's tags counts; when that has expired the device keeps what it has, for an older one
 * would be a way back that nobody asked for.
 */
export function decide(newest: readonly Release[], { tags, report, last }: Standing, nowMs: number): Decision {
  const own = newest.filter(({ tag }) => tag === EVERY_DEVICE || tags.includes(tag));
  const release = own.reduce<Release | null>((a, b) => (a === null || b.number > a.number ? b : a), null);
  const said = numbersIn(report);
  // It was given orders that are not known here, as to a hub that was brought back from an old copy, and takes none of those that are.
  const isAhead = said.sequence > (last?.sequence ?? 0);
  if (release === null || (!isAhead && last?.release === release.number)) return KEEP;
  if (!isAhead && last?.revision === release.revision && !hasFailed(last) && !isOnOtherTerms(last, release))
    return { kind: "adopt", sequence: last.sequence, release };
  if (release.expiryMs !== null && release.expiryMs <= nowMs) return KEEP;
  const sequence = Math.max(last?.sequence ?? 0, said.sequence) + 1;
  const rev = Math.max(last?.rev ?? 0, said.running) + 1;
  return sequence > SEQUENCE_MAX || rev > REV_MAX ? { kind: "exhausted" } : { kind: "give", sequence, rev, release };
}

/** Who releases again what has failed wants it tried again: under a new number, for a device tries none twice. */
const hasFailed = ({ progress }: KeptOrder): boolean => progress?.phase === "error" || progress?.phase === "wontgo";

/** It may still be fetching, and is to do so under other terms: what it has fetched by now stays. */
function isOnOtherTerms({ progress, policy, expiryMs }: KeptOrder, release: Release): boolean {
  const isFetching = progress === null || progress.phase === "queued" || progress.phase === "downloading";
  const { security, https, whole } = release.policy;
  const isSame = policy.security === security && policy.https === https && policy.whole === whole;
  return isFetching && !(isSame && expiryMs === release.expiryMs);
}

/** The highest numbers that the device has told of; a revision of its own, `locals/…`, has none. */
function numbersIn(report: string | null): { readonly sequence: number; readonly running: number } {
  const said: { readonly sequence?: unknown; readonly running?: unknown } = report === null ? {} : JSON.parse(report);
  return { sequence: wholeNumber(said.sequence), running: wholeNumber(said.running) };
}

function wholeNumber(value: unknown): number {
  const number = typeof value === "string" && /^\d{1,10}$/.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) ? number : 0;
}
