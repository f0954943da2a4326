/** Every limit from both sides. */
import { describe, expect, test } from "bun:test";
import { encode } from "cborg";
import fc from "fast-check";
import type { UpdateStatus } from "../../../runtime/fleet/terms/index.ts";
import * as wire from "../../../runtime/fleet/wire/index.ts";
import { InvariantError, ok } from "../../../runtime/result.ts";
import { container, device, digest, fleet, membersOf, ranges, revision, sampleOf, samples } from "./samples.ts";

const { limits } = wire;
const bytes = (length: number) => new Uint8Array(length).fill(1);
const letters = (length: number) => "a".repeat(length);
const many = <T>(length: number, one: (at: number) => T): T[] => Array.from({ length }, (_, at) => one(at));
const mapOf = <T>(length: number, value: T) => new Map(many(length, (at) => [`n${at}`, value]));

const uint = { good: [0, 2 ** 32 - 1], bad: [-1, 2 ** 32] };
const seconds = { good: [0, 253_402_300_799], bad: [-1, 253_402_300_800] };
const sha256 = { good: [bytes(32)], bad: [bytes(31), bytes(33)] };
const places = (count: number) => ({ good: [0, count - 1], bad: [-1, count] });
const keyed = (good: readonly unknown[], bad: readonly unknown[]) => {
  const one = (value: unknown) => new Map([[value, "x"]]);
  return { good: good.map(one), bad: bad.map(one) };
};

