/**
 * Names in archives and on Linux are bytes. As text, bytes that are no UTF-8 become U+DC80 to U+DCFF, which no decoded text holds, as in
 * Python's PEP 383; {@link encodeName} undoes it.
 */
export function decodeName(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString("utf8");
  if (!text.includes("\ufffd") || Buffer.from(text).equals(buffer)) return text;
  let decoded = "";
  for (let at = 0; at < buffer.length; ) {
    const char = validAt(buffer, at);
    decoded += char ?? String.fromCharCode(0xdc00 + (buffer[at] ?? 0));
    at += char === null ? 1 : Buffer.byteLength(char);
  }
  return decoded;
}

/** The character whose UTF-8 begins there; null: none does. Encoding it again shows what a decoder made up. */
function validAt(buffer: Buffer, at: number): string | null {
  for (let length = 1; length <= 4 && at + length <= buffer.length; length++) {
    const bytes = buffer.subarray(at, at + length);
    const text = bytes.toString("utf8");
    if (Buffer.from(text).equals(bytes)) return text;
  }
  return null;
}

export function encodeName(name: string): Buffer {
  if (name.isWellFormed()) return Buffer.from(name);
  const parts = Array.from(name, (char) => {
    const unit = char.charCodeAt(0);
    return unit >= 0xdc80 && unit <= 0xdcff ? Buffer.of(unit - 0xdc00) : Buffer.from(char);
  });
  return Buffer.concat(parts);
}
