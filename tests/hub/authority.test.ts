import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ed25519 } from "@noble/curves/ed25519.js";
import {
  makeRequest,
  newPrivateKey,
  parseHost,
  readPrivateKey,
  readRequest,
} from "../../runtime/certificates/index.ts";
import { deviceIdOf } from "../../runtime/fleet/identity/index.ts";
import { base32, type FleetName } from "../../runtime/fleet/terms/index.ts";
import {
  certifyDevice,
  deviceOf,
  explainKeep,
  listRevoked,
  openKeys,
  openOrderKey,
} from "../../runtime/hub/authority/index.ts";
import { encodePublicKey, readCertificate, writePem } from "../../runtime/signatures/index.ts";
import { realDisk } from "../../runtime/store/index.ts";
import { openssl } from "../signatures/openssl.ts";
import { unwrap } from "../signatures/signed-state.ts";

setDefaultTimeout(60_000); // many processes on a busy machine

let folder = "";
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), "cairn-authority-")), "authority");
  known = false;
});
afterEach(() => rmSync(join(folder, ".."), { recursive: true }));

const DAY_MS = 86_400_000;
const start = Date.UTC(2030, 5, 1, 12);

/** There are devices. */
let known = false;
const open = (nowMs = start, ...hosts: readonly string[]) =>
  openKeys(realDisk, {
    folder,
    fleet: "lab" as FleetName,
    hosts: (hosts.length > 0 ? hosts : ["127.0.0.1"]).map((text) => unwrap(parseHost(text))),
    nowMs,
    known,
  });
const fileText = (name: string): string => readFileSync(join(folder, name), "utf8");
const all = (): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [name, fileText(name)]),
  );

const verify = (name: string, nowMs: number, ...more: readonly string[]): string => {
  const by = join(folder, name === "hub.crt" ? "devices.crt" : "authority.crt");
  const words = ["verify", "-x509_strict", "-attime", String(nowMs / 1000), "-CAfile", by];
  const { stdout, stderr } = Bun.spawnSync(["openssl", ...words, ...more, join(folder, name)]);
  return stdout.toString() + stderr.toString();
};

test("an empty folder becomes two authorities, a server and a client that openssl believes", async () => {
  unwrap(await open(start, "hub.example", "10.0.0.1"));
  expect(verify("server.crt", start, "-purpose", "sslserver", "-verify_hostname", "hub.example")).toEndWith("OK\n");
  expect(verify("server.crt", start, "-purpose", "sslserver", "-verify_ip", "10.0.0.1")).toEndWith("OK\n");
  expect(verify("hub.crt", start, "-purpose", "sslclient")).toEndWith("OK\n");
  expect(openssl(["x509", "-noout", "-text", "-in", join(folder, "authority.crt")]).toString()).toMatch(
    /Not After : May 27 00:00:00 2050 GMT[\s\S]*Subject: CN ?= ?lab servers\n[\s\S]*CA:TRUE, pathlen:0/,
  );
  expect(openssl(["pkey", "-noout", "-text", "-in", join(folder, "order.key")]).toString()).toMatch(/^ED25519/);
});

test("a server is believed on the first day of its authority, however late its certificate was made", async () => {
  unwrap(await open());
  const late = start + 400 * DAY_MS;
  unwrap(await open(late));
  for (const ms of [Date.UTC(2030, 5, 1), start, late, late + 364 * DAY_MS]) {
    expect(verify("server.crt", ms, "-purpose", "sslserver")).toEndWith("OK\n");
  }
  expect(verify("server.crt", Date.UTC(2030, 5, 1) - 1000)).toMatch(/not yet valid/i);
  expect(verify("hub.crt", start)).toMatch(/not yet valid/i);
});

test("in the last year of its authority a server's certificate ends with it, and stays as it is", async () => {
  unwrap(await open());
  const late = start + 20 * 365 * DAY_MS - 200 * DAY_MS;
  unwrap(await open(late));
  const renewed = all();
  unwrap(await open(late + 30 * DAY_MS));
  expect(all()).toEqual(renewed);
});

