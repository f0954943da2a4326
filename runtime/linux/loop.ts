import { constants, existsSync, readdirSync } from "node:fs";
import { err, ok, type Result } from "../result.ts";
import type { SysError } from "./errno.ts";
import { makeNode } from "./fs.ts";
import { closeFd, ioctl, openFd, readText, viaNode, withFd } from "./libc.ts";

/** Requests and flags of linux/loop.h. */
const LOOP_CONFIGURE = 0x4c0a;
const LOOP_CLR_FD = 0x4c01;
const LOOP_CTL_GET_FREE = 0x4c82;
const LO_FLAGS = { readOnly: 1, autoclear: 4, directIo: 16 } as const;
/** Block major of loop devices (Documentation/admin-guide/devices.txt). */
const LOOP_MAJOR = 7;

/** `struct loop_config`, linux/loop.h, with `struct loop_info64` inside it: offset, size, field. All fixed-width, so the same
 *  on x86_64 and aarch64. */
export const LOOP_CONFIG = {
  sizeBytes: 304,
  fd: 0, // 4, __u32
  blockSize: 4, // 4, __u32; 0: the kernel's choice
  infoFlags: 60, // 4, info (at 8) . lo_flags (52 within)
  infoFileName: 64, // 64, info . lo_file_name (56 within); what losetup shows when sysfs is not there
} as const;
const LO_NAME_BYTES = 64;

export type AttachSpec = {
  readonly file: string;
  readonly readOnly: boolean;
  /** Ask for direct I/O, which keeps the pages of `file` out of the page cache a second time. The kernel goes on without it
   *  where the backing file system cannot; {@link LoopDevice} says what it did. Default true. */
  readonly directIo?: boolean;
};

/** An attached loop device. It detaches by itself when its last user closes it, so mount it before {@link LoopDevice.release}. */
export type LoopDevice = {
  readonly index: number;
  /** "/dev/loop<index>". */
  readonly path: string;
  readonly directIo: boolean;
  /** Gives up our own hold. What is mounted from it, or mapped over it, keeps it attached. */
  release(): void;
};

/** Others may take the free device between asking for it and configuring it; each lost race costs one round. */
const ATTEMPTS_MAX = 64;
const LOST_RACE: ReadonlySet<string> = new Set(["EBUSY", "ENXIO", "ENODEV"]);

/** Encodes `struct loop_config`. */
export function encodeLoopConfig(fd: number, file: string, flags: number): Uint8Array {
  const bytes = new Uint8Array(LOOP_CONFIG.sizeBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(LOOP_CONFIG.fd, fd, true);
  view.setUint32(LOOP_CONFIG.infoFlags, flags, true);
  bytes.set(Buffer.from(file).subarray(0, LO_NAME_BYTES - 1), LOOP_CONFIG.infoFileName);
  return bytes;
}

/** Attaches `file` to a free loop device, with autoclear. Needs Linux 5.8 (LOOP_CONFIGURE: no half-configured device is ever
 *  visible). Errors: ENOENT for the file or for /dev/loop-control (kernel CONFIG_BLK_DEV_LOOP), EBUSY when every race was lost. */
export function attachLoop({ file, readOnly, directIo = true }: AttachSpec): Result<LoopDevice, SysError> {
  const mode = readOnly ? constants.O_RDONLY : constants.O_RDWR;
  return withFd(file, mode, (backing) => {
    const flags = LO_FLAGS.autoclear | (readOnly ? LO_FLAGS.readOnly : 0);
    const attached = attachFree(file, backing, mode, directIo ? flags | LO_FLAGS.directIo : flags);
    // Some kernels refuse the flag for a backing file that cannot do direct I/O, others ignore it.
    return !attached.ok && attached.error.code === "EINVAL" && directIo
      ? attachFree(file, backing, mode, flags)
      : attached;
  });
}

function attachFree(file: string, backing: number, mode: number, flags: number): Result<LoopDevice, SysError> {
  const config = encodeLoopConfig(backing, file, flags);
  let last: Result<LoopDevice, SysError> | undefined;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const free = withFd("/dev/loop-control", constants.O_RDWR, (fd) =>
      ioctl("LOOP_CTL_GET_FREE", fd, LOOP_CTL_GET_FREE, 0),
    );
    if (!free.ok) return free;
    last = configure(free.value, file, config, mode);
    if (last.ok || !LOST_RACE.has(last.error.code)) return last;
  }
  return last as Result<LoopDevice, SysError>;
}

function configure(index: number, file: string, config: Uint8Array, mode: number): Result<LoopDevice, SysError> {
  const path = `/dev/loop${index}`;
  if (!existsSync(path)) {
    const made = makeNode(path, { type: "block", major: LOOP_MAJOR, minor: index, mode: 0o600 });
    if (!made.ok && made.error.code !== "EEXIST") return made;
  }
  const fd = openFd(path, mode);
  if (!fd.ok) return fd;
  const done = ioctl("LOOP_CONFIGURE", fd.value, LOOP_CONFIGURE, config, { device: path, file });
  if (!done.ok) {
    closeFd(fd.value);
    return err(done.error);
  }
  const dio = readText(`/sys/block/loop${index}/loop/dio`);
  let held = true;
  return ok({
    index,
    path,
    directIo: dio.ok && dio.value.trim() === "1",
    release: () => {
      if (held) closeFd(fd.value);
      held = false;
    },
  });
}

/** Detaches a loop device by its path; with users left it detaches when the last one closes. ENXIO: it is not attached. */
export function detachLoop(path: string): Result<void, SysError> {
  const done = withFd(path, constants.O_RDONLY, (fd) => ioctl("LOOP_CLR_FD", fd, LOOP_CLR_FD, 0, { device: path }));
  return done.ok ? ok(undefined) : done;
}

/** A loop device that is attached, as sysfs has it. */
export type AttachedLoop = {
  readonly index: number;
  readonly path: string;
  /** Absolute path when it was attached; " (deleted)" is appended by the kernel when the file is gone. */
  readonly backingFile: string;
  readonly autoclear: boolean;
  readonly directIo: boolean;
};

/** The attached loop devices of the whole machine, in order of their index. */
export function listLoops(): Result<readonly AttachedLoop[], SysError> {
  const names = viaNode("readdir", { path: "/sys/block" }, () => readdirSync("/sys/block"));
  if (!names.ok) return names;
  const loops = names.value.flatMap((name) => {
    const index = /^loop(\d+)$/.exec(name)?.[1];
    const attribute = (file: string): string | undefined => {
      const text = readText(`/sys/block/${name}/loop/${file}`); // gone when the device is not attached, or just detached
      return text.ok ? text.value.replace(/\n$/, "") : undefined;
    };
    const backingFile = index === undefined ? undefined : attribute("backing_file");
    if (index === undefined || backingFile === undefined) return [];
    const [autoclear, directIo] = [attribute("autoclear") === "1", attribute("dio") === "1"];
    return [{ index: Number(index), path: `/dev/${name}`, backingFile, autoclear, directIo }];
  });
  return ok(loops.sort((a, b) => a.index - b.index));
}
