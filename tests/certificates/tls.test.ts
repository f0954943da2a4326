/** What a hub issues, before the eyes of openssl. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Host,
  issueCertificate,
  issueRevocationList,
  newPrivateKey,
  type PrivateKey,
  type Purpose,
  parseHost,
  readPrivateKey,
} from "../../runtime/certificates/index.ts";
import { type Certificate, readCertificate, writePem } from "../../runtime/signatures/index.ts";
import { openssl } from "../signatures/openssl.ts";
import { unwrap } from "../signatures/signed-state.ts";

setDefaultTimeout(60_000); // many processes on a busy machine

const folder = mkdtempSync(join(tmpdir(), "cairn-tls-"));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

interface Made {
  readonly certificate: Certificate;
  readonly key: PrivateKey;
  readonly path: string;
}

const [notBeforeMs, notAfterMs] = [Date.UTC(2026, 0, 1), Date.UTC(2050, 0, 1)];
const at = ["-attime", String(Date.UTC(2040, 0) / 1000)];

function make(commonName: string, purpose: Purpose, by: Made | null): Made {
  const key = unwrap(readPrivateKey(newPrivateKey("p256")));
  const wish = { key: key.publicKey, commonName, purpose, notBeforeMs, notAfterMs };
  const der = issueCertificate(wish, { certificate: by?.certificate ?? null, key: by?.key ?? key });
  return {
    certificate: unwrap(readCertificate(der)),
    key,
    path: file(`${commonName}.crt`, writePem("CERTIFICATE", der)),
  };
}

const hosts: readonly Host[] = ["hub.example", "127.0.0.1", "fe80::1:2"].map((text) => unwrap(parseHost(text)));
const authority = make("authority", { kind: "authority", pathLengthMax: 0 }, null);
const server = make("server", { kind: "server", hosts }, authority);
const client = make("client", { kind: "client" }, authority);

const verify = (made: Made, ...more: string[]): string => {
  const words = ["verify", "-x509_strict", ...at, ...more, "-CAfile", authority.path, made.path];
  const { exitCode, stdout, stderr } = Bun.spawnSync(["openssl", ...words]);
  return exitCode === 0 ? stdout.toString().trim().slice(-2) : stderr.toString();
};
const described = (made: Made): string => openssl(["x509", "-in", made.path, "-noout", "-text"]).toString();

test("a server's certificate is good for its names and addresses, and for no other", () => {
  for (const more of [
    ["-verify_hostname", "hub.example"],
    ["-verify_ip", "127.0.0.1"],
    ["-verify_ip", "fe80::1:2"],
  ]) {
    expect(verify(server, "-purpose", "sslserver", ...more)).toBe("OK");
  }
  expect(verify(server, "-verify_hostname", "other.example")).toMatch(/hostname mismatch/i);
  expect(verify(server, "-verify_ip", "127.0.0.2")).toMatch(/IP address mismatch/i);
  expect(described(server)).toMatch(/DNS:hub\.example, IP Address:127\.0\.0\.1, IP Address:FE80:0:0:0:0:0:1:2\n/);
});

test("a server is no client, and a client no server", () => {
  expect(verify(client, "-purpose", "sslclient")).toBe("OK");
  expect(verify(client, "-purpose", "sslserver")).toMatch(/unsuitable certificate purpose/i);
  expect(verify(server, "-purpose", "sslclient")).toMatch(/unsuitable certificate purpose/i);
  expect(described(client)).toMatch(/Extended Key Usage: \n +TLS Web Client Authentication\n/);
});

test("below an authority of path length 0 there is no other authority", () => {
  expect(described(authority)).toMatch(/CA:TRUE, pathlen:0\n/);
  expect(authority.certificate.basicConstraints).toEqual({ authority: true, pathLengthMax: 0 });
  expect(verify(authority)).toBe("OK");
  const below = make("below", { kind: "authority", pathLengthMax: null }, authority);
  expect(verify(make("leaf", { kind: "client" }, below), "-untrusted", below.path)).toMatch(/path length/i);
});

test("a certificate is refused once it is on its authority's list, and no other", () => {
  const other = make("other", { kind: "client" }, authority);
  const list = (...revoked: readonly Made[]): string => {
    const wish = {
      revoked: revoked.map(({ certificate: { serial } }) => ({ serial, atMs: Date.UTC(2030, 1, 3, 4, 5, 6) })),
      number: 0x1_0000_0001,
      thisUpdateMs: notBeforeMs,
      nextUpdateMs: notAfterMs,
    };
    return file("list.pem", writePem("X509 CRL", issueRevocationList(wish, authority)));
  };
  const checked = (made: Made, crl: string): string => verify(made, "-crl_check", "-CRLfile", crl);
  expect(checked(client, list())).toBe("OK");
  expect(checked(client, list(client, server))).toMatch(/certificate revoked/i);
  expect(checked(other, list(client, server))).toBe("OK");
  const text = openssl(["crl", "-in", list(client), "-noout", "-text", "-CAfile", authority.path]).toString();
  expect(text).toMatch(/Version 2/);
  expect(text).toMatch(/Revocation Date: Feb {2}3 04:05:06 2030 GMT/);
  expect(text).toMatch(/X509v3 CRL Number: \n +(?:0x100000001|4294967297)\n/i);
  expect(text).toMatch(/X509v3 Authority Key Identifier/);
});
