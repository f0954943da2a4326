/** One of each message, as value and as bytes, and how to draw others. */
import { decode } from "cborg";
import fc from "fast-check";
import {
  containerStatuses,
  operations,
  outcomes,
  parseDeviceId,
  parseFleetName,
  phases,
  presences,
  reasons,
  updateStatuses,
} from "../../../runtime/fleet/terms/index.ts";
import * as wire from "../../../runtime/fleet/wire/index.ts";
import type { Result } from "../../../runtime/result.ts";
import {
  type ContainerName,
  type Digest,
  parseContainerName,
  parseDigest,
  parseRevisionName,
  type RevisionName,
} from "../../../runtime/state/index.ts";

export interface Sample {
  readonly leaf: wire.Leaf;
  readonly value: unknown;
  readonly bytes: Uint8Array;
  readonly any: fc.Arbitrary<unknown>;
  readonly encode: (value: unknown) => Uint8Array;
  /** Of any bytes, as if they had been signed. */
  readonly decode: (bytes: Uint8Array) => Result<unknown, wire.WireFault>;
}

function sample<T>(
  leaf: wire.Leaf,
  [encode, decode]: readonly [(value: T) => Uint8Array, (bytes: wire.Verified) => Result<T, wire.WireFault>],
  { any, value, hex }: { readonly any: fc.Arbitrary<T>; readonly value: T; readonly hex: string },
): Sample {
  return {
    leaf,
    value,
    bytes: new Uint8Array(Buffer.from(hex.replaceAll(/\s/g, ""), "hex")),
    any,
    encode: (one) => encode(one as T),
    decode: (bytes) => decode(bytes as wire.Verified),
  };
}

const known = <T>(value: T | null): T => {
  if (value === null) throw new Error("a sample is wrong");
  return value;
};
export const container = (text: string): ContainerName => known(parseContainerName(text));
export const revision = (text: string): RevisionName => {
  const parsed = parseRevisionName(text);
  return known(parsed.ok ? parsed.value : null);
};
/** A digest with the same byte 32 times. */
export const digest = (byte: string): Digest => known(parseDigest(byte.repeat(32)));
export const device = known(parseDeviceId("mfrggzdfmztwq"));
export const fleet = known(parseFleetName("default"));

const { limits } = wire;
const uint = fc.nat(0xffff_ffff);
const count = fc.nat(Number.MAX_SAFE_INTEGER);
const seconds = fc.nat(253_402_300_799);
const text = (max: number, min = 0) =>
  fc
    .string({ unit: "grapheme", minLength: min, maxLength: Math.min(max, 40) })
    .filter((one) => Buffer.byteLength(one) <= max && one.isWellFormed());
const bytes = (max: number, min = 0) => fc.uint8Array({ minLength: min, maxLength: max });
const hex = (length: number) => bytes(length, length).map((one) => Buffer.from(one).toString("hex"));
const digests = hex(32).map((one) => known(parseDigest(one)));
const orNull = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: null });
const containers = fc
  .stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/)
  .map((one) => container(`_${one}`.slice(0, 64)));
const revisions = fc
  .oneof(
    fc.nat().map(String),
    fc.bigInt({ min: 0n, max: 10n ** 18n - 1n }).map(String),
    fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._+:@-]{0,63}$/).map((one) => `locals/${one.slice(0, 64)}`),
  )
  .map(revision);
const map = <K, T>(key: fc.Arbitrary<K>, one: fc.Arbitrary<T>, maxLength: number): fc.Arbitrary<ReadonlyMap<K, T>> =>
  fc.uniqueArray(fc.tuple(key, one), { selector: ([first]) => first, maxLength }).map((members) => new Map(members));

/** Runs of blocks with gaps between them. */
export const ranges: fc.Arbitrary<readonly wire.BlockRange[]> = fc
  .array(fc.tuple(fc.oneof(fc.nat(3), fc.nat(2_000)), fc.oneof(fc.nat(3), fc.nat(2_000))), {
    maxLength: limits.rangesMax,
  })
  .map((runs) => {
    let end = -1;
    return runs.map(([gap, more]) => {
      const from = end + gap + 1;
      end = from + more + 1;
      return { from, count: more + 1 };
    });
  });

const parcels = fc.record({
  digest: digests,
  bytes: count,
  objectBytes: count,
  base: orNull(fc.nat(limits.candidatesMax - 1)),
  key: orNull(bytes(limits.parcelKeyBytes, limits.parcelKeyBytes)),
});

