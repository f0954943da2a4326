import { describe, expect, test } from "bun:test";
import { createPrivateKey, generateKeyPairSync, sign as signWith } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519.js";
import { decode, encode } from "cborg";
import { parseDeviceId, parseFleetName } from "../../../runtime/fleet/terms/index.ts";
import * as wire from "../../../runtime/fleet/wire/index.ts";
import { InvariantError, ok } from "../../../runtime/result.ts";
import { device, digest, fleet, sampleOf } from "./samples.ts";

const secretOf = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const signer = (secret: Uint8Array) => (message: Uint8Array) => ed25519.sign(message, secret);
const keys: ReadonlyMap<number, Uint8Array> = new Map(
  [1, 2].map((epoch) => [epoch, ed25519.getPublicKey(secretOf(epoch))]),
);

const at = { fleet, device, leaf: "n/d" } as const;
const payload = sampleOf("n/d").bytes;
const envelope = wire.sealSigned(at, payload, 1, signer(secretOf(1)));

/** What came of an envelope: its epoch, or why not. */
function outcome(bytes: Uint8Array, to: wire.Topic<wire.SignedLeaf> = at, known = keys): number | string {
  const opened = wire.openSigned(to, bytes, known);
  return opened.ok ? opened.value.epoch : opened.error.kind;
}

test("an envelope is these bytes: payload, epoch, and a signature of topic, epoch and payload", () => {
  const message = Buffer.concat([
    Buffer.from("cairn/1\0c/default/mfrggzdfmztwq/n/d\0"),
    Buffer.of(0, 0, 0, 1),
    Buffer.from(payload),
  ]);
  expect(decode(envelope)).toEqual([payload, 1, ed25519.sign(message, secretOf(1))]);
  expect(Buffer.from(envelope).toString("hex")).toBe(
    `83 5840 ${Buffer.from(payload).toString("hex")} 01
     5840 b10f2e2eafa4b8d79eb881f02a5804a9504301fc7ccb9616ec83fde83b4937fa
          a9c889d16e45c0605c1e72ccda34e732fc723de00aef40f5b4b393692b0c8d0c`.replaceAll(/\s/g, ""),
  );
});

test("what was signed is opened, by the key of its epoch", () => {
  const opened = wire.openSigned(at, Buffer.from(envelope), keys);
  expect(opened).toEqual(ok({ payload: payload as wire.Verified, epoch: 1 }));
  if (opened.ok) expect(wire.decodeDesired(opened.value.payload)).toEqual(ok(sampleOf("n/d").value as wire.Desired));
  expect(outcome(wire.sealSigned(at, payload, 2, signer(secretOf(2))))).toBe(2);
  expect(outcome(wire.sealSigned(at, payload, 2, signer(secretOf(1))))).toBe("signature");
});

test("signatures of another implementation are taken", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const raw = Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url");
  const pem = privateKey.export({ format: "pem", type: "pkcs8" });
  const sealed = wire.sealSigned(at, payload, 3, (message) => signWith(null, message, createPrivateKey(pem)));
  expect(outcome(sealed, at, new Map([[3, raw]]))).toBe(3);
});

