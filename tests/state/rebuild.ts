import type { State } from "../../runtime/state/index.ts";

/**
 * The document put together again from the slices of its members and the gaps between them, which may hold nothing but white space
 * and marks. Equal to the text only if every slice is exact and none is missing.
 */
export function rebuilt({ text, entries }: State): string {
  let out = "";
  let at = 0;
  for (const { keySlice, slice } of entries) {
    for (const [gap, part] of [
      [/^[\s{,]*$/, keySlice],
      [/^\s*:\s*$/, slice],
    ] as const) {
      const between = text.slice(at, part.start);
      if (!gap.test(between)) throw new Error(`between members stands ${JSON.stringify(between)}`);
      out += between + text.slice(part.start, part.end);
      at = part.end;
    }
  }
  const rest = text.slice(at);
  if (!/^[\s{]*\}\s*$/.test(rest)) throw new Error(`behind the last member stands ${JSON.stringify(rest)}`);
  return out + rest;
}
