/** What a strict device would have against a state's signatures, as far as that can be told without its trust. Pure. */
import { coverage, readClaims } from "../../signatures/index.ts";
import type { State } from "../../state/index.ts";

const SHOWN_MAX = 8;

/** Null: every part claims to be signed. Otherwise the sentence for the author. */
export function unsignedWarning({ text, entries }: Pick<State, "text" | "entries">): string | null {
  const claims = readClaims(text);
  const read = claims.ok ? [...claims.value.values()].flatMap((claim) => (claim.ok ? [claim.value] : [])) : [];
  if (read.length === 0) return `it is not signed: ${REFUSED}`;
  const covered = new Set(read.flatMap((claim) => claim.protected));
  const left = new Set(read.flatMap(({ excluded }) => excluded));
  const keys = entries.map(({ key }) => key).filter((key) => !covered.has(key));
  const report = {
    signatures: read,
    excluded: keys.filter((key) => left.has(key)),
    notseen: keys.filter((key) => !left.has(key)),
  };
  const { uncovered } = coverage(report, "strict");
  if (uncovered.length === 0) return null;
  const more = uncovered.length > SHOWN_MAX ? ` and ${uncovered.length - SHOWN_MAX} more` : "";
  return `no signature is about ${uncovered.slice(0, SHOWN_MAX).join(", ")}${more}: ${REFUSED}`;
}

const REFUSED = "a device that is strict about signatures refuses it";
