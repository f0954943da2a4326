/** Reads the reports that `bun test --reporter=junit` writes. */

export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

/** Null: the report says nothing of any test. A skipped test counts as failed. */
export function tallyOf(report: string): Tally | null {
  const suites = /<testsuites\b[^>]*>/.exec(report)?.[0] ?? "";
  const count = (attribute: string) => Number(new RegExp(`\\b${attribute}="(\\d+)"`).exec(suites)?.[1] ?? "0");
  const tests = count("tests");
  const failed = count("failures") + count("errors") + count("skipped");
  return tests === 0 ? null : { passed: tests - failed, failed };
}

/** Each test that failed or was skipped: its file, its name, and what the failure says, in lines. */
export function failuresOf(report: string): readonly string[] {
  const cases = report.matchAll(/<testcase\b([^>]*[^>/])>([\s\S]*?)<\/testcase>/g);
  return [...cases].map(([, attributes = "", inside = ""]) => {
    const named = (name: string): string => attribute(attributes, name);
    const said = attribute(/<(?:failure|error)\b[^>]*>/.exec(inside)?.[0] ?? "", "message");
    const name = [named("classname"), named("name")].filter((part) => part !== "").join(" > ");
    return `${named("file")}:${named("line")} ${name}\n${said === "" ? "skipped" : said}`.trimEnd();
  });
}

const attribute = (text: string, name: string): string =>
  unescaped(new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(text)?.[1] ?? "");

const NAMED: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

const unescaped = (text: string): string =>
  text.replaceAll(/&(?:#(\d+)|(\w+));/g, (whole, code?: string, name?: string) =>
    code === undefined ? (NAMED[name ?? ""] ?? whole) : String.fromCodePoint(Number(code)),
  );
