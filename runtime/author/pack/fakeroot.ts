/**
 * What fakeroot(1) is told of a tree in advance, so that a user without rights can pack files of any owner. Its state file (`-i`, written
 * by `-s`) has one line an inode; numbers are those of stat(2), `dev` in hexadecimal, `mode` in octal.
 *
 * Unpacking with tar under fakeroot 1.31 would be simpler and is wrong: open(2) is not among the calls it wraps, so a file of mode 0 or
 * 4111 cannot be read again by who made it, and attributes that are set before a file is known lose its type.
 */
export interface Faked {
  readonly device: bigint;
  readonly inode: bigint;
  /** With the type of the file, as in `st_mode`. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  /** Of a device that stands in for nothing: 0. */
  readonly rdev: bigint;
}

export const stateLine = ({ device, inode, mode, uid, gid, links, rdev }: Faked): string =>
  `dev=${device.toString(16)},ino=${inode},mode=${mode.toString(8)},uid=${uid},gid=${gid},nlink=${links},rdev=${rdev}\n`;

/** `makedev` of glibc (sys/sysmacros.h). */
export function deviceNumber(major: number, minor: number): bigint {
  const [a, b] = [BigInt(major), BigInt(minor)];
  return (b & 0xffn) | ((a & 0xfffn) << 8n) | ((b & ~0xffn) << 12n) | ((a & ~0xfffn) << 32n);
}

/** One file of what `setfattr --restore` reads (getfattr(1)). */
export function attributeLines(path: Uint8Array, xattrs: ReadonlyMap<string, Uint8Array>): string {
  const lines = [...xattrs].map(([name, value]) => {
    const text = Buffer.from(value).toString("base64");
    return `${quoted(Buffer.from(name))}=0s${text}\n`;
  });
  return `# file: ${quoted(path)}\n${lines.join("")}\n`;
}

const quoted = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => {
    const char = String.fromCharCode(byte);
    return /[\w/.@%+:,-]/.test(char) ? char : `\\${byte.toString(8).padStart(3, "0")}`;
  }).join("");
