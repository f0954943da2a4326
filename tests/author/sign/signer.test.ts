import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { commandSigner, explainSign, signState } from "../../../runtime/author/sign/index.ts";
import { verifyState } from "../../../runtime/signatures/index.ts";
import { keyOf, NOW, unsigned, withMember } from "../../signatures/signed-state.ts";
import { vectorPath } from "../../signatures/vectors.ts";

setDefaultTimeout(60_000); // many processes on a busy machine

const target = { key: "_sigs/web.json", include: ["web/**"], exclude: ["web/src.json", "_sigs/web.json"] };
const options = { x5c: [], form: "raw", withPayload: false } as const;
const file = (name: string): string => vectorPath(`pki/${name}.key`);

const signing = (command: string, key: string) =>
  signState(unsigned, target, commandSigner(command, keyOf(`${key}.pub`)), options);

describe("a program that signs", () => {
  test.each([
    ["dev-rsa", `openssl dgst -sha256 -sign ${file("dev-rsa")}`],
    ["dev-ec256", `openssl dgst -sha256 -sign ${file("dev-ec256")}`],
    ["dev-ec384", `openssl dgst -$CAIRN_SIGN_HASH -sign ${file("dev-ec384")}`],
    ["dev-ec256", `openssl pkeyutl -sign -rawin -digest sha256 -inkey ${file("dev-ec256")} -in /dev/stdin`],
    ["dev-ec256", `openssl dgst -sha256 -binary | openssl pkeyutl -sign -inkey ${file("dev-ec256")} -in /dev/stdin`],
    ["dev-ec256", `[ $CAIRN_SIGN_ALGORITHM = ES256 ] && openssl dgst -sha256 -sign ${file("dev-ec256")}`],
  ])("makes a signature of %s that verifies: %s", async (key, command) => {
    const made = await signing(command, key);
    if (!made.ok) throw new Error(explainSign(made.error));
    const state = withMember(unsigned, target.key, JSON.parse(made.value.text));
    const result = verifyState(state, { certificates: [], keys: [keyOf(`${key}.pub`)] }, { nowMs: NOW });
    expect(result.ok && result.value.protected).toEqual(made.value.protected);
  });

  test.each([
    ["fails", "exit 7", /ended with exit code 7/],
    ["is not there", "no-such-program-anywhere", /ended with exit code 127/],
    ["says nothing", "true", /answered 0 bytes, which are no signature/],
    [
      "answers for another key",
      `openssl dgst -sha256 -sign ${file("dev-second")}`,
      /does the key belong to the signer/,
    ],
    ["signs something else", `echo x | openssl dgst -sha256 -sign ${file("dev-rsa")}`, /no signature of this content/],
    ["never ends its answer", "cat /dev/zero", /wrote more than 4096 bytes/],
  ])("and %s makes none", async (_what, command, sentence) => {
    const made = await signing(command, "dev-rsa");
    expect(made.ok ? "ok" : explainSign(made.error)).toMatch(sentence);
  });
});

test("a signature over nothing is not made, and says what to do", async () => {
  const made = await signState("{}", target, commandSigner("true", keyOf("dev-rsa.pub")), options);
  expect(made.ok ? "ok" : explainSign(made.error)).toMatch(/match nothing of the committed state: commit/);
});

test("a certificate of another key is not sent along", async () => {
  const { certificatesOf } = await import("../../signatures/signed-state.ts");
  const x5c = certificatesOf("dev-second.chain.pem");
  const signer = commandSigner("true", keyOf("dev-rsa.pub"));
  const made = await signState(unsigned, target, signer, { ...options, x5c });
  expect(made.ok ? "ok" : explainSign(made.error)).toMatch(/is of another key/);
});

test("the worked example of the reference is made byte for byte, and openssl verifies it", async () => {
  const text = (name: string): string => readFileSync(vectorPath(`example/${name}`), "utf8");
  const { keySigner, partTarget } = await import("../../../runtime/author/sign/index.ts");
  const { readPrivateKey } = await import("../../../runtime/certificates/index.ts");
  const key = readPrivateKey(text("ex.key"));
  const part = partTarget("hello", { include: [], exclude: [], config: true });
  if (!key.ok || !part.ok) throw new Error("a key and a part");
  const made = await signState(text("state.json"), part.value, keySigner(key.value), options);
  expect(made.ok && made.value.text).toBe(text("hello.json"));
  const { signature } = JSON.parse(text("hello.json"));
  const sig = Buffer.from(signature, "base64url");
  const check = Bun.spawnSync(
    [
      "sh",
      "-c",
      'f=$(mktemp) && cat >"$f" && openssl dgst -sha256 -verify "$0" -signature "$f" "$1"; e=$?; rm "$f"; exit $e',
      vectorPath("example/ex.pub"),
      vectorPath("example/signing-input.txt"),
    ],
    { stdin: sig },
  );
  expect(check.stdout.toString()).toBe("Verified OK\n");
});
