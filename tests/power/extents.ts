/** Where the bytes of a file stand on its partition (Documentation/filesystems/fiemap.rst). */
import { dlopen } from "bun:ffi";
import { closeSync, openSync } from "node:fs";

const { symbols: libc } = dlopen("libc.so.6", {
  // int ioctl(int fd, unsigned long request, ...)    ioctl(2)
  ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
});

/** _IOWR('f', 11, struct fiemap), linux/fs.h. */
const FS_IOC_FIEMAP = 0xc020660b;
/** `struct fiemap` and `struct fiemap_extent`, linux/fiemap.h: sizes and offsets. */
const HEAD = { sizeBytes: 32, length: 8, mapped: 20, count: 24 } as const;
const EXTENT = { sizeBytes: 56, logical: 0, physical: 8, length: 16, flags: 40 } as const;
const FLAG_LAST = 1;
const EXTENTS_MAX = 512;

export interface Extent {
  /** Bytes. */
  readonly logical: number;
  readonly physical: number;
  readonly length: number;
}

/** All extents in order; null when some are not plainly on the disk, or are too many. */
export function extentsOf(path: string): readonly Extent[] | null {
  const bytes = new Uint8Array(HEAD.sizeBytes + EXTENTS_MAX * EXTENT.sizeBytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(HEAD.length, 0xffff_ffff_ffff_ffffn, true);
  view.setUint32(HEAD.count, EXTENTS_MAX, true);
  const fd = openSync(path, "r");
  const done = libc.ioctl(fd, FS_IOC_FIEMAP, bytes);
  closeSync(fd);
  if (done !== 0) return null;
  const extents: Extent[] = [];
  let last = 0;
  for (let index = 0; index < view.getUint32(HEAD.mapped, true); index += 1) {
    const at = HEAD.sizeBytes + index * EXTENT.sizeBytes;
    last = view.getUint32(at + EXTENT.flags, true);
    if ((last & ~FLAG_LAST) !== 0) return null;
    const number = (offset: number): number => Number(view.getBigUint64(at + offset, true));
    extents.push({ logical: number(EXTENT.logical), physical: number(EXTENT.physical), length: number(EXTENT.length) });
  }
  return (last & FLAG_LAST) === 0 ? null : extents;
}
