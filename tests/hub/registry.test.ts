import { expect, setDefaultTimeout, test } from "bun:test";
import { makeRequest } from "../../runtime/certificates/index.ts";
import type { DeviceId } from "../../runtime/fleet/terms/index.ts";
import { explainDevice, explainEnrol, limits } from "../../runtime/hub/registry/index.ts";
import { isToken, newToken } from "../../runtime/hub/token.ts";
import { readCertificate, writePem } from "../../runtime/signatures/index.ts";
import { openssl } from "../signatures/openssl.ts";
import { unwrap } from "../signatures/signed-state.ts";
import { DAY_MS, newDevice, type TestDevice, type TestRegistry, testRegistry } from "./fixtures.ts";

setDefaultTimeout(60_000); // many processes on a busy machine

const start = Date.UTC(2030, 0, 1, 12);

async function refusal({ registry }: TestRegistry, request: Uint8Array, token: string | null = null): Promise<string> {
  const enrolled = await registry.enrol(request, token);
  return enrolled.ok ? enrolled.value.kind : explainEnrol(enrolled.error);
}
async function certificateOf({ registry }: TestRegistry, device: TestDevice, token: string | null = null) {
  const enrolled = unwrap(await registry.enrol(device.request, token));
  if (enrolled.kind !== "certified") throw new Error(`${device.id} is ${enrolled.kind}`);
  return unwrap(readCertificate(enrolled.certificate));
}

test("with a join token a device is one of the fleet at once", async () => {
  await using world = await testRegistry(start);
  const token = await world.addToken("join", "image 1");
  const device = newDevice();
  const { subject, notAfterMs } = await certificateOf(world, device, token);
  expect([subject.commonName, notAfterMs]).toEqual([device.id, start + 364.5 * DAY_MS]);
  expect(await world.registry.list()).toMatchObject([{ id: device.id, status: "accepted" }]);
  expect(await world.database.listDeeds(1)).toEqual([{ who: "image 1", atMs: start, what: "join", about: device.id }]);
});

test("without one it waits until an operator accepts it, by its code", async () => {
  await using world = await testRegistry(start);
  const device = newDevice();
  const first = unwrap(await world.registry.enrol(device.request, null));
  const again = unwrap(await world.registry.enrol(device.request, null));
  expect(first).toEqual({ kind: "waiting", id: device.id, code: expect.stringMatching(/^[a-z2-7]{6}$/) });
  expect(again).toEqual(first);
  world.nowMs += 59_999;
  await world.registry.enrol(device.request, null);
  expect(unwrap(await world.registry.find(device.id)).askedMs).toBe(start);
  world.nowMs += 1;
  await world.registry.enrol(device.request, null);
  expect(unwrap(await world.registry.find(device.id)).askedMs).toBe(start + 60_000);
  const code = first.kind === "waiting" ? first.code : "";
  expect(unwrap(await world.registry.accept(code, "jane"))).toMatchObject({ id: device.id, status: "accepted" });
  expect((await certificateOf(world, device)).subject.commonName).toBe(device.id);
  const late = await world.registry.accept(device.id, "jane");
  expect(late.ok ? "" : explainDevice(late.error)).toMatch(/does not wait: it is accepted/);
  const gone = await world.registry.find(code); // a code is for those who wait
  expect(gone.ok ? "" : explainDevice(gone.error)).toMatch(/no device has the id or code/);
});

test("a device that waits is accepted by a token that comes later", async () => {
  await using world = await testRegistry(start);
  const device = newDevice();
  expect(await refusal(world, device.request)).toBe("waiting");
  await certificateOf(world, device, await world.addToken("join", "image 1"));
});

test("a wrong token is refused, and so is one for operators: nobody waits then", async () => {
  await using world = await testRegistry(start);
  await world.addToken("join", "image 1");
  const operator = await world.addToken("operator", "jane");
  const device = newDevice();
  for (const token of [newToken(), operator, "", "x"]) {
    expect(await refusal(world, device.request, token)).toMatch(/^the join token is not one of this fleet/);
  }
  expect(await world.registry.list()).toEqual([]);
});

test("a device is certified by the name of its key and no other", async () => {
  await using world = await testRegistry(start);
  const token = await world.addToken("join", "image 1");
  const [device, other] = [newDevice(), newDevice()];
  for (const name of [other.id, "hub", "#", "+"]) {
    expect(await refusal(world, makeRequest(name, device.key), token)).toMatch(`its key, which is ${device.id}`);
  }
  expect(await refusal(world, Buffer.from("x"), token)).toMatch(/^certificate request: no certificate request/);
  expect(await world.registry.list()).toEqual([]);
});