test("keys are for their owner alone", async () => {
  unwrap(await open());
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  const keys = readdirSync(folder)
    .sort()
    .filter((name) => name.endsWith(".key"));
  expect(keys).toEqual(["authority.key", "devices.key", "hub.key", "order.key", "server.key"]);
  for (const name of keys) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
});

test("another start changes nothing, until a certificate is near its end or the names are others", async () => {
  unwrap(await open());
  const first = all();
  unwrap(await open(start + 304 * DAY_MS));
  expect(all()).toEqual(first);

  const late = start + 306 * DAY_MS;
  unwrap(await open(late));
  const renewed = all();
  const changed = (before: Record<string, string>) =>
    Object.keys(before).filter((name) => all()[name] !== before[name]);
  expect(changed(first)).toEqual(["hub.crt", "server.crt"]);
  expect(verify("server.crt", late + 300 * DAY_MS)).toEndWith("OK\n");

  unwrap(await open(late, "other.example"));
  expect(changed(renewed)).toEqual(["server.crt"]);
});

test("a first start that was cut off is finished by the next", async () => {
  unwrap(await open());
  const key = fileText("authority.key");
  for (const name of ["authority.crt", "server.crt", "hub.key"]) rmSync(join(folder, name));
  unwrap(await open());
  expect(fileText("authority.key")).toBe(key);
  expect(verify("server.crt", start)).toEndWith("OK\n");
  expect(verify("hub.crt", start)).toEndWith("OK\n");
});

describe("an authority that cannot be used is left as it is", () => {
  test.each([
    ["its key is gone", () => rmSync(join(folder, "authority.key")), /authority\.key is gone.*bring it back/],
    ["its key is another", () => writeFileSync(join(folder, "authority.key"), newPrivateKey("p256")), /not the key of/],
    ["its key is no key", () => writeFileSync(join(folder, "authority.key"), "x"), /authority\.key: it has no PEM/],
    ["its certificate is none", () => writeFileSync(join(folder, "authority.crt"), "x"), /authority\.crt: it has no/],
  ])("%s", async (_why, spoil, said) => {
    unwrap(await open());
    spoil();
    const before = all();
    const opened = await open();
    expect(opened.ok ? "" : explainKeep(opened.error)).toMatch(said);
    expect(all()).toEqual(before);
  });
});

test.each([["authority.crt"], ["authority.key"], ["devices.crt"], ["devices.key"], ["order.key"]])(
  "what devices know is never made anew: without %s a hub that has some does not start",
  async (name) => {
    unwrap(await open());
    known = true;
    unwrap(await open());
    rmSync(join(folder, name));
    const before = all();
    const opened = await open();
    expect(opened.ok ? "" : explainKeep(opened.error)).toContain(`${name} is gone, and the devices of this hub`);
    expect(all()).toEqual(before);
  },
);

