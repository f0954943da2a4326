/** Archives for tests, made byte by byte, so that they can be wrong. */
import { gzipSync } from "node:zlib";

export interface Part {
  readonly name: string;
  readonly bytes?: Uint8Array | string;
  /** "0" file, "5" folder, "1" and "2" links, "x" extended header… */
  readonly type?: string;
  /** Where a link leads. */
  readonly link?: string;
  /** What the header says instead of the truth. */
  readonly size?: number;
  /** The first byte of the check sum is changed. */
  readonly badSum?: true;
  readonly magic?: string;
}

const BLOCK = 512;
const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, "0")}\0`;

export function header({
  name,
  bytes = "",
  type = "0",
  link = "",
  size,
  badSum,
  magic = "ustar\u000000",
}: Part): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0, 100);
  block.write(octal(0o644, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(size ?? Buffer.byteLength(bytes), 11), 124);
  block.write(octal(0, 11), 136);
  block.write("        ", 148);
  block.write(type, 156);
  block.write(link, 157);
  block.write(magic, 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${(sum + (badSum === true ? 1 : 0)).toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

const filled = (bytes: Uint8Array): Buffer =>
  Buffer.concat([bytes, Buffer.alloc((BLOCK - (bytes.byteLength % BLOCK)) % BLOCK)]);

export const end = Buffer.alloc(2 * BLOCK);
export const members = (...parts: Part[]): Buffer =>
  Buffer.concat(parts.flatMap((part) => [header(part), filled(Buffer.from(part.bytes ?? ""))]));
export const tar = (...parts: Part[]): Buffer => Buffer.concat([members(...parts), end]);
export const tgz = (...parts: Part[]): Buffer => gzipSync(tar(...parts));

export const pax = (values: Readonly<Record<string, string>>): Part => ({
  name: "x",
  type: "x",
  bytes: Object.entries(values)
    .map(([key, value]) => {
      const rest = ` ${key}=${value}\n`;
      let length = rest.length;
      while (`${length}${rest}`.length !== length) length = `${length}${rest}`.length;
      return `${length}${rest}`;
    })
    .join(""),
});

export const sha = (bytes: Uint8Array | string): string => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

export const stateOf = (files: Readonly<Record<string, Uint8Array | string>>): string =>
  JSON.stringify({
    "#spec": "pantavisor-service-system@1",
    ...Object.fromEntries(Object.entries(files).map(([key, bytes]) => [key, sha(bytes)])),
    "web/run.json": { name: "web" },
  });

export const object = (bytes: Uint8Array | string): Part => ({ name: `objects/${sha(bytes)}`, bytes });
