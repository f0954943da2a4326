import type { Result } from "../result.ts";

/**
 * What went wrong, in our words. `noSpace` ENOSPC or EDQUOT, `io` EIO and what file systems say when they find themselves damaged
 * (EUCLEAN, EBADMSG), `missing` ENOENT, `exists` EEXIST, `readOnly` EROFS, `denied` EACCES or EPERM, `notFolder` ENOTDIR, `isFolder`
 * EISDIR, `notEmpty` ENOTEMPTY, `symlink` ELOOP or a symbolic link where none may be, `notFile` a FIFO, socket or device, `notLink` EINVAL of readlink(2),
 * `tooManyLinks` EMLINK, `otherFileSystem` EXDEV, `nameTooLong` ENAMETOOLONG, `tooLarge` a file above the reader's limit, `changing` a file that was
 * written to while it was read, `unsupported` a call that this file system does not know.
 */
export type DiskFault =
  | "noSpace"
  | "io"
  | "missing"
  | "exists"
  | "readOnly"
  | "denied"
  | "notFolder"
  | "isFolder"
  | "notEmpty"
  | "symlink"
  | "notFile"
  | "notLink"
  | "tooManyLinks"
  | "otherFileSystem"
  | "nameTooLong"
  | "tooLarge"
  | "changing"
  | "unsupported"
  | "other";

/** A call on the disk that failed. `call` is the primitive, `why` the caller's purpose, `code` the errno name or a short reason. */
export interface DiskError {
  readonly kind: DiskFault;
  readonly call: string;
  readonly path: string;
  readonly why: string;
  readonly code: string;
}

export type DiskResult<T> = Promise<Result<T, DiskError>>;

export type FileType = "file" | "folder" | "symlink" | "other";

/** What lstat(2) or fstat(2) says. Inode and times are bigint: both pass 2^53. */
export interface FileInfo {
  readonly type: FileType;
  readonly sizeBytes: number;
  /** Hard links to the inode. */
  readonly links: number;
  readonly device: bigint;
  readonly inode: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** A regular file open for reading. */
export interface OpenFile {
  /** What it was when it was opened; `stat` asks again. */
  readonly info: FileInfo;
  /** Fills `into` from byte `atBytes` on; the value is how many bytes came, 0 at the end of the file. */
  read(into: Uint8Array, atBytes: number): DiskResult<number>;
  stat(): DiskResult<FileInfo>;
  close(): DiskResult<void>;
}

/** A new regular file open for writing; bytes are appended. Nothing is durable before `fsync`. */
export interface NewFile {
  write(bytes: Uint8Array): DiskResult<void>;
  fsync(): DiskResult<void>;
  close(): DiskResult<void>;
}

/** Room on the file system that holds a path; `freeBytes` is what root may still write (`f_bfree`, as reference 5.7 reports it). */
export interface DiskSpace {
  readonly totalBytes: number;
  readonly freeBytes: number;
}

/**
 * The storage as primitives, each with the purpose of the call ("store/object", "update/progress") for traces and fault plans. What
 * is fsynced before what is renamed is decided above this port, so that a simulated disk that forgets can prove it right or wrong.
 * No call follows a symbolic link in the last component of its path. Errors are values; only bugs of ours are thrown.
 */
export interface Disk {
  /** Opens a regular file for reading. Errors also: `symlink`, `notFile`, `isFolder`. Never blocks on a FIFO. */
  open(why: string, path: string): DiskResult<OpenFile>;
  /** Makes a file that must not exist yet; `exists` otherwise. `mode` holds permission bits. */
  create(why: string, path: string, mode: number): DiskResult<NewFile>;
  /** Makes the entries of a folder durable: what was created, linked, renamed or removed in it. */
  fsync(why: string, folder: string): DiskResult<void>;
  /** Replaces `to` in one step. Two names of one inode: rename(2) does nothing and both stay. */
  rename(why: string, from: string, to: string): DiskResult<void>;
  /**
   * Swaps two names of one folder in one step: neither is ever missing, and neither inode loses its last name, so that a reader that does
   * not replay the journal finds one whole file or the other. `unsupported` where the file system cannot.
   */
  exchange(why: string, a: string, b: string): DiskResult<void>;
  /**
   * When it returns, everything done so far on the file system of `folder` is durable *and* where a reader finds it that does not replay
   * the journal, as GRUB and U-Boot do not. Holds every write meanwhile, for a second on a slow card: once before a boot loader is told
   * of something new, not more often.
   */
  settle(why: string, folder: string): DiskResult<void>;
  link(why: string, existing: string, path: string): DiskResult<void>;
  symlink(why: string, target: string, path: string): DiskResult<void>;
  readlink(why: string, path: string): DiskResult<string>;
  unlink(why: string, path: string): DiskResult<void>;
  mkdir(why: string, path: string, mode: number): DiskResult<void>;
  rmdir(why: string, path: string): DiskResult<void>;
  stat(why: string, path: string): DiskResult<FileInfo>;
  /** Names in a folder, sorted, without `.` and `..`. One that is no UTF-8 comes in a form that names the file in other calls, too. */
  list(why: string, path: string): DiskResult<readonly string[]>;
  space(why: string, path: string): DiskResult<DiskSpace>;
}

/** One inode, whatever its names are. */
export const sameInode = (a: FileInfo, b: FileInfo): boolean => a.device === b.device && a.inode === b.inode;

const hints: Partial<Record<DiskFault, string>> = {
  noSpace: "free space by removing revisions that are not kept, then try again",
  io: "the storage medium is failing or its file system damaged: check it with fsck, look at the kernel log",
  readOnly: "the file system is read-only: after an error the kernel may have made it so, look at the kernel log",
  otherFileSystem: "objects and trails must be on one file system",
  symlink: "a symbolic link has no place there: remove it",
  tooManyLinks: "the object is used too often: remove revisions that are not kept",
};

/** The sentence for a person: what was being done, to what, what is wrong and, where there is something, what to do. */
export function explainDiskError(e: DiskError): string {
  const hint = hints[e.kind];
  return `${e.why}: ${e.call} ${e.path}: ${e.code}${hint === undefined ? "" : ` (${hint})`}`;
}