/** What a member may hold, and what is just beyond. */
const edges: readonly (readonly [
  leaf: wire.Leaf,
  key: number,
  edge: { readonly good: readonly unknown[]; readonly bad: readonly unknown[] },
])[] = [
  ["n/d", 1, uint],
  ["n/d", 2, { good: [1, 2 ** 32 - 1], bad: [0, 2 ** 32] }],
  ["n/d", 3, sha256],
  ["n/d", 4, { good: [1, 1 << 20], bad: [0, (1 << 20) + 1] }],
  ["n/d", 5, seconds],
  ["n/d", 6, seconds],
  ["n/d", 7, { good: [0, 255], bad: [-1, 256] }],
  ["n/c", 1, uint],
  ["n/c", 2, places(5)],
  ["n/c", 3, { good: ["", letters(256), "é".repeat(128)], bad: [letters(257), `${"é".repeat(128)}a`] }],
  ["n/c", 4, seconds],
  ["n/o", 1, uint],
  ["n/o", 2, uint],
  ["n/o", 3, { good: [bytes(0), bytes(16 << 10)], bad: [bytes((16 << 10) + 1)] }],
  ...(
    [
      [1, sha256],
      [2, { good: [0, 2 ** 53 - 1], bad: [-1] }],
      [3, { good: [0, 2 ** 53 - 1], bad: [-1] }],
      [4, places(4)],
      [5, { good: [bytes(16)], bad: [bytes(15), bytes(17)] }],
    ] as const
  ).map(([key, { good, bad }]) => {
    const parcel = (value: unknown) =>
      new Map<number, unknown>([
        [1, bytes(32)],
        [2, 0],
        [3, 0],
      ]).set(key, value);
    return ["n/o", 4, { good: good.map(parcel), bad: bad.map(parcel) }] as const;
  }),
  ["n/t", 1, seconds],
  ["n/t", 2, uint],
  ["n/t", 3, sha256],
  ["n/u", 1, keyed(["a", letters(128)], ["", letters(129), 1])],
  ["n/u", 1, { good: [new Map([["a", letters(4096)]])], bad: [new Map([["a", letters(4097)]])] }],
  ["n/u", 1, { good: [mapOf(512, "")], bad: [mapOf(513, "")] }],
  ["n/u", 2, { good: [["a", letters(128)]], bad: [[""], [letters(129)]] }],
  ["n/u", 2, { good: [many(512, () => "a")], bad: [many(513, () => "a")] }],
  ["n/u", 3, uint],
  ["n/u", 4, uint],
  ["n/u", 5, { good: [0, 255], bad: [-1, 256] }],
  ["u/s", 9, uint],
  ["u/s", 10, { good: [bytes(4)], bad: [bytes(3), bytes(5)] }],
  ["u/s", 11, uint],
  ["n/k", 1, { good: [bytes(1), bytes(1024)], bad: [bytes(0), bytes(1025)] }],
  ["u/k", 1, seconds],
  ["u/d", 3, { good: [0, 255], bad: [-1, 256] }],
  ["u/s", 1, uint],
  ["u/s", 2, { good: [0, Number.MAX_SAFE_INTEGER], bad: [-1, "345", "0345", "9007199254740991"] }],
  ["u/s", 2, { good: ["9007199254740992", "9".repeat(18)], bad: ["9".repeat(19)] }],
  ["u/s", 2, { good: [`locals/${letters(64)}`], bad: [`locals/${letters(65)}`, "locals/", "other/a"] }],
  ["u/s", 3, { good: [bytes(8)], bad: [bytes(7), bytes(9)] }],
  ["u/s", 4, places(9)],
  ["u/s", 5, { good: [new Map(), mapOf(128, 0)], bad: [mapOf(129, 0)] }],
  ["u/s", 5, { good: [new Map([[letters(64), 19]])], bad: [new Map([["a", 20]]), new Map([["a", -1]])] }],
  ["u/s", 5, { good: [], bad: [new Map([[letters(65), 1]]), new Map([["", 1]]), new Map([["bsp", 1]])] }],
  ...[1, 2].map((key) => {
    const used = (value: number) =>
      new Map([
        [1, 0],
        [2, 0],
      ]).set(key, value);
    return ["u/s", 6, { good: [0, 2 ** 53 - 1].map(used), bad: [-1].map(used) }] as const;
  }),
  ["u/s", 7, { good: [0, 255], bad: [-1, 256] }],
  ["u/s", 8, { good: ["", letters(32)], bad: [letters(33)] }],
  ["u/p", 1, uint],
  ["u/p", 2, places(8)],
  ["u/p", 3, { good: [0, 100], bad: [-1, 101] }],
  ["u/p", 4, places(19)],
  ["u/q", 1, uint],
  ["u/q", 2, sha256],
  ["u/q", 3, places(3)],
  ["u/q", 4, { good: [[], many(4, () => bytes(32))], bad: [many(5, () => bytes(32)), [bytes(31)]] }],
  // Skipped and meant in turn, from block 0 to 2^20 - 1, at most 256 times.
  [
    "u/q",
    5,
    {
      good: [[], [0, 1], [0, 1 << 20], [(1 << 20) - 1, 1]],
      bad: [
        [1 << 20, 1],
        [0, (1 << 20) + 1],
      ],
    },
  ],
  ["u/q", 5, { good: [many(512, () => 1)], bad: [many(514, () => 1)] }],
  [
    "u/q",
    5,
    { good: [[0, 1, 1, 1]], bad: [[0], [0, 1, 1], [0, 0], [0, 1, 0, 1], [-1, 1], [0, -1], [0, "1"], ["0", 1]] },
  ],
  // The first block and a bitmap.
  ["u/q", 5, { good: [[(1 << 20) - 8, bytes(1).fill(0xff)]], bad: [[(1 << 20) - 7, bytes(1).fill(0xff)]] }],
  ["u/q", 5, { good: [[0, bytes(64).fill(0x55)]], bad: [[0, bytes(65).fill(0x55)]] }],
  ["u/q", 5, { good: [[0, bytes(0)]], bad: [[-1, bytes(1)], [bytes(1), 0], [0, bytes(1), 0], [bytes(1)]] }],
  ["u/q", 6, { good: [bytes(8)], bad: [bytes(7), bytes(9)] }],
  ["u/r", 1, uint],
  ["u/r", 2, places(5)],
  ["u/r", 3, { good: ["", letters(1024)], bad: [letters(1025)] }],
  ["u/g", 1, places(2)],
  ["u/g", 2, { good: [345, "locals/a"], bad: ["345", ""] }],
  ["u/g", 3, { good: [bytes(0), bytes(16 << 10)], bad: [bytes((16 << 10) + 1)] }],
  ["u/g", 4, uint],
  ["u/d", 1, keyed(["a", letters(128)], ["", letters(129)])],
  ["u/d", 2, { good: [[], ["a"]], bad: [[""]] }],
];

test.each(edges)("%s, member %d: the last that is taken, the first that is not", (leaf, key, { good, bad }) => {
  const { bytes: written, decode } = sampleOf(leaf);
  const taken = (value: unknown) => decode(encode(membersOf(written).set(key, value)));
  for (const value of good) expect([value, taken(value)]).toEqual([value, { ok: true, value: expect.anything() }]);
  for (const value of bad) {
    const result = taken(value);
    expect([value, result.ok || result.error.kind]).toEqual([value, "shape"]);
  }
});

test("every member of every message has its edges", () => {
  const tables = samples.filter(({ leaf }) => leaf !== "u/m" && leaf !== "u/l" && leaf !== "u/d");
  const members = tables.flatMap(({ leaf, bytes }) => [...membersOf(bytes).keys()].map((key) => `${leaf} ${key}`));
  expect(members.filter((member) => !edges.some(([leaf, key]) => member === `${leaf} ${key}`))).toEqual([]);
});

