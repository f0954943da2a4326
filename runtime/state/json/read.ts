import { err, ok, type Result } from "../../result.ts";
import { faultAt, type JsonFault, type JsonLimits, type JsonProblem } from "./fault.ts";
import type { JsonMember, JsonNode } from "./node.ts";

/**
 * What a document is read for. `values`: what {@link toJson} gives is the document exactly. `text`: its canonical text is, so numbers
 * may have any size (the node's `value` is then only the nearest double), and an escaped half of a surrogate pair is read as U+FFFD
 * (reference authoring 3.2).
 */
export type Purpose = "values" | "text";

/**
 * Reads one JSON document (RFC 8259) in a single pass, linear in its length. Stricter than `JSON.parse`: refuses duplicate names
 * at every level, lone surrogates (raw, or escaped), a byte order mark, numbers whose integer part a double cannot hold exactly
 * (beyond ±(2^53 - 1)), and whatever exceeds `limits`. The caller bounds the length of `text`.
 */
export function readJson(text: string, limits: JsonLimits, purpose: Purpose = "values"): Result<JsonNode, JsonFault> {
  if (!text.isWellFormed()) return err(faultAt(text, loneSurrogateAt(text), { kind: "loneSurrogate" }));
  if (text.startsWith("\ufeff")) return err(faultAt(text, 0, { kind: "byteOrderMark" }));
  return new Reader(text, limits, purpose).document();
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const NUMBER_LIKE = /[-+.0-9a-zA-Z]+/y;
const HEX4 = /^[0-9a-fA-F]{4}$/;
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);
/** As much of what was found goes into a fault. */
const FOUND_CHARS = 256;
const LITERALS = [
  ["true", true],
  ["false", false],
  ["null", null],
] as const;

/** Methods give null after they have set `fault`; each caller passes the null on. */
class Reader {
  private at = 0;
  private values = 0;
  private fault: JsonFault | null = null;
  private readonly path: (string | number)[] = [];

  constructor(
    private readonly text: string,
    private readonly limits: JsonLimits,
    private readonly purpose: Purpose,
  ) {}

  document(): Result<JsonNode, JsonFault> {
    this.space();
    const node = this.value();
    if (node !== null) {
      this.space();
      if (this.at < this.text.length) this.unexpected("the end of the document");
    }
    return node === null || this.fault !== null ? err(this.broken()) : ok(node);
  }

  private broken(): JsonFault {
    return this.fault ?? faultAt(this.text, this.at, { kind: "unexpected", found: this.here(), allowed: "a value" });
  }

  private value(): JsonNode | null {
    this.values += 1;
    if (this.values > this.limits.valuesMax) {
      return this.fail(this.at, { kind: "tooManyValues", max: this.limits.valuesMax });
    }
    const start = this.at;
    const first = this.text[start];
    if (first === "{") return this.nested(() => this.object());
    if (first === "[") return this.nested(() => this.array());
    if (first === '"') {
      const value = this.string();
      return value === null ? null : { kind: "scalar", value, start, end: this.at };
    }
    if (first !== undefined && (first === "-" || (first >= "0" && first <= "9"))) return this.number();
    for (const [word, value] of LITERALS) {
      if (this.text.startsWith(word, start)) {
        this.at += word.length;
        return { kind: "scalar", value, start, end: this.at };
      }
    }
    return this.unexpected("a value");
  }

  private nested(read: () => JsonNode | null): JsonNode | null {
    // Every open array or object has put exactly one step on the path, so its length is the depth.
    if (this.path.length >= this.limits.depthMax) {
      return this.fail(this.at, { kind: "tooDeep", max: this.limits.depthMax });
    }
    return read();
  }

  private array(): JsonNode | null {
    const start = this.at;
    const items: JsonNode[] = [];
    this.at += 1;
    this.space();
    if (this.take("]")) return { kind: "array", items, start, end: this.at };
    for (;;) {
      this.path.push(items.length);
      const item = this.value();
      if (item === null) return null;
      this.path.pop();
      items.push(item);
      this.space();
      if (this.take("]")) return { kind: "array", items, start, end: this.at };
      if (!this.take(",")) return this.unexpected('"," or "]"');
      this.space();
    }
  }

