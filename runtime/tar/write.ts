import { invariant } from "../result.ts";
import { BLOCK, checksumOf, FIELD, filling, MAGIC_POSIX } from "./layout.ts";
import type { Entry } from "./model.ts";
import { encodeName } from "./names.ts";

const FLAG: Readonly<Record<Entry["kind"], string>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  charDevice: "3",
  blockDevice: "4",
  folder: "5",
  fifo: "6",
};

/**
 * An archive of the entries in the order they come: POSIX.1-2017 ustar, with a pax header only before an entry that needs one, its keys
 * sorted; no user names, no padding beyond the two blocks of the end. The same entries give the same bytes. Folders' names end with a
 * slash, whether or not they are given with one.
 */
export async function* writeTar(entries: AsyncIterable<Entry> | Iterable<Entry>): AsyncGenerator<Uint8Array> {
  for await (const entry of entries) {
    yield headersOf(entry);
    if (entry.kind !== "file") continue;
    let sizeBytes = 0;
    for await (const part of entry.bytes) {
      sizeBytes += part.byteLength;
      yield part;
    }
    invariant(sizeBytes === entry.sizeBytes, `${entry.name} has as many bytes as its entry says`);
    if (filling(sizeBytes) > 0) yield new Uint8Array(filling(sizeBytes));
  }
  yield new Uint8Array(2 * BLOCK);
}

/** The header, and before it the extended one where it is needed. */
function headersOf(entry: Entry): Uint8Array {
  const name = encodeName(entry.kind === "folder" && !entry.name.endsWith("/") ? `${entry.name}/` : entry.name);
  const link = encodeName("target" in entry ? entry.target : "");
  invariant(
    name.length > 0 && !name.includes(0) && !link.includes(0),
    "names in an archive are not empty and have no NUL",
  );
  const sizeBytes = entry.kind === "file" ? entry.sizeBytes : 0;
  const { uid, gid, mode, mtimeSeconds } = entry;
  const split = splitName(name);
  const pax: [string, Uint8Array][] = [...entry.xattrs].map(([key, value]) => [`SCHILY.xattr.${key}`, value]);
  const text = (key: string, value: number): void => void pax.push([key, Buffer.from(String(value))]);
  if (split === null) pax.push(["path", name]);
  if (link.length > FIELD.link[1]) pax.push(["linkpath", link]);
  if (sizeBytes > octalMax("size")) text("size", sizeBytes);
  if (uid > octalMax("uid")) text("uid", uid);
  if (gid > octalMax("gid")) text("gid", gid);
  if (mtimeSeconds < 0 || mtimeSeconds > octalMax("mtime")) text("mtime", mtimeSeconds);

  const [base, prefix] = split ?? [name.subarray(0, FIELD.name[1]), Buffer.alloc(0)];
  const device = "major" in entry ? { major: entry.major, minor: entry.minor } : { major: 0, minor: 0 };
  const numbers = { mode, uid, gid, size: sizeBytes, mtime: mtimeSeconds, ...device };
  const header = blockOf(FLAG[entry.kind], { name: base, prefix, link: link.subarray(0, FIELD.link[1]) }, numbers);
  if (pax.length === 0) return header;
  const records = recordsOf(pax.sort(([a], [b]) => Buffer.compare(encodeName(a), encodeName(b))));
  const none = { mode: 0o644, uid: 0, gid: 0, size: records.byteLength, mtime: 0, major: 0, minor: 0 };
  const before = blockOf("x", { name: Buffer.from("pax"), prefix: Buffer.alloc(0), link: Buffer.alloc(0) }, none);
  return Buffer.concat([before, records, Buffer.alloc(filling(records.byteLength)), header]);
}

type NumberField = "mode" | "uid" | "gid" | "size" | "mtime" | "major" | "minor";
/** All digits but the NUL at the end. */
const octalMax = (name: NumberField): number => 8 ** (FIELD[name][1] - 1) - 1;

function blockOf(
  flag: string,
  texts: Readonly<Record<"name" | "prefix" | "link", Uint8Array>>,
  numbers: Readonly<Record<NumberField, number>>,
): Buffer {
  const block = Buffer.alloc(BLOCK);
  for (const key of ["name", "prefix", "link"] as const) block.set(texts[key], FIELD[key][0]);
  for (const key of ["mode", "uid", "gid", "size", "mtime", "major", "minor"] as const) {
    const value = numbers[key];
    const fits = value >= 0 && value <= octalMax(key);
    invariant(fits || (key !== "mode" && key !== "major" && key !== "minor"), `${key} ${value} fits into a header`);
    // What does not fit stands in the extended header, which wins.
    block.write((fits ? value : 0).toString(8).padStart(FIELD[key][1] - 1, "0"), FIELD[key][0], "latin1");
  }
  block.write(flag, FIELD.kind[0], "latin1");
  block.write(MAGIC_POSIX, FIELD.magic[0], "latin1");
  block.write(`${checksumOf(block).toString(8).padStart(6, "0")}\0 `, FIELD.checksum[0], "latin1");
  return block;
}

/** Name and prefix, cut at a slash that belongs to neither; null: it fits nowhere. */
function splitName(name: Buffer): readonly [Buffer, Buffer] | null {
  if (name.length <= FIELD.name[1]) return [name, Buffer.alloc(0)];
  const least = name.length - FIELD.name[1] - 1;
  for (let at = Math.max(least, 1); at <= FIELD.prefix[1] && at < name.length - 1; at++) {
    if (name[at] === 0x2f) return [name.subarray(at + 1), name.subarray(0, at)];
  }
  return null;
}

/** The length of a record counts its own digits. */
function recordsOf(pairs: readonly (readonly [string, Uint8Array])[]): Buffer {
  return Buffer.concat(
    pairs.map(([key, value]) => {
      const rest = Buffer.concat([Buffer.from(" "), encodeName(key), Buffer.from("="), value, Buffer.from("\n")]);
      let length = rest.length;
      while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
      return Buffer.concat([Buffer.from(String(length)), rest]);
    }),
  );
}
