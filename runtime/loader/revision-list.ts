import { err, ok } from "../result.ts";
import { parseRevisionName, type RevisionName } from "../state/index.ts";
import { bytesOf, type Format, textOf } from "./format.ts";

const SIZE_BYTES_MAX = 511;

/** `pv_rev.txt` of a boot image (reference 6.4): the revisions that can be booted with it, a comma list. */
export const revisionList: Format<readonly RevisionName[]> = {
  bytesMax: SIZE_BYTES_MAX + 1, // a line's end
  missing: [],
  decode: (bytes) => {
    const revisions: RevisionName[] = [];
    const text = textOf(bytes).trim();
    for (const name of text === "" ? [] : text.split(",")) {
      const parsed = parseRevisionName(name.trim());
      if (!parsed.ok) return err(`${JSON.stringify(name.slice(0, 80))} names no revision`);
      revisions.push(parsed.value);
    }
    return ok(revisions);
  },
  encode: (revisions) => {
    const text = revisions.join(",");
    if (text.length <= SIZE_BYTES_MAX) return ok(bytesOf(text));
    return err({ kind: "tooLarge", bytes: text.length, bytesMax: SIZE_BYTES_MAX });
  },
};

/** The list with `wanted` in it, each once; the oldest others are left out when they do not fit. */
export function including(list: readonly RevisionName[], wanted: readonly RevisionName[]): readonly RevisionName[] {
  const others = list.filter((rev) => !wanted.includes(rev));
  const all = [...new Set([...others, ...wanted])];
  return others.length === 0 || revisionList.encode(all).ok ? all : including(others.slice(1), wanted);
}
