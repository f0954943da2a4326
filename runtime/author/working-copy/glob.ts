/**
 * Shell-style patterns on whole relative paths, as `pvr add` has them (Go's `filepath.Match`): `*` and `?` stay within a component,
 * `[a-z]` and `[^a-z]` are sets, `\` makes the next character plain. `**` goes across components, which `pvr` does not know. Null: no
 * pattern, such as one with an open set.
 */
export function globPattern(glob: string): RegExp | null {
  let pattern = "";
  for (let at = 0; at < glob.length; at++) {
    const char = glob[at] ?? "";
    if (char === "*") {
      const across = glob[at + 1] === "*";
      while (glob[at + 1] === "*") at++; // a run of them means no more than two, and costs no more
      pattern += across ? ".*" : "[^/]*";
    } else if (char === "?") {
      pattern += "[^/]";
    } else if (char === "[") {
      const set = /^\[([!^]?)((?:\\.|[^\]\\/])+)\]/s.exec(glob.slice(at));
      if (set === null) return null;
      const [whole, negated, members = ""] = set;
      const plain = members.replace(/\\(.)|[[^]/gsu, (found, escaped) => literal(escaped ?? found));
      pattern += negated === "" ? `[${plain}]` : `[^/${plain}]`;
      at += whole.length - 1;
    } else {
      const plain = char === "\\" ? (glob[++at] ?? "\\") : char;
      pattern += plain.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
    }
  }
  try {
    return new RegExp(`^${pattern}$`, "su");
  } catch {
    return null; // a set with its ends the wrong way round
  }
}

/** A character that means itself in a set, also "-". */
const literal = (char: string): string => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
