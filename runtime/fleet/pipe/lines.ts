/** Lines of at most `bytesMax` bytes of UTF-8, without their ends. A longer one, or bytes that are no UTF-8, end it with {@link BadLine}. */
export async function* lines(source: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let kept: Uint8Array[] = [];
  let keptBytes = 0;
  for await (const part of source) {
    let from = 0;
    for (let end = part.indexOf(NEWLINE); end >= 0; end = part.indexOf(NEWLINE, from)) {
      const piece = part.subarray(from, end);
      from = end + 1;
      if (keptBytes + piece.length > bytesMax) throw new BadLine(`a line is longer than ${bytesMax} bytes`);
      yield decoded(decoder, kept.length === 0 ? piece : Buffer.concat([...kept, piece]));
      kept = [];
      keptBytes = 0;
    }
    if (from === part.length) continue;
    kept.push(part.slice(from));
    keptBytes += part.length - from;
    if (keptBytes > bytesMax) throw new BadLine(`a line is longer than ${bytesMax} bytes`);
  }
}

const NEWLINE = 10;

/** The other end does not keep to the rules; nothing it says counts any more. */
export class BadLine extends Error {
  override readonly name = "BadLine";
}

function decoded(decoder: TextDecoder, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new BadLine("a line is not UTF-8");
  }
}
