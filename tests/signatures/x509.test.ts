import { afterAll, describe, expect, test } from "bun:test";
import { type Certificate, readCertificate } from "../../runtime/signatures/index.ts";
import { explainChain, findChain } from "../../runtime/signatures/x509/index.ts";
import { type Issued, openAuthority, openssl, type Wish } from "./openssl.ts";
import { certificatesOf, unwrap } from "./signed-state.ts";

const authority = openAuthority();
afterAll(() => authority.close());

const CA = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"];
const LEAF = [
  "basicConstraints=critical,CA:FALSE",
  "keyUsage=critical,digitalSignature",
  "extendedKeyUsage=codeSigning",
];
const issue = (
  name: string,
  key: string,
  by: Issued | null,
  extensions: readonly string[],
  more: Partial<Wish> = {},
): Issued => authority.issue({ name, key, by, extensions, ...more });

const root = issue("Root", "dev-ec384", null, CA);
const inter = issue("Inter", "dev-rsa", root, CA);
const leaf = issue("Leaf", "dev-ec256", inter, LEAF);
const NOW = Date.now() + 60_000;

/** Names of the way that was found, or why there is none. */
function wayOf(leaf: Issued, others: readonly Issued[], store: readonly Issued[] = [root], nowMs: number | null = NOW) {
  const certificates = (list: readonly Issued[]): readonly Certificate[] => list.map(({ certificate }) => certificate);
  const found = findChain(leaf.certificate, certificates(others), certificates(store), { nowMs });
  if (found.ok) return found.value.map(({ subject }) => subject.commonName);
  expect(explainChain(found.error, JSON.stringify)).toMatch(/.{20,}/);
  return found.error;
}

describe("a certificate made by openssl", () => {
  test("is read to what openssl shows", () => {
    const { certificate, file } = leaf;
    expect(certificate.subject.text).toBe("O=Test, CN=Leaf");
    expect(certificate.issuer.text).toBe("O=Test, CN=Inter");
    const dates = openssl(["x509", "-in", file, "-noout", "-startdate", "-enddate"]).toString();
    const [start, end] = [...dates.matchAll(/=(.*)/g)].map(([, date]) => Date.parse(date ?? ""));
    expect<unknown>([certificate.notBeforeMs, certificate.notAfterMs]).toEqual([start, end]);
    expect(certificate).toMatchObject({
      basicConstraints: { authority: false, pathLengthMax: null },
      keyUsage: { digitalSignature: true, certificateSign: false },
      extendedKeyUsage: ["1.3.6.1.5.5.7.3.3"],
      signatureAlgorithm: { scheme: "rsa", hash: "sha256" },
      unknownCritical: [],
    });
  });

  test("leads to the root by way of what comes along, in any order and with others among them", () => {
    expect(wayOf(leaf, [inter])).toEqual(["Leaf", "Inter", "Root"]);
    expect(wayOf(leaf, [root, issue("Other", "rogue", null, CA), inter])).toEqual(["Leaf", "Inter", "Root"]);
    expect(wayOf(leaf, [], [root, inter])).toEqual(["Leaf", "Inter"]);
    expect(wayOf(leaf, [], [leaf])).toEqual(["Leaf"]);
  });

  test.each(["sha256", "sha384", "sha512"])("may be signed with %s, by RSA and by each curve", (digest) => {
    for (const key of ["dev-rsa", "dev-ec256", "dev-ec384", "dev-ec521"]) {
      const top = issue(`Root ${key}`, key, null, CA);
      expect(wayOf(issue("L", "dev-second", top, LEAF, { digest }), [], [top])).toEqual(["L", `Root ${key}`]);
    }
  });

  test("finds another way when one is blocked", () => {
    const expired = issue("Inter", "dev-rsa", root, CA, { days: 1 });
    const crossed = issue("Inter", "dev-rsa", issue("Elsewhere", "rogue", null, CA), CA);
    const late = NOW + 5 * 86_400_000;
    expect(wayOf(leaf, [crossed, expired, inter], [root], late)).toEqual(["Leaf", "Inter", "Root"]);
    expect(wayOf(leaf, [crossed, expired], [root], late)).toMatchObject({ kind: "noIssuer" });
  });

  test("may lack usage, constraints and purposes", () => {
    expect(wayOf(issue("L", "dev-ec256", inter, ["subjectKeyIdentifier=hash"]), [inter])).toHaveLength(3);
    expect(wayOf(issue("L", "dev-ec256", inter, ["extendedKeyUsage=anyExtendedKeyUsage"]), [inter])).toHaveLength(3);
    expect(wayOf(issue("L", "dev-ec256", inter, ["subjectAltName=critical,DNS:a.example"]), [inter])).toHaveLength(3);
    expect(wayOf(issue("L", "dev-ec256", inter, []), [inter])).toHaveLength(3); // version 1
  });
});

