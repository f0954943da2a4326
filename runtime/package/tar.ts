import { BadPackage, packageLimits } from "./model.ts";

/**
 * Reads a tar archive (POSIX.1-2001 pax and ustar, GNU's long names), member after member, with one chunk in memory. Made for archives
 * of strangers: links, devices, sparse files and odd numbers are refused; what it gives is a name to compare and never to open.
 * `Bun.Archive` (1.4.5) wants the whole archive in memory.
 */
export interface Member {
  readonly name: string;
  readonly sizeBytes: number;
  readonly bytes: AsyncIterable<Uint8Array>;
}

const BLOCK = 512;

/** Regular files in the order of the archive. What a consumer leaves unread of a member is passed over. Throws {@link BadPackage}. */
export async function* members(source: AsyncIterable<Uint8Array>): AsyncGenerator<Member> {
  const input = reader(source);
  let count = 0;
  let unpackedBytes = 0;
  let next: Extended = {};
  for (;;) {
    const block = await input.block();
    if (block === null) throw new BadPackage("the archive is cut off: its end mark is missing");
    if (isZero(block)) break;
    const header = readHeader(block);
    const described = header.type === "file" || header.type === "folder"; // an extended header tells of what follows it
    const sizeBytes = (described ? next.sizeBytes : undefined) ?? header.sizeBytes;
    unpackedBytes += sizeBytes;
    if (++count > packageLimits.membersMax) throw new BadPackage("the archive has too many members");
    if (unpackedBytes > packageLimits.unpackedBytesMax) throw new BadPackage("the archive is too large");
    const body = input.body(sizeBytes);
    switch (header.type) {
      case "file":
        yield { name: next.name ?? header.name, sizeBytes, bytes: body };
        next = {};
        break;
      case "folder":
        next = {};
        break;
      case "pax":
        next = { ...next, ...readPax(await small(body, sizeBytes)) };
        break;
      case "gnuName":
        next = { ...next, name: untilNul(await small(body, sizeBytes)) };
        break;
    }
    await input.pass();
  }
  for (let block = await input.block(); block !== null; block = await input.block()) {
    if (!isZero(block)) throw new BadPackage("there is something behind the archive's end");
  }
  if (input.zeroBlocks() < 2) throw new BadPackage("the archive is cut off: its end mark is not whole");
}

interface Extended {
  readonly name?: string;
  readonly sizeBytes?: number;
}

interface Header {
  readonly type: "file" | "folder" | "pax" | "gnuName";
  readonly name: string;
  readonly sizeBytes: number;
}

/** POSIX.1-2001 pax, "ustar Interchange Format": offsets of the fields. */
function readHeader(block: Uint8Array): Header {
  const sum = number(block.subarray(148, 156));
  // The field itself counts as blanks.
  const found = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  if (sum !== found)
    throw new BadPackage("this is no tar archive, or it is damaged: the check sum of a header is wrong");
  const magic = latin1(block.subarray(257, 262));
  if (magic !== "ustar") throw new BadPackage("this is a tar archive older than POSIX's");
  const prefix = untilNul(block.subarray(345, 500));
  const base = untilNul(block.subarray(0, 100));
  // GNU keeps times where POSIX has the prefix; its magic continues with a blank.
  const name = prefix === "" || block[262] === 0x20 ? base : `${prefix}/${base}`;
  const sizeBytes = number(block.subarray(124, 136));
  if (sizeBytes === null) throw new BadPackage("a length in a header of the archive is no octal number");
  return { type: typeOf(block[156] ?? 0, name), name, sizeBytes };
}

function typeOf(flag: number, name: string): Header["type"] {
  switch (String.fromCharCode(flag)) {
    case "0":
    case "\0":
      return "file";
    case "5":
      return "folder";
    case "x":
      return "pax";
    case "L":
      return "gnuName";
    case "1":
    case "2":
      throw new BadPackage(`the archive has a link, "${name}", which no export has`);
    default:
      throw new BadPackage(`the archive has something that is no file, "${name}", which no export has`);
  }
}

