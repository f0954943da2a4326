import { dirname } from "node:path";
import { err, ok } from "../../runtime/result.ts";
import type { Disk, DiskError, DiskFault, DiskResult, NewFile, OpenFile } from "../../runtime/store/index.ts";

/** What happens before each call: a value makes the call fail with it. */
type Gatekeeper = (call: string, why: string, path: string) => DiskError | null;

/** Asks `ask` before every primitive, those of open files included. A file that may not be closed is closed all the same. */
function guarded(disk: Disk, ask: Gatekeeper): Disk {
  const pass = async <T>(call: string, why: string, path: string, act: () => DiskResult<T>): DiskResult<T> => {
    const refused = ask(call, why, path);
    return refused === null ? act() : err(refused);
  };
  const close = async (why: string, path: string, file: { close(): DiskResult<void> }): DiskResult<void> => {
    const closed = await file.close();
    return pass("close", why, path, async () => closed);
  };
  return {
    open: (why, path) =>
      pass("open", why, path, async () => {
        const opened = await disk.open(why, path);
        if (!opened.ok) return opened;
        const file = opened.value;
        const reader: OpenFile = {
          info: file.info,
          read: (into, atBytes) => pass("read", why, path, () => file.read(into, atBytes)),
          stat: () => pass("fstat", why, path, () => file.stat()),
          close: () => close(why, path, file),
        };
        return ok(reader);
      }),
    create: (why, path, mode) =>
      pass("create", why, path, async () => {
        const created = await disk.create(why, path, mode);
        if (!created.ok) return created;
        const file = created.value;
        const writer: NewFile = {
          write: async (bytes) => {
            const refused = ask("write", why, path);
            if (refused === null) return file.write(bytes);
            await file.write(bytes.subarray(0, bytes.byteLength >> 1)); // a failed write may have written something
            return err(refused);
          },
          fsync: () => pass("fsync", why, path, () => file.fsync()),
          close: () => close(why, path, file),
        };
        return ok(writer);
      }),
    fsync: (why, path) => pass("fsync", why, path, () => disk.fsync(why, path)),
    rename: (why, from, to) => pass("rename", why, to, () => disk.rename(why, from, to)),
    exchange: (why, a, b) => pass("exchange", why, b, () => disk.exchange(why, a, b)),
    settle: (why, folder) => pass("settle", why, folder, () => disk.settle(why, folder)),
    link: (why, from, to) => pass("link", why, to, () => disk.link(why, from, to)),
    symlink: (why, target, path) => pass("symlink", why, path, () => disk.symlink(why, target, path)),
    readlink: (why, path) => pass("readlink", why, path, () => disk.readlink(why, path)),
    unlink: (why, path) => pass("unlink", why, path, () => disk.unlink(why, path)),
    mkdir: (why, path, mode) => pass("mkdir", why, path, () => disk.mkdir(why, path, mode)),
    rmdir: (why, path) => pass("rmdir", why, path, () => disk.rmdir(why, path)),
    stat: (why, path) => pass("stat", why, path, () => disk.stat(why, path)),
    list: (why, path) => pass("list", why, path, () => disk.list(why, path)),
    space: (why, path) => pass("space", why, path, () => disk.space(why, path)),
  };
}

export interface Fault {
  /** Number of the call that fails, from 0. */
  readonly at: number;
  readonly kind: DiskFault;
  /**
   * `once`: later calls work again, as after a passing error. `dead`: none does, as when PID 1 dies there, which ends the machine: what
   * is on the disk afterwards is durable, so go on with a new {@link watchfulDisk}.
   */
  readonly after: "once" | "dead";
}

/** A disk on which one call fails; `struck` tells whether there were that many. */
export function faultyDisk(disk: Disk, fault: Fault): { readonly disk: Disk; readonly struck: () => string | null } {
  let calls = 0;
  let struck: string | null = null;
  const ask: Gatekeeper = (call, why, path) => {
    const number = calls++;
    if (number !== fault.at && (fault.after === "once" || struck === null)) return null;
    struck ??= `${call} ${path} (${why})`;
    return { kind: fault.kind, call, why, path, code: "injected" };
  };
  return { disk: guarded(disk, ask), struck: () => struck };
}

/** A disk with room for `bytes` more of file contents. */
export function smallDisk(disk: Disk, bytes: number): Disk {
  let room = bytes;
  const create: Disk["create"] = async (why, path, mode) => {
    const created = await disk.create(why, path, mode);
    if (!created.ok) return created;
    const file = created.value;
    return ok({
      ...file,
      write: async (data) => {
        const fitting = data.subarray(0, room);
        room -= fitting.byteLength;
        const written = await file.write(fitting);
        if (fitting.byteLength === data.byteLength || !written.ok) return written;
        return err({ kind: "noSpace", call: "write", why, path, code: "ENOSPC" });
      },
    });
  };
  return { ...disk, create };
}

/**
 * An oracle beside the store: it knows what a power cut now could lose, and throws when a file is renamed onto its place before its
 * bytes are durable. It does not really fsync, which keeps campaigns fast.
 */
export function watchfulDisk(disk: Disk): { readonly disk: Disk; readonly losable: () => readonly string[] } {
  const bytes = new Set<string>(); // files with bytes that were not fsynced
  const names = new Set<string>(); // names whose folder was not fsynced since they appeared
  const appears = async (path: string, act: () => DiskResult<void>): DiskResult<void> => {
    const done = await act();
    if (done.ok) names.add(path);
    return done;
  };
  const watched: Disk = {
    ...disk,
    create: async (why, path, mode) => {
      const created = await disk.create(why, path, mode);
      if (!created.ok) return created;
      names.add(path);
      bytes.add(path);
      const file = created.value;
      const fsync = async (): DiskResult<void> => {
        bytes.delete(path);
        return ok(undefined);
      };
      return ok({ write: (data) => file.write(data), close: () => file.close(), fsync });
    },
    fsync: async (_why, folder) => {
      for (const name of names) if (dirname(name) === folder) names.delete(name);
      return ok(undefined);
    },
    rename: async (why, from, to) => {
      if (bytes.has(from)) throw new Error(`${why}: ${to} would get bytes that a power cut may lose`);
      const moved = await disk.rename(why, from, to);
      if (moved.ok) {
        names.delete(from);
        names.add(to);
      }
      return moved;
    },
    settle: async () => {
      bytes.clear();
      names.clear();
      return ok(undefined);
    },
    link: (why, from, to) => appears(to, () => disk.link(why, from, to)),
    symlink: (why, target, path) => appears(path, () => disk.symlink(why, target, path)),
    mkdir: (why, path, mode) => appears(path, () => disk.mkdir(why, path, mode)),
    unlink: async (why, path) => {
      const gone = await disk.unlink(why, path);
      if (gone.ok) {
        names.delete(path);
        bytes.delete(path);
      }
      return gone;
    },
    rmdir: async (why, path) => {
      const gone = await disk.rmdir(why, path);
      if (gone.ok) names.delete(path);
      return gone;
    },
  };
  return { disk: watched, losable: () => [...bytes, ...names].sort() };
}
