import { describe, expect, test } from "bun:test";
import { encode } from "cborg";
import fc from "fast-check";
import { presences } from "../../../runtime/fleet/terms/index.ts";
import * as wire from "../../../runtime/fleet/wire/index.ts";
import { InvariantError, ok } from "../../../runtime/result.ts";
import { container, digest, membersOf, revision, samples } from "./samples.ts";

test("there is a sample of every message", () => {
  expect(samples.map(({ leaf }) => leaf).toSorted()).toEqual(Object.keys(wire.leaves).toSorted() as wire.Leaf[]);
});

describe.each(samples.map((sample) => [sample.leaf, sample] as const))(
  "%s",
  (leaf, { value, bytes, any, ...sample }) => {
    test("is these bytes and no others", () => {
      expect(Buffer.from(sample.encode(value)).toString("hex")).toBe(Buffer.from(bytes).toString("hex"));
      expect(sample.decode(bytes)).toEqual(ok(value));
    });

    test("comes back as it was, whatever it says", () => {
      fc.assert(
        fc.property(any, (one) => {
          const written = sample.encode(one);
          expect(written.constructor).toBe(Uint8Array);
          expect(sample.decode(written)).toEqual(ok(one));
          expect(sample.decode(Buffer.from(written))).toEqual(ok(one));
        }),
      );
    });

    test("is refused when it is cut off or goes on", () => {
      for (let length = 0; length < bytes.length; length += 1) {
        expect(sample.decode(bytes.subarray(0, length)).ok).toBe(false);
      }
      expect(sample.decode(Uint8Array.of(...bytes, 0)).ok).toBe(false);
    });

    test("is refused as another kind of thing, with a sentence", () => {
      for (const other of [[], "text", Uint8Array.of(), true, -1]) {
        const result = sample.decode(encode(other));
        if (result.ok) throw new Error("taken");
        expect(wire.explainWire(result.error)).toContain(`(${leaf}) is ignored: `);
      }
    });
  },
);

const tables = samples.filter(({ leaf }) => leaf !== "u/m" && leaf !== "u/l");
/** Members that need not be there. */
const spared: { readonly [leaf: string]: readonly unknown[] } = {
  "n/d": [5, 6],
  "n/o": [4],
  "n/t": [3],
  "u/p": [4],
  "u/q": [6],
  "u/s": [9, 10, 11],
};

describe.each(tables.map((sample) => [sample.leaf, sample] as const))("%s", (leaf, { value, bytes, decode }) => {
  test("is refused without one of its members, and with one of another type", () => {
    for (const key of membersOf(bytes).keys()) {
      const less = membersOf(bytes);
      less.delete(key);
      expect([key, decode(encode(less)).ok]).toEqual([key, spared[leaf]?.includes(key) ?? false]);
      expect([key, decode(encode(membersOf(bytes).set(key, true))).ok]).toEqual([key, false]);
    }
  });

  test("is understood when a newer peer says more", () => {
    const more = membersOf(bytes)
      .set(23, "new")
      .set(1_000, [Uint8Array.of(1), false])
      .set(-1, new Map())
      .set("x", 1);
    expect(decode(encode(more))).toEqual(ok(value));
  });
});

test("members are written in order of their keys, whatever the order in a map of the caller's", () => {
  const [one, other] = [
    [["b", "1"] as const, ["aa", "2"] as const, ["a", "3"] as const],
    [["a", "3"] as const, ["b", "1"] as const, ["aa", "2"] as const],
  ].map((set) => wire.encodeDeviceMeta({ remove: [], set: new Map(set), how: { whole: false } }));
  expect(one).toEqual(other ?? Uint8Array.of());
});

test("a key that means something to objects is one like others", () => {
  const value = {
    set: new Map([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]),
    remove: ["__proto__"],
    how: { whole: false },
  };
  expect(wire.decodeDeviceMeta(wire.encodeDeviceMeta(value))).toEqual(ok(value));
});

test("text keeps a byte order mark, and what is not well formed is not written", () => {
  const marked = { id: 1, code: "done", text: "\ufeffdone" } as const;
  expect(wire.decodeCommandResult(wire.encodeCommandResult(marked))).toEqual(ok(marked));
  expect(() => wire.encodeCommandResult({ id: 1, code: "done", text: "\ud800" })).toThrow(InvariantError);
});

test("a byte string is a copy: the buffer of the network can be used again", () => {
  const network = Buffer.from(
    wire.encodeBlock({ transfer: 1, index: 0, bytes: new Uint8Array(600).fill(7), parcel: null }),
  );
  const block = wire.decodeBlock(network);
  network.fill(0);
  expect(block).toEqual(ok({ transfer: 1, index: 0, bytes: new Uint8Array(600).fill(7), parcel: null }));
});

describe("bytes are money:", () => {
  const reports = "web broker modem gateway metrics updater dashboard backup".split(" ");
  const state: wire.DeviceState = {
    sequence: 70_000,
    running: revision("345"),
    stateDigestPrefix: "3f".repeat(8),
    status: "DONE",
    containers: new Map(reports.map((name) => [container(name), { status: "READY", goalReached: true }])),
    bytes: { day: 148_213, month: 12_203_441 },
    flags: { clockUnknown: false, safeMode: false, local: false },
    version: "0.1.0",
    userMeta: 300,
    deviceMeta: "01020304",
    orderEpoch: null,
  };

  test("the state of 8 containers has at most 150", () => {
    expect(wire.encodeDeviceState(state).length).toBeLessThanOrEqual(150);
  });

  test("progress has at most 16, a request for the blocks of a new object at most 64, presence 1", () => {
    const progress = { sequence: 70_000, phase: "error", percent: 100, reason: "crashLoop" } as const;
    expect(wire.encodeProgress(progress).length).toBeLessThanOrEqual(16);
    const missing = [{ from: 0, count: 250 }];
    const request = {
      transfer: 7,
      object: digest("3f"),
      blockBytes: 1024,
      candidates: [],
      missing,
      parcel: null,
    } as const;
    expect(wire.encodeBlockRequest(request).length).toBeLessThanOrEqual(64);
    for (const presence of presences) expect(wire.encodePresence(presence)).toHaveLength(1);
  });

  test("a command has at most 96 with its signature, its result 24", () => {
    const to = { fleet: "default", device: "abcdefghijklm", leaf: "n/c" } as never;
    const command = { id: 1_795_000_000, operation: "logs", arguments: "web 200", expiry: 1_795_003_600 } as const;
    const envelope = wire.sealSigned(to, wire.encodeCommand(command), 1, () => new Uint8Array(64));
    expect(envelope.length).toBeLessThanOrEqual(96);
    const result = { id: 1_795_000_000, code: "done", text: "4096 bytes" } as const;
    expect(wire.encodeCommandResult(result).length).toBeLessThanOrEqual(24);
  });

  test("a block has at most 17 more than the object's own", () => {
    const block = { transfer: 0xffff_ffff, index: (1 << 20) - 1, bytes: new Uint8Array(16 << 10), parcel: null };
    expect(wire.encodeBlock(block).length - (16 << 10)).toBeLessThanOrEqual(17);
  });
});
