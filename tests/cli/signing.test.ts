import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openssl } from "../signatures/openssl.ts";
import { sample, unsigned, withMember } from "../signatures/signed-state.ts";
import { vectorJson, vectorPath, vectorText } from "../signatures/vectors.ts";
import { cairn } from "./run-command.ts";

const folder = mkdtempSync(join(tmpdir(), "cairn-sign-"));
afterAll(() => rmSync(folder, { recursive: true }));

const pki = (file: string): string => vectorPath(`pki/${file}`);
const state = (name: string): string => vectorPath(`verify/${name}.state.json`);
let count = 0;

/** A repository with this committed state. */
function repository(committed: string): string {
  count += 1;
  const path = join(folder, `repo${count}`);
  mkdirSync(join(path, ".pvr"), { recursive: true });
  writeFileSync(join(path, ".pvr/json"), committed);
  return path;
}

/** Commits what was signed, as the user does next. */
function commit(repo: string, key: string): string {
  const committed = join(repo, ".pvr/json");
  const text = withMember(readFileSync(committed, "utf8"), key, JSON.parse(readFileSync(join(repo, key), "utf8")));
  writeFileSync(committed, text);
  return committed;
}

interface Answer {
  readonly result: string;
  readonly reason: string | null;
  readonly protected: readonly string[];
  readonly excluded: readonly string[];
  readonly notseen: readonly string[];
}

async function verify(...words: string[]): Promise<Answer & { readonly exit: number }> {
  const { exit, out } = await cairn("verify", ...words, "--json");
  return { exit, ...(JSON.parse(out) as Answer) };
}

