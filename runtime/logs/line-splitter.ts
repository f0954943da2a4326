/** A line that goes on for longer than this is cut. */
const LINE_BYTES_MAX = 4096;

/** Cuts a stream of bytes into lines; keeps what has no end yet, at most `LINE_BYTES_MAX` of it. */
export function openLineSplitter(): (bytes: Uint8Array) => readonly string[] {
  let rest: Uint8Array = new Uint8Array(0);
  return (bytes) => {
    const lines: string[] = [];
    const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    let from = 0;
    for (;;) {
      const newline = all.indexOf(10, from);
      const end = newline < 0 ? all.length : newline;
      const cut = Math.min(end, from + LINE_BYTES_MAX);
      if (newline < 0 && cut === end && end - from < LINE_BYTES_MAX) break;
      lines.push(new TextDecoder().decode(all.subarray(from, cut)));
      from = cut === newline ? cut + 1 : cut;
    }
    rest = Uint8Array.prototype.slice.call(all, from);
    return lines;
  };
}
