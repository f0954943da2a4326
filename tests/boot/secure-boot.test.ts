import { afterEach, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openSecureBoot } from "../../runtime/boot/secure-boot.ts";
import type { SecureBoot } from "../../runtime/boot/trust-store.ts";
import { ok } from "../../runtime/result.ts";
import { emptyFolder, removeFolders } from "../store/world.ts";

afterEach(removeFolders);

const vectors = join(import.meta.dir, "../signatures/vectors");
const stateOf = (name: string): string => readFileSync(join(vectors, `verify/${name}.state.json`), "utf8");
const covered = stateOf("v05-full-three-sigs");
const partly = stateOf("v01-part-rs256-x5c");
const unsigned = '{"#spec":"pantavisor-service-system@1"}';
/** Who signed it, by the common name of pki/rogue.crt. */
const ROGUE = "rogue";
const YEAR_2026 = Date.UTC(2026, 0, 1);

interface World {
  readonly mode?: "disabled" | "lenient" | "strict" | "audit" | null;
  /** Name in the trust folder → file of the vectors. */
  readonly trust?: Readonly<Record<string, string>>;
  readonly nowMs?: number;
  readonly oem?: string | null;
}

async function device({
  mode = null,
  trust = {},
  nowMs = YEAR_2026,
  oem = null,
}: World): Promise<SecureBoot & { warned: string[] }> {
  const etc = emptyFolder();
  const folder = join(etc, "pantavisor/pvs/trust");
  mkdirSync(folder, { recursive: true });
  for (const [name, file] of Object.entries(trust)) cpSync(join(vectors, "pki", file), join(folder, name));
  const warned: string[] = [];
  const config = {
    PV_SECUREBOOT_MODE: mode,
    PV_SECUREBOOT_TRUSTSTORE: "ca-certificates",
    PV_SECUREBOOT_OEM_TRUSTSTORE: "ca-oem-certificates",
    PV_OEM_NAME: oem,
    PV_SYSTEM_ETCDIR: etc,
  };
  const opened = await openSecureBoot({ config, wallMs: () => nowMs, warn: (text) => void warned.push(text) });
  return { ...opened, warned };
}

const root = { "ca-certificates.crt": "trust-a.pem" };
const said = (answer: ReturnType<SecureBoot["offered"]>): string => (answer.ok ? "accepted" : answer.error);