test("metrics have 64 names of 64 bytes and exact whole numbers; presence is one of three", () => {
  const metrics = (members: ReadonlyMap<string, unknown>) => wire.decodeMetrics(encode(members)).ok;
  expect([metrics(mapOf(64, 1)), metrics(mapOf(65, 1))]).toEqual([true, false]);
  expect(["", "a", letters(64), letters(65)].map((name) => metrics(new Map([[name, 1]])))).toEqual([
    false,
    true,
    true,
    false,
  ]);
  expect([2 ** 53 - 1, 1 - 2 ** 53].map((value) => metrics(new Map([["a", value]])))).toEqual([true, true]);
  expect([2n ** 53n, -(2n ** 53n), 0.5].map((value) => metrics(new Map([["a", value]])))).toEqual([
    false,
    false,
    false,
  ]);
  expect([0, 2, 3].map((place) => wire.decodePresence(Uint8Array.of(place)).ok)).toEqual([true, true, false]);
});

describe.each(samples.map((sample) => [sample.leaf, sample] as const))("%s", (leaf, { decode }) => {
  const { bytesMax, signed } = wire.leaves[leaf];
  const most = signed ? bytesMax - limits.envelopeBytes : bytesMax;

  test("is looked at up to its bound, and no further", () => {
    const kindOf = (length: number) => {
      const result = decode(new Uint8Array(length));
      return result.ok ? "taken" : result.error.kind;
    };
    expect(kindOf(most + 1)).toBe("tooLong");
    expect(kindOf(most)).toBe(most === 1 ? "taken" : "cbor");
  });
});

test("as much as limits allow fits into a message, with its envelope where it has one", () => {
  const largest: readonly (readonly [wire.Leaf, Uint8Array])[] = [
    [
      "n/d",
      wire.encodeDesired({
        sequence: 2 ** 32 - 1,
        rev: 2 ** 32 - 1,
        stateDigest: digest("ff"),
        stateBytes: 1 << 20,
        notBefore: 253_402_300_799,
        expiry: 253_402_300_799,
        policy: { security: true, https: true, whole: true },
      }),
    ],
    [
      "n/c",
      wire.encodeCommand({ id: 2 ** 32 - 1, operation: "logs", arguments: letters(256), expiry: 253_402_300_799 }),
    ],
    ["n/t", wire.encodeBeacon({ time: 253_402_300_799, epoch: 2 ** 32 - 1, nextKey: bytes(32) })],
    [
      "n/u",
      wire.encodeUserMeta({
        sequence: 2 ** 32 - 1,
        from: 2 ** 32 - 1,
        wants: { deviceMeta: true },
        set: new Map([[letters(128), letters(4096)]]),
        remove: [],
      }),
    ],
    [
      "n/o",
      wire.encodeBlock({
        transfer: 2 ** 32 - 1,
        index: 2 ** 32 - 1,
        bytes: bytes(16 << 10),
        parcel: {
          digest: digest("ff"),
          bytes: Number.MAX_SAFE_INTEGER,
          objectBytes: Number.MAX_SAFE_INTEGER,
          base: 3,
          key: bytes(16),
        },
      }),
    ],
    ["n/k", wire.encodeRenewal({ certificate: bytes(1024) })],
    ["u/k", wire.encodeRenewalRequest({ notAfter: 253_402_300_799 })],
    ["u/d", wire.encodeDeviceMeta({ set: new Map([[letters(128), letters(4096)]]), remove: [], how: { whole: true } })],
    [
      "u/g",
      wire.encodeLogs({
        kind: "evidence",
        revision: revision(`locals/${letters(64)}`),
        deflated: bytes(16 << 10),
        command: 2 ** 32 - 1,
      }),
    ],
    ["u/m", wire.encodeMetrics(new Map(many(64, (at) => [letters(62) + String(at).padStart(2, "0"), 1 - 2 ** 53])))],
    ["u/r", wire.encodeCommandResult({ id: 2 ** 32 - 1, code: "expired", text: letters(1024) })],
    ["u/p", wire.encodeProgress({ sequence: 2 ** 32 - 1, phase: "error", percent: 100, reason: "crashLoop" })],
    [
      "u/s",
      wire.encodeDeviceState({
        sequence: 2 ** 32 - 1,
        running: revision(`locals/${letters(64)}`),
        stateDigestPrefix: "ff".repeat(8),
        status: "ERROR",
        containers: new Map(
          many(128, (at) => [container(String(at).padStart(64, "c")), { status: "STOPPED", goalReached: true }]),
        ),
        bytes: { day: Number.MAX_SAFE_INTEGER, month: Number.MAX_SAFE_INTEGER },
        flags: { clockUnknown: true, safeMode: true, local: true },
        version: letters(32),
        userMeta: 2 ** 32 - 1,
        deviceMeta: "ffffffff",
        orderEpoch: 2 ** 32 - 1,
      }),
    ],
  ];
  for (const [leaf, payload] of largest) {
    const { signed, bytesMax } = wire.leaves[leaf];
    expect([leaf, payload.length + (signed ? limits.envelopeBytes : 0) <= bytesMax]).toEqual([leaf, true]);
  }
  const [, userMeta = bytes(0)] = largest.find(([leaf]) => leaf === "n/u") ?? [];
  const to = { fleet, device, leaf: "n/u" } as const;
  expect(wire.sealSigned(to, userMeta, 2 ** 32 - 1, () => bytes(64)).length).toBe(
    userMeta.length + limits.envelopeBytes,
  );
});