/** Up to eleven octal digits, then blanks or NUL. The binary form of GNU, for lengths from 8 GiB on, is not read: pax has its own. */
function number(field: Uint8Array): number | null {
  const digits = /^ *([0-7]{1,11})[ \0]*$/.exec(latin1(field))?.[1];
  return digits === undefined ? null : Number.parseInt(digits, 8);
}

/** Records `<length> <key>=<value>\n`; only name and length matter here. */
function readPax(bytes: Uint8Array): Extended {
  let found: Extended = {};
  for (let at = 0; at < bytes.byteLength; ) {
    const digits = /^([1-9]\d{0,5}) /.exec(latin1(bytes.subarray(at, at + 7)))?.[1];
    const end = at + Number(digits ?? 0);
    const record = Buffer.from(bytes.subarray(at + (digits?.length ?? 0) + 1, end)).toString("utf8");
    const equals = record.indexOf("=");
    if (digits === undefined || end > bytes.byteLength || !record.endsWith("\n") || equals < 1) {
      throw new BadPackage("an extended header of the archive is malformed");
    }
    const [key, value] = [record.slice(0, equals), record.slice(equals + 1, -1)];
    if (key === "path") found = { ...found, name: value };
    if (key.startsWith("GNU.sparse")) throw new BadPackage("the archive has a sparse file, which no export has");
    if (key === "size") {
      if (!/^\d{1,15}$/.test(value)) throw new BadPackage("a length in an extended header of the archive is no number");
      found = { ...found, sizeBytes: Number(value) };
    }
    at = end;
  }
  return found;
}

async function small(body: AsyncIterable<Uint8Array>, sizeBytes: number): Promise<Uint8Array> {
  if (sizeBytes > packageLimits.extendedBytesMax) throw new BadPackage("an extended header of the archive is too long");
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts);
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
const isZero = (block: Uint8Array): boolean => block.every((byte) => byte === 0);

function untilNul(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString("utf8");
}

/** Cuts a stream into headers and bodies. */
function reader(source: AsyncIterable<Uint8Array>) {
  const chunks = source[Symbol.asyncIterator]();
  let held: Uint8Array = new Uint8Array();
  let ended = false;
  /** Of the current member: bytes not yet taken, then the filling of its last block. */
  let bodyLeft = 0;
  let filling = 0;
  let zeros = 0;

  /** Up to `most` bytes; null at the end of the stream. */
  const take = async (most: number): Promise<Uint8Array | null> => {
    while (held.byteLength === 0 && !ended) {
      const next = await chunks.next();
      if (next.done === true) ended = true;
      else held = next.value;
    }
    if (held.byteLength === 0) return null;
    const taken = held.subarray(0, most);
    held = held.subarray(taken.byteLength);
    return taken;
  };
  async function* rest(): AsyncGenerator<Uint8Array> {
    while (bodyLeft > 0) {
      const part = await take(bodyLeft);
      if (part === null) throw new BadPackage("the archive is cut off in the middle of a file");
      bodyLeft -= part.byteLength;
      yield part;
    }
  }
  return {
    async block(): Promise<Uint8Array | null> {
      const block = new Uint8Array(BLOCK);
      let filled = 0;
      while (filled < BLOCK) {
        const part = await take(BLOCK - filled);
        if (part === null) {
          if (filled > 0) throw new BadPackage("the archive is cut off in the middle of a header");
          return null;
        }
        block.set(part, filled);
        filled += part.byteLength;
      }
      if (isZero(block)) zeros++;
      return block;
    },
    body(sizeBytes: number): AsyncIterable<Uint8Array> {
      bodyLeft = sizeBytes;
      filling = (BLOCK - (sizeBytes % BLOCK)) % BLOCK;
      return rest();
    },
    /** Over what is left of the current member. */
    async pass(): Promise<void> {
      for await (const _ of rest());
      for (bodyLeft = filling; bodyLeft > 0; ) {
        const part = await take(bodyLeft);
        if (part === null) throw new BadPackage("the archive is cut off behind a file");
        bodyLeft -= part.byteLength;
      }
    },
    zeroBlocks: () => zeros,
  };
}
