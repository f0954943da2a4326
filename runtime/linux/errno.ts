import { dlopen } from "bun:ffi";

/** What a failing call was asked to do: plain data, so that an error can be logged and compared. */
export type SysArgs = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** A system call that failed. `code` is the symbolic name ("EBUSY") of `errno`; `why` is there when we refused the call
 *  ourselves before the kernel saw it. */
export type SysError = {
  readonly kind: "sys";
  readonly call: string;
  readonly args: SysArgs;
  readonly errno: number;
  readonly code: string;
  readonly why?: string;
};

const { symbols: libc } = dlopen("libc.so.6", {
  // const char *strerrorname_np(int errnum)    strerror(3), glibc 2.32; "EBUSY", or NULL for an unknown number
  strerrorname_np: { args: ["i32"], returns: "cstring" },
  // const char *strerrordesc_np(int errnum)    strerror(3), glibc 2.32; never translated
  strerrordesc_np: { args: ["i32"], returns: "cstring" },
});

/** EINVAL, the errno of arguments that cannot be passed to the kernel (asm-generic/errno-base.h). */
const EINVAL = 22;

/** The name of an errno value, `E<number>` when libc has none. */
export function errnoName(errno: number): string {
  return String(libc.strerrorname_np(errno) ?? "") || `E${errno}`;
}

export function sysError(call: string, args: SysArgs, errno: number): SysError {
  return { kind: "sys", call, args, errno, code: errnoName(errno) };
}

/** An error for arguments that we refuse to hand to the kernel. */
export function refused(call: string, args: SysArgs, why: string): SysError {
  return { ...sysError(call, args, EINVAL), why };
}

/** One sentence: the call with its arguments, then errno's name and text. */
export function explainSys(e: SysError): string {
  const args = Object.entries(e.args).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const text = e.why ?? (String(libc.strerrordesc_np(e.errno) ?? "") || "unknown error");
  return `${e.call}(${args.join(", ")}): ${e.code}, ${text}`;
}
