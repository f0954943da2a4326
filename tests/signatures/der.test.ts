import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeBase64, decodeBase64Url, encodeBase64Url } from "../../runtime/signatures/base64.ts";
import { DerCursor, der, derBits, derOid, derSequence, derUnsigned, TAG } from "../../runtime/signatures/der/index.ts";
import { derOfRaw, rawOf } from "../../runtime/signatures/primitive.ts";

const cursor = (hex: string) => new DerCursor(Uint8Array.from(Buffer.from(hex, "hex")));

/** What does not fit when `read` reads these bytes. */
function fault(hex: string, read: (at: DerCursor) => unknown): string | null {
  const at = cursor(hex);
  read(at);
  at.end("it");
  return at.fault;
}

describe("DER is refused", () => {
  test.each([
    ["cut in a tag", "", "x is missing"],
    ["cut in a length", "30", "x has no definite length"],
    ["cut in a long length", "308201", "x has no definite length"],
    ["of indefinite length", "30800000", "x has no definite length"],
    ["with a length of five bytes", "30850000000001", "x has no definite length"],
    ["with a short length in long form", "30810500000000ff", "x has a length that is not in its shortest form"],
    [
      "with a long length with a leading zero",
      `30820080${"00".repeat(128)}`,
      "x has a length that is not in its shortest form",
    ],
    ["longer than what holds it", "300501", "x is longer than what holds it"],
    ["of 2 GiB and some", "308480000005", "x is longer than what holds it"],
    ["of 4 GiB less one", "3084ffffffff", "x is longer than what holds it"],
    ["with a tag of several bytes", "3f8101", "x has a tag of several bytes"],
    ["with something behind it", "300000", "something follows it"],
  ])("%s", (_what, hex, wanted) => {
    expect(fault(hex, (at) => at.any("x"))).toBe(wanted);
  });

  test.each([
    ["a negative number", "0201ff", (at: DerCursor) => at.unsigned("n")],
    ["a number with a zero too many", "02020001", (at: DerCursor) => at.unsigned("n")],
    ["an empty number", "0200", (at: DerCursor) => at.unsigned("n")],
    ["a number above its limit", "02020100", (at: DerCursor) => at.small("n", 255)],
    ["a number of 2^64", "0209010000000000000000", (at: DerCursor) => at.small("n", 255)],
    ["a boolean of two bytes", "0102ffff", (at: DerCursor) => at.boolean("b")],
    ["a boolean of 1", "010101", (at: DerCursor) => at.boolean("b")],
    ["bits that are no whole bytes", "030204f0", (at: DerCursor) => at.bits("k")],
    ["bits without their count", "0300", (at: DerCursor) => at.bits("k")],
    ["an empty identifier", "0600", (at: DerCursor) => at.oid("o")],
    ["an identifier cut in a part", "06022a86", (at: DerCursor) => at.oid("o")],
    ["an identifier with a zero before a part", "06032a8001", (at: DerCursor) => at.oid("o")],
    ["an identifier with an endless part", `060a2a${"ff".repeat(8)}01`, (at: DerCursor) => at.oid("o")],
    ["another type", "0500", (at: DerCursor) => at.element("n", TAG.integer)],
  ])("%s", (_what, hex, read) => {
    expect(fault(hex, read)).not.toBeNull();
  });

  test("and then reads as empty to its end", () => {
    const at = cursor("30ff0101");
    expect([at.inside("a").more, at.unsigned("b").length, at.oid("c"), at.more, at.tag]).toEqual([
      false,
      0,
      "",
      false,
      null,
    ]);
    expect(at.fault).toBe("a has no definite length");
  });
});

describe("what is written is read again", () => {
  const number = fc.uint8Array({ maxLength: 70 });
  const shortest = (digits: Uint8Array) => {
    const start = digits.findIndex((byte) => byte !== 0);
    return start < 0 ? Uint8Array.of(0) : digits.slice(start);
  };

  test("numbers", () => {
    fc.assert(
      fc.property(number, (digits) => {
        const at = new DerCursor(derUnsigned(digits));
        expect(Buffer.from(at.unsigned("n"))).toEqual(Buffer.from(shortest(digits)));
        expect(at.fault).toBeNull();
      }),
    );
  });

  test("identifiers", () => {
    const part = fc.integer({ min: 0, max: 0xffff_ffff });
    fc.assert(
      fc.property(
        fc.constantFrom(0, 1, 2),
        fc.integer({ min: 0, max: 39 }),
        fc.array(part, { maxLength: 8 }),
        (a, b, rest) => {
          const dotted = [a, b, ...rest].join(".");
          expect(new DerCursor(derOid(dotted)).oid("o")).toBe(dotted);
        },
      ),
    );
  });

  test("lengths of every size", () => {
    for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536, 1 << 24]) {
      const at = new DerCursor(derSequence(derBits(new Uint8Array(length))));
      expect(at.inside("s").bits("b").length).toBe(length);
      expect(at.fault).toBeNull();
    }
  });

  test("ECDSA signatures", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (raw) => {
        expect(Buffer.from(rawOf(derOfRaw(raw), "P-256") ?? [])).toEqual(Buffer.from(raw));
      }),
    );
    expect(
      rawOf(derSequence(derUnsigned(new Uint8Array(33).fill(1)), derUnsigned(Uint8Array.of(1))), "P-256"),
    ).toBeNull();
    expect(rawOf(der(TAG.sequence, derUnsigned(Uint8Array.of(1))), "P-256")).toBeNull();
  });
});

describe("base64", () => {
  test("has one text for each sequence of bytes", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 20 }),
        fc.string({ unit: fc.constantFrom("A", "B", "-", "_", "+", "/", "=", " ") }),
        (bytes, text) => {
          const url = encodeBase64Url(bytes);
          expect(Buffer.from(decodeBase64Url(url) ?? [1, 2])).toEqual(Buffer.from(bytes));
          const [one, other] = [decodeBase64Url(text), decodeBase64(text)];
          if (one !== null) expect(Buffer.from(one).toString("base64url")).toBe(text);
          if (other !== null) expect(Buffer.from(other).toString("base64")).toBe(text);
        },
      ),
    );
  });

  test.each(["A", "AA==", "AB", "AAB", "A A", "AA\n", "+A", "/A", "AA=", "é"])("url-safe, %p is none", (text) =>
    expect(decodeBase64Url(text)).toBeNull(),
  );
  test.each(["AA", "AB==", "AAA", "AA==\n", "A===", "=", "_w==", "AA==AA=="])("standard, %p is none", (text) =>
    expect(decodeBase64(text)).toBeNull(),
  );
});
