import { err, invariant, ok, type Result } from "../../runtime/result.ts";
import type { Disk, DiskError, DiskFault, DiskResult, FileInfo, NewFile, OpenFile } from "../../runtime/store/index.ts";
import type { Power } from "./power.ts";
import type { Rng } from "./rng.ts";
import type { FileNode, Node } from "./tree.ts";
import type { Volume } from "./volume.ts";

/** What of a disk never changes. */
export interface Device {
  readonly id: bigint;
  readonly capacityBytes: number;
  readonly links: boolean;
  readonly exchange: boolean;
}

const codes: Readonly<Partial<Record<DiskFault, string>>> = {
  noSpace: "ENOSPC",
  io: "EIO",
  missing: "ENOENT",
  exists: "EEXIST",
  denied: "EPERM",
  notFolder: "ENOTDIR",
  isFolder: "EISDIR",
  notEmpty: "ENOTEMPTY",
  symlink: "ELOOP",
  notLink: "EINVAL",
  tooManyLinks: "EMLINK",
  nameTooLong: "ENAMETOOLONG",
  unsupported: "EINVAL",
  other: "EINVAL",
};

const DONE: Result<void, DiskError> = ok(undefined);

/** Times tick once for each change. */
const infoOf = (node: Node, device: bigint): FileInfo => ({
  type: node.type,
  sizeBytes: node.type === "file" ? node.bytes.byteLength : node.type === "symlink" ? node.target.length : 4096,
  links: node.type === "folder" ? 2 : node.links,
  device,
  inode: BigInt(node.inode),
  mtimeNs: BigInt(node.modifiedAt),
  ctimeNs: BigInt(node.changedAt),
});

/** The port for one boot: counts each primitive, lets it go wrong, and is deaf once the power went. */
export function mounted(rng: Rng, power: Power, volume: Volume, device: Device): Disk {
  const { boot } = power;
  const gone = <T>(): Promise<T> => new Promise<T>(() => {});

  /** `partly` is what a call does that is torn or fails; null: nothing when it fails, all or nothing when it is torn. */
  function primitive<T>(
    call: string,
    why: string,
    path: string,
    act: () => DiskFault | Result<T, DiskError>,
    partly: ((failed: boolean) => void) | null = null,
  ): DiskResult<T> {
    if (power.boot !== boot) return gone();
    const accident = power.strike({ call, why, path });
    if (accident === null) return Promise.resolve(outcome(act()));
    if (accident.kind === "cut") {
      if (accident.moment === "during" && partly !== null) partly(false);
      else if (accident.moment !== "before") act();
      power.cut();
      return gone();
    }
    partly?.(true);
    return Promise.resolve(outcome(accident.kind));

    function outcome(done: DiskFault | Result<T, DiskError>): Result<T, DiskError> {
      return typeof done === "string" ? err({ kind: done, call, why, path, code: codes[done] ?? done }) : done;
    }
  }

  const plain = (fault: DiskFault | null): DiskFault | Result<void, DiskError> => fault ?? DONE;
  const did = (effect: () => void) => (): Result<void, DiskError> => {
    effect();
    return DONE;
  };

  function reader(why: string, path: string, file: FileNode): OpenFile {
    let open = true;
    const use = (): void => invariant(open, "a file is used while it is open");
    return {
      info: infoOf(file, device.id),
      read: (into, atBytes) =>
        primitive("read", why, path, () => {
          use();
          const some = file.bytes.subarray(atBytes, atBytes + into.byteLength);
          into.set(some);
          return ok(some.byteLength);
        }),
      stat: () => {
        use();
        return primitive("fstat", why, path, () => ok(infoOf(file, device.id)));
      },
      close: () => {
        use();
        open = false;
        const close = (): void => volume.close(file);
        return primitive("close", why, path, did(close), close);
      },
    };
  }

  function writer(why: string, path: string, file: FileNode): NewFile {
    const { stat: _stat, read: _read, info: _info, close } = reader(why, path, file);
    const append = (bytes: Uint8Array): DiskFault | null => {
      const fitting = bytes.subarray(0, Math.max(0, device.capacityBytes - volume.usedBytes));
      volume.append(file, fitting);
      return fitting.byteLength < bytes.byteLength ? "noSpace" : null;
    };
    return {
      write: (bytes) =>
        primitive(
          "write",
          why,
          path,
          () => plain(append(bytes)),
          () => void append(bytes.subarray(0, rng.below(bytes.byteLength + 1))),
        ),
      fsync: () =>
        primitive(
          "fsync",
          why,
          path,
          did(() => volume.fsyncFile(file)),
          (failed) => {
            volume.fsyncFile(file, rng.unit());
            if (failed) file.spoilt = true;
          },
        ),
      close,
    };
  }

  const found = <N extends object, T>(node: N | DiskFault, value: (node: N) => T): DiskFault | Result<T, DiskError> =>
    typeof node === "string" ? node : ok(value(node));

  return {
    open: (why, path) =>
      primitive("open", why, path, () => found(volume.open(path), (file) => reader(why, path, file))),
    create: (why, path, _mode) =>
      primitive("create", why, path, () => found(volume.create(path), (file) => writer(why, path, file))),
    fsync: (why, path) =>
      primitive(
        "fsync",
        why,
        path,
        () => plain(volume.fsyncFolder(path)),
        () => {},
      ),
    rename: (why, from, path) => primitive("rename", why, path, () => plain(volume.rename(from, path))),
    exchange: (why, a, path) =>
      primitive("exchange", why, path, () => (device.exchange ? plain(volume.exchange(a, path)) : "unsupported")),
    settle: (why, path) =>
      primitive(
        "settle",
        why,
        path,
        did(() => volume.settle()),
        () => {
          if (rng.chance(0.5)) volume.commitAll(); // the journal comes first; what of it is at home then, is not known
        },
      ),
    link: (why, existing, path) =>
      primitive("link", why, path, () => (device.links ? plain(volume.link(existing, path)) : "denied")),
    symlink: (why, target, path) =>
      primitive("symlink", why, path, () => (device.links ? plain(volume.symlink(target, path)) : "denied")),
    readlink: (why, path) => primitive("readlink", why, path, () => found(volume.readlink(path), (n) => n.target)),
    unlink: (why, path) => primitive("unlink", why, path, () => plain(volume.unlink(path))),
    mkdir: (why, path, _mode) => primitive("mkdir", why, path, () => plain(volume.mkdir(path))),
    rmdir: (why, path) => primitive("rmdir", why, path, () => plain(volume.rmdir(path))),
    stat: (why, path) => primitive("stat", why, path, () => found(volume.stat(path), (n) => infoOf(n, device.id))),
    list: (why, path) => primitive("list", why, path, () => found(volume.list(path), (names) => names)),
    space: (why, path) =>
      primitive("space", why, path, () =>
        found(volume.stat(path), () => ({
          totalBytes: device.capacityBytes,
          freeBytes: Math.max(0, device.capacityBytes - volume.usedBytes),
        })),
      ),
  };
}
