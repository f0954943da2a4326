/** What a hostile patch may try. Rows of published faults of other update clients stand in the titles. */
import { describe, expect, test } from "bun:test";
import { brotliCompressSync, constants, zstdCompressSync } from "node:zlib";
import { PatchError, type RandomRead } from "../../runtime/patch/index.ts";
import { explained } from "../fuzz/campaign.ts";
import {
  applied,
  brotli,
  HEAD,
  inMemory,
  number,
  packed,
  patchOf,
  section,
  shiftedPatchOf,
  signed,
  stored,
  zstd,
} from "./by-hand.ts";

const BASE = Buffer.from("0123456789abcdef");
const MIB = 1 << 20;

/** The fault's kind; "none" when an object came out. */
async function fault(
  patch: Uint8Array,
  objectBytes: number,
  base: RandomRead | null = inMemory(BASE),
): Promise<string> {
  try {
    await applied(patch, base, objectBytes);
    return "none";
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    expect(explained(error.message)).toBe("refused");
    return error.fault.kind;
  }
}

const sizes = { object: 8, base: BASE.length };
/** 2 new bytes, then 6 of the base from 4 on, the third of them 1 more. */
const steps = [2, 6, ...signed(4)];
const good = section(steps, [2], [1], [0x58, 0x59]);

test("a patch that was made once is applied for ever", async () => {
  const kept = Buffer.from("6364d10108110c02060804020401085859", "hex");
  expect(Buffer.from(patchOf(sizes, good))).toEqual(kept);
  expect((await applied(kept, inMemory(BASE), 8)).toString()).toBe("XY457789");
});

test("a patch by hand does what its numbers say", async () => {
  expect((await applied(patchOf(sizes, good), inMemory(BASE), 8)).toString()).toBe("XY457789");
});

describe("a header", () => {
  test.each([
    ["another magic", [0x63, 0x64, 0xd2, 1], "notPatch"],
    ["another version", [0x63, 0x64, 0xd1, 3], "version"],
    ["nothing at all", [], "truncated"],
  ])("with %s is refused", async (_, head, kind) => {
    const patch = Uint8Array.from([...head, ...(head.length === 0 ? [] : patchOf(sizes, good).subarray(HEAD.length))]);
    expect(await fault(patch, 8)).toBe(kind);
  });

  const whole = section([0, 8, 0], [], [], []);

  test("with a shift has the base's words as that makes them", async () => {
    const words = Uint8Array.from([4, 0, 0, 0, 6, 0, 0, 0, 5, 0, 0, 0, 255, 255, 255, 255]);
    const shifts = [
      [1, 2, 2, 4, 8, 8],
      [0, 4, 3, 0, 2 ** 32, 1],
      [0, 1, 0, 0, 5, -5],
    ] as const;
    const patch = shiftedPatchOf({ object: 16, base: 16 }, shifts, section([0, 16, 0], [], [], []));
    const shifted = [255, 255, 255, 255, 14, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0];
    expect(Array.from(await applied(patch, inMemory(words), 16))).toEqual(shifted);
    // Wherever a copy begins and ends, and however little a read gives.
    for (const from of [1, 2, 3, 5]) {
      const part = shiftedPatchOf({ object: 9, base: 16 }, shifts, section([0, 9, ...signed(from)], [], [], []));
      expect(Array.from(await applied(part, inMemory(words, 3), 9))).toEqual(shifted.slice(from, from + 9));
    }
  });

  test.each([
    ["nine shifts", Array.from({ length: 9 }, () => [0, 1, 0, 0, 8, 4] as const)],
    ["one of no words", [[0, 0, 0, 0, 8, 4]]],
    ["one past the base", [[3, 2, 0, 0, 8, 4]]],
    ["one with a fifth tag", [[0, 1, 4, 0, 8, 4]]],
    ["one for no value", [[0, 1, 0, 8, 0, 4]]],
    ["one beyond 32 bits", [[0, 1, 0, 1, 2 ** 32, 4]]],
    ["one that adds too much", [[0, 1, 0, 0, 8, 2 ** 32]]],
  ] as const)("with %s is refused", async (_, shifts) => {
    expect(await fault(shiftedPatchOf(sizes, shifts, whole), 8)).toBe("shift");
  });

  test("for an object of another size is refused before anything is made", async () => {
    expect(await fault(patchOf(sizes, good), 9)).toBe("objectBytes");
    expect(await fault(patchOf({ ...sizes, object: 7 }, good), 8)).toBe("objectBytes");
  });

  test("for a base of another size, or without one, is refused", async () => {
    expect(await fault(patchOf({ ...sizes, base: 15 }, good), 8)).toBe("baseBytes");
    expect(await fault(patchOf(sizes, good), 8, null)).toBe("baseBytes");
  });

  test("that says there is no base lets nothing be copied", async () => {
    expect(await fault(patchOf({ object: 8, base: null }, good), 8)).toBe("outsideBase");
  });

  test("CVE-2026-34155: a size above 2^53, or in a longer form, is refused", async () => {
    const huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    expect(await fault(Uint8Array.from([...HEAD, ...huge, 0]), 8)).toBe("number");
    expect(await fault(Uint8Array.from([...HEAD, 0x88, 0x00, 0]), 8)).toBe("number");
    expect(await fault(Uint8Array.from([...HEAD, ...Array.from({ length: 20 }, () => 0x80)]), 8)).toBe("number");
  });
});

