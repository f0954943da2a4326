/** Debian keeps some programs where users do not look. */
export const PROGRAMS = `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;

/** Words before a command that make its end come with ours, however ours comes; none where setpriv(1) is missing. */
export function dyingWithUs(signal: "TERM" | "KILL"): readonly string[] {
  const setpriv = Bun.which("setpriv", { PATH: PROGRAMS });
  return setpriv === null ? [] : [setpriv, "--pdeathsig", signal, "--"];
}

/** What a command that {@link alone} begins with ends with when its turn does not come. */
export const EXIT_NOT_ALONE = 75;

/** Words before a command that have it wait for the end of another with the same `lock`, a file that is made; none where flock(1) is missing. */
export function alone(lock: string, waitS: number): readonly string[] {
  const flock = Bun.which("flock", { PATH: PROGRAMS });
  if (flock === null) return [];
  return [flock, "--wait", String(waitS), "--conflict-exit-code", String(EXIT_NOT_ALONE), "--no-fork", lock];
}
