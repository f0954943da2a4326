/** May something be done at `atMs`? So often at once, and once more for each `everyMs` that passes: what is refused costs nothing. */
export function allowance(max: number, everyMs: number): (atMs: number) => boolean {
  let left = max;
  let sinceMs = Number.NEGATIVE_INFINITY;
  return (atMs) => {
    left = Math.min(max, left + (atMs - sinceMs) / everyMs);
    sinceMs = atMs;
    if (left < 1) return false;
    left -= 1;
    return true;
  };
}