describe("CVE-2014-9862: a step", () => {
  test.each([
    ["copies from before the base", section([2, 6, ...signed(-1)], [], [], [1, 2]), "outsideBase"],
    ["copies past the end of the base", section([2, 6, ...signed(11)], [], [], [1, 2]), "outsideBase"],
    ["copies from 2^40", section([2, 6, ...signed(2 ** 40)], [], [], [1, 2]), "outsideBase"],
    ["makes more than the object", section([3, 6, ...signed(4)], [], [], [1, 2, 3]), "pastObject"],
    ["inserts 2^52 bytes", section([...number(2 ** 52), 0], [], [], [1, 2]), "pastObject"],
    ["copies 2^52 bytes", section([0, ...number(2 ** 52), 0], [], [], []), "pastObject"],
    ["makes nothing", section([0, 0, ...steps], [], [], [1, 2]), "idle"],
    ["lacks its third number", section([2, 6], [], [], [1, 2]), "used"],
    ["has a number in a longer form", section([0x82, 0x00, 6, ...signed(4)], [], [], [1, 2]), "number"],
    ["inserts more than there is news", section(steps, [], [], [1]), "used"],
  ])("that %s is refused", async (_, bad, kind) => {
    expect(await fault(patchOf(sizes, bad), 8)).toBe(kind);
  });

  test("that goes on from the last copy's end cannot leave the base either", async () => {
    const two = section([0, 2, ...signed(14), 0, 6, ...signed(-11)], [], [], []);
    expect(await fault(patchOf(sizes, two), 8)).toBe("none");
    const past = section([0, 2, ...signed(14), 0, 6, ...signed(0)], [], [], []);
    expect(await fault(patchOf(sizes, past), 8)).toBe("outsideBase");
  });
});

describe("a section", () => {
  test.each([
    ["without steps", section([], [], [], []), "idle"],
    ["with news that no step takes", section(steps, [2], [1], [1, 2, 3]), "unused"],
    ["with a difference that no gap comes before", section(steps, [2], [1, 1], [1, 2]), "unused"],
    ["with a gap that no difference follows", section(steps, [2], [], [1, 2]), "used"],
    ["with a gap past its copies", section(steps, [2, 9], [1], [1, 2]), "unused"],
    ["with a gap past its copies and its difference", section(steps, [2, 9], [1, 1], [1, 2]), "unused"],
  ])("%s is refused", async (_, bad, kind) => {
    expect(await fault(patchOf(sizes, bad), 8)).toBe(kind);
  });

  test("that says more bytes than a section may have is refused before they are read", async () => {
    const [most, more] = [number(4 * 2 * MIB), number(4 * (2 * MIB + 1))];
    expect(await fault(patchOf(sizes, more), 8)).toBe("partBytes");
    expect(await fault(patchOf(sizes, most), 8)).toBe("truncated");
    const together = [...stored(steps), ...number(4 * (2 * MIB - steps.length + 1))];
    expect(await fault(patchOf(sizes, together), 8)).toBe("partBytes");
  });

  test("that is packed to more than its bytes is refused before they are read", async () => {
    expect(await fault(patchOf(sizes, [...number(4 * 3 + 1), ...number(4)]), 8)).toBe("partBytes");
  });

  test("that is packed in an unknown way is refused", async () => {
    expect(await fault(patchOf(sizes, [...number(4 * 3 + 3), 0]), 8)).toBe("packing");
  });

  test("that ends too early or too late is refused, wherever it is cut", async () => {
    const whole = patchOf(sizes, good);
    for (let length = 0; length < whole.length; length += 1) {
      expect(await fault(whole.subarray(0, length), 8)).toBe("truncated");
    }
    expect(await fault(Uint8Array.from([...whole, 0]), 8)).toBe("trailing");
    expect(await fault(patchOf(sizes, good, good), 8)).toBe("trailing");
  });
});

