/**
 * Names of files as text, all of them: ext4 takes any bytes, and what a container called its files must not keep us from removing
 * them. Bytes that are no UTF-8 become U+DC80 to U+DCFF, which no decoded text holds, as in Python's PEP 383.
 */
export function decodeName(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  if (!text.includes("\ufffd") || Buffer.from(text).equals(bytes)) return text;
  return Array.from(bytes, (byte) => String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte)).join("");
}

/** The path that system calls get: {@link decodeName} undone. Ordinary paths are passed through. */
export function encodePath(path: string): string | Buffer {
  if (path.isWellFormed()) return path;
  const parts = Array.from(path, (char) => {
    const unit = char.charCodeAt(0);
    return unit >= 0xdc80 && unit <= 0xdcff ? Buffer.of(unit - 0xdc00) : Buffer.from(char);
  });
  return Buffer.concat(parts);
}
