import { err, ok, type Result } from "../result.ts";
import { COPY_BYTES_MIN } from "./uboot-binary.ts";

/** Where a copy of U-Boot's environment is. */
export interface CopyPlace {
  /** A block device or a file, absolute. */
  readonly path: string;
  readonly atBytes: number;
  readonly sizeBytes: number;
}

const COPY_BYTES_MAX = 1024 * 1024;
const COPIES_MAX = 2;

/** As scanf(3) reads `%lli` (octal after 0, hexadecimal after 0x) and `%zx` (always hexadecimal); null: neither. */
function integer(text: string): number | null {
  if (/^0x[0-9a-f]{1,12}$/i.test(text)) return Number.parseInt(text, 16);
  if (/^0[0-7]{0,15}$/.test(text)) return Number.parseInt(text, 8);
  return /^[1-9][0-9]{0,14}$/.test(text) ? Number.parseInt(text, 10) : null;
}
const hexadecimal = (text: string): number | null =>
  /^(?:0x)?[0-9a-f]{1,12}$/i.test(text) ? Number.parseInt(text, 16) : null;

function parseLine(line: string): Result<CopyPlace, string> {
  const [path = "", offset = "", size = "", ...more] = line.split(/\s+/);
  const [atBytes, sizeBytes] = [integer(offset), hexadecimal(size)];
  if (!path.startsWith("/")) return err("wants the absolute path of a device or file first");
  if (atBytes === null) return err("wants an offset from the start second");
  if (sizeBytes === null || sizeBytes < COPY_BYTES_MIN || sizeBytes > COPY_BYTES_MAX) {
    return err(`wants a hexadecimal size up to ${COPY_BYTES_MAX} bytes third`);
  }
  if (more.length > 3 || more.some((field) => hexadecimal(field) === null)) {
    return err("wants sector size, number of sectors and lock as numbers after the size");
  }
  return ok({ path, atBytes, sizeBytes });
}

const overlap = (a: CopyPlace, b: CopyPlace): boolean =>
  a.path === b.path && a.atBytes < b.atBytes + b.sizeBytes && b.atBytes < a.atBytes + a.sizeBytes;

/**
 * `/etc/fw_env.config` of libubootenv: for each copy of the environment a line of device, offset, size, and optionally sector size,
 * number of sectors and lock, which mean something for raw flash only. One line or two; offsets from the end are not supported.
 */
export function parseFwEnvConfig(text: string): Result<readonly CopyPlace[], string> {
  const places: CopyPlace[] = [];
  for (const [at, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const place = parseLine(line);
    if (!place.ok) return err(`line ${at + 1} ${place.error}, has ${JSON.stringify(line.slice(0, 120))}`);
    places.push(place.value);
  }
  const [first, second] = places;
  if (first === undefined || places.length > COPIES_MAX) return err(`it names ${places.length} copies, wants 1 or 2`);
  if (second === undefined) return ok(places);
  if (first.sizeBytes !== second.sizeBytes) return err("the two copies differ in size");
  return overlap(first, second) ? err("the two copies overlap") : ok(places);
}