describe("cairn verify", () => {
  const cases = vectorJson<readonly { readonly case: string; readonly want: string }[]>("index.json");
  test("answers every vector as it should, for scripts", async () => {
    for (const { case: name, want } of cases) {
      const {
        trust,
        only_signatures: only = [],
        observed,
      } = vectorJson<{
        readonly trust: { readonly cacerts: string | null; readonly pubkey: string | null };
        readonly only_signatures?: readonly string[];
        readonly observed: { readonly pvr: { readonly summary?: Partial<Answer> } };
      }>(`verify/${name}.expect.json`);
      const whom = trust.cacerts === null ? ["--key", pki(trust.pubkey ?? "")] : ["--trust", pki(trust.cacerts)];
      const answer = await verify("--state", state(name), ...whom, ...only.flatMap((key) => ["--only", key]));
      expect([name, answer.result, answer.exit]).toEqual([name, want, want === "ok" ? 0 : 1]);
      if (want === "fail") expect(answer.reason).toMatch(/.{20,}/);
      const lists = { protected: [], excluded: [], notseen: [], ...(want === "ok" ? observed.pvr.summary : {}) };
      expect(answer).toMatchObject(lists);
    }
  });

  test("says to people what is covered by what", async () => {
    const ran = await cairn(
      "verify",
      "--state",
      state("v05-full-three-sigs"),
      "--trust",
      pki("trust-a.pem"),
      "--strict",
    );
    expect(ran).toMatchObject({ exit: 0, err: "" });
    expect(ran.out).toMatch(/^_sigs\/web\.json: good, RS256 by "O=Vector Lab, CN=dev-rsa"$/m);
    expect(ran.out).toMatch(/^protected +web\/run\.json +_sigs\/web\.json$/m);
    expect(ran.out).toMatch(/^excluded +web\/src\.json/m);
  });

  test("with --strict refuses what nobody vouches for", async () => {
    const words = ["--state", state("v01-part-rs256-x5c"), "--trust", pki("trust-a.pem")];
    expect(await verify(...words)).toMatchObject({ exit: 0, result: "ok" });
    expect(await verify(...words, "--strict")).toMatchObject({
      exit: 1,
      result: "fail",
      reason: expect.stringMatching(/#spec, bsp/),
    });
  });

  test("does not take a state without signatures for a verified one", async () => {
    const path = join(folder, "unsigned.json");
    writeFileSync(path, unsigned);
    expect(await verify("--state", path, "--trust", pki("trust-a.pem"))).toMatchObject({
      exit: 1,
      result: "fail",
      protected: [],
    });
  });

  test("judges certificates at a time of choice, and ECDSA in the form of choice", async () => {
    const expired = ["--state", state("t09-expired-leaf"), "--trust", pki("trust-a.pem")];
    expect((await verify(...expired)).exit).toBe(1);
    expect((await verify(...expired, "--at", "any")).exit).toBe(0);
    expect((await verify(...expired, "--at", "1999-01-01")).reason).toMatch(/valid from/);
    expect(
      (await verify("--state", state("t16-es256-der-signature"), "--trust", pki("trust-a.pem"), "--ecdsa", "der")).exit,
    ).toBe(0);
  });

  test.each([
    [[], /give either --trust or --key/],
    [["--trust", pki("trust-a.pem"), "--key", pki("dev-rsa.pub")], /give either/],
    [["--trust", pki("dev-rsa.pub")], /no PEM block "CERTIFICATE"/],
    [["--trust", join("/nowhere", "x.pem")], /cannot be read \(ENOENT\)/],
    [["--key", pki("trust-a.pem")], /no PEM block "PUBLIC KEY"/],
    [["--trust", pki("trust-a.pem"), "--at", "soon"], /is no time/],
    [["--trust", pki("trust-a.pem"), "--ecdsa", "asn1"], /neither raw nor der/],
    [
      ["--trust", pki("trust-a.pem"), "--state", "/nowhere/state.json"],
      /state \/nowhere\/state.json: it cannot be read/,
    ],
    [["--trust", pki("trust-a.pem"), "surplus"], /one argument too many/],
  ])("%j is wrong usage", async (words, sentence) => {
    const ran = await cairn("verify", "--state", state("v01-part-rs256-x5c"), ...words);
    expect([ran.exit, ran.out]).toEqual([2, ""]);
    expect(ran.err).toMatch(sentence);
  });

  test("in a repository is about what is committed", async () => {
    const repo = repository(sample);
    const main = join(import.meta.dir, "../../runtime/main.ts");
    const child = Bun.spawnSync(
      [process.execPath, main, "verify", "--key", pki("dev-second.pub"), "--only", "_sigs/web.json", "--json"],
      { cwd: repo },
    );
    expect([child.exitCode, JSON.parse(child.stdout.toString()).result]).toEqual([0, "ok"]);
  });
});

describe("cairn sign", () => {
  test("signs parts and the rest, which then verify and cover everything", async () => {
    const repo = repository(unsigned);
    const key = ["--key", pki("dev-rsa.key"), "--x5c", pki("dev-rsa.chain.pem"), "--repo", repo];
    const parts = await cairn("sign", "--part", "web", "--part", "metrics", ...key);
    expect(parts).toMatchObject({ exit: 0, err: "" });
    expect(parts.out).toBe(
      [
        "_sigs/web.json: RS256, protects 3 keys",
        "_sigs/metrics.json: RS256, protects 3 keys",
        "next: cairn add _sigs/web.json _sigs/metrics.json && cairn commit",
        "",
      ].join("\n"),
    );
    const include = ["bsp/**", "#spec", "device.json"].flatMap((glob) => ["--include", glob]);
    const raw = await cairn("sign", "--raw", "bsp", ...include, "--exclude", "bsp/src.json", "--json", ...key);
    expect(JSON.parse(raw.out)).toMatchObject({
      key: "_sigs/bsp.json",
      algorithm: "RS256",
      protected: ["#spec", "bsp/kernel.img", "bsp/pantavisor", "bsp/run.json", "device.json"],
    });
    expect(existsSync(join(repo, ".pvr/new"))).toBe(false); // the commit is the user's
    for (const name of ["web", "metrics", "bsp"]) commit(repo, `_sigs/${name}.json`);
    const words = ["--state", join(repo, ".pvr/json"), "--trust", pki("trust-a.pem"), "--strict"];
    expect(await verify(...words)).toMatchObject({ exit: 0, result: "ok" });
  });

  test("signs what is committed, not what lies in the working copy", async () => {
    const repo = repository(unsigned);
    mkdirSync(join(repo, "web"));
    writeFileSync(join(repo, "web/run.json"), "{}");
    await cairn("sign", "--part", "web", "--key", pki("dev-ec256.key"), "--repo", repo);
    const text = commit(repo, "_sigs/web.json");
    expect(await verify("--state", text, "--key", pki("dev-ec256.pub"))).toMatchObject({ result: "ok" });
  });

  test("signs everything at once, its own file left out", async () => {
    const repo = repository(unsigned);
    await cairn("sign", "--raw", "all", "--key", pki("dev-ec384.key"), "--repo", repo);
    const text = commit(repo, "_sigs/all.json");
    expect(await verify("--state", text, "--key", pki("dev-ec384.pub"), "--strict")).toMatchObject({
      result: "ok",
      excluded: ["_sigs/all.json"],
    });
  });

  test("signs again what was signed before, with its patterns and certificates, after a change", async () => {
    const repo = repository(unsigned);
    const key = ["--key", pki("dev-rsa.key"), "--repo", repo];
    await cairn("sign", "--part", "web", "-n", "--with-payload", "--x5c", pki("dev-rsa.chain.pem"), ...key);
    const text = commit(repo, "_sigs/web.json");
    writeFileSync(text, withMember(readFileSync(text, "utf8"), "web/run.json", { name: "web", type: "lxc" }));
    const trusted = ["--state", text, "--trust", pki("trust-a.pem")];
    expect(await verify(...trusted)).toMatchObject({ result: "fail" });
    expect(await cairn("sign", "--update", "--only", "_sigs/web.json", ...key)).toMatchObject({ exit: 0 });
    commit(repo, "_sigs/web.json");
    expect(await verify(...trusted)).toMatchObject({ result: "ok" });
    const element = JSON.parse(readFileSync(join(repo, "_sigs/web.json"), "utf8"));
    expect(Buffer.from(element.payload, "base64url").toString()).toContain(
      '"web/run.json":{"name":"web","type":"lxc"}',
    );
    // Another signer's certificates are not kept: they would belong to nobody.
    await cairn("sign", "--update", "--key", pki("dev-ec256.key"), "--repo", repo);
    commit(repo, "_sigs/web.json");
    expect(await verify("--state", text, "--key", pki("dev-ec256.pub"))).toMatchObject({ result: "ok" });
    expect(await verify(...trusted)).toMatchObject({ result: "fail" });
  });

  test("lets a program sign, whose key comes from a certificate or a file", async () => {
    const repo = repository(unsigned);
    const signer = ["--signer", `openssl dgst -sha256 -sign ${pki("dev-ec256.key")}`, "--repo", repo];
    for (const known of [
      ["--x5c", pki("dev-ec256.chain.pem")],
      ["--pubkey", pki("dev-ec256.pub")],
      ["--pubkey", pki("dev-ec256.crt")],
    ]) {
      expect(await cairn("sign", "--part", "web", ...signer, ...known)).toMatchObject({ exit: 0, err: "" });
    }
    expect(await cairn("sign", "--part", "web", ...signer)).toMatchObject({ exit: 2 });
    expect(await cairn("sign", "--part", "web", ...signer, "--pubkey", pki("dev-rsa.pub"))).toMatchObject({ exit: 1 });
  });

  test("writes ECDSA in DER when it is wanted", async () => {
    const repo = repository(unsigned);
    await cairn("sign", "--part", "web", "--key", pki("dev-ec256.key"), "--ecdsa", "der", "--repo", repo);
    const words = ["--state", commit(repo, "_sigs/web.json"), "--key", pki("dev-ec256.pub")];
    expect((await verify(...words)).exit).toBe(1);
    expect((await verify(...words, "--ecdsa", "der")).exit).toBe(0);
  });

  test.each([
    [["--part", "none"], 1, /match nothing of the committed state/],
    [["--part", "web", "--part", "none"], 1, /"_sigs\/none.json"/],
    [["--part", "../x"], 1, /is no name of a part/],
    [["--update"], 1, /no signature to make again/],
    [["--update", "--only", "_sigs/x.json"], 1, /no signature _sigs\/x.json/],
    [["--raw", "x", "--include", "[a"], 1, /has a \[ or { without its end/],
    [["--part", "web", "--repo", "/nowhere"], 1, /is \/nowhere a repository\?/],
    [[], 2, /give one of --part, --raw and --update/],
    [["--part", "web", "--raw", "x"], 2, /give one of/],
    [["--part", "web", "--signer", "true"], 2, /give either --key or --signer/],
    [["--part", "web", "--pubkey", "x"], 2, /--pubkey goes with --signer/],
    [["--update", "--include", "x"], 2, /keeps the patterns/],
    [["--part", "web", "--only", "x"], 2, /--only goes with --update/],
    [["--raw", "x", "-n"], 2, /--noconfig goes with --part/],
    [["--part", "web", "--x5c", pki("dev-rsa.pub")], 2, /no PEM block "CERTIFICATE"/],
  ])("%j is refused, and nothing is written", async (words, exit, sentence) => {
    const repo = repository(unsigned);
    const where = words.includes("--repo") ? [] : ["--repo", repo];
    const ran = await cairn("sign", ...words, "--key", pki("dev-rsa.key"), ...where);
    expect([ran.exit, ran.out]).toEqual([exit, ""]);
    expect(ran.err).toMatch(sentence);
    expect(existsSync(join(repo, "_sigs"))).toBe(false);
  });
});

describe("cairn key", () => {
  const path = (name: string): string => join(folder, name);

  test("new makes a key that its owner alone can read, and never overwrites one", async () => {
    const file = path("own.pem");
    expect(await cairn("key", "new", file)).toMatchObject({ exit: 0, err: "" });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const before = readFileSync(file, "utf8");
    expect(openssl(["pkey", "-noout", "-text"], before).toString()).toMatch(/prime256v1/);
    const again = await cairn("key", "new", file);
    expect(again.exit).toBe(1);
    expect(again.err).toMatch(/is there already: it was left as it is/);
    expect(readFileSync(file, "utf8")).toBe(before);
  });

  test("new makes no key when the certificate's place is taken", async () => {
    writeFileSync(path("taken.crt"), "mine");
    expect((await cairn("key", "new", path("taken.pem"), "--self-signed", "x")).exit).toBe(1);
    expect([existsSync(path("taken.pem")), readFileSync(path("taken.crt"), "utf8")]).toEqual([false, "mine"]);
  });

  test("new makes an authority and signers below it; what they sign leads to it", async () => {
    await cairn("key", "new", path("root.pem"), "--type", "p384", "--self-signed", "Root", "--authority");
    const authority = ["--ca", path("root.crt"), "--ca-key", path("root.pem")];
    await cairn("key", "new", path("web.key"), "--type", "rsa", "--issued", "web signer", "--days", "30", ...authority);
    expect(openssl(["verify", "-x509_strict", "-CAfile", path("root.crt"), path("web.crt")]).toString()).toEndWith(
      ": OK\n",
    );
    const repo = repository(unsigned);
    await cairn("sign", "--raw", "all", "--key", path("web.key"), "--x5c", path("web.crt"), "--repo", repo);
    const text = commit(repo, "_sigs/all.json");
    const trusted = ["--state", text, "--trust", path("root.crt"), "--strict"];
    expect(await verify(...trusted)).toMatchObject({ result: "ok" });
    expect((await verify(...trusted, "--at", "2099-01-01")).reason).toMatch(/web signer.* is valid until/);
    const wrong = await cairn(
      "key",
      "new",
      path("x.pem"),
      "--issued",
      "x",
      "--ca",
      path("web.crt"),
      "--ca-key",
      path("web.key"),
    );
    expect([wrong.exit, wrong.err]).toEqual([2, expect.stringMatching(/may not sign others/)]);
    const other = await cairn(
      "key",
      "new",
      path("x.pem"),
      "--issued",
      "x",
      "--ca",
      path("root.crt"),
      "--ca-key",
      path("web.key"),
    );
    expect([other.exit, other.err]).toEqual([2, expect.stringMatching(/is not the key of the certificate/)]);
  });

  test.each([
    [["--type", "dsa"], /none of p256, p384 and rsa/],
    [["--issued", "x"], /go together/],
    [["--authority"], /about a certificate/],
    [["--self-signed", "x", "--days", "0"], /is no number of days/],
    [["--self-signed", "x".repeat(65)], /1 to 64 bytes/],
  ])("new %j is wrong usage", async (words, sentence) => {
    const ran = await cairn("key", "new", path("never.pem"), ...words);
    expect([ran.exit, ran.err]).toEqual([2, expect.stringMatching(sentence)]);
    expect(existsSync(path("never.pem"))).toBe(false);
  });

  test("show says the same of a key, its public half and its certificate", async () => {
    const shown = async (file: string) => JSON.parse((await cairn("key", "show", pki(file), "--json")).out);
    const [secret, open, certificate] = [
      await shown("dev-rsa.key"),
      await shown("dev-rsa.pub"),
      await shown("dev-rsa.crt"),
    ];
    expect([secret.what, open.what, certificate.what]).toEqual(["private key", "public key", "certificate"]);
    expect(open).toMatchObject({ kind: "RSA 2048", fingerprint: secret.fingerprint, jwk: secret.jwk });
    expect(certificate).toMatchObject({ fingerprint: secret.fingerprint, subject: '"O=Vector Lab, CN=dev-rsa"' });
    expect(secret.jwk).toEqual({ kty: "RSA", n: expect.any(String), e: "AQAB" });
    expect((await cairn("key", "show", pki("dev-rsa.key"), "--pem")).out).toBe(vectorText("pki/dev-rsa.pub"));
    expect((await cairn("key", "show", pki("dev-ec256.key"))).out).toMatch(/^kind: EC P-256$/m);
    expect(await cairn("key", "show", state("v01-part-rs256-x5c"))).toMatchObject({ exit: 2, out: "" });
  });
});
