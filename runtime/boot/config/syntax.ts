/** One `key=value` as it was written. */
export interface Assignment {
  readonly key: string;
  readonly value: string;
}

/** Lines of `KEY=value`; blank lines and lines that begin with `#` say nothing. `badLines` counts from 1. */
export function parseFile(text: string): { assignments: readonly Assignment[]; badLines: readonly number[] } {
  const assignments: Assignment[] = [];
  const badLines: number[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const found = assignment(line);
    if (found === null) badLines.push(index + 1);
    else assignments.push(found);
  }
  return { assignments, badLines };
}

function assignment(line: string): Assignment | null {
  const equals = line.indexOf("=");
  return equals < 1 ? null : { key: line.slice(0, equals).trim(), value: line.slice(equals + 1).trim() };
}

/**
 * The arguments of a kernel command line: separated by white space outside double quotes, the quotes around a value or around a
 * whole argument removed (Linux `lib/cmdline.c`, `next_arg`). An argument without `=` has the value "".
 */
export function parseCommandLine(text: string): readonly Assignment[] {
  const found: Assignment[] = [];
  for (const [token] of text.matchAll(/(?:"[^"]*(?:"|$)|[^\s"])+/g)) {
    const whole = unquote(token);
    const equals = whole.indexOf("=");
    if (equals === -1) found.push({ key: whole, value: "" });
    else found.push({ key: whole.slice(0, equals), value: unquote(whole.slice(equals + 1)) });
  }
  return found;
}

const unquote = (text: string): string =>
  text.startsWith('"') ? text.slice(1, text.endsWith('"') && text.length > 1 ? -1 : undefined) : text;
