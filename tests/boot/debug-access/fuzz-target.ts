/** Mutants of authorized_keys, which whoever writes user-meta sends. */
import { holdsKey } from "../../../runtime/boot/debug-access/authorized-keys.ts";
import { mutantBytes } from "../../fuzz/bytes.ts";
import type { Target } from "../../fuzz/campaign.ts";
import { publicKey } from "./public-keys.ts";

const CORPUS = [
  publicKey("ssh-ed25519"),
  `# jane\nno-pty,command="x y" ${publicKey("ssh-rsa", 270)} jane@desk\n`,
  `${publicKey("ecdsa-sha2-nistp256", 72)}\r\n${publicKey("sk-ssh-ed25519@openssh.com", 60)}\n`,
].map((text) => Buffer.from(text));

const target = (subject: (text: string) => boolean, planted: Target["planted"] = []): Target => ({
  name: "authorizedKeys",
  draw: (dice) => Buffer.from(mutantBytes(dice, CORPUS)).toString("utf8"),
  read(input) {
    const text = String(input);
    const held = subject(text);
    // Every blob begins with the four bytes of a small length.
    return () => (!held ? "refused" : /(ssh|sk|ecdsa)-\S+\s+AAAA/.test(text) ? "fine" : "accepted");
  },
  planted,
});

export const authorizedKeysTarget = target(holdsKey, [["accepted", target(() => true)]]);
