/** Archives made block by block, so that they can be wrong. Independent of the writer under test. */
export interface Part {
  readonly name: string;
  readonly bytes?: Uint8Array | string;
  /** The kind, "0" a file; see the tar manual, "Basic Tar Format". */
  readonly flag?: string;
  readonly link?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly mtime?: number;
  readonly major?: number;
  readonly minor?: number;
  /** What the header says instead of the truth. */
  readonly size?: number | Uint8Array;
  readonly badSum?: true;
  readonly magic?: string;
}

const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, "0")}\0`;

export function block(part: Part): Buffer {
  const { name, bytes = "", flag = "0", link = "", mode = 0o644, uid = 0, mtime = 0, major = 0, minor = 0 } = part;
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  header.write(octal(mode, 7), 100);
  header.write(octal(uid, 7), 108);
  header.write(octal(0, 7), 116);
  if (part.size instanceof Uint8Array) header.set(part.size, 124);
  else header.write(octal(part.size ?? Buffer.byteLength(bytes), 11), 124);
  header.write(octal(mtime, 11), 136);
  header.write("        ", 148);
  header.write(flag, 156);
  header.write(link, 157, 100);
  header.write(part.magic ?? "ustar\u000000", 257);
  header.write(octal(major, 7), 329);
  header.write(octal(minor, 7), 337);
  const sum = header.reduce((total, byte) => total + byte, 0) + (part.badSum === true ? 1 : 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

const filled = (bytes: Uint8Array): Buffer =>
  Buffer.concat([bytes, Buffer.alloc((512 - (bytes.byteLength % 512)) % 512)]);

export const END = Buffer.alloc(1024);
export const members = (...parts: readonly Part[]): Buffer =>
  Buffer.concat(parts.flatMap((part) => [block(part), filled(Buffer.from(part.bytes ?? ""))]));
export const archive = (...parts: readonly Part[]): Buffer => Buffer.concat([members(...parts), END]);

/** An extended header for the next member, or with the flag "g" for all that follow. */
export const pax = (records: Readonly<Record<string, string>>, flag = "x"): Part => ({
  name: "pax",
  flag,
  bytes: Object.entries(records)
    .map(([key, value]) => {
      const rest = ` ${key}=${value}\n`;
      let length = Buffer.byteLength(rest);
      while (`${length}`.length + Buffer.byteLength(rest) !== length)
        length = `${length}`.length + Buffer.byteLength(rest);
      return `${length}${rest}`;
    })
    .join(""),
});

export const longName = (name: string, flag: "L" | "K" = "L"): Part => ({
  name: "././@LongLink",
  flag,
  bytes: `${name}\0`,
});

/** The bytes in pieces of the given length, to cut them in every odd place. */
export async function* pieces(bytes: Uint8Array, length = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += length) yield bytes.subarray(at, at + length);
}
