import { invariant } from "../../result.ts";
import { canonical, type JsonNode, limits, readJson } from "../../state/index.ts";
import { type Tree, treeText } from "./tree.ts";

/** Characters that Go's encoder, and so `pvr`, writes as escapes: a page could take them for markup, a script for an end of line. */
const ESCAPED = /[<>&\u2028\u2029]/g;

/** The document over several lines, as `pvr` lays it out: sorted, one member or item a line; numbers in plain decimals where short. */
export function laidOut(tree: Tree, indent: string): string {
  const text = treeText(tree);
  const node = readJson(text, limits, "text");
  invariant(node.ok, "canonical text can be read");
  return lines(node.value, text, indent, "\n");
}

function lines(node: JsonNode, text: string, indent: string, end: string): string {
  const deeper = `${end}${indent}`;
  switch (node.kind) {
    case "scalar": {
      const written = text.slice(node.start, node.end);
      return typeof node.value === "string" ? escaped(written) : decimal(written);
    }
    case "array":
      if (node.items.length === 0) return "[]";
      return `[${node.items.map((item) => `${deeper}${lines(item, text, indent, deeper)}`).join(",")}${end}]`;
    case "object":
      if (node.members.length === 0) return "{}";
      return `{${node.members
        .map(({ key, value }) => `${deeper}${escaped(canonical(key))}: ${lines(value, text, indent, deeper)}`)
        .join(",")}${end}}`;
  }
}

const escaped = (quoted: string): string =>
  quoted.replace(ESCAPED, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** Powers of ten up to which people write a number without an exponent. */
const PLAIN_EXPONENT_MIN = -7;

/** `1.25E1` is 12.5: the same digits, so nothing is rounded. */
function decimal(written: string): string {
  const parts = /^(-?)(\d)\.(\d+)E(-?\d{1,2})$/.exec(written);
  if (parts === null) return written;
  const [, sign = "", first = "", rest = "", power = ""] = parts;
  const exponent = Number(power);
  const digits = `${first}${rest === "0" ? "" : rest}`;
  if (exponent < PLAIN_EXPONENT_MIN) return written;
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  return exponent + 1 < digits.length
    ? `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`
    : written;
}
