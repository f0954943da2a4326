import type { Accident } from "./power.ts";

/** Attempts are whole stories; some hundred take a second. */
const ATTEMPTS_MAX = 2_000;

/**
 * Greedy: of what `smaller` offers, the first that still fails takes the place of `failing`, until nothing smaller fails. `smaller`
 * must come to an end: each offer is smaller in some order in which nothing shrinks for ever.
 */
export async function shrink<T>(
  failing: T,
  smaller: (of: T) => Iterable<T>,
  fails: (candidate: T) => Promise<boolean>,
): Promise<T> {
  let best = failing;
  let attempts = 0;
  for (let found = true; found; ) {
    found = false;
    for (const candidate of smaller(best)) {
      attempts += 1;
      if (attempts > ATTEMPTS_MAX) return best;
      if (!(await fails(candidate))) continue;
      best = candidate;
      found = true;
      break;
    }
  }
  return best;
}

/** Fewer accidents first; then each earlier, by halves and by one; then the plainest kind. */
export function* fewerAccidents(accidents: readonly Accident[]): Generator<readonly Accident[]> {
  for (const at of accidents.keys()) yield accidents.toSpliced(at, 1);
  for (const [index, accident] of accidents.entries()) {
    const from = accidents[index - 1]?.at ?? -1;
    for (const at of earlier(from + 1, accident.at)) yield accidents.with(index, { ...accident, at });
  }
  for (const [index, accident] of accidents.entries()) {
    if (accident.kind === "cut" && accident.moment === "during") {
      yield accidents.with(index, { ...accident, moment: "before" });
      yield accidents.with(index, { ...accident, moment: "after" });
    }
    if (accident.kind === "cut" && accident.moment === "after")
      yield accidents.with(index, { ...accident, moment: "before" });
  }
}

/** From `lowest` up to just below `at`, closing in on it. */
function* earlier(lowest: number, at: number): Generator<number> {
  for (let step = at - lowest; step >= 1; step = Math.floor(step / 2)) yield at - step;
}
