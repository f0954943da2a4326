import { describe, expect, test } from "bun:test";
import { becomesFile, ownerOf, parseContainerName, parseDigest } from "../../runtime/state/index.ts";
import { DIGEST, everything, parsed } from "./samples.ts";

test.each([
  ["web/root.squashfs", "web"],
  ["_config/web/etc/app.conf", "web"],
  ["web", "web"],
  ["webs/root.squashfs", null],
  ["_config/other/x", null],
  ["_config", null],
  ["bsp/run.json", null],
  ["device.json", null],
  ["README.md", null],
  ["_hostconfig/web/x", null],
])("%s belongs to %p", (key, owner) => {
  expect(ownerOf(key, parsed(everything)) as string | null).toBe(owner);
});

test("all entries become files, but not #spec, signatures and the notes of authoring tools", () => {
  const { entries } = parsed({
    ...everything,
    "bsp/build.json": {},
    "_sigs/raw": DIGEST,
    "web/deep/src.json": {},
    "src.json": {},
  });
  const left = entries.filter((entry) => !becomesFile(entry)).map(({ key }) => key);
  expect(left.sort()).toEqual(["#spec", "_sigs/raw", "_sigs/web.json", "bsp/build.json", "web/src.json"]);
});

describe("names", () => {
  test.each(["a", "web", "_x", "Web-1.2_3", "0", "a".repeat(64)])("%p is a container's name", (text) => {
    expect(parseContainerName(text) as string | null).toBe(text);
  });

  test.each([
    "",
    ".",
    "..",
    ".a",
    "-a",
    "a/b",
    "a b",
    "é",
    "a\n",
    "a".repeat(65),
    "bsp",
    "_config",
    "_sigs",
    "_hostconfig",
  ])("%p is none", (text) => {
    expect(parseContainerName(text)).toBeNull();
  });

  test("a digest has 64 lower-case hex digits", () => {
    expect(parseDigest(DIGEST) as string | null).toBe(DIGEST);
    for (const text of [
      "",
      DIGEST.slice(1),
      `${DIGEST}0`,
      DIGEST.toUpperCase(),
      `${DIGEST.slice(1)}\n`,
      `${DIGEST}\n`,
    ]) {
      expect(parseDigest(text)).toBeNull();
    }
  });
});
