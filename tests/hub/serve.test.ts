/** The hub as a whole, over real TLS and with its real broker. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import * as v from "valibot";
import { parseHost } from "../../runtime/certificates/index.ts";
import {
  decodeRenewal,
  decodeUserMeta,
  encodeDeviceMeta,
  encodeRenewalRequest,
  openSigned,
} from "../../runtime/fleet/wire/index.ts";
import { explainHub, type FleetName } from "../../runtime/hub/index.ts";
import { newToken } from "../../runtime/hub/token.ts";
import { readCertificate } from "../../runtime/signatures/index.ts";
import { freePort } from "../free-port.ts";
import { openssl } from "../signatures/openssl.ts";
import { unwrap } from "../signatures/signed-state.ts";
import { DAY_MS, newDevice } from "./fixtures.ts";
import { type HubWorld, hubWorld } from "./hub-world.ts";
import { wiredDevice } from "./wired-device.ts";

setDefaultTimeout(120_000); // many processes on a busy machine

let world: HubWorld;
beforeAll(async () => {
  world = await hubWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

test("a broker that is killed as soon as the hub serves knows, when it comes back, that the hub listens", async () => {
  const written = join(world.folder, "broker/mosquitto.db");
  const untilMs = performance.now() + 20_000; // a small part of the time after which it would write by itself
  while (!existsSync(written) && performance.now() < untilMs) await Bun.sleep(20);
  expect(readFileSync(written).includes("c/lab/+/u/#")).toBe(true);
});

test("a device that enrols gets a certificate with which it talks over the broker, until it is revoked", async () => {
  const device = newDevice();
  const enrolled = await world.ask("POST", "/enrol", { token: "join", body: device.request });
  expect(enrolled).toEqual({
    status: 200,
    body: {
      id: device.id,
      status: "accepted",
      fleet: "lab",
      certificate: expect.stringMatching(/^-----BEGIN CERTIFICATE-----\n/),
      authority: world.authority,
      order: { epoch: 1, key: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/) },
      mqtt: { host: "127.0.0.1", port: world.mqttPort },
    },
  });
  const { certificate, order } = enrolled.body as { certificate: string; order: { key: string } };
  const orderText = openssl(["pkey", "-noout", "-text", "-in", join(world.folder, "authority/order.key")]).toString();
  const hex = /pub:\n((?: {4}[0-9a-f:]+\n)+)/.exec(orderText)?.[1]?.replaceAll(/[\s:]/g, "");
  expect(Buffer.from(order.key, "base64").toString("hex")).toBe(hex ?? "");

  const files = ["crt", "key"].map((end) => join(world.folder, `device.${end}`)) as [string, string];
  writeFileSync(files[0], certificate);
  writeFileSync(files[1], device.keyPem);
  const publish = (): number => {
    const ca = ["--cafile", join(world.folder, "authority/authority.crt")];
    const where = ["-h", "127.0.0.1", "-p", String(world.mqttPort), "--cert", files[0], "--key", files[1]];
    const what = ["-t", `c/lab/${device.id}/u/s`, "-m", "x", "-q", "1", "-i", device.id];
    return Bun.spawnSync(["mosquitto_pub", ...where, ...ca, ...what]).exitCode;
  };
  expect(publish()).toBe(0);
  expect(await world.ask("POST", `/devices/${device.id}/revoke`, { token: "operator" })).toMatchObject({
    status: 200,
    body: { id: device.id, status: "revoked" },
  });
  expect(publish()).not.toBe(0);
  expect(await world.ask("POST", "/enrol", { token: "join", body: device.request })).toMatchObject({
    status: 403,
    body: { kind: "revoked", error: expect.stringMatching(/was revoked: it needs a new key/) },
  });
});

test("a device without a token waits, shows its code, is accepted by it and then certified", async () => {
  const device = newDevice();
  const asked = await world.ask("POST", "/enrol", { body: device.request });
  expect(asked).toEqual({
    status: 202,
    body: { id: device.id, status: "waiting", code: expect.stringMatching(/^[a-z2-7]{6}$/) },
  });
  const { code } = asked.body as { code: string };
  const waiting = await world.ask("GET", "/devices?status=waiting", { token: "operator" });
  expect(waiting.body).toMatchObject({ devices: [{ id: device.id, code, tags: [], report: null }] });
  expect(await world.ask("POST", `/devices/${code}/accept`, { token: "operator" })).toMatchObject({ status: 200 });
  expect(await world.ask("POST", "/enrol", { body: device.request })).toMatchObject({ status: 200 });
  expect(await world.ask("POST", `/devices/${device.id}/accept`, { token: "operator" })).toMatchObject({
    status: 409,
    body: { kind: "status", error: expect.stringMatching(/does not wait: it is accepted/) },
  });
});

test("devices have tags, and are found by them", async () => {
  const device = newDevice();
  await world.ask("POST", "/enrol", { token: "join", body: device.request });
  const put = (body: string) => world.ask("PUT", `/devices/${device.id}/tags`, { token: "operator", body });
  expect(await put('{"tags":["yard","arm"]}')).toMatchObject({ status: 200, body: { tags: ["arm", "yard"] } });
  for (const bad of ["", "[]", '{"tags":"x"}', '{"tags":[1]}', '{"tags":[],"x":1}', "\u0000"]) {
    expect(await put(bad)).toMatchObject({ status: 400, body: { kind: "body" } });
  }
  expect(await put('{"tags":["no tag"]}')).toMatchObject({ status: 400, body: { kind: "tag" } });
  const found = async (tag: string) =>
    (await world.ask("GET", `/devices?tag=${tag}`, { token: "operator" })).body as { devices: { id: string }[] };
  expect((await found("yard")).devices.map(({ id }) => id as string)).toEqual([device.id]);
  expect((await found("none")).devices).toEqual([]);
  expect(await world.ask("GET", `/devices/${device.id}`, { token: "operator" })).toMatchObject({
    status: 200,
    body: { id: device.id, status: "accepted", tags: ["arm", "yard"] },
  });
});

test("user-meta is wanted by operators and reaches the device; what a device tells is shown", async () => {
  await using device = await wiredDevice(world);
  const path = `/devices/${device.id}/meta`;
  const patch = (body: unknown) => world.ask("PATCH", path, { token: "operator", body: JSON.stringify(body) });
  expect(await patch({ set: { "web.colour": "green", a: "1" }, remove: ["b"] })).toEqual({
    status: 200,
    body: { id: device.id, userMeta: { a: "1", "web.colour": "green" }, taken: false, deviceMeta: {} },
  });
  const came = await device.until(({ leaf, bytes }) => (leaf === "n/u" ? bytes : null));
  const at = { fleet: "lab" as FleetName, device: device.id, leaf: "n/u" } as const;
  expect(unwrap(decodeUserMeta(unwrap(openSigned(at, came, device.keys)).payload))).toMatchObject({
    set: new Map([
      ["web.colour", "green"],
      ["a", "1"],
    ]),
    from: 0,
    sequence: 2,
  });
  for (const body of ["x", { set: [] }, { set: { a: 1 } }, { remove: [1] }, { more: 1 }]) {
    expect(await patch(body)).toMatchObject({ status: 400, body: { kind: "body" } });
  }
  expect(await patch({ set: { "a/b": "" } })).toMatchObject({ status: 400, body: { kind: "key" } });
  expect(await world.ask("PATCH", "/devices/aaaaaaaaaaaaa/meta", { token: "operator", body: "{}" })).toMatchObject({
    status: 404,
  });
  const facts = { "pantavisor.arch": "x86_64/64/EL" };
  await device.say("u/d", encodeDeviceMeta({ set: new Map(Object.entries(facts)), remove: [], how: { whole: true } }));
  const Shown = v.object({ deviceMeta: v.record(v.string(), v.string()) });
  const told = async () =>
    v.parse(Shown, (await world.ask("GET", `/devices/${device.id}`, { token: "operator" })).body).deviceMeta;
  while (Object.keys(await told()).length === 0) await Bun.sleep(20);
  expect(await told()).toEqual(facts);
  const { body } = await world.ask("GET", "/log", { token: "operator" });
  expect(body).toMatchObject({
    log: expect.arrayContaining([expect.objectContaining({ what: "meta", who: "operator" })]),
  });
});

test("a device whose certificate ends soon gets another one over its session, and comes in with it", async () => {
  await using aging = await hubWorld();
  await using device = await wiredDevice(aging);
  aging.wait(250 * DAY_MS);
  expect(
    await device.say("u/k", encodeRenewalRequest({ notAfter: Math.floor((Date.now() + 365 * DAY_MS) / 1000) })),
  ).toBe(true);
  const came = await device.until(({ leaf, bytes }) => (leaf === "n/k" ? bytes : null));
  const at = { fleet: "lab" as FleetName, device: device.id, leaf: "n/k" } as const;
  const { certificate } = unwrap(decodeRenewal(unwrap(openSigned(at, came, device.keys)).payload));
  const { subject, notAfterMs } = unwrap(readCertificate(certificate));
  expect(subject.commonName).toBe(device.id);
  expect(notAfterMs).toBeGreaterThan(Date.now() + 600 * DAY_MS);
  expect(came.length).toBeLessThan(560);
});

describe("what is for operators", () => {
  const device = newDevice();
  test.each([
    ["GET", "/devices"],
    ["GET", "/log"],
    ["GET", `/devices/${device.id}`],
    ["POST", `/devices/${device.id}/accept`],
    ["POST", `/devices/${device.id}/revoke`],
    ["PUT", `/devices/${device.id}/tags`],
    ["POST", `/devices/${device.id}/commands`],
    ["GET", `/devices/${device.id}/commands`],
    ["GET", `/devices/${device.id}/logs`],
    ["GET", `/devices/${device.id}/meta`],
    ["PATCH", `/devices/${device.id}/meta`],
    ["POST", "/objects/missing"],
    ["PUT", `/objects/${"0".repeat(64)}`],
    ["POST", "/revisions"],
    ["GET", "/revisions"],
    ["GET", `/revisions/${"0".repeat(64)}`],
    ["DELETE", `/revisions/${"0".repeat(64)}`],
    ["POST", "/releases"],
    ["GET", "/releases"],
  ])("%s %s takes an operator's token", async (method, path) => {
    await world.ask("POST", "/enrol", { body: device.request });
    for (const token of [
      undefined,
      "join",
      newToken(),
      world.tokens.operator.slice(0, -1),
      `${world.tokens.operator}a`,
    ]) {
      const asked = await world.ask(method, path, token === undefined ? {} : { token });
      expect(asked).toMatchObject({ status: 401, body: { kind: "token" } });
    }
    const basic = await world.ask(method, path, { headers: { authorization: `Basic ${world.tokens.operator}` } });
    expect(basic.status).toBe(401);
    const { body } = await world.ask("GET", `/devices/${device.id}`, { token: "operator" });
    expect(body).toMatchObject({ status: "waiting", tags: [] });
  });

  test("a wrong join token is refused, and the device does not wait", async () => {
    const stranger = newDevice();
    const headers = { authorization: "Basic x" };
    for (const asking of [{ token: "operator" }, { token: newToken() }, { token: "x" }, { headers }]) {
      expect(await world.ask("POST", "/enrol", { ...asking, body: stranger.request })).toMatchObject({
        status: 403,
        body: { kind: "token" },
      });
    }
    expect(await world.ask("GET", `/devices/${stranger.id}`, { token: "operator" })).toMatchObject({ status: 404 });
  });
});

describe("what does not fit", () => {
  test.each([
    ["GET", "/", 404],
    ["GET", "/devices/", 404],
    ["GET", "/devices/aaaaaaaaaaaaa", 404],
    ["GET", "/devices/..%2f..%2fhub.db", 404],
    ["GET", "/devices/%zz", 404],
    ["GET", "/devices/%27%20OR%201%3D1", 404],
    ["GET", "/devices/a/b/c", 404],
    ["DELETE", "/devices", 405],
    ["GET", "/enrol", 405],
  ])("%s %s is %i", async (method, path, status) => {
    const asked = await world.ask(method, path, { token: "operator" });
    expect(asked).toMatchObject({ status, body: { error: expect.any(String), kind: expect.any(String) } });
  });

  test("a body above its route's limit is refused", async () => {
    expect((await world.ask("POST", "/enrol", { body: new Uint8Array(4097) })).status).toBe(413);
    expect((await world.ask("POST", "/enrol", { body: new Uint8Array(1 << 20) })).status).toBe(413);
    expect((await world.ask("POST", "/enrol", { body: new Uint8Array(4096) })).status).toBe(400);
    const tags = `/devices/${newDevice().id}/tags`;
    expect((await world.ask("PUT", tags, { token: "operator", body: "x".repeat(4097) })).status).toBe(413);
  });

  test("a path or headers without end are refused", async () => {
    expect((await world.ask("GET", `/${"x".repeat(4000)}`)).status).toBe(404);
    const asked = world.ask("GET", "/devices", { headers: { "x-long": "x".repeat(100_000) } });
    expect(await asked.then(({ status }) => status).catch(() => "cut off")).toBeOneOf([431, "cut off"]);
    expect((await world.ask("GET", "/authority")).status).toBe(200);
  });

  test("who speaks no TLS gets no answer", async () => {
    const socket = connect(Number(new URL(world.hub.url).port), "127.0.0.1");
    const closed = new Promise<string>((resolve) => {
      let said = "";
      socket.on("data", (bytes) => {
        said += bytes.toString("latin1");
      });
      socket.on("error", () => undefined);
      socket.on("close", () => resolve(said));
    });
    socket.write("GET /authority HTTP/1.1\r\nhost: x\r\n\r\n");
    expect(await closed).not.toContain("CERTIFICATE");
  });
});

test("who knows the authority's fingerprint knows the hub", async () => {
  const { body } = await world.ask("GET", "/authority");
  expect(body).toEqual({ fleet: "lab", authority: world.authority });
  const spki = new X509Certificate(world.authority).publicKey.export({ format: "der", type: "spki" });
  expect(world.hub.fingerprint).toBe(new Bun.CryptoHasher("sha256").update(spki).digest("hex"));
});

test("no token is in any file, and everything is for its owner alone", () => {
  const secrets = Object.values(world.tokens).map((token) => token.slice("cairn-".length));
  const files = readdirSync(world.folder, { recursive: true, encoding: "utf8" }).map((name) =>
    join(world.folder, name),
  );
  expect(files.length).toBeGreaterThan(8);
  for (const file of files.filter((name) => statSync(name).isFile())) {
    const text = readFileSync(file, "latin1");
    for (const secret of secrets) expect(text).not.toContain(secret);
    if (file.endsWith(".key") && !file.endsWith("device.key")) expect(statSync(file).mode & 0o777).toBe(0o600);
  }
  expect(statSync(join(world.folder, "hub.db")).mode & 0o777).toBe(0o600);
});

test("a certificate that ends soon is renewed, and HTTPS and broker have the new one", async () => {
  await using aging = await hubWorld();
  const ends = async (port: number): Promise<string> => {
    const words = ["s_client", "-connect", `127.0.0.1:${port}`];
    await using client = Bun.spawn(["openssl", ...words], { stdin: Buffer.from(""), stdout: "pipe", stderr: "ignore" });
    return openssl(["x509", "-noout", "-enddate"], await client.stdout.text()).toString();
  };
  const ports = [Number(new URL(aging.hub.url).port), aging.mqttPort];
  const before = await Promise.all(ports.map(ends));
  await aging.hub.renew();
  expect(await Promise.all(ports.map(ends))).toEqual(before);
  aging.wait(310 * DAY_MS);
  await aging.hub.renew();
  const after = await Promise.all(ports.map(ends));
  expect(after[0]).not.toBe(before[0] ?? "");
  expect(after[1]).toBe(after[0] ?? "");
  expect(aging.log.all).toContain("the certificate of the server was renewed");
});

test("a device whose clock stands at the authority's first day gets through TLS, also to a renewed certificate", async () => {
  await using aging = await hubWorld();
  aging.wait(310 * DAY_MS);
  await aging.hub.renew();
  const begins = Date.parse(new X509Certificate(aging.authority).validFrom) / 1000;
  const ca = join(aging.folder, "authority/authority.crt");
  const shake = async (port: number, atS: number): Promise<string> => {
    const words = ["s_client", "-connect", `127.0.0.1:${port}`, "-tls1_3", "-CAfile", ca, "-verify_return_error"];
    const streams = { stdin: Buffer.from(""), stdout: "pipe", stderr: "pipe" } as const;
    await using client = Bun.spawn(["openssl", ...words, "-attime", String(atS)], streams);
    return (await Promise.all([client.stdout.text(), client.stderr.text()])).join("");
  };
  for (const port of [Number(new URL(aging.hub.url).port), aging.mqttPort]) {
    for (const atS of [begins, begins + (310 * DAY_MS) / 1000]) {
      expect(await shake(port, atS)).toContain("Verify return code: 0 (ok)");
    }
    expect(await shake(port, begins - 1)).toMatch(/not yet valid/);
  }
});

describe("another start", () => {
  test("goes on with the same authority, devices, tokens and revocations", async () => {
    const [kept, revoked] = [newDevice(), newDevice()];
    for (const { request } of [kept, revoked]) await world.ask("POST", "/enrol", { token: "join", body: request });
    await world.ask("POST", `/devices/${revoked.id}/revoke`, { token: "operator" });
    const { fingerprint } = world.hub;
    const again = unwrap(await world.restart({ fleet: null }));
    expect([again.fingerprint, again.fleet as string, again.tokens]).toEqual([fingerprint, "lab", null]);
    const { body } = await world.ask("GET", `/devices/${revoked.id}`, { token: "operator" });
    expect(body).toMatchObject({ status: "revoked" });
    const list = openssl(["crl", "-noout", "-text", "-in", join(world.folder, "broker/revoked.crl")]).toString();
    expect(list).toMatch(/Serial Number/);
    expect(readFileSync(join(world.folder, "broker/acl"), "utf8")).toContain(`user ${revoked.id}\ntopic deny #\n`);
    expect(await world.ask("POST", "/enrol", { body: kept.request })).toMatchObject({ status: 200 });
  });

  test("refuses what cannot be, says why, and holds nothing", async () => {
    const refusal = async (options: Parameters<HubWorld["restart"]>[0]): Promise<string> => {
      const again = await world.restart(options);
      return again.ok ? "started" : explainHub(again.error);
    };
    expect(await refusal({ fleet: "yard" as FleetName })).toBe(
      'this is the hub of fleet "lab", and not of "yard": one folder has one fleet',
    );
    const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    expect(await refusal({ port: taken.port })).toMatch(/^listen on 127\.0\.0\.1 port \d+: /);
    expect(await refusal({ mqttPort: taken.port })).toMatch(/mosquitto ended at once: .*in use/);
    taken.stop(true);
    expect(await refusal({ host: unwrap(parseHost("192.0.2.1")) })).toMatch(/192\.0\.2\.1|assign/);
    const key = join(world.folder, "authority/order.key");
    renameSync(key, `${key}.lost`);
    expect(await refusal({})).toMatch(/order\.key is gone, and the devices of this hub believe nothing else/);
    renameSync(`${key}.lost`, key);
    unwrap(await world.restart());

    const twice = unwrap(parseHost("127.0.0.1"));
    const { serveHub } = await import("../../runtime/hub/index.ts");
    const { realDisk } = await import("../../runtime/store/index.ts");
    const second = await serveHub(
      {
        folder: world.folder,
        fleet: null,
        host: twice,
        hosts: [twice],
        port: 0,
        mqttPort: await freePort(),
        brokerUser: null,
        program: [],
      },
      { disk: realDisk, now: Date.now, log: () => undefined },
    );
    expect(second.ok ? "" : explainHub(second.error)).toMatch(/another hub works in this folder/);
  });
});
