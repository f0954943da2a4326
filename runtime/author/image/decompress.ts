import { spawn } from "node:child_process";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { BadImage, fail } from "./fault.ts";

const MAGICS: readonly (readonly ["gzip" | "zstd" | "xz", readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b]], // RFC 1952
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]], // RFC 8878
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]], // the .xz file format, 2.1.1.1
];
const MAGIC_BYTES = 6;

/**
 * The bytes unpacked: gzip, zstd and xz are known by how they begin, whatever a name or media type says; everything else is passed on.
 * The source is read to its end. Throws BadImage.
 */
export async function* decompressed(source: AsyncIterable<Uint8Array>, blob: string): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  let headBytes = 0;
  let ended = false;
  while (headBytes < MAGIC_BYTES && !ended) {
    const next = await chunks.next();
    if (next.done === true) ended = true;
    else {
      head.push(next.value);
      headBytes += next.value.byteLength;
    }
  }
  const begin = Buffer.concat(head);
  /** What the source itself throws is not the decompressor's fault. */
  let sourceFault: { readonly thrown: unknown } | null = null;
  async function* packed(): AsyncGenerator<Uint8Array> {
    if (begin.byteLength > 0) yield begin;
    try {
      for (;;) {
        const next = await chunks.next();
        if (next.done === true) return;
        yield next.value;
      }
    } catch (thrown) {
      sourceFault = { thrown };
      throw thrown;
    }
  }
  const kind = MAGICS.find(([, magic]) => magic.every((byte, at) => begin[at] === byte))?.[0] ?? null;
  try {
    if (kind === null) yield* packed();
    else yield* unpackers[kind](packed());
  } catch (thrown) {
    const fault = sourceFault as { readonly thrown: unknown } | null;
    if (fault !== null) throw fault.thrown;
    if (thrown instanceof BadImage) throw thrown;
    fail({ kind: "compression", blob, detail: thrown instanceof Error ? thrown.message : String(thrown) });
  } finally {
    await chunks.return?.();
  }
}

const unpackers: Readonly<
  Record<"gzip" | "zstd" | "xz", (packed: AsyncGenerator<Uint8Array>) => AsyncIterable<Uint8Array>>
> = { gzip: gunzipped, zstd: unzstd, xz: unxz };

/** Half the time and memory of `DecompressionStream` in Bun 1.4.5. */
function gunzipped(packed: AsyncGenerator<Uint8Array>): AsyncIterable<Uint8Array> {
  const input = Readable.from(packed, { objectMode: true });
  const unpack = createGunzip({ chunkSize: 256 << 10 });
  input.on("error", (error) => unpack.destroy(error));
  unpack.on("close", () => input.destroy());
  return input.pipe(unpack);
}

/** `createZstdDecompress` of Bun 1.4.5 takes an archive that is cut off for a whole one; this does not. */
function unzstd(packed: AsyncGenerator<Uint8Array>): AsyncIterable<Uint8Array> {
  const stream = new ReadableStream<Bun.BufferSource>({
    async pull(controller) {
      const next = await packed.next();
      if (next.done === true) controller.close();
      else controller.enqueue(Uint8Array.from(next.value));
    },
    async cancel() {
      await packed.return(undefined);
    },
  });
  return stream.pipeThrough(new DecompressionStream("zstd" as Bun.CompressionFormat));
}

/** By the program: nothing in Bun reads it. */
async function* unxz(packed: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const program = Bun.which("xz");
  if (program === null) return fail({ kind: "noProgram", program: "xz", package: "xz-utils" });
  const child = spawn(program, ["--decompress", "--stdout", "--memlimit-decompress=512MiB"], {
    env: { LC_ALL: "C" },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (bytes: Buffer) => {
    said = `${said}${bytes}`.slice(-500);
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  const input = Readable.from(packed, { objectMode: true });
  const broken = new Promise<never>((_, reject) => input.once("error", reject));
  broken.catch(() => {});
  child.stdin.on("error", () => {}); // it says itself why it reads no further
  input.pipe(child.stdin);
  input.once("error", () => child.kill());
  try {
    for await (const part of child.stdout as AsyncIterable<Uint8Array>) yield part;
    const code = await Promise.race([ended, broken]);
    if (code !== 0) throw new Error(said.trim() === "" ? `xz ended with ${code}` : said.trim());
  } finally {
    input.destroy();
    child.kill();
  }
}