test("asking again gives the same certificate until it is to be renewed", async () => {
  await using world = await testRegistry(start);
  const device = newDevice();
  const first = await certificateOf(world, device, await world.addToken("join", "image 1"));
  world.nowMs += 304 * DAY_MS;
  expect((await certificateOf(world, device)).der).toEqual(first.der);
  world.nowMs += 2 * DAY_MS;
  const second = await certificateOf(world, device);
  expect(second.notAfterMs).toBe(first.notAfterMs + 306 * DAY_MS);
  expect((await certificateOf(world, device)).der).toEqual(second.der);
});

test("a revoked device is out for good, with every certificate it has", async () => {
  await using world = await testRegistry(start);
  const token = await world.addToken("join", "image 1");
  const [device, other] = [newDevice(), newDevice()];
  const serials = [(await certificateOf(world, device, token)).serial];
  await certificateOf(world, other, token);
  world.nowMs += 310 * DAY_MS;
  serials.push((await certificateOf(world, device)).serial);
  expect(unwrap(await world.registry.revoke(device.id, "jane"))).toMatchObject({ status: "revoked" });
  const list = writePem("X509 CRL", world.published.at(-1)?.list ?? new Uint8Array());
  const text = openssl(["crl", "-noout", "-text"], list).toString();
  expect(world.published.at(-1)?.devices).toEqual([device.id]);
  expect(world.ended).toEqual([device.id]);
  const listed = [...text.matchAll(/Serial Number: ([0-9A-F]+)/g)].map(([, hex = ""]) => hex.toLowerCase());
  const hex = (serial: Uint8Array): string => Buffer.from(serial).toString("hex").replace(/^00/, "");
  expect(listed.sort()).toEqual(serials.map(hex).sort());

  for (const given of [null, token]) expect(await refusal(world, device.request, given)).toMatch(/was revoked/);
  const accepted = await world.registry.accept(device.id, "jane");
  expect(accepted.ok ? "" : explainDevice(accepted.error)).toMatch(/does not wait: it is revoked/);
  const twice = await world.registry.revoke(device.id, "jane");
  expect(twice.ok ? "" : explainDevice(twice.error)).toMatch(/revoked already/);
});

test("so many may wait, and who asks no more makes room after a day", async () => {
  await using world = await testRegistry(start);
  const token = await world.addToken("join", "image 1");
  for (let index = 0; index < limits.waitingMax; index += 1) {
    const id = `w${index.toString(2).replaceAll("0", "a").replaceAll("1", "b").padStart(12, "a")}` as DeviceId;
    await world.database.addDevice(
      { id, key: Buffer.from(id), code: "aaaaaa", status: "waiting" },
      { who: "device", atMs: start },
    );
  }
  expect(await refusal(world, newDevice().request)).toMatch(/^1000 devices wait for an operator/);
  await certificateOf(world, newDevice(), token);
  const several = await world.registry.accept("aaaaaa", "jane");
  expect(several.ok ? "" : explainDevice(several.error)).toMatch(/several devices that wait have the code/);
  world.nowMs += DAY_MS + 1;
  expect(await refusal(world, newDevice().request)).toBe("waiting");
  expect(await world.database.countWaiting()).toBe(1);
});

test("who becomes one of the fleet, or gets other tags, is told of once; of who is out the broker keeps nothing", async () => {
  await using world = await testRegistry(start);
  const token = await world.addToken("join", "image");
  const [one, two, three] = [newDevice(), newDevice(), newDevice()];
  await world.registry.enrol(one.request, token);
  await world.registry.enrol(one.request, token);
  await world.registry.enrol(two.request, null);
  expect(world.changed).toEqual([one.id]);
  await world.registry.accept(two.id, "jane");
  await world.registry.accept(two.id, "jane");
  await world.registry.enrol(three.request, null);
  await world.registry.enrol(three.request, token);
  await world.registry.tag(one.id, ["lab"], "jane");
  await world.registry.tag(one.id, ["No"], "jane");
  expect(world.changed).toEqual([one.id, two.id, three.id, one.id]);
  await world.registry.revoke(two.id, "jane");
  await world.registry.tag(two.id, ["lab"], "jane");
  expect(world.cleared).toEqual([two.id]);
});

