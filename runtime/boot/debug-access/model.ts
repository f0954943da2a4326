import type { Result } from "../../result.ts";

/** `refused`: this device is not made for it, or not yet. `failed`: something went wrong. `why` is a sentence. */
export interface Denial {
  readonly kind: "refused" | "failed";
  readonly why: string;
}

export interface Served {
  /** Of the host key, as ssh(1) shows it to who connects for the first time: "SHA256:…". */
  readonly fingerprint: string;
  /** How the server ended, in words. Sessions live on, until {@link SshServer.end}. */
  readonly ended: Promise<string>;
}

/** The base system's SSH server. One call at a time. */
export interface SshServer {
  /** Resolves when it listens. Whatever fails: {@link end} cleans up. */
  start(): Promise<Result<Served, Denial>>;
  /** Ends it with every session and all that these have started. It need not run. */
  end(): Promise<void>;
}

export const SSH_PORT = 8222;
