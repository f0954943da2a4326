/** Chunks of an archive; never in shared memory, which streams do not take. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** One regular file of an archive. `name` has at most 100 bytes, which is more than an export needs. */
export interface TarFile {
  readonly name: string;
  readonly mode: number;
  readonly sizeBytes: number;
  readonly bytes: AsyncIterable<Bytes> | Iterable<Bytes>;
}

const BLOCK = 512;
const NAME_BYTES_MAX = 100;
/** What eleven octal digits hold; larger files have their length in an extended header (pax). */
const OCTAL_SIZE_MAX = 8 ** 11 - 1;
/** Of every file, 1980-01-01: an archive says what is in it, not when it was packed, and some tools warn of earlier times. */
const MTIME_SECONDS = 315_532_800;

/** A POSIX.1-2001 archive (ustar, pax where a length needs it) of the files in their order, owned by root: same files, same bytes. */
export async function* tarBytes(files: AsyncIterable<TarFile> | Iterable<TarFile>): AsyncGenerator<Bytes> {
  for await (const { name, mode, sizeBytes, bytes } of files) {
    if (sizeBytes > OCTAL_SIZE_MAX) {
      const record = paxRecord("size", String(sizeBytes));
      yield header("pax", 0o644, record.byteLength, "x");
      yield record;
      yield filling(record.byteLength);
    }
    yield header(name, mode, sizeBytes > OCTAL_SIZE_MAX ? 0 : sizeBytes, "0");
    yield* bytes;
    yield filling(sizeBytes);
  }
  yield new Uint8Array(2 * BLOCK);
}

const filling = (sizeBytes: number): Bytes => new Uint8Array((BLOCK - (sizeBytes % BLOCK)) % BLOCK);

/** Offsets as in POSIX.1-2001 pax, "ustar Interchange Format". */
function header(name: string, mode: number, sizeBytes: number, type: "0" | "x"): Bytes {
  const block = Buffer.alloc(BLOCK);
  if (Buffer.byteLength(name) > NAME_BYTES_MAX) throw new RangeError(`${name} is too long for a name in an archive`);
  block.write(name, 0);
  block.write(octal(mode, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(sizeBytes, 11), 124);
  block.write(octal(MTIME_SECONDS, 11), 136);
  block.write("        ", 148);
  block.write(type, 156);
  block.write("ustar\u000000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)}\u0000 `, 148);
  return block;
}

const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, "0");

/** `<length> <key>=<value>\n`, where the length counts itself. */
function paxRecord(key: string, value: string): Bytes {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length;
  while (`${length}${rest}`.length !== length) length = `${length}${rest}`.length;
  return Buffer.from(`${length}${rest}`);
}