test("tags are words, so many of them and each once", async () => {
  await using world = await testRegistry(start);
  const device = newDevice();
  await world.registry.enrol(device.request, null);
  const tagged = async (tags: readonly string[]) => {
    const done = await world.registry.tag(device.id, tags, "jane");
    return done.ok ? done.value.tags : explainDevice(done.error);
  };
  expect(await tagged(["lab", "site=north-1", "lab"])).toEqual(["lab", "site=north-1"]);
  for (const bad of ["", "A", "-a", "a b", "a".repeat(65), "é"]) expect(await tagged([bad])).toMatch(/is no tag/);
  expect(await tagged(Array.from({ length: 33 }, (_, n) => `t${n}`))).toMatch(/at most 32 tags/);
  expect(await tagged(Array.from({ length: 32 }, (_, n) => `t${n}`))).toHaveLength(32);
  expect(await tagged([])).toEqual([]);
});

test("what a device reports is kept, within bounds", async () => {
  await using world = await testRegistry(start);
  const device = newDevice();
  expect(await world.registry.report(device.id, "{}")).toBe(false);
  await world.registry.enrol(device.request, null);
  expect(await world.registry.report(device.id, "x".repeat(limits.reportCharsMax + 1))).toBe(false);
  expect(await world.registry.report(device.id, '{"running":"7"}')).toBe(true);
  expect(unwrap(await world.registry.find(device.id)).report).toEqual({ atMs: start, text: '{"running":"7"}' });
});

test("a list of revoked certificates is newer than the one before, within the same second too", async () => {
  await using world = await testRegistry(start);
  const token = await world.addToken("join", "image 1");
  const devices = [newDevice(), newDevice(), newDevice()];
  for (const device of devices) await certificateOf(world, device, token);
  for (const { id } of devices) await world.registry.revoke(id, "jane");
  expect(world.published.map(({ devices: out }) => out.length)).toEqual([1, 2, 3]);
  const times = world.published.map(({ list }) =>
    openssl(["crl", "-noout", "-lastupdate"], writePem("X509 CRL", list)).toString(),
  );
  // To OpenSSL two lists of one second are equally old, and it keeps the first.
  expect(times).toEqual(["00", "01", "02"].map((second) => `lastUpdate=Jan  1 11:00:${second} 2030 GMT\n`));
});

test("tokens are long, and never twice the same", () => {
  const tokens = new Set(Array.from({ length: 100 }, newToken));
  expect(tokens.size).toBe(100);
  expect([...tokens].every(isToken)).toBe(true);
  for (const bad of ["", "cairn-", `cairn-${"a".repeat(31)}`, `cairn-${"a".repeat(33)}`, `cairn-${"A".repeat(32)}`]) {
    expect(isToken(bad)).toBe(false);
  }
});

test("a device whose certificate ends soon gets another one for its key, and the same again until it has it", async () => {
  await using world = await testRegistry(start);
  const device = newDevice();
  const first = await certificateOf(world, device, await world.addToken("join", "image 1"));
  const renewed = async (notAfterMs: number) => {
    const answer = await world.registry.renew(device.id, notAfterMs);
    return answer.kind === "renewed" ? unwrap(readCertificate(answer.certificate)) : answer.kind;
  };
  expect(await renewed(first.notAfterMs)).toBe("tooEarly");
  world.nowMs += 244 * DAY_MS;
  const second = await renewed(first.notAfterMs);
  if (typeof second === "string") throw new Error(second);
  expect(second.key).toEqual(first.key);
  expect(second.subject.commonName).toBe(device.id);
  expect(second.notAfterMs).toBe(first.notAfterMs + 244 * DAY_MS);
  world.nowMs += 10 * DAY_MS;
  expect(await renewed(first.notAfterMs)).toEqual(second);
  expect(await renewed(second.notAfterMs)).toBe("tooEarly");

  await world.registry.revoke(device.id, "jane");
  world.nowMs += 240 * DAY_MS;
  expect(await renewed(second.notAfterMs)).toBe("stranger");
  expect(await world.registry.renew("aaaaaaaaaaaaa" as DeviceId, 0)).toEqual({ kind: "stranger" });
  // Both of its certificates are on the list.
  const [list] = world.published.slice(-1);
  const text = openssl(["crl", "-noout", "-text"], writePem("X509 CRL", list?.list ?? new Uint8Array())).toString();
  expect(text.match(/Serial Number/g)).toHaveLength(2);
});

test("a device that waits is not renewed", async () => {
  await using world = await testRegistry(start);
  const device = newDevice();
  await world.registry.enrol(device.request, null);
  expect(await world.registry.renew(device.id, 0)).toEqual({ kind: "stranger" });
});
