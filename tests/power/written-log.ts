/** Makes a log of writes as QEMU does, for tests. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A write of `bytes` (whole sectors) at a sector, a discard, or a flush. */
export type Request =
  | { readonly write: number; readonly bytes: Uint8Array; readonly fua?: boolean }
  | { readonly discard: number; readonly sectors: number }
  | "flush";

const sector = (fields: readonly (readonly [at: number, value: number | bigint])[]): Uint8Array => {
  const bytes = Buffer.alloc(512);
  for (const [at, value] of fields) bytes.writeBigUInt64LE(BigInt(value), at);
  return bytes;
};

export function logBytes(requests: readonly Request[]): Uint8Array {
  const parts = [
    sector([
      [0, 0x6a736677736872n],
      [8, 1],
      [16, requests.length],
      [24, 512],
    ]),
  ];
  for (const request of requests) {
    if (request === "flush") parts.push(sector([[16, 1]]));
    else if ("discard" in request)
      parts.push(
        sector([
          [0, request.discard],
          [8, request.sectors],
          [16, 4],
        ]),
      );
    else {
      const flags = request.fua === true ? 2 : 0;
      parts.push(
        sector([
          [0, request.write],
          [8, request.bytes.length / 512],
          [16, flags],
        ]),
        request.bytes,
      );
    }
  }
  return Buffer.concat(parts);
}

export function logFile(bytes: Uint8Array): string {
  const path = join(mkdtempSync(join(tmpdir(), "cairn-log-")), "writes.log");
  writeFileSync(path, bytes);
  return path;
}

/** Sectors that are all filled with one number. */
export const filled = (value: number, sectors = 1): Uint8Array => new Uint8Array(512 * sectors).fill(value);
