/** A device's certificates through the years, by a clock that the test has. */
import { describe, expect, test } from "bun:test";
import { ed25519 } from "@noble/curves/ed25519.js";
import { issueCertificate, newPrivateKey, readPrivateKey } from "../../../runtime/certificates/index.ts";
import { deviceIdOf } from "../../../runtime/fleet/identity/index.ts";
import { hasEnded, type OwnCertificates, openCertificates } from "../../../runtime/fleet/renewal/index.ts";
import { decodeRenewalRequest, encodeRenewal, sealSigned, type Topic } from "../../../runtime/fleet/wire/index.ts";
import { err, ok } from "../../../runtime/result.ts";
import { readCertificates, writePem } from "../../../runtime/signatures/index.ts";
import { must } from "../../store/world.ts";
import { fleet } from "../wire/samples.ts";

const DAY_MS = 86_400_000;
const begin = Date.UTC(2026, 0, 1);
const secret = new Uint8Array(32).fill(4);
const keys = new Map([[1, ed25519.getPublicKey(secret)]]);
const key = must(readPrivateKey(newPrivateKey("p256")));
const other = must(readPrivateKey(newPrivateKey("p256")));
const id = deviceIdOf(key.publicKey);
const at = { fleet, device: id, leaf: "n/k" } as const;

const issue = (notBeforeMs: number, { by = key, name = id as string, days = 365 } = {}): Uint8Array =>
  issueCertificate(
    {
      key: by.publicKey,
      commonName: name,
      purpose: { kind: "client" },
      notBeforeMs,
      notAfterMs: notBeforeMs + days * DAY_MS,
    },
    { certificate: null, key: other },
  );
const pem = (der: Uint8Array): string => writePem("CERTIFICATE", der);
const sealed = (certificate: Uint8Array, { to = at as Topic<"n/k">, by = secret } = {}): Uint8Array =>
  sealSigned(to, encodeRenewal({ certificate }), 1, (message) => ed25519.sign(message, by));
const first = issue(begin);

function world(own: OwnCertificates = { certificate: pem(first), renewed: null }) {
  const world = { nowMs: begin as number | null, own, disk: true };
  const [asked, warned]: [number[], string[]] = [[], []];
  const certificates = openCertificates({
    id,
    own,
    async keep(next) {
      if (!world.disk) return err({ kind: "missing", call: "open", path: "x", why: "x" } as never);
      world.own = next;
      return ok(undefined);
    },
    keys,
    post: (bytes) => void asked.push(must(decodeRenewalRequest(bytes)).notAfter),
    timeMs: () => world.nowMs,
    warn: (line) => void warned.push(line),
  });
  return { certificates, asked, warned, world };
}

test("another one is asked for when a third of the time is left, then once a day until it is there", async () => {
  const { certificates, asked, world: it } = world();
  const days: number[] = [];
  for (let day = 0; day < 250; day += 1) {
    it.nowMs = begin + day * DAY_MS;
    for (let times = 0; times < 5; times += 1) certificates.look();
    if (asked.splice(0).length === 1) days.push(day);
  }
  expect(days).toEqual([244, 245, 246, 247, 248, 249]);
  it.nowMs = begin + 250 * DAY_MS;
  await certificates.take(at, sealed(issue(it.nowMs)));
  it.nowMs = begin + 300 * DAY_MS;
  certificates.look();
  expect(asked).toEqual([]);
});

test("nothing is asked by a device that does not know the time", () => {
  const { certificates, asked, world: it } = world();
  it.nowMs = null;
  certificates.look();
  expect(asked).toEqual([]);
});

test("the old one is kept until the device has been at the broker with the new one", async () => {
  const { certificates, world: it } = world();
  it.nowMs = begin + 250 * DAY_MS;
  const second = issue(it.nowMs);
  await certificates.take(at, sealed(second));
  expect(it.own).toEqual({ certificate: pem(first), renewed: pem(second) });
  const tries: string[] = [];
  for (let times = 0; times < 5; times += 1) {
    tries.push(certificates.next());
    await certificates.tried(false);
  }
  expect(tries).toEqual([second, second, second, first, second].map(pem));
  for (const _ of [1, 2]) await certificates.tried(false);
  // With the old one the device is there: nothing is known of the new one, which is tried again the next time.
  expect(certificates.next()).toBe(pem(first));
  await certificates.tried(true);
  expect(it.own.renewed).toBe(pem(second));
  expect(certificates.next()).toBe(pem(second));
  await certificates.tried(true);
  expect(it.own).toEqual({ certificate: pem(second), renewed: null });
  expect(certificates.next()).toBe(pem(second));
});

test("a new one that was not kept is not used: the next start would not know it", async () => {
  const { certificates, world: it, warned } = world();
  it.nowMs = begin + 250 * DAY_MS;
  it.disk = false;
  await certificates.take(at, sealed(issue(it.nowMs)));
  expect([certificates.next(), warned.length]).toEqual([pem(first), 1]);
});

describe("a certificate is not taken", () => {
  const now = begin + 250 * DAY_MS;
  test.each([
    ["that was signed by anybody else", sealed(issue(now), { by: new Uint8Array(32).fill(5) }), /signature/],
    [
      "for another device's topic",
      sealed(issue(now), { to: { ...at, device: "aaaaaaaaaaaaa" as never } }),
      /signature/,
    ],
    ["for another key", sealed(issue(now, { by: other })), /for another key/],
    ["for another name", sealed(issue(now, { name: "hub" })), /for another name/],
    ["that does not hold yet", sealed(issue(now + 2 * DAY_MS)), /does not hold now/],
    ["that is none", sealed(Uint8Array.of(1)), /cannot be read/],
  ])("%s, and is warned of", async (_, envelope, why) => {
    const { certificates, world: it, warned } = world();
    it.nowMs = now;
    await certificates.take(at, envelope);
    expect([it.own.renewed, certificates.next(), warned]).toEqual([null, pem(first), [expect.stringMatching(why)]]);
  });

  test("that ends no later than what is there, without a word: a replayed one, or the same again", async () => {
    const { certificates, world: it, warned } = world();
    it.nowMs = now;
    const second = issue(now);
    await certificates.take(at, sealed(second));
    await certificates.tried(true);
    for (const old of [first, second, issue(now, { days: 20 })]) await certificates.take(at, sealed(old));
    expect([it.own, warned]).toEqual([{ certificate: pem(second), renewed: null }, []]);
  });
});

test("a certificate has ended when its time is over, and when it is none", () => {
  const { notAfterMs = 0 } = must(readCertificates(pem(first)))[0] ?? {};
  expect([notAfterMs - 1, notAfterMs].map((ms) => hasEnded(pem(first), ms))).toEqual([false, true]);
  expect(hasEnded("x", 0)).toBe(true);
});
