/** Writes cpio archives in the "newc" format that the kernel unpacks as initramfs (kernel: initramfs buffer format). */

export interface Entry {
  /** Without a leading slash. */
  readonly path: string;
  /** Type and permissions as in `st_mode`. */
  readonly mode: number;
  /** A file's content, a symbolic link's target; empty for folders and devices. */
  readonly data: Uint8Array;
  /** Of a device node. */
  readonly device?: readonly [major: number, minor: number];
}

const text = new TextEncoder();
export const folder = (path: string): Entry => ({ path, mode: 0o040755, data: new Uint8Array() });
export const file = (path: string, data: Uint8Array | string, mode = 0o644): Entry => ({
  path,
  mode: 0o100000 | mode,
  data: typeof data === "string" ? text.encode(data) : data,
});
export const link = (path: string, target: string): Entry => ({ path, mode: 0o120777, data: text.encode(target) });
export const characterDevice = (path: string, major: number, minor: number): Entry => ({
  path,
  mode: 0o020600,
  data: new Uint8Array(),
  device: [major, minor],
});

/** The archive; the same entries give the same bytes (no times, all owned by root). Parents must come first. */
export function archive(entries: readonly Entry[]): Uint8Array {
  const trailer: Entry = { path: "TRAILER!!!", mode: 0, data: new Uint8Array() };
  return Buffer.concat([...entries, trailer].flatMap((entry, index) => member(entry, index + 1)));
}

function member({ path, mode, data, device: [major, minor] = [0, 0] }: Entry, inode: number): readonly Uint8Array[] {
  const name = text.encode(`${path}\0`);
  // c_ino c_mode c_uid c_gid c_nlink c_mtime c_filesize c_devmajor c_devminor c_rdevmajor c_rdevminor c_namesize c_check
  const fields = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, major, minor, name.length, 0];
  const header = text.encode(
    `070701${fields.map((field) => field.toString(16).toUpperCase().padStart(8, "0")).join("")}`,
  );
  return [header, name, padding(header.length + name.length), data, padding(data.length)];
}

const padding = (length: number): Uint8Array => new Uint8Array((4 - (length % 4)) % 4);