describe("the mode", () => {
  test("is strict with a trust store, and disabled without one, unless it is set", async () => {
    expect((await device({})).mode).toBe("disabled");
    expect((await device({ trust: root })).mode).toBe("strict");
    expect((await device({ trust: { "pub.pem": "dev-rsa.pub" } })).mode).toBe("strict");
    expect((await device({ trust: root, mode: "lenient" })).mode).toBe("lenient");
    expect((await device({ mode: "strict" })).mode).toBe("strict");
  });

  test("strict takes what is covered in full, and names what is not", async () => {
    const { offered, booted } = await device({ trust: root });
    for (const accepts of [offered, booted]) {
      expect(accepts(covered)).toEqual(ok(undefined));
      expect(said(accepts(partly))).toMatch(
        /^State not fully covered by signatures: #spec.*: sign them, or take them out$/,
      );
      expect(said(accepts(unsigned))).toMatch(/not fully covered by signatures: #spec/);
    }
  });

  test("strict without anybody who is trusted takes nothing", async () => {
    const { offered } = await device({ mode: "strict" });
    expect(said(offered(covered))).toContain('signature "_sigs/bsp.json": it is RS256, and no such key is trusted');
    expect(said(offered(unsigned))).toContain("not fully covered");
  });

  test("lenient wants signatures that are there to be good, and no more", async () => {
    const { offered } = await device({ trust: root, mode: "lenient" });
    for (const text of [covered, partly, unsigned]) expect(said(offered(text))).toBe("accepted");
    expect(said(offered(stateOf("t01-object-sha-changed")))).toMatch(
      /^signature "_sigs\/.*changed after it was signed/,
    );
    expect(said(offered(stateOf("t07-untrusted-ca")))).toMatch(/^signature "_sigs\/.*neither in x5c nor trusted/);
  });

  test("audit names what is not covered and takes it, but no bad signature", async () => {
    const { offered, warned } = await device({ trust: root, mode: "audit" });
    expect(said(offered(partly))).toBe("accepted");
    expect(warned.join()).toContain("not fully covered by signatures: #spec");
    expect(said(offered(stateOf("t02-inline-json-changed")))).toContain("changed after it was signed");
  });

  test("disabled looks at nothing", async () => {
    const { offered } = await device({ trust: root, mode: "disabled" });
    expect(said(offered(stateOf("t01-object-sha-changed")))).toBe("accepted");
  });
});

describe("trust", () => {
  test("a store that cannot be read leaves nobody trusted, whatever a state says", async () => {
    const broken = await device({ trust: { "ca-certificates.crt": "dev-rsa.key" } });
    for (const accepts of [broken.offered, broken.booted]) {
      for (const text of [covered, unsigned])
        expect(said(accepts(text))).toMatch(/^nobody is trusted: .*\.crt: it has no/);
    }
  });

  test("a public key of its own is enough for signatures without certificates", async () => {
    const { offered } = await device({ mode: "lenient", trust: { "pub.pem": "dev-rsa.pub" } });
    expect(said(offered(stateOf("v02-part-rs256-pubkey")))).toBe("accepted");
    const other = await device({ mode: "lenient", trust: { "pub.pem": "dev-second.pub" } });
    expect(said(other.offered(stateOf("v02-part-rs256-pubkey")))).toContain("changed after it was signed");
  });

  test("the OEM's own store counts for who bears its name, and only then", async () => {
    const signed = stateOf("t07-untrusted-ca"); // a container, by a signer of the second root
    const trust = { ...root, "ca-oem-certificates.crt": "root2.crt" };
    const answer = async (world: World): Promise<string> =>
      said((await device({ mode: "lenient", trust, ...world })).offered(signed));
    expect(await answer({ oem: ROGUE })).toBe("accepted");
    for (const world of [{ oem: null }, { oem: "somebody" }, { oem: ROGUE, trust: root }])
      expect([world, await answer(world)]).toEqual([world, expect.stringContaining("neither in x5c nor trusted")]);
  });
});

describe("the clock", () => {
  const expired = stateOf("t09-expired-leaf"); // until 2019

  test("an ended certificate brings no new revision, and keeps booting the old one", async () => {
    const { offered, booted } = await device({ mode: "lenient", trust: root });
    expect(said(offered(expired))).toContain("is valid until 2019");
    expect(said(booted(expired))).toBe("accepted");
    expect(said(booted(stateOf("t10-wrong-eku")))).toContain("codeSigning");
  });

  test("one that was never set is no reason to refuse, but the trust store's own age is known", async () => {
    const { offered } = await device({ mode: "lenient", trust: root, nowMs: 0 });
    expect(said(offered(covered))).toBe("accepted");
    expect(said(offered(expired))).toContain("is valid until 2019");
  });
});

test("the log hears of the mode and who is trusted", async () => {
  expect((await device({})).summary).toBe("signatures: disabled; nobody is trusted: there is no trust store");
  expect((await device({ trust: { ...root, "pub.pem": "dev-rsa.pub" } })).summary).toBe(
    "signatures: strict; 1 certificates and 1 keys are trusted",
  );
  expect((await device({ trust: { "ca-certificates.crt": "dev-rsa.key" } })).summary).toMatch(
    /^signatures: strict; nobody is trusted: /,
  );
});

test("a trust store is read once, when the device starts", async () => {
  const etc = emptyFolder();
  const folder = join(etc, "pantavisor/pvs/trust");
  mkdirSync(folder, { recursive: true });
  cpSync(join(vectors, "pki/trust-a.pem"), join(folder, "ca-certificates.crt"));
  const config = {
    PV_SECUREBOOT_MODE: null,
    PV_SECUREBOOT_TRUSTSTORE: "ca-certificates",
    PV_SECUREBOOT_OEM_TRUSTSTORE: "ca-oem-certificates",
    PV_OEM_NAME: null,
    PV_SYSTEM_ETCDIR: etc,
  };
  const { offered } = await openSecureBoot({ config, wallMs: () => YEAR_2026, warn: () => {} });
  writeFileSync(join(folder, "ca-certificates.crt"), "");
  expect(said(offered(covered))).toBe("accepted");
});
