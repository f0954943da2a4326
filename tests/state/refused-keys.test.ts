import { describe, expect, test } from "bun:test";
import { container, DIGEST, everything, type RefusedCase, refusal } from "./samples.ts";

const cases: readonly RefusedCase[] = [
  ["an empty key", { "": DIGEST }, "key ", "an empty component"],
  ["an absolute key", { "/etc/passwd": DIGEST }, "key /etc/passwd", 'a "/" at the start'],
  ["a key with ..", { "web/../../x": DIGEST }, "key web/../../x", 'the component ".."'],
  ["a key with .", { "web/./x": DIGEST }, "key web/./x", 'the component "."'],
  ["a key with //", { "web//x": DIGEST }, "key web//x", "an empty component"],
  ["a key that ends in /", { "web/": DIGEST }, "key web/", "an empty component"],
  ["a key with a line break", { "web/a\nb": DIGEST }, "key web/a\\nb", "a control character"],
  ["a key with NUL", { "web/a\0b": DIGEST }, "key web/a\\u0000b", "a control character"],
  ["a key with a C1 control", { "web/a\u0085b": DIGEST }, "key web/a\\u0085b", "a control character"],
  ["a component of 256 bytes", { [`web/${"é".repeat(128)}`]: DIGEST }, `key web/${"é".repeat(76)}…`, "256 bytes"],
  ["a key of 1025 bytes", { ["abcd/".repeat(205)]: DIGEST }, `key ${"abcd/".repeat(16)}…`, "1025 bytes"],
  ["a key in .pvr", { ".pvr/json": DIGEST }, "key .pvr/json", "a folder of the runtime"],
  ["a key in .pv", { ".pv/progress": DIGEST }, "key .pv/progress", "a folder of the runtime"],
  ["a key that is a folder too", { a: DIGEST, "a-b": DIGEST, "a/b": DIGEST }, "folder a", 'the key "a/b" too'],
  ["a deep key that is a folder too", { "a/b/c": DIGEST, "a/b/c/d/e": DIGEST }, "folder a/b/c", '"a/b/c/d/e"'],
  ["a digest in capitals", { "web/x": "A".repeat(64) }, "entry web/x", "64 lower-case hex digits"],
  ["a digest that is too short", { "web/x": "0".repeat(63) }, "entry web/x", "64 lower-case hex digits"],
  ["an empty digest", { "web/x": "" }, "entry web/x", 'found ""'],
  ["inline JSON without .json", { "web/x": { a: 1 } }, "entry web/x", "found an object"],
  ["a run.json that is a file", { "web/run.json": DIGEST }, "entry web/run.json", "the digest of a file"],
  ["a device.json that is a file", { "device.json": DIGEST }, "entry device.json", "the digest of a file"],
  [
    "a signature without protected",
    { "_sigs/x.json": { "#spec": "pvs@2", signature: "AA" } },
    "missing _sigs/x.json, protected",
    "nothing",
  ],
  [
    "a signature with padding",
    { "_sigs/x.json": { "#spec": "pvs@2", protected: "AA==", signature: "AA" } },
    "shape _sigs/x.json, protected",
    "base64url without padding",
  ],
  [
    "too many keys",
    Object.fromEntries(Array.from({ length: 8192 }, (_, at) => [`k${at}`, DIGEST])),
    "tooMany the state",
    "8193 keys",
  ],
  [
    "too many containers",
    Object.assign({}, ...Array.from({ length: 129 }, (_, at) => container(`c${at}`))),
    "tooMany the state",
    "129 containers, wanted at most 128",
  ],
];

describe("a state is refused for", () => {
  test.each(cases)("%s", (_what, members, fault, sentence) => {
    const refused = refusal(members);
    expect(refused.faults).toContain(fault);
    expect(refused.sentence).toContain(sentence);
  });
});

test("a state that breaks one rule is refused for that one only", () => {
  expect(refusal({ ...everything, "web/x": "no digest" }).faults).toEqual(["entry web/x"]);
});

test("all faults are named, the first 16 in full", () => {
  const bad = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`k${at}`, "x"]));
  const refused = refusal(bad);
  expect(refused.faults).toHaveLength(16);
  expect(refused.sentence).toEndWith("; and 4 more");
});
