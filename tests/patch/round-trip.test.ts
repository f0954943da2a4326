import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { explainPatch, makePatch, makingLimits, PatchError } from "../../runtime/patch/index.ts";
import { applied, inMemory } from "./by-hand.ts";

setDefaultTimeout(120_000);

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "cairn-patch-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string): string => join(folder, name);

async function made(base: Uint8Array | null, target: Uint8Array, limits = makingLimits): Promise<Uint8Array> {
  if (base !== null) writeFileSync(file("base"), base);
  writeFileSync(file("target"), target);
  const patch = await makePatch({
    base: base === null ? null : file("base"),
    target: file("target"),
    out: file("patch"),
    limits,
  });
  if (!patch.ok) throw new Error(explainPatch(patch.error));
  const bytes = readFileSync(file("patch"));
  expect(bytes.length).toBe(patch.value.bytes);
  return bytes;
}

/** Bytes that do not repeat, from a seed. */
function noise(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let at = 0; at < length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

const edit = fc.oneof(
  fc.record({ kind: fc.constant("insert" as const), at: fc.nat(), bytes: fc.uint8Array({ maxLength: 300 }) }),
  fc.record({ kind: fc.constant("remove" as const), at: fc.nat(), length: fc.nat(600) }),
  fc.record({ kind: fc.constant("overwrite" as const), at: fc.nat(), bytes: fc.uint8Array({ maxLength: 200 }) }),
  fc.record({ kind: fc.constant("move" as const), at: fc.nat(), length: fc.nat(2000), to: fc.nat() }),
  fc.record({
    kind: fc.constant("add" as const),
    at: fc.nat(),
    every: fc.integer({ min: 3, max: 40 }),
    value: fc.nat(255),
  }),
);
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never;

function edited(bytes: Buffer, change: Edit): Buffer {
  const at = change.at % (bytes.length + 1);
  const spliced = (end: number, between: Uint8Array): Buffer =>
    Buffer.concat([bytes.subarray(0, at), between, bytes.subarray(end)]);
  switch (change.kind) {
    case "insert":
      return spliced(at, change.bytes);
    case "remove":
      return spliced(at + change.length, new Uint8Array());
    case "overwrite":
      return spliced(at + change.bytes.length, change.bytes);
    case "move": {
      const rest = spliced(at + change.length, new Uint8Array());
      const to = change.to % (rest.length + 1);
      return Buffer.concat([rest.subarray(0, to), bytes.subarray(at, at + change.length), rest.subarray(to)]);
    }
    case "add": {
      const added = Buffer.from(bytes);
      for (let one = at; one < added.length; one += change.every) added[one] = (added[one] ?? 0) + change.value;
      return added;
    }
  }
}

const bases = fc.oneof(
  fc.integer({ min: 0, max: 20_000 }).map((length) => noise(length, length + 1)),
  fc.integer({ min: 0, max: 20_000 }).map((length) => Buffer.alloc(length, "one and the same text ")),
  fc.integer({ min: 0, max: 20_000 }).map((length) => Buffer.alloc(length)),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
);

test("whatever was edited, the patch gives the new bytes, however it comes in and the base is read", async () => {
  await fc.assert(
    fc.asyncProperty(
      bases,
      fc.array(edit, { maxLength: 8 }),
      fc.integer({ min: 1, max: 900 }),
      async (base, edits, cut) => {
        const target = edits.reduce(edited, base);
        const patch = await made(base, target);
        expect((await applied(patch, inMemory(base, cut), target.length, cut)).equals(target)).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
});

test("two files that have nothing in common make a patch, too", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), fc.uint8Array({ maxLength: 3000 }), async (base, target) => {
      const patch = await made(base, target);
      expect((await applied(patch, inMemory(base), target.length)).equals(Buffer.from(target))).toBe(true);
    }),
    { numRuns: 60 },
  );
});

