/** What a device makes of a patch. */
import { applyPatch } from "../../runtime/patch/index.ts";
import { ok } from "../../runtime/result.ts";

export async function applied(base: Uint8Array | null, patch: Uint8Array, objectBytes: number): Promise<Buffer> {
  const from =
    base === null
      ? null
      : {
          sizeBytes: base.length,
          read: async (into: Uint8Array, at: number) => {
            const piece = base.subarray(at, at + into.length);
            into.set(piece);
            return ok(piece.length);
          },
        };
  const chunks: Buffer[] = [];
  // A chunk holds until the next one is asked for.
  for await (const chunk of applyPatch({ base: from, patch: once(patch), objectBytes }))
    chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