describe.each([
  ["zstd", zstd],
  ["brotli", brotli],
] as const)("GHSA-7cgc-gp99-6jmm: what %s packs", (_, pack) => {
  const size = 4000;
  const object = { object: size, base: null };
  const news = (packedNews: number[]): Uint8Array =>
    patchOf(object, [...stored([...number(size), 0]), 0, 0, ...packedNews]);
  const text = Buffer.alloc(size, "a text that repeats ");

  test("is taken when it has as many bytes as it says", async () => {
    expect((await applied(news(pack(text)), null, size)).equals(text)).toBe(true);
  });

  test("is refused when it expands to more, or to less", async () => {
    expect(await fault(news(pack(Buffer.alloc(size + 1), size)), size, null)).toBe("unpacked");
    expect(await fault(news(pack(Buffer.alloc(MIB), size)), size, null)).toBe("unpacked");
    expect(await fault(news(pack(Buffer.alloc(size - 1), size)), size, null)).toBe("unpacked");
  });

  test("is refused when it is to be nothing at all", async () => {
    const none = [1, 6, ...signed(4)];
    expect(await fault(patchOf({ object: 7, base: BASE.length }, [...stored(none), ...pack(Buffer.alloc(0))]), 7)).toBe(
      "partBytes",
    );
    expect(await fault(patchOf({ object: 7, base: BASE.length }, [...stored(none), 1, 0]), 7)).toBe("unpacked");
  });

  test("is refused when bytes follow, or are missing, or are not its own", async () => {
    const [packing, bytes] = [pack === zstd ? 1 : 2, Uint8Array.from(pack(text).slice(-(pack(text).length - 3)))];
    const again = packed(packing, bytes, size);
    expect(await fault(news(again), size, null)).toBe("none");
    expect(await fault(news(packed(packing, Buffer.concat([bytes, bytes.subarray(0, 3)]), size)), size, null)).toBe(
      "unpacked",
    );
    expect(await fault(news(packed(packing, bytes.subarray(0, -1), size)), size, null)).toBe("unpacked");
    expect(await fault(news(packed(packing, new Uint8Array(bytes.length).fill(0xff), size)), size, null)).toBe(
      "unpacked",
    );
    expect(await fault(news(packed(packing, new Uint8Array(), size)), size, null)).toBe("unpacked");
  });
});

test("a window larger than a device has memory for is refused, although the bytes would be right", async () => {
  const size = 100_000;
  const news = (packing: number, bytes: Uint8Array): Uint8Array =>
    patchOf({ object: size, base: null }, [...stored([...number(size), 0]), 0, 0, ...packed(packing, bytes, size)]);
  const inZstd = (windowLog: number): Uint8Array => {
    const params = { [constants.ZSTD_c_contentSizeFlag]: 0 };
    const bytes = Uint8Array.from(zstdCompressSync(Buffer.alloc(size), { params }));
    bytes[5] = (windowLog - 10) << 3; // a frame that does not tell its size names its window here
    return bytes;
  };
  expect(await fault(news(1, inZstd(21)), size, null)).toBe("none");
  expect(await fault(news(1, inZstd(22)), size, null)).toBe("unpacked");
  const inBrotli = (windowLog: number): Uint8Array =>
    brotliCompressSync(Buffer.alloc(size), { params: { [constants.BROTLI_PARAM_LGWIN]: windowLog } });
  expect(await fault(news(2, inBrotli(21)), size, null)).toBe("none");
  expect(await fault(news(2, inBrotli(22)), size, null)).toBe("unpacked");
});

test("CVE-2026-34155: places beyond 4 GiB in a base are places of their own", async () => {
  const [sizeBytes, place] = [5 * 2 ** 30, 4.5 * 2 ** 30];
  const far: RandomRead = {
    sizeBytes,
    read: async (into, at) => {
      into.fill(at === place ? 0x78 : 0);
      return { ok: true, value: into.length };
    },
  };
  const patch = patchOf({ object: 4, base: sizeBytes }, section([0, 4, ...signed(place)], [], [], []));
  expect((await applied(patch, far, 4)).toString()).toBe("xxxx");
});

test("a base that cannot be read or ends too early stops the work", async () => {
  const short: RandomRead = { sizeBytes: BASE.length, read: async () => ({ ok: true, value: 0 }) };
  expect(await fault(patchOf(sizes, good), 8, short)).toBe("baseShort");
  const error = { kind: "io", call: "pread", path: "/object", why: "patch", code: "EIO" } as const;
  const broken: RandomRead = { sizeBytes: BASE.length, read: async () => ({ ok: false, error }) };
  expect(await fault(patchOf(sizes, good), 8, broken)).toBe("disk");
});
