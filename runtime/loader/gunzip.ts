import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";

/** What gzip (RFC 1952) packed, in pieces of at most `chunkBytes`. Ends with the source's own error, or with that of zlib. */
export function gunzipped(packed: AsyncIterable<Uint8Array>, chunkBytes: number): AsyncIterable<Uint8Array> {
  const source = Readable.from(packed);
  const gunzip = createGunzip({ chunkSize: chunkBytes });
  source.on("error", (error) => gunzip.destroy(error));
  return source.pipe(gunzip);
}
