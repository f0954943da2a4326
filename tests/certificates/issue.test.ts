import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { issueCertificate, type Purpose, readPrivateKey } from "../../runtime/certificates/index.ts";
import { type Certificate, readCertificate, writePem } from "../../runtime/signatures/index.ts";
import { openssl } from "../signatures/openssl.ts";
import { unwrap } from "../signatures/signed-state.ts";
import { vectorPath } from "../signatures/vectors.ts";

setDefaultTimeout(60_000); // many processes on a busy machine

const folder = mkdtempSync(join(tmpdir(), "cairn-certificate-"));
afterAll(() => rmSync(folder, { recursive: true }));

const keyOf = (name: string) => unwrap(readPrivateKey(readFileSync(vectorPath(`pki/${name}.key`), "utf8")));
const [notBeforeMs, notAfterMs] = [Date.UTC(2026, 0, 1), Date.UTC(2060, 0, 1)];

interface Made {
  readonly certificate: Certificate;
  readonly key: ReturnType<typeof keyOf>;
  readonly file: string;
}

let count = 0;

function make(name: string, keyName: string, by: Made | null, isAuthority: boolean): Made {
  const key = keyOf(keyName);
  const purpose: Purpose = isAuthority ? { kind: "authority", pathLengthMax: null } : { kind: "codeSigning" };
  const wish = { key: key.publicKey, commonName: name, purpose, notBeforeMs, notAfterMs };
  const der = issueCertificate(wish, { certificate: by?.certificate ?? null, key: by?.key ?? key });
  count += 1;
  const file = join(folder, `${count}.crt`);
  writeFileSync(file, writePem("CERTIFICATE", der));
  expect(issueCertificate(wish, { certificate: by?.certificate ?? null, key: by?.key ?? key })).toEqual(der);
  return { certificate: unwrap(readCertificate(der)), key, file };
}

const AT = ["-x509_strict", "-attime", String(Date.UTC(2040, 0) / 1000)];

describe.each(["dev-rsa", "dev-ec256", "dev-ec384"])("an authority with %s", (keyName) => {
  const root = make("Root é", keyName, null, true);
  const middle = make("Middle", "rogue", root, true);

  test.each(["dev-second", "dev-ec256", "dev-ec384"])("issues for %s what openssl verifies strictly", (leafKey) => {
    const leaf = make("Leaf", leafKey, middle, false);
    const answer = openssl(["verify", ...AT, "-CAfile", root.file, "-untrusted", middle.file, leaf.file]).toString();
    expect(answer).toEndWith(": OK\n");
    expect(leaf.certificate).toMatchObject({
      notBeforeMs,
      notAfterMs,
      keyUsage: { digitalSignature: true, certificateSign: false },
      basicConstraints: { authority: false },
      extendedKeyUsage: ["1.3.6.1.5.5.7.3.3"],
    });
  });

  test("is one to openssl, by itself", () => {
    expect(openssl(["verify", ...AT, "-CAfile", root.file, root.file]).toString()).toEndWith(": OK\n");
    const text = openssl(["x509", "-in", root.file, "-noout", "-text", "-nameopt", "utf8"]).toString();
    expect(text).toMatch(/CA:TRUE/);
    expect(text).toMatch(/Not After : Jan {2}1 00:00:00 2060 GMT/);
    expect(text).toMatch(/Subject: CN ?= ?Root é/);
  });
});