describe("order keys", () => {
  const epochs = async () => unwrap(await open()).order.map(({ epoch }) => epoch);
  const next = (epoch: number) => openOrderKey(realDisk, folder, epoch);

  test("are of one epoch after the other, each in a file of its own, and the last is the newest", async () => {
    const [first] = unwrap(await open()).order;
    for (const epoch of [2, 3]) unwrap(await next(epoch));
    const order = unwrap(await open()).order;
    expect(order.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
    expect(order[0].publicKey).toEqual(first.publicKey);
    expect(new Set(order.map(({ publicKey }) => Buffer.from(publicKey).toString("hex"))).size).toBe(3);
    for (const { publicKey, sign } of order) {
      const message = Buffer.from("order");
      expect(ed25519.verify(sign(message), message, publicKey)).toBe(true);
    }
    expect(statSync(join(folder, "order-3.key")).mode & 0o777).toBe(0o600);
    writeFileSync(join(folder, "order-03.key"), "x");
    writeFileSync(join(folder, "order-4.key.tmp"), "x");
    expect(await epochs()).toEqual([1, 2, 3]);
  });

  test("may lack the oldest, and none in between", async () => {
    unwrap(await open());
    for (const epoch of [2, 3, 4]) unwrap(await next(epoch));
    rmSync(join(folder, "order.key"));
    expect(await epochs()).toEqual([2, 3, 4]);
    rmSync(join(folder, "order-3.key"));
    const before = all();
    const opened = await open();
    expect(opened.ok ? "" : explainKeep(opened.error)).toMatch(/order-3\.key is gone.*bring it back/);
    expect(all()).toEqual(before);
  });

  test("that are none stop the hub", async () => {
    unwrap(await open());
    writeFileSync(join(folder, "order-2.key"), newPrivateKey("p256"));
    const opened = await open();
    expect(opened.ok ? "" : explainKeep(opened.error)).toMatch(/order-2\.key: it is no Ed25519 key/);
  });
});

describe("a device", () => {
  const key = unwrap(readPrivateKey(newPrivateKey("p256")));
  const id = deviceIdOf(key.publicKey);

  test("is called by its key", () => {
    const spki = writePem("PUBLIC KEY", encodePublicKey(key.publicKey));
    const digest = openssl(["pkey", "-pubin", "-outform", "DER"], spki);
    const sha = new Bun.CryptoHasher("sha256").update(digest).digest();
    const { stdout } = Bun.spawnSync(["base32"], { stdin: sha });
    expect(id as string).toBe(stdout.toString().toLowerCase().slice(0, 13));
  });

  test("gets a certificate for a year, for its own name and for nothing but being a client", async () => {
    const { authority } = unwrap(await open());
    const der = certifyDevice(authority, key.publicKey, start);
    writeFileSync(join(folder, "device.crt"), writePem("CERTIFICATE", der));
    expect(verify("device.crt", start, "-purpose", "sslclient")).toEndWith("OK\n");
    expect(verify("device.crt", start, "-purpose", "sslserver")).toMatch(/unsuitable certificate purpose/i);
    const { subject, notAfterMs } = unwrap(readCertificate(der));
    expect([subject.commonName, notAfterMs]).toEqual([id, Date.UTC(2031, 5, 1)]);
  });

  test("asks for its own name only", () => {
    const asking = (name: string) => deviceOf(unwrap(readRequest(makeRequest(name, key))));
    expect(asking(id)).toBe(id);
    for (const name of ["hub", "aaaaaaaaaaaaa", id.toUpperCase(), `${id}a`, "+", "#"]) expect(asking(name)).toBeNull();
  });

  test("never outlives the authority", async () => {
    const { authority } = unwrap(await open());
    const late = authority.certificate.notAfterMs - DAY_MS;
    expect(unwrap(readCertificate(certifyDevice(authority, key.publicKey, late))).notAfterMs).toBe(late + DAY_MS);
  });

  test("is refused by openssl once it is listed", async () => {
    const { authority } = unwrap(await open());
    const der = certifyDevice(authority, key.publicKey, start);
    writeFileSync(join(folder, "device.crt"), writePem("CERTIFICATE", der));
    const checked = (list: Uint8Array): string => {
      writeFileSync(join(folder, "list.pem"), writePem("X509 CRL", list));
      return verify("device.crt", start + 300 * DAY_MS, "-crl_check", "-CRLfile", join(folder, "list.pem"));
    };
    expect(checked(listRevoked(authority, [], start))).toEndWith("OK\n");
    const { serial } = unwrap(readCertificate(der));
    expect(checked(listRevoked(authority, [{ serial, atMs: start }], start))).toMatch(/certificate revoked/i);
  });
});

test("base32 is that of the RFC", () => {
  const cases = { "": "", f: "my", fo: "mzxq", foo: "mzxw6", foob: "mzxw6yq", fooba: "mzxw6ytb", foobar: "mzxw6ytboi" };
  for (const [text, wanted] of Object.entries(cases)) expect(base32(Buffer.from(text))).toBe(wanted);
});