const changes = {
  set: map(text(limits.metadataKeyBytesMax, 1), text(limits.metadataValueBytesMax), 8),
  remove: fc.array(text(limits.metadataKeyBytesMax, 1), { maxLength: 8 }),
};

export const samples: readonly Sample[] = [
  sample("n/d", [wire.encodeDesired, wire.decodeDesired], {
    any: fc.record({
      sequence: uint,
      rev: fc.integer({ min: 1, max: 0xffff_ffff }),
      stateDigest: digests,
      stateBytes: fc.integer({ min: 1, max: 1 << 20 }),
      notBefore: orNull(seconds),
      expiry: orNull(seconds),
      policy: fc.record({ security: fc.boolean(), https: fc.boolean(), whole: fc.boolean() }),
    }),
    value: {
      sequence: 70_000,
      rev: 345,
      stateDigest: digest("3f"),
      stateBytes: 20_000,
      notBefore: 1_795_000_000,
      expiry: 1_800_000_000,
      policy: { security: false, https: true, whole: false },
    },
    hex: "a7 01 1a00011170 02 190159 03 5820 3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f 04 194e20 05 1a6afd86c0 06 1a6b49d200 07 02",
  }),
  sample("n/c", [wire.encodeCommand, wire.decodeCommand], {
    any: fc.record({
      id: uint,
      operation: fc.constantFrom(...operations),
      arguments: text(limits.argumentsBytesMax),
      expiry: seconds,
    }),
    value: { id: 12, operation: "restartContainer", arguments: "web", expiry: 1_795_000_600 },
    hex: "a4 01 0c 02 01 03 63776562 04 1a6afd8918",
  }),
  sample("n/o", [wire.encodeBlock, wire.decodeBlock], {
    any: fc.record({ transfer: uint, index: uint, bytes: bytes(16 << 10), parcel: orNull(parcels) }),
    value: {
      transfer: 7,
      index: 0,
      bytes: Uint8Array.of(0xca, 0x12),
      parcel: {
        digest: digest("3f"),
        bytes: 1300,
        objectBytes: 22_000_000,
        base: 1,
        key: new Uint8Array(16).fill(0xee),
      },
    },
    hex: "a4 01 07 02 00 03 42ca12 04 a5 01 58203f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f 02 190514 03 1a014fb180 04 01 05 50eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
  }),
  sample("n/t", [wire.encodeBeacon, wire.decodeBeacon], {
    any: fc.record({ time: seconds, epoch: uint, nextKey: orNull(bytes(32, 32)) }),
    value: { time: 1_795_000_000, epoch: 1, nextKey: null },
    hex: "a2 01 1a6afd86c0 02 01",
  }),
  sample("n/u", [wire.encodeUserMeta, wire.decodeUserMeta], {
    any: fc.record({ ...changes, sequence: uint, from: uint, wants: fc.record({ deviceMeta: fc.boolean() }) }),
    value: {
      set: new Map([
        ["web.colour", "grün"],
        ["a", ""],
      ]),
      remove: ["b"],
      sequence: 3,
      from: 1,
      wants: { deviceMeta: false },
    },
    hex: "a5 01 a2 6161 60 6a7765622e636f6c6f7572 656772c3bc6e 02 81 6162 03 03 04 01 05 00",
  }),
  sample("u/s", [wire.encodeDeviceState, wire.decodeDeviceState], {
    any: fc.record({
      sequence: uint,
      running: revisions,
      stateDigestPrefix: hex(8),
      status: fc.constantFrom(...updateStatuses),
      containers: map(
        containers,
        fc.record({ status: fc.constantFrom(...containerStatuses), goalReached: fc.boolean() }),
        limits.containersMax,
      ),
      bytes: fc.record({ day: count, month: count }),
      flags: fc.record({ clockUnknown: fc.boolean(), safeMode: fc.boolean(), local: fc.boolean() }),
      version: text(limits.versionBytesMax),
      userMeta: orNull(uint),
      deviceMeta: orNull(hex(4)),
      orderEpoch: orNull(uint),
    }),
    value: {
      sequence: 70_000,
      running: revision("345"),
      stateDigestPrefix: "3f".repeat(8),
      status: "DONE",
      containers: new Map<ContainerName, wire.ContainerReport>([
        [container("web"), { status: "READY", goalReached: true }],
        [container("modem"), { status: "RECOVERING", goalReached: false }],
      ]),
      bytes: { day: 48_213, month: 1_203_441 },
      flags: { clockUnknown: false, safeMode: false, local: true },
      version: "0.1.0",
      userMeta: 12,
      deviceMeta: "01020304",
      orderEpoch: 2,
    },
    hex: "ab 01 1a00011170 02 190159 03 483f3f3f3f3f3f3f3f 04 06 05 a2 63776562 0d 656d6f64656d 0e 06 a2 01 19bc55 02 1a00125cf1 07 04 08 65302e312e30 09 0c 0a 4401020304 0b 02",
  }),
  sample("u/p", [wire.encodeProgress, wire.decodeProgress], {
    any: fc.record({
      sequence: uint,
      phase: fc.constantFrom(...phases),
      percent: fc.integer({ min: 0, max: 100 }),
      reason: orNull(fc.constantFrom(...reasons)),
    }),
    value: { sequence: 70_000, phase: "error", percent: 100, reason: "goalMissed" },
    hex: "a4 01 1a00011170 02 06 03 1864 04 01",
  }),
  sample("u/q", [wire.encodeBlockRequest, wire.decodeBlockRequest], {
    any: fc.record({
      transfer: uint,
      object: digests,
      blockBytes: fc.constantFrom(...limits.blockBytes),
      candidates: fc.array(digests, { maxLength: limits.candidatesMax }),
      missing: ranges,
      parcel: orNull(hex(8)),
    }),
    value: {
      transfer: 7,
      object: digest("3f"),
      blockBytes: 4096,
      candidates: [digest("aa")],
      missing: [
        { from: 5, count: 2 },
        { from: 300, count: 40 },
      ],
      parcel: "bb".repeat(8),
    },
    hex: "a6 01 07 02 58203f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f 03 01 04 81 5820aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 05 84 05 02 190125 1828 06 48bbbbbbbbbbbbbbbb",
  }),
  sample("u/r", [wire.encodeCommandResult, wire.decodeCommandResult], {
    any: fc.record({ id: uint, code: fc.constantFrom(...outcomes), text: text(limits.resultBytesMax) }),
    value: { id: 12, code: "done", text: "" },
    hex: "a3 01 0c 02 00 03 60",
  }),
  sample("u/g", [wire.encodeLogs, wire.decodeLogs], {
    any: fc.record({
      kind: fc.constantFrom("requested", "evidence"),
      revision: revisions,
      deflated: bytes(limits.logsBytesMax),
      command: fc.option(uint),
    }),
    value: {
      kind: "evidence",
      revision: revision("locals/web2"),
      deflated: Uint8Array.of(0x03, 0x00),
      command: null,
    },
    hex: "a3 01 01 02 6b6c6f63616c732f77656232 03 420300",
  }),
  sample("u/m", [wire.encodeMetrics, wire.decodeMetrics], {
    any: map(text(limits.metricNameBytesMax, 1), fc.maxSafeInteger(), limits.metricsMax),
    value: new Map([
      ["load", 12],
      ["temp", -4],
    ]),
    hex: "a2 646c6f6164 0c 6474656d70 23",
  }),
  sample("u/l", [wire.encodePresence, wire.decodePresence], {
    any: fc.constantFrom(...presences),
    value: "gone",
    hex: "00",
  }),
  sample("u/d", [wire.encodeDeviceMeta, wire.decodeDeviceMeta], {
    any: fc.record({ ...changes, how: fc.record({ whole: fc.boolean() }) }),
    value: { set: new Map([["pantavisor.arch", "aarch64/64/EL"]]), remove: [], how: { whole: true } },
    hex: "a3 01 a1 6f70616e74617669736f722e61726368 6d616172636836342f36342f454c 02 80 03 01",
  }),
  sample("n/k", [wire.encodeRenewal, wire.decodeRenewal], {
    any: fc.record({ certificate: bytes(limits.certificateBytesMax, 1) }),
    value: { certificate: Uint8Array.of(0x30, 0x00) },
    hex: "a1 01 423000",
  }),
  sample("u/k", [wire.encodeRenewalRequest, wire.decodeRenewalRequest], {
    any: fc.record({ notAfter: seconds }),
    value: { notAfter: 1_795_000_000 },
    hex: "a1 01 1a6afd86c0",
  }),
];

export const sampleOf = (leaf: wire.Leaf): Sample => known(samples.find((one) => one.leaf === leaf) ?? null);

/** The map that a message is, to be changed. */
export const membersOf = (bytes: Uint8Array): Map<unknown, unknown> => decode(bytes, { useMaps: true });
