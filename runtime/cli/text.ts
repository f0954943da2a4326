/** All of stdin as text; null when there is more than `bytesMax`, or it is not UTF-8. */
export const readStandardInput = (bytesMax: number): Promise<string | null> => textOf(Bun.stdin, bytesMax);

/** All of a file as text, `-` is stdin; null when there is more than `bytesMax`, or it is not UTF-8. Throws what open(2) says. */
export const readText = (path: string, bytesMax: number): Promise<string | null> =>
  textOf(path === "-" ? Bun.stdin : Bun.file(path), bytesMax);

async function textOf(source: Blob, bytesMax: number): Promise<string | null> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const part of source.stream()) {
    sizeBytes += part.byteLength;
    if (sizeBytes > bytesMax) return null;
    parts.push(part);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(parts));
  } catch {
    return null;
  }
}
