import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import { exchangeNames, freeze, type SysError, syncFileSystem, thaw } from "../linux/index.ts";
import { err, invariant, ok, type Result } from "../result.ts";
import type { Disk, DiskError, DiskFault, DiskResult, FileInfo, FileType, NewFile, OpenFile } from "./disk.ts";
import { decodeName, encodePath } from "./raw-names.ts";

const faults: Readonly<Record<string, DiskFault>> = {
  ENOSPC: "noSpace",
  EDQUOT: "noSpace",
  EIO: "io",
  EUCLEAN: "io",
  EBADMSG: "io",
  ENOENT: "missing",
  EEXIST: "exists",
  EROFS: "readOnly",
  EACCES: "denied",
  EPERM: "denied",
  ENOTDIR: "notFolder",
  EISDIR: "isFolder",
  ENOTEMPTY: "notEmpty",
  ELOOP: "symlink",
  EMLINK: "tooManyLinks",
  EXDEV: "otherFileSystem",
  ENAMETOOLONG: "nameTooLong",
  ENOSYS: "unsupported",
  EOPNOTSUPP: "unsupported",
};

interface Where {
  readonly call: string;
  readonly why: string;
  readonly path: string;
}

const failed = (where: Where, kind: DiskFault, code: string): Result<never, DiskError> => err({ kind, ...where, code });

/** Turns an errno into a value; anything else is a bug of ours and goes on up. */
async function attempt<T>(where: Where, act: () => Promise<T>): DiskResult<T> {
  try {
    return ok(await act());
  } catch (thrown) {
    const { code, errno } = thrown as NodeJS.ErrnoException;
    if (typeof errno !== "number" || code === undefined) throw thrown;
    return failed(where, faults[code] ?? "other", code);
  }
}

const typeOf = (s: { isFile(): boolean; isDirectory(): boolean; isSymbolicLink(): boolean }): FileType =>
  s.isFile() ? "file" : s.isDirectory() ? "folder" : s.isSymbolicLink() ? "symlink" : "other";

const infoOf = (s: Awaited<ReturnType<typeof statBig>>): FileInfo => ({
  type: typeOf(s),
  sizeBytes: Number(s.size),
  links: Number(s.nlink),
  device: s.dev,
  inode: s.ino,
  mtimeNs: s.mtimeNs,
  ctimeNs: s.ctimeNs,
});
const statOpen = async (handle: fs.FileHandle): Promise<FileInfo> => infoOf(await handle.stat({ bigint: true }));
const statBig = (path: string) => fs.lstat(encodePath(path), { bigint: true });

// O_NONBLOCK means nothing to a regular file, and keeps open(2) from waiting for ever for a FIFO's writer.
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL; // O_EXCL follows no link either
const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

function reader(handle: fs.FileHandle, info: FileInfo, at: (call: string) => Where): OpenFile {
  return {
    info,
    read: (into, atBytes) =>
      attempt(at("read"), async () => (await handle.read(into, 0, into.byteLength, atBytes)).bytesRead),
    stat: () => attempt(at("stat"), () => statOpen(handle)),
    close: () => attempt(at("close"), () => handle.close()),
  };
}

function writer(handle: fs.FileHandle, at: (call: string) => Where): NewFile {
  return {
    write: (bytes) =>
      attempt(at("write"), async () => {
        // write(2) may take less than it was given, a full disk for one.
        for (let done = 0; done < bytes.byteLength; ) {
          const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done, null);
          invariant(bytesWritten > 0, "write(2) of a regular file either takes bytes or fails");
          done += bytesWritten;
        }
      }),
    fsync: () => attempt(at("fsync"), () => handle.sync()),
    close: () => attempt(at("close"), () => handle.close()),
  };
}

async function open(why: string, path: string): DiskResult<OpenFile> {
  const at = (call: string): Where => ({ call, why, path });
  const opened = await attempt(at("open"), () => fs.open(path, READ));
  if (!opened.ok) return opened;
  const handle = opened.value;
  const info = await attempt(at("stat"), () => statOpen(handle));
  if (info.ok && info.value.type === "file") return ok(reader(handle, info.value, at));
  await handle.close();
  if (!info.ok) return info;
  return failed(at("open"), info.value.type === "folder" ? "isFolder" : "notFile", "not a regular file");
}

async function readlink(why: string, path: string): DiskResult<string> {
  const read = await attempt({ call: "readlink", why, path }, () => fs.readlink(path));
  return read.ok || read.error.code !== "EINVAL" ? read : err({ ...read.error, kind: "notLink" });
}

/** The same for a call of `linux/`. */
const fromLinux = (where: Where, done: Result<void, SysError>): Result<void, DiskError> =>
  done.ok ? done : failed(where, faults[done.error.code] ?? "other", done.error.code);

async function exchange(why: string, a: string, path: string): DiskResult<void> {
  const done = fromLinux({ call: "exchange", why, path }, exchangeNames(a, path));
  return done.ok || done.error.code !== "EINVAL" ? done : err({ ...done.error, kind: "unsupported" });
}

/** A file system that cannot be frozen (vfat, tmpfs) has no journal either: there, what is written out is what a reader finds. */
async function settle(why: string, path: string): DiskResult<void> {
  const where: Where = { call: "settle", why, path };
  const frozen = fromLinux(where, freeze(path));
  if (frozen.ok) return fromLinux(where, thaw(path));
  return frozen.error.kind === "unsupported" ? fromLinux(where, syncFileSystem(path)) : frozen;
}

/** The machine's own file system, through `node:fs`; calls run in Bun's thread pool and never block the event loop, except `settle`. */
export const realDisk: Disk = {
  open,
  create: async (why, path, mode) => {
    const at = (call: string): Where => ({ call, why, path });
    const opened = await attempt(at("create"), () => fs.open(path, CREATE, mode));
    return opened.ok ? ok(writer(opened.value, at)) : opened;
  },
  fsync: (why, path) =>
    attempt({ call: "fsync", why, path }, async () => {
      await using handle = await fs.open(path, FOLDER);
      await handle.sync();
    }),
  rename: (why, from, path) =>
    attempt({ call: "rename", why, path }, () => fs.rename(encodePath(from), encodePath(path))),
  exchange,
  settle,
  link: (why, existing, path) => attempt({ call: "link", why, path }, () => fs.link(existing, path)),
  symlink: (why, target, path) => attempt({ call: "symlink", why, path }, () => fs.symlink(target, path)),
  readlink,
  unlink: (why, path) => attempt({ call: "unlink", why, path }, () => fs.unlink(encodePath(path))),
  mkdir: (why, path, mode) => attempt({ call: "mkdir", why, path }, async () => void (await fs.mkdir(path, { mode }))),
  rmdir: (why, path) => attempt({ call: "rmdir", why, path }, () => fs.rmdir(encodePath(path))),
  stat: (why, path) => attempt({ call: "stat", why, path }, async () => infoOf(await statBig(path))),
  list: (why, path) =>
    attempt({ call: "list", why, path }, async () => {
      const names = await fs.readdir(encodePath(path), { encoding: "buffer" });
      return names.map(decodeName).sort();
    }),
  space: (why, path) =>
    attempt({ call: "space", why, path }, async () => {
      const s = await fs.statfs(path);
      return { totalBytes: s.blocks * s.bsize, freeBytes: s.bfree * s.bsize };
    }),
};
