import { describe, expect, test } from "bun:test";
import { explainState, limits, parseState } from "../../runtime/state/index.ts";
import { DIGEST, state } from "./samples.ts";

describe("the whole document is refused when it", () => {
  const sentence = (source: string | Uint8Array): string => {
    const result = parseState(source);
    return result.ok ? "accepted" : explainState(result.error);
  };

  test("has no #spec", () => {
    expect(sentence("{}")).toContain('it wants "#spec":"pantavisor-service-system@1"');
    expect(sentence('{"#spec":1}')).toContain("does not say its format");
  });

  test("has the legacy format, and says so", () => {
    expect(sentence('{"#spec":"pantavisor-multi-platform@1"}')).toContain("legacy format pantavisor-multi-platform@1");
  });

  test("has an unknown format", () => {
    expect(sentence('{"#spec":"pantavisor-service-embed@1"}')).toContain('the format "pantavisor-service-embed@1"');
  });

  test.each([
    ["an array", "[]"],
    ["null", "null"],
  ])("is %s", (found, text) => {
    expect(sentence(text)).toContain(`found ${found === "null" ? "null" : "an array"}, wanted an object`);
  });

  test("has a key twice", () => {
    expect(sentence(`{"#spec":"x","a":"${DIGEST}","a":"${DIGEST}"}`)).toContain('the name "a" appears twice');
  });

  test("has a number beyond 2^53 even where nobody interprets it", () => {
    expect(sentence(state({ "a.json": { big: 0 } }).replace("0}", "12345678901234567890}"))).toContain(
      "(a.json, big): found the number 12345678901234567890, wanted one within ±9007199254740991",
    );
  });

  test("has more values than 128 containers need", () => {
    const many = Array(limits.valuesMax).fill(0);
    expect(sentence(state({ "a.json": many }))).toContain("(a.json, [32765]): more than 32768 values");
  });

  test("is nested deeper than 64 levels", () => {
    expect(sentence(state({ "a.json": 0 }).replace("0}", `${"[".repeat(64)}0${"]".repeat(64)}}`))).toContain(
      "deeper than 64",
    );
    expect(sentence(state({ "a.json": 0 }).replace("0}", `${"[".repeat(63)}0${"]".repeat(63)}}`))).toBe("accepted");
  });

  test("is not UTF-8", () => {
    expect(sentence(Buffer.from(state({ x: "\xff" }), "latin1"))).toContain("bytes that are not UTF-8");
  });

  test("is larger than 1 MiB, and then it is not looked at", () => {
    const text = state({ "a.json": "" });
    const fits = text.replace('""', `"${"x".repeat(limits.stateBytesMax - text.length)}"`);
    expect(sentence(fits)).toBe("accepted");
    expect(sentence(`${fits} `)).toContain("1048577 bytes, at most 1048576");
    expect(sentence(fits.replace("xx", "é"))).toBe("accepted");
    expect(sentence(fits.replace("x", "é"))).toContain("1048577 bytes");
  });

  test("has 100 MB, without spending time on it", () => {
    const huge = new Uint8Array(100_000_000).fill(0x5b);
    const text = "[".repeat(100_000_000);
    const start = performance.now();
    expect(sentence(huge)).toContain("100000000 bytes, at most 1048576");
    expect(sentence(text)).toContain("100000000 bytes, at most 1048576");
    expect(performance.now() - start).toBeLessThan(100);
  });
});