test("a desired revision in which any one bit was flipped is refused", () => {
  const reasons = new Map<number | string, number>();
  for (let bit = 0; bit < envelope.length * 8; bit += 1) {
    const flipped = Uint8Array.from(envelope);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const reason = outcome(flipped);
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  expect([...reasons.keys()].toSorted()).toEqual(["cbor", "pastKey", "shape", "signature", "unknownKey"]);
  // Every bit of payload and signature got as far as the signature.
  expect(reasons.get("signature")).toBeGreaterThanOrEqual((payload.length + 64) * 8);
}, 60_000);

describe("replay:", () => {
  const other = { device: parseDeviceId("aaaaaaaaaaaaa") ?? device, fleet: parseFleetName("test") ?? fleet };

  test("what was signed for one device, fleet or kind of message is not taken for another", () => {
    expect(outcome(envelope, at)).toBe(1);
    expect(outcome(envelope, { ...at, device: other.device })).toBe("signature");
    expect(outcome(envelope, { ...at, fleet: other.fleet })).toBe("signature");
    for (const leaf of ["n/c", "n/t", "n/u"] as const) expect(outcome(envelope, { ...at, leaf })).toBe("signature");
  });

  test("nor for another epoch, though its key be the same", () => {
    const [, , signature] = decode(envelope);
    const moved = encode([payload, 2, signature]);
    expect(outcome(moved, at, new Map([[2, ed25519.getPublicKey(secretOf(1))]]))).toBe("signature");
  });
});

test("an epoch that is not known is told apart from a wrong signature", () => {
  expect(outcome(envelope, at, new Map())).toBe("unknownKey");
  const fault = wire.openSigned(at, envelope, new Map());
  expect(fault.ok ? "" : wire.explainWire(fault.error)).toBe(
    "the desired revision (n/d) is ignored: it is signed with the key of epoch 1, which is not known here; enrol the device again",
  );
});

test("the beacon brings the next key, and what that key signs is taken from then on", () => {
  const to = { ...at, leaf: "n/t" } as const;
  const next = ed25519.getPublicKey(secretOf(2));
  const beacon = wire.encodeBeacon({ time: 1_795_000_000, epoch: 1, nextKey: next });
  const known = new Map([[1, ed25519.getPublicKey(secretOf(1))]]);
  const later = wire.sealSigned(at, payload, 2, signer(secretOf(2)));
  expect(outcome(later, at, known)).toBe("unknownKey");

  const opened = wire.openSigned(to, wire.sealSigned(to, beacon, 1, signer(secretOf(1))), known);
  if (!opened.ok) throw new Error(opened.error.kind);
  const read = wire.decodeBeacon(opened.value.payload);
  if (!read.ok || read.value.nextKey === null) throw new Error("no key");
  expect(outcome(later, at, new Map([...known, [read.value.epoch + 1, read.value.nextKey]]))).toBe(2);
});

describe("signatures that are none:", () => {
  const sealed = (signature: Uint8Array, epoch: unknown = 1) => encode([payload, epoch, signature]);
  const [, , genuine] = decode(envelope) as [Uint8Array, number, Uint8Array];
  const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
  const little = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);

  test("of another length, empty, all zeros", () => {
    for (const length of [0, 32, 63, 65]) expect(outcome(sealed(new Uint8Array(length)))).toBe("shape");
    expect(outcome(sealed(new Uint8Array(64)))).toBe("signature");
  });

  test("the genuine one in another form, with the order of the group added", () => {
    const raised = little(genuine.subarray(32)) + ORDER;
    const s = Buffer.from(raised.toString(16).padStart(64, "0"), "hex").reverse();
    expect(outcome(sealed(genuine))).toBe(1);
    expect(outcome(sealed(Buffer.concat([genuine.subarray(0, 32), s])))).toBe("signature");
  });

  test("by a key of small order, which would sign everything", () => {
    const identity = Uint8Array.of(1, ...new Uint8Array(31));
    const forged = Buffer.concat([identity, new Uint8Array(32)]);
    expect(ed25519.verify(forged, Buffer.from("x"), identity)).toBe(true);
    expect(outcome(sealed(forged), at, new Map([[1, identity]]))).toBe("signature");
  });

  test("envelopes of another shape", () => {
    for (const epoch of [-1, 2 ** 32, "1", true]) expect(outcome(sealed(genuine, epoch))).toBe("shape");
    for (const parts of [[], [payload], [payload, 1], [payload, 1, genuine, 0], [genuine, 1, "x"], { 0: payload }]) {
      expect(["shape", "cbor"]).toContain(String(outcome(encode(parts))));
    }
  });
});

test("an envelope is looked at up to the bound of its topic, and no further", () => {
  for (const leaf of ["n/d", "n/c", "n/t", "n/u", "n/k"] as const) {
    const { bytesMax } = wire.leaves[leaf];
    expect(outcome(new Uint8Array(bytesMax + 1), { ...at, leaf })).toBe("tooLong");
    expect(outcome(new Uint8Array(bytesMax), { ...at, leaf })).toBe("cbor");
  }
});

test("who seals too much, or without a whole signature, is told so at once", () => {
  const sign = () => new Uint8Array(64);
  const most = wire.leaves["n/d"].bytesMax - wire.limits.envelopeBytes;
  expect(wire.sealSigned(at, new Uint8Array(most), 2 ** 32 - 1, sign)).toHaveLength(wire.leaves["n/d"].bytesMax);
  expect(() => wire.sealSigned(at, new Uint8Array(most + 1), 2 ** 32 - 1, sign)).toThrow(InvariantError);
  expect(() => wire.sealSigned(at, payload, 1, () => new Uint8Array(63))).toThrow(InvariantError);
});

test("bytes are money: a desired revision has at most 160, envelope included", () => {
  const full = wire.encodeDesired({
    sequence: 2 ** 31,
    rev: 100_000,
    stateDigest: digest("3f"),
    stateBytes: 1 << 20,
    notBefore: 1_795_000_000,
    expiry: 1_800_000_000,
    policy: { security: true, https: true, whole: true },
  });
  expect(wire.sealSigned(at, full, 1_000, signer(secretOf(1))).length).toBeLessThanOrEqual(160);
});
