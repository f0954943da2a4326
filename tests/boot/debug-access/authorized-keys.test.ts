import { expect, test } from "bun:test";
import { holdsKey } from "../../../runtime/boot/debug-access/authorized-keys.ts";
import { publicKey } from "./public-keys.ts";

const ed25519 = publicKey("ssh-ed25519");

test.each([
  ["a line", ed25519],
  ["with a comment", `${ed25519} jane@desk\n`],
  ["with options", `no-pty,command="logread -f" ${ed25519}`],
  ["after others", `# jane\n\nnonsense\n${publicKey("ecdsa-sha2-nistp256", 72)}\n`],
  ["of Windows", `${publicKey("ssh-rsa", 270)}\r\n`],
  ["of a token", publicKey("sk-ssh-ed25519@openssh.com", 60)],
])("a key is seen: %s", (_what, text) => {
  expect(holdsKey(text)).toBe(true);
});

test.each([
  ["nothing", ""],
  ["a comment", `# ${ed25519}`],
  ["a type alone", "ssh-ed25519"],
  ["a key cut off in front", ed25519.replace("AAAA", "")],
  ["a key of another type", ed25519.replace("ssh-ed25519", "ssh-rsa")],
  ["a private key", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n"],
  ["a key in two lines", ed25519.replace(" ", "\n")],
  ["a type that nobody serves any more", publicKey("ssh-dss", 400)],
])("no key is seen in %s", (_what, text) => {
  expect(holdsKey(text)).toBe(false);
});
