/** Signals that Linux has on all machines we run on, by number (signal(7)). */
const names: readonly string[] = (
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ " +
  "VTALRM PROF WINCH IO PWR SYS"
).split(" ");

const REAL_TIME = /^RT(?:MIN(?:\+(?:[1-9]|[12]\d|30))?|MAX(?:-(?:[1-9]|[12]\d|30))?)$/;

/**
 * A stop signal of an image, `SIGTERM`, `TERM`, `15` or `SIGRTMIN+3`, in the form that liblxc reads (`sig_parse`, lxc
 * src/lxc/confile_utils.c); null when there is no such signal.
 */
export function parseSignal(text: string): string | null {
  const number = /^\d{1,2}$/.test(text) ? Number(text) : null;
  if (number !== null) return number >= 1 && number <= 64 ? String(number) : null;
  const name = text.toUpperCase().replace(/^SIG/, "");
  return names.includes(name) || REAL_TIME.test(name) ? `SIG${name}` : null;
}