describe("a patch", () => {
  const base = noise(300 << 10);

  test("of a file with one changed line takes tens of bytes", async () => {
    const target = Buffer.from(base);
    target.write("worker_connections 4096;", 100_003);
    expect((await made(base, target)).length).toBeLessThan(70);
  });

  test("of a file with a digest changed in the same place holds the digest and little else", async () => {
    const state = (digest: string): Buffer =>
      Buffer.from(JSON.stringify({ a: "x".repeat(900), digest, b: "y".repeat(900) }));
    const sha = (text: string): string => new Bun.CryptoHasher("sha256").update(text).digest("hex");
    expect((await made(state(sha("old")), state(sha("new")))).length).toBeLessThan(90);
  });

  test("of a file in which every address moved takes a small part of it", async () => {
    const words = new Uint32Array(base.buffer.slice(base.byteOffset, base.byteOffset + (256 << 10)));
    const target = Buffer.from(Uint32Array.from(words, (word, n) => (n % 6 === 0 ? word + 0x40 : word)).buffer);
    expect((await made(Buffer.from(words.buffer), target)).length).toBeLessThan(target.length / 12);
  });

  test("of a file with parts exchanged takes hundreds of bytes", async () => {
    const parts = [2, 0, 1].map((n) => base.subarray(n * 100_000, (n + 1) * 100_000));
    const target = Buffer.concat([noise(777, 5), ...parts]);
    const patch = await made(base, target);
    expect(patch.length).toBeLessThan(950);
    expect((await applied(patch, inMemory(base), target.length)).equals(target)).toBe(true);
  });

  test("of strangers is no larger than the object compressed", async () => {
    const target = Buffer.from(
      Array.from({ length: 8_000 }, (_, n) => `line ${Bun.hash(String(n % 900)).toString(36)}`).join("\n"),
    );
    const [patch, whole] = [await made(base, target), await made(null, target)];
    expect(patch.length).toBeLessThanOrEqual(whole.length);
    expect(whole.length).toBeLessThanOrEqual(zstdCompressSync(target).length * 1.02);
    expect((await applied(patch, null, target.length)).equals(target)).toBe(true);
  });

  test("of what nothing compresses is hardly larger than it", async () => {
    expect((await made(null, base)).length).toBeLessThan(base.length + 64);
    expect((await made(noise(50_000, 9), base)).length).toBeLessThan(base.length + 64);
  });

  test("is the same each time", async () => {
    const target = Buffer.concat([base.subarray(0, 90_000), noise(5_000, 3), base.subarray(100_000)]);
    const first = await made(base, target);
    expect(await made(base, target)).toEqual(first);
  });

  test("with more news and differences than a section holds goes on in the next", async () => {
    const target = Buffer.concat([
      noise(5 << 18, 4),
      base.map((byte, at) => (at % 3 === 0 ? byte + 7 : byte)),
      noise(5 << 18, 6),
    ]);
    const patch = await made(base, target, { ...makingLimits, thoroughBytes: 0 });
    expect((await applied(patch, inMemory(base), target.length, 65_536)).equals(target)).toBe(true);
  });

  test("of files too large to be held in memory is one without a base", async () => {
    const target = Buffer.concat([base, Buffer.from("more")]);
    const patch = await made(base, target, { ...makingLimits, matchedBytesMax: base.length });
    expect((await applied(patch, null, target.length)).equals(target)).toBe(true);
  });
});

test("a patch of nothing, to nothing and from nothing", async () => {
  const [none, some] = [new Uint8Array(), noise(100)];
  for (const [base, target] of [
    [none, none],
    [none, some],
    [some, none],
    [null, none],
    [some, some],
  ] as const) {
    const patch = await made(base, target);
    expect(
      (await applied(patch, base === null ? null : inMemory(base), target.length)).equals(Buffer.from(target)),
    ).toBe(true);
  }
});

