/** Ranges of bytes in requests (RFC 9110 section 14). Pure. */

/** From the first byte on, so many; `null`: the whole. */
export type Wanted = { readonly from: number; readonly bytes: number } | "unsatisfiable" | null;

const SINGLE = /^bytes=(?:(\d{1,15})-(\d{1,15})?|-(\d{1,15}))$/;

/** What a Range header means for so many bytes. Other units, several ranges and what is none are passed over, as a server may. */
export function rangeOf(header: string | null, sizeBytes: number): Wanted {
  const [match, first, last, suffix] = SINGLE.exec(header?.trim() ?? "") ?? [];
  if (match === undefined) return null;
  if (first === undefined) {
    const bytes = Math.min(Number(suffix), sizeBytes);
    return bytes === 0 ? "unsatisfiable" : { from: sizeBytes - bytes, bytes };
  }
  const from = Number(first);
  const end = last === undefined ? sizeBytes : Number(last) + 1;
  if (end <= from) return last === undefined ? "unsatisfiable" : null;
  return from >= sizeBytes ? "unsatisfiable" : { from, bytes: Math.min(end, sizeBytes) - from };
}
