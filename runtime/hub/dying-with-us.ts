/** Debian keeps some programs where users do not look. */
export const PROGRAMS = `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;

/** Words before a command that make its end come with ours, however ours comes; none where setpriv(1) is missing. */
export function dyingWithUs(signal: "TERM" | "KILL"): readonly string[] {
  const setpriv = Bun.which("setpriv", { PATH: PROGRAMS });
  return setpriv === null ? [] : [setpriv, "--pdeathsig", signal, "--"];
}
