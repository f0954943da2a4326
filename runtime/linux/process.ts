import { dlopen, ptr } from "bun:ffi";
import { constants } from "node:os";
import { err, invariant, ok, type Result } from "../result.ts";
import { refused, type SysError } from "./errno.ts";
import { cstr, LIBC, sys, viaNode } from "./libc.ts";

const { symbols: libc } = dlopen(LIBC, {
  // int waitid(idtype_t idtype, id_t id, siginfo_t *infop, int options)    waitid(2)
  waitid: { args: ["i32", "u32", "ptr", "i32"], returns: "i32" },
  // int prctl(int op, unsigned long arg2, arg3, arg4, arg5)    prctl(2); variadic, passed like plain integers on both ABIs
  prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
  // pid_t setsid(void)    setsid(2)
  setsid: { args: [], returns: "i32" },
});

/** How a process ended, or why. `number` is the signal's number, `signal` its name ("SIGKILL"; "SIG35" for one without). */
export type WaitStatus =
  | { readonly kind: "exit"; readonly code: number }
  | { readonly kind: "signal"; readonly signal: string; readonly number: number; readonly coreDumped: boolean };

/** Some numbers have two names; the first is the common one (SIGABRT, not SIGIOT). */
const signalNames = new Map(
  Object.entries(constants.signals)
    .map(([name, number]) => [number, name] as const)
    .reverse(),
);

export const signalName = (number: number): string => signalNames.get(number) ?? `SIG${number}`;

const bySignal = (number: number, coreDumped: boolean): WaitStatus => ({
  kind: "signal",
  signal: signalName(number),
  number,
  coreDumped,
});

/** Decodes the int that wait(2) fills (WIFEXITED and friends, bits/waitstatus.h). `undefined`: stopped or continued, not ended. */
export function decodeWaitStatus(status: number): WaitStatus | undefined {
  const signal = status & 0x7f;
  if (signal === 0) return { kind: "exit", code: (status >> 8) & 0xff };
  return signal === 0x7f ? undefined : bySignal(signal, (status & 0x80) !== 0);
}

/** "exited with code 3", "was killed by SIGKILL". */
export const explainWaitStatus = (status: WaitStatus): string =>
  status.kind === "exit"
    ? `exited with code ${status.code}`
    : `was killed by ${status.signal}${status.coreDumped ? " (core dumped)" : ""}`;

/** `siginfo_t` of SIGCHLD on 64-bit Linux (asm-generic/siginfo.h): the union begins at 16. */
export const SIGINFO = { sizeBytes: 128, code: 8, pid: 16, uid: 20, status: 24 } as const;

/** linux/wait.h. */
const P_ALL = 0;
const P_PID = 1;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x01000000;
/** si_code of siginfo.h. */
const CLD_EXITED = 1;
const CLD_DUMPED = 3;

export type ExitedChild = { readonly pid: number; readonly status: WaitStatus };

/** Decodes what waitid fills; `undefined` when no child has ended (si_pid is 0). */
export function decodeSiginfo(bytes: Uint8Array): ExitedChild | undefined {
  invariant(bytes.length >= SIGINFO.sizeBytes, "a siginfo_t is 128 bytes");
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const pid = view.getInt32(SIGINFO.pid, true);
  if (pid === 0) return undefined;
  const [code, value] = [view.getInt32(SIGINFO.code, true), view.getInt32(SIGINFO.status, true)];
  return { pid, status: code === CLD_EXITED ? { kind: "exit", code: value } : bySignal(value, code === CLD_DUMPED) };
}

function wait(idType: number, id: number, options: number): Result<ExitedChild | undefined, SysError> {
  const info = new Uint8Array(SIGINFO.sizeBytes);
  const done = sys("waitid", { idType, id, options }, () => libc.waitid(idType, id, info, options));
  if (done.ok) return ok(decodeSiginfo(info));
  return done.error.code === "ECHILD" ? ok(undefined) : done;
}

/** Some child that has ended, left as it is: whoever waits for it still gets its status. Never blocks. */
export const peekExited = (): Result<ExitedChild | undefined, SysError> => wait(P_ALL, 0, WEXITED | WNOHANG | WNOWAIT);

/** Takes the status of this one child if it has ended; `undefined` when it still runs or is no child of ours. */
export const reap = (pid: number): Result<ExitedChild | undefined, SysError> => wait(P_PID, pid, WEXITED | WNOHANG);

/** linux/prctl.h. */
const PR_SET_DUMPABLE = 4;
const PR_SET_NAME = 15;
const PR_SET_CHILD_SUBREAPER = 36;

const prctl = (name: string, op: number, value: number | bigint, args = {}): Result<void, SysError> => {
  const done = sys(`prctl ${name}`, args, () => libc.prctl(op, value, 0, 0, 0));
  return done.ok ? ok(undefined) : done;
};

/** Orphaned descendants become our children, as they become those of PID 1. */
export const becomeSubreaper = (): Result<void, SysError> => prctl("PR_SET_CHILD_SUBREAPER", PR_SET_CHILD_SUBREAPER, 1);

/** Whether this process may be traced and its memory dumped; "no" for a process that holds keys. */
export const setDumpable = (dumpable: boolean): Result<void, SysError> =>
  prctl("PR_SET_DUMPABLE", PR_SET_DUMPABLE, dumpable ? 1 : 0, { dumpable });

/** Sets the name that ps shows for the main thread, cut by the kernel to 15 bytes. */
export function setProcessName(name: string): Result<void, SysError> {
  const text = cstr(name);
  const done = sys("prctl PR_SET_NAME", { name }, () => libc.prctl(PR_SET_NAME, BigInt(ptr(text)), 0, 0, 0));
  return done.ok ? ok(undefined) : done;
}

/** setsid(2): leaves the controlling terminal. EPERM: already leads a process group. */
export function startSession(): Result<number, SysError> {
  return sys("setsid", {}, () => libc.setsid());
}

/** kill(2). Pids below 1, which kill(2) takes for groups or for everybody, are refused. ESRCH: it has ended. */
export function kill(pid: number, signal: NodeJS.Signals): Result<void, SysError> {
  if (!Number.isInteger(pid) || pid < 1) return err(refused("kill", { pid, signal }, "wants the pid of one process"));
  const done = viaNode("kill", { pid, signal }, () => process.kill(pid, signal));
  return done.ok ? ok(undefined) : done;
}