  private object(): JsonNode | null {
    const start = this.at;
    const members: JsonMember[] = [];
    const names = new Set<string>();
    this.at += 1;
    this.space();
    if (this.take("}")) return { kind: "object", members, start, end: this.at };
    for (;;) {
      const member = this.member(names);
      if (member === null) return null;
      members.push(member);
      this.space();
      if (this.take("}")) return { kind: "object", members, start, end: this.at };
      if (!this.take(",")) return this.unexpected('"," or "}"');
      this.space();
    }
  }

  private member(names: Set<string>): JsonMember | null {
    const keyStart = this.at;
    if (this.text[keyStart] !== '"') return this.unexpected("a name in quotes");
    const key = this.string();
    if (key === null) return null;
    const keyEnd = this.at;
    if (names.has(key))
      return this.fail(keyStart, { kind: "duplicateKey", key: key.slice(0, FOUND_CHARS).toWellFormed() });
    names.add(key);
    this.space();
    if (!this.take(":")) return this.unexpected('":"');
    this.space();
    this.path.push(key);
    const value = this.value();
    if (value === null) return null;
    this.path.pop();
    return { key, keyStart, keyEnd, value };
  }

  private number(): JsonNode | null {
    const start = this.at;
    const written = this.match(NUMBER_LIKE, start);
    const found = this.match(NUMBER, start);
    if (found !== written) return this.fail(start, { kind: "badNumber", found: written.slice(0, FOUND_CHARS) });
    const value = Number(found);
    const inexact = this.purpose === "values" && Math.abs(value) > Number.MAX_SAFE_INTEGER;
    if (inexact || found.length > this.limits.numberCharsMax) {
      const kind = this.purpose === "values" ? "inexactNumber" : "longNumber";
      return this.fail(start, { kind, found: found.slice(0, FOUND_CHARS) });
    }
    this.at += found.length;
    return { kind: "scalar", value, start, end: this.at };
  }

  private string(): string | null {
    let value = "";
    let from = this.at + 1;
    for (let at = from; ; at += 1) {
      const code = this.text.charCodeAt(at); // NaN behind the end
      if (code === 0x22) {
        this.at = at + 1;
        return value + this.text.slice(from, at);
      }
      if (code === 0x5c) {
        const escaped = this.escape(at);
        if (escaped === null) return null;
        value += this.text.slice(from, at) + escaped.value;
        from = at + escaped.length;
        at = from - 1;
      } else if (!(code >= 0x20)) {
        if (at < this.text.length) return this.fail(at, { kind: "controlCharacter", code });
        this.at = at;
        return this.unexpected("the closing quote");
      }
    }
  }

  private escape(at: number): { value: string; length: number } | null {
    const short = ESCAPES.get(this.text[at + 1] ?? "");
    if (short !== undefined) return { value: short, length: 2 };
    const unit = this.unicodeEscape(at);
    if (unit === null) return this.fail(at, { kind: "badEscape", found: this.text.slice(at, at + 6) });
    if (unit < 0xd800 || unit > 0xdfff) return { value: String.fromCharCode(unit), length: 6 };
    const low = unit <= 0xdbff ? this.unicodeEscape(at + 6) : null;
    if (low === null || low < 0xdc00 || low > 0xdfff) {
      return this.purpose === "text" ? { value: "\ufffd", length: 6 } : this.fail(at, { kind: "loneSurrogate" });
    }
    return { value: String.fromCharCode(unit, low), length: 12 };
  }

  private unicodeEscape(at: number): number | null {
    const digits = this.text.slice(at + 2, at + 6);
    return this.text.startsWith("\\u", at) && HEX4.test(digits) ? Number.parseInt(digits, 16) : null;
  }

  private match(pattern: RegExp, at: number): string {
    pattern.lastIndex = at;
    return pattern.exec(this.text)?.[0] ?? "";
  }

  private space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at += 1;
    }
  }

  private take(mark: string): boolean {
    if (this.text[this.at] !== mark) return false;
    this.at += 1;
    return true;
  }

  private here(): string | null {
    const code = this.text.codePointAt(this.at);
    return code === undefined ? null : String.fromCodePoint(code);
  }

  private unexpected(allowed: string): null {
    return this.fail(this.at, { kind: "unexpected", found: this.here(), allowed });
  }

  private fail(at: number, problem: JsonProblem): null {
    this.fault = faultAt(this.text, at, problem, this.path);
    return null;
  }
}

function loneSurrogateAt(text: string): number {
  return /[\ud800-\udfff]/u.exec(text)?.index ?? 0; // with the flag u, only unpaired ones match
}