const request = (missing: readonly wire.BlockRange[]): wire.BlockRequest => ({
  transfer: 2 ** 32 - 1,
  object: digest("ff"),
  blockBytes: 16384,
  candidates: many(4, () => digest("ff")),
  missing,
  parcel: "ff".repeat(8),
});

test("any 256 runs of blocks fit into a request", () => {
  const step = (1 << 20) / 256;
  const shapes = [
    many(256, (at) => ({ from: at * step, count: 1 })),
    many(256, (at) => ({ from: at * step + 300, count: step - 301 })),
    many(256, (at) => ({ from: at * 600, count: 300 })),
    many(256, (at) => ({ from: 2 * at, count: 1 })),
    many(256, (at) => ({ from: (1 << 20) - 512 + 2 * at, count: 1 })),
    [
      ...many(15, (at) => ({ from: at * 69_000, count: 66_000 })),
      ...many(241, (at) => ({ from: 1_040_000 + at * 30, count: 28 })),
    ],
  ];
  for (const missing of shapes) {
    expect(missing).toHaveLength(256);
    expect(wire.decodeBlockRequest(wire.encodeBlockRequest(request(missing)))).toEqual(ok(request(missing)));
  }
});

test("missing blocks are written the shorter way", () => {
  const lengthOf = (missing: readonly wire.BlockRange[]) =>
    wire.encodeBlockRequest(request(missing)).length - wire.encodeBlockRequest(request([])).length;
  expect(lengthOf([{ from: 0, count: 1_000 }])).toBe(4); // 0, 1000
  expect(lengthOf([{ from: 30, count: 30 }])).toBe(4);
  expect(lengthOf(many(32, (at) => ({ from: 2 * at, count: 1 })))).toBe(1 + 1 + 8); // from 0, 63 bits
  fc.assert(
    fc.property(ranges, (missing) => {
      const numbers = missing.flatMap(({ from, count }, at) => {
        const { from: before, count: many } = missing[at - 1] ?? { from: 0, count: 0 };
        return [from - before - many, count];
      });
      expect(lengthOf(missing)).toBeLessThanOrEqual(encode(numbers).length - 1);
    }),
  );
});

test("who writes beyond a limit is told so at once", () => {
  const desired = sampleOf("n/d").value as wire.Desired;
  const state = sampleOf("u/s").value as wire.DeviceState;
  const deeds: readonly (() => unknown)[] = [
    () => wire.encodeDesired({ ...desired, sequence: 2 ** 32 }),
    () => wire.encodeDesired({ ...desired, rev: 1.5 }),
    () => wire.encodeDesired({ ...desired, expiry: Number.NaN }),
    () => wire.encodeDesired({ ...desired, stateDigest: "3f" as wire.Desired["stateDigest"] }),
    () => wire.encodeDeviceState({ ...state, status: "SYNCING" as UpdateStatus }),
    () => wire.encodeDeviceState({ ...state, version: letters(33) }),
    () => wire.encodeBlock({ transfer: 1, index: 0, bytes: bytes((16 << 10) + 1), parcel: null }),
    () =>
      wire.encodeBlockRequest(
        request([
          { from: 5, count: 2 },
          { from: 6, count: 1 },
        ]),
      ),
    () =>
      wire.encodeBlockRequest(
        request([
          { from: 5, count: 2 },
          { from: 7, count: 1 },
        ]),
      ),
    () => wire.encodeBlockRequest(request([{ from: 1 << 20, count: 1 }])),
    () =>
      wire.encodeDeviceMeta({
        set: new Map(many(2, (at) => [String(at), letters(4096)])),
        remove: [],
        how: { whole: false },
      }),
  ];
  for (const deed of deeds) expect(deed).toThrow(InvariantError);
});