test("a flipped bit or a missing byte never gives another object as if it were right", async () => {
  const base = noise(2_000);
  const target = Buffer.concat([base.subarray(0, 500), Buffer.alloc(300, "new text "), base.subarray(520)]);
  const patch = await made(base, target);
  const digest = (bytes: Uint8Array): string => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  let [refused, otherDigest, same] = [0, 0, 0];
  const look = async (bytes: Uint8Array): Promise<void> => {
    try {
      const object = await applied(bytes, inMemory(base), target.length);
      expect(object.length).toBe(target.length);
      if (digest(object) === digest(target)) same += 1;
      else otherDigest += 1;
    } catch (error) {
      if (!(error instanceof PatchError)) throw error;
      refused += 1;
    }
  };
  for (let bit = 0; bit < patch.length * 8; bit += 1) {
    const flipped = Uint8Array.from(patch);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    await look(flipped);
  }
  expect(refused).toBeGreaterThan(0);
  expect(otherDigest).toBeGreaterThan(0); // which is why the digest decides
  expect(same).toBeLessThan(patch.length); // bits that mean nothing, such as the padding at the end of a stream
  for (let length = 0; length < patch.length; length += 1) {
    await expect(applied(patch.subarray(0, length), inMemory(base), target.length)).rejects.toThrow(PatchError);
  }
});

test("what cannot be read or written is named, and an older patch stays", async () => {
  writeFileSync(file("older"), "older");
  writeFileSync(file("target"), "target");
  const missing = await makePatch({ base: file("nowhere"), target: file("target"), out: file("older") });
  expect(missing.ok ? "" : explainPatch(missing.error)).toContain("nowhere");
  const noFolder = await makePatch({ base: null, target: file("target"), out: file("no/folder/patch") });
  expect(noFolder.ok ? "" : explainPatch(noFolder.error)).toContain("ENOENT");
  expect(readFileSync(file("older"), "utf8")).toBe("older");
  expect(readdirSync(folder).filter((name) => name.endsWith(".tmp") || name.endsWith(".plain"))).toEqual([]);
});

describe("numbers of a table's entries behind new ones", () => {
  /** `count` words: entries of a table that has 30,000, marked by their lowest bits, among others that are not. */
  const words = (count: number, inserted: number): Buffer => {
    const bytes = Buffer.alloc(4 * count);
    const random = noise(8 * count);
    for (let at = 0; at < count; at += 1) {
      const value = random.readUInt32LE(8 * at);
      const entry = random.readUInt32LE(8 * at + 4) % 30_000;
      const isEntry = value % 3 !== 0;
      bytes.writeUInt32LE(isEntry ? 4 * (entry + (entry >= 9_000 ? inserted : 0)) + 2 : value - (value % 4), 4 * at);
    }
    return bytes;
  };

  test.each([1, 2, 700])("cost little where there are %d new ones, and come out right", async (inserted) => {
    const base = Buffer.concat([noise(50_001, 3), words(60_000, 0), noise(50_000, 4)]);
    const aligned = base.subarray(1);
    const target = Buffer.concat([noise(50_001, 3).subarray(1), words(60_000, inserted), noise(50_000, 4)]);
    const patch = await made(aligned, target);
    expect(patch[3]).toBe(2);
    expect(patch.length).toBeLessThan(300);
    expect((await applied(patch, inMemory(aligned, 1_000), target.length, 7)).equals(target)).toBe(true);
  });

  test("which are few are differences like any other", async () => {
    const [base, target] = [words(200, 0), words(200, 1)];
    const patch = await made(base, target);
    expect(patch[3]).toBe(1);
    expect((await applied(patch, inMemory(base), target.length)).equals(target)).toBe(true);
  });

  test("are not touched where that would cost more than it saves", async () => {
    const base = words(60_000, 0);
    const target = Buffer.from(base);
    // Each third of those that could be shifted is.
    for (let at = 0; at < base.length; at += 12) target.writeUInt32LE((base.readUInt32LE(at) + 4) >>> 0, at);
    const patch = await made(base, target);
    expect((await applied(patch, inMemory(base), target.length)).equals(target)).toBe(true);
  });
});
