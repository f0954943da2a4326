import { dlopen, type Pointer, read } from "bun:ffi";
import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs";
import { err, invariant, ok, type Result } from "../result.ts";
import { refused, type SysArgs, type SysError, sysError } from "./errno.ts";

/** The soname, as every glibc since 2.0 has it on x86_64 and aarch64: found through ld.so's own search path. */
export const LIBC = "libc.so.6";

const { symbols: libc } = dlopen(LIBC, {
  // int *__errno_location(void)    glibc; the address is fixed for a thread, and a Worker loads this module anew
  __errno_location: { args: [], returns: "ptr" },
  // int ioctl(int fd, unsigned long request, void *argp)    ioctl(2); variadic, which both ABIs pass like a plain pointer
  ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
});

const errnoAddress = libc.__errno_location();
invariant(errnoAddress !== null, "__errno_location() gives an address");

/** A NUL-terminated copy. The caller keeps it in a variable until the call is over; {@link sys} has refused inner NULs. */
export const cstr = (text: string): Buffer => Buffer.from(`${text}\0`);

const nulArgument = (args: SysArgs): string | undefined =>
  Object.entries(args).find(([, value]) => typeof value === "string" && value.includes("\0"))?.[0];

/** Runs one libc call that reports failure by -1. Every string that it passes must be in `args`: they are checked for NUL
 *  bytes here, and they are what the error shows. errno is read from memory right after the call. */
export function sys(call: string, args: SysArgs, invoke: () => number): Result<number, SysError> {
  const nul = nulArgument(args);
  if (nul !== undefined) return err(refused(call, args, `${nul} contains a NUL byte`));
  const result = invoke();
  if (result !== -1) return ok(result);
  const errno = read.i32(errnoAddress as Pointer, 0);
  return err(sysError(call, args, errno));
}

/** ioctl(2). `argument` is a buffer that the kernel reads or fills, or a plain integer. */
export function ioctl(
  name: string,
  fd: number,
  request: number,
  argument: Uint8Array | number,
  args: SysArgs = {},
): Result<number, SysError> {
  const argp = typeof argument === "number" ? BigInt(argument) : argument;
  return sys(`ioctl ${name}`, args, () => libc.ioctl(fd, request, argp));
}

/** Runs a node:fs call and turns what it throws into a {@link SysError}. */
export function viaNode<T>(call: string, args: SysArgs, run: () => T): Result<T, SysError> {
  const nul = nulArgument(args);
  if (nul !== undefined) return err(refused(call, args, `${nul} contains a NUL byte`));
  try {
    return ok(run());
  } catch (thrown) {
    const { errno, code } = thrown as NodeJS.ErrnoException;
    if (typeof errno !== "number" || typeof code !== "string") throw thrown;
    return err(sysError(call, args, Math.abs(errno))); // node:fs gives errno as a negative number
  }
}

/** open(2), close-on-exec. Take `flags` from node:fs `constants`: O_DIRECT and O_NOFOLLOW differ between architectures. */
export const openFd = (path: string, flags: number): Result<number, SysError> =>
  viaNode("open", { path, flags }, () => openSync(path, flags));

export function closeFd(fd: number): void {
  closeSync(fd);
}

/** Opens `path`, hands the descriptor to `use`, closes it on every way out. */
export function withFd<T, E>(path: string, flags: number, use: (fd: number) => Result<T, E>): Result<T, E | SysError> {
  const fd = openFd(path, flags);
  if (!fd.ok) return fd;
  try {
    return use(fd.value);
  } finally {
    closeFd(fd.value);
  }
}

/** Reads a whole text file; meant for procfs, sysfs and cgroupfs. */
export const readText = (path: string): Result<string, SysError> =>
  viaNode("read", { path }, () => readFileSync(path, "utf8"));

/** Writes a value into an existing procfs, sysfs or cgroupfs file by one write(2). Not for files that must last. */
export const writeControl = (path: string, value: string): Result<void, SysError> =>
  withFd(path, constants.O_WRONLY, (fd) => viaNode("write", { path, value }, () => void writeSync(fd, value)));
