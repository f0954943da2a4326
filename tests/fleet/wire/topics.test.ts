import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { base32, idOf, parseDeviceId, parseFleetName } from "../../../runtime/fleet/terms/index.ts";
import * as wire from "../../../runtime/fleet/wire/index.ts";
import { InvariantError, ok } from "../../../runtime/result.ts";
import { device, fleet } from "./samples.ts";

const sha256 = (text: string): Uint8Array => new Uint8Array(new Bun.CryptoHasher("sha256").update(text).digest());

test("every topic comes back as what it was made of", () => {
  for (const leaf of Object.keys(wire.leaves) as wire.Leaf[]) {
    const text = wire.topic(fleet, device, leaf);
    expect(text).toBe(`c/default/mfrggzdfmztwq/${leaf}`);
    expect(wire.parseTopic(text)).toEqual(ok({ fleet, device, leaf } as wire.Topic));
  }
});

const strangers = [
  "",
  "c",
  "c/default/mfrggzdfmztwq/n",
  "c/default/mfrggzdfmztwq/n/",
  "c/default/mfrggzdfmztwq/n/x",
  "c/default/mfrggzdfmztwq/n/d/",
  "c/default/mfrggzdfmztwq/n/d\0",
  "/c/default/mfrggzdfmztwq/n/d",
  "d/default/mfrggzdfmztwq/n/d",
  "c/default/+/n/d",
  "c/default/#",
  "c/default/mfrggzdfmztwq/constructor",
  "c/default/mfrggzdfmztw/n/d",
  "c/default/mfrggzdfmztwqa/n/d",
  "c/default/MFRGGZDFMZTWQ/n/d",
  "c/default/mfrggzdfmztw1/n/d",
  "c//mfrggzdfmztwq/n/d",
  "c/Default/mfrggzdfmztwq/n/d",
  "c/abcdefghijklmnopq/mfrggzdfmztwq/n/d",
];

test.each(strangers)("%j is no topic of ours", (text) => {
  expect(wire.parseTopic(text)).toEqual({ ok: false, error: { kind: "topic", text } });
});

test("a stranger's topic is told in one line without what drives a terminal", () => {
  const sentence = wire.explainWire({ kind: "topic", text: "c/\u001b[2J\n\u202e" });
  expect(sentence).toMatch(
    /^a message on topic "c\/\\u001b\[2J\\n\\u202e" is ignored: wanted c\/<fleet>\/<device>\/ and one of n\/d [ -~]*$/,
  );
});

test("what is parsed is exactly what would be written", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^c\/[a-z-]{0,18}\/[a-z2-7]{12,14}\/[nu]\/[a-z]$/), (text) => {
      const parsed = wire.parseTopic(text);
      if (parsed.ok) expect(wire.topic(parsed.value.fleet, parsed.value.device, parsed.value.leaf)).toBe(text);
    }),
  );
});

describe("names", () => {
  test("of fleets have 1 to 16 of a-z 0-9 -", () => {
    const taken = ["a", "-", "a-0", "abcdefghijklmnop", "", "abcdefghijklmnopq", "A", "a_", "a/b", "a\n", "+", "ä"];
    expect(taken.filter((text) => parseFleetName(text) !== null)).toEqual(["a", "-", "a-0", "abcdefghijklmnop"]);
  });

  test("of devices have 13 of a-z 2-7", () => {
    const taken = [
      "abcdefghijklm",
      "234567abcdefg",
      "abcdefghijkl",
      "abcdefghijklmn",
      "abcdefghijkl1",
      "abcdefghijkl\n",
    ];
    expect(taken.filter((text) => parseDeviceId(text) !== null)).toEqual(["abcdefghijklm", "234567abcdefg"]);
  });

  test("of devices are the first 65 bits of a digest of their key", () => {
    // printf abc | sha256sum | xxd -r -p | base32 | cut -c1-13 | tr A-Z a-z
    expect(String(idOf(sha256("abc")))).toBe("xj4bnp4pahh6u");
    for (let count = 0; count < 100; count += 1) {
      expect(parseDeviceId(idOf(sha256(String(count))))).not.toBeNull();
    }
    expect(() => idOf(new Uint8Array(31))).toThrow(InvariantError);
  });
});

test("base32 is that of RFC 4648 section 10, in lower case and without padding", () => {
  const vectors = {
    "": "",
    f: "my",
    fo: "mzxq",
    foo: "mzxw6",
    foob: "mzxw6yq",
    fooba: "mzxw6ytb",
    foobar: "mzxw6ytboi",
  };
  for (const [text, wanted] of Object.entries(vectors)) expect(base32(Buffer.from(text))).toBe(wanted);
});

test("each kind of message travels as the design has it", () => {
  const rows = Object.entries(wire.leaves).map(
    ([leaf, { qos, retained, expires, signed }]) =>
      `${leaf} ${qos}${retained ? " retained" : ""}${expires ? " expires" : ""}${signed ? " signed" : ""}`,
  );
  expect(rows).toEqual([
    "n/d 1 retained signed",
    "n/c 1 expires signed",
    "n/o 0",
    "n/t 1 retained signed",
    "n/u 1 expires signed",
    "n/k 1 expires signed",
    "u/s 1 retained",
    "u/p 1",
    "u/q 1",
    "u/r 1",
    "u/g 1",
    "u/m 0",
    "u/l 1 retained",
    "u/d 1",
    "u/k 1",
  ]);
});