describe("a certificate is not believed", () => {
  const leafOf = (extensions: readonly string[], more: Partial<Wish> = {}) =>
    issue("L", "dev-ec256", inter, extensions, more);
  const through = (extensions: readonly string[], more: Partial<Wish> = {}) => {
    const middle = issue("M", "dev-second", root, extensions, more);
    return [issue("L", "dev-ec256", middle, LEAF), [middle]] as const;
  };

  test.each([
    [
      "for another purpose",
      leafOf(["extendedKeyUsage=serverAuth,clientAuth"]),
      { kind: "usage", wanted: "codeSigning" },
    ],
    [
      "whose key may not sign",
      leafOf(["keyUsage=critical,keyAgreement"]),
      { kind: "usage", wanted: "digitalSignature" },
    ],
    [
      "with a critical extension that we do not know",
      leafOf([...LEAF, "1.2.3.4=critical,ASN1:NULL"]),
      { kind: "critical", oid: "1.2.3.4" },
    ],
    ["with critical policies", leafOf([...LEAF, "certificatePolicies=critical,1.2.3"]), { kind: "critical" }],
    ["signed with SHA-1", leafOf(LEAF, { digest: "sha1" }), { kind: "algorithm" }],
  ])("%s", (_what, certificate, fault) => {
    expect(wayOf(certificate, [inter])).toMatchObject(fault);
  });

  test.each([
    ["by one that is no authority", through(LEAF), { kind: "authority", what: "ca" }],
    ["by one without constraints", through(["keyUsage=keyCertSign"]), { kind: "authority", what: "ca" }],
    ["by one of version 1", through([]), { kind: "authority", what: "ca" }],
    [
      "by an authority that may not sign certificates",
      through(["basicConstraints=CA:TRUE", "keyUsage=cRLSign"]),
      { kind: "authority", what: "keyCertSign" },
    ],
    ["by an authority for another purpose", through([...CA, "extendedKeyUsage=serverAuth"]), { kind: "usage" }],
    [
      "by an authority bound to names",
      through([...CA, "nameConstraints=critical,permitted;DNS:a.example"]),
      { kind: "critical", oid: "2.5.29.30" },
    ],
    [
      "by a leaf of ours",
      [issue("L", "dev-second", leaf, LEAF), [leaf, inter]] as const,
      { kind: "authority", what: "ca" },
    ],
  ])("issued %s", (_what, [certificate, others], fault) => {
    expect(wayOf(certificate, others)).toMatchObject(fault);
  });

  test("through more authorities than one of them allows", () => {
    const short = issue("Short", "dev-ec384", null, [
      "basicConstraints=critical,CA:TRUE,pathlen:0",
      "keyUsage=keyCertSign",
    ]);
    const below = issue("Below", "dev-rsa", short, CA);
    expect(wayOf(issue("L", "dev-ec256", below, LEAF), [below], [short])).toMatchObject({
      kind: "authority",
      what: "pathLength",
    });
    expect(wayOf(issue("L", "dev-ec256", short, LEAF), [], [short])).toEqual(["L", "Short"]);
  });

  test("before and after its time, and that of those above it", () => {
    expect(wayOf(leaf, [inter], [root], leaf.certificate.notBeforeMs - 1)).toMatchObject({ kind: "notYet" });
    expect(wayOf(leaf, [inter], [root], leaf.certificate.notBeforeMs)).toHaveLength(3);
    expect(wayOf(leaf, [inter], [root], leaf.certificate.notAfterMs + 1)).toMatchObject({ kind: "expired" });
    expect(wayOf(leaf, [inter], [root], null)).toHaveLength(3);
    const brief = issue("Root", "dev-ec384", null, CA, { days: 1 });
    expect(wayOf(leaf, [inter], [brief], NOW + 2 * 86_400_000)).toMatchObject({
      kind: "expired",
      subject: "O=Test, CN=Root",
    });
  });

  test("with the name of an authority and another's key", () => {
    const twin = issue("Root", "dev-ec256", null, CA);
    expect(wayOf(leaf, [inter], [twin])).toMatchObject({ kind: "signature", subject: "O=Test, CN=Inter" });
    expect(wayOf(leaf, [issue("Inter", "dev-second", root, CA)])).toMatchObject({ kind: "signature" });
  });

  test("in a circle, and in a crowd of the same name, however many there are", () => {
    const a = issue("A", "dev-rsa", null, CA);
    const b = issue("B", "dev-second", a, CA);
    const circle = issue("A", "dev-rsa", b, CA);
    expect(wayOf(issue("L", "dev-ec256", circle, LEAF), [circle, b, a])).toMatchObject({ kind: "noIssuer" });
    const crowd = Array.from({ length: 8 }, () => issue("A", "dev-rsa", null, CA));
    expect(wayOf(issue("L", "dev-ec256", a, LEAF), crowd)).toMatchObject({
      kind: expect.stringMatching(/tooLong|noIssuer/),
    });
  });
});

describe("reading a certificate", () => {
  const [genuine] = certificatesOf("dev-rsa.crt");
  const der = genuine?.der ?? new Uint8Array();

  test("refuses each byte that is missing at the end, and each that is added", () => {
    for (let length = 0; length < der.length; length += 1)
      expect(readCertificate(der.subarray(0, length)).ok).toBe(false);
    expect(readCertificate(Buffer.concat([der, Uint8Array.of(0)])).ok).toBe(false);
  });

  test("with any bit flipped either refuses it or reads a certificate that its issuer did not sign", () => {
    const issuers = certificatesOf("inter.crt");
    const at = { nowMs: Date.UTC(2026, 0) };
    expect(findChain(unwrap(readCertificate(der)), [], issuers, at).ok).toBe(true);
    for (let bit = 0; bit < der.length * 8; bit += 1) {
      const flipped = Uint8Array.from(der);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const read = readCertificate(flipped);
      if (read.ok) expect(findChain(read.value, [], issuers, at).ok).toBe(false);
    }
  }, 30_000);

  test("keeps names that are hostile apart from what they look like", () => {
    const one = issue("a\\, CN=Root", "dev-ec256", null, LEAF);
    expect(one.certificate.subject.commonName).toBe("a, CN=Root");
    const two = authority.issue({ name: "Root/CN=Other", key: "dev-ec256", by: null, extensions: LEAF });
    expect(two.certificate.subject.commonName).toBeNull();
  });
});
