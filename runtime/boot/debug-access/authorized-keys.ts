const TYPES = [
  "ssh-ed25519",
  "ssh-rsa",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "sk-ssh-ed25519@openssh.com",
  "sk-ecdsa-sha2-nistp256@openssh.com",
];

/**
 * Whether a text as in `~/.ssh/authorized_keys` (sshd(8), AUTHORIZED_KEYS FILE FORMAT) has a line with a public key, options before it or
 * not. The server reads it once more, and more strictly: this says whether there is any sense in starting one.
 */
export const holdsKey = (text: string): boolean =>
  text.split("\n").some((line) => !line.startsWith("#") && hasKey(line));

function hasKey(line: string): boolean {
  const words = line.split(/[ \t\r]+/);
  return words.some((word, at) => TYPES.includes(word) && isKeyOf(word, words[at + 1] ?? ""));
}

/** A key's blob begins with its type as a string of SSH (RFC 4253, section 6.6): a paste that was cut off in front shows. */
function isKeyOf(type: string, base64: string): boolean {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return false;
  const blob = Buffer.from(base64, "base64");
  const end = 4 + type.length;
  return blob.length > end && blob.readUInt32BE(0) === type.length && blob.toString("latin1", 4, end) === type;
}
