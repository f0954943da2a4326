import { BadImage, fail } from "../fault.ts";

export interface HttpOptions {
  /** PEM of authorities to trust beside the system's; null: only those. */
  readonly ca: string | null;
  /** Certificates are not checked, and plain HTTP will do. */
  readonly insecure: boolean;
  /** How long nothing may come. */
  readonly idleMs: number;
  readonly signal: AbortSignal | null;
}

export interface Answer {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  /** To be read to its end or left; a failure on the way is thrown as BadImage of the kind `network`. */
  readonly body: AsyncGenerator<Uint8Array>;
}

const REDIRECTS_MAX = 5;
const REDIRECT = new Set([301, 302, 303, 307, 308]);
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH/i;

/** 127.0.0.0/8, ::1 and localhost: nobody can listen in between. */
export const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i.test(host);

/** True when plain HTTP may be spoken there. */
export const mayBePlain = (url: URL, { insecure }: HttpOptions): boolean => insecure || isLoopback(url.host);

/**
 * One GET. Redirects are followed here, at most five, never from HTTPS to plain HTTP, and `authorization` goes to the origin it is meant
 * for and to no other.
 */
export async function get(
  start: string,
  headers: Readonly<Record<string, string>>,
  authorization: string | null,
  options: HttpOptions,
): Promise<Answer> {
  let url = new URL(start);
  const origin = url.origin;
  for (let redirects = 0; ; redirects++) {
    if (url.protocol !== "https:" && !(url.protocol === "http:" && mayBePlain(url, options))) {
      return fail({ kind: "network", url: url.href, detail: "plain HTTP to another machine: --insecure allows it" });
    }
    const own = authorization !== null && url.origin === origin ? { authorization } : {};
    const answer = await getOnce(url, { ...headers, ...own }, options);
    const location = answer.headers.get("location");
    if (!REDIRECT.has(answer.status) || location === null) return answer;
    await answer.body.return(undefined);
    if (redirects === REDIRECTS_MAX) return fail({ kind: "network", url: start, detail: "it redirects without end" });
    const next = URL.canParse(location, url.href) ? new URL(location, url.href) : null;
    if (next === null || (url.protocol === "https:" && next.protocol !== "https:")) {
      return fail({ kind: "network", url: url.href, detail: "it redirects to something that is not HTTPS" });
    }
    url = next;
  }
}

async function getOnce(url: URL, headers: Readonly<Record<string, string>>, options: HttpOptions): Promise<Answer> {
  const { ca, insecure, idleMs, signal } = options;
  const own = new AbortController();
  let timer = setTimeout(() => own.abort(), idleMs);
  const alive = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => own.abort(), idleMs);
  };
  const failed = (thrown: unknown): never => {
    clearTimeout(timer);
    signal?.throwIfAborted();
    if (thrown instanceof BadImage) throw thrown;
    if (own.signal.aborted)
      return fail({ kind: "network", url: shown(url), detail: `nothing came for ${idleMs / 1000} s` });
    const { code, message } = thrown as { code?: string; message?: string };
    const what = code ?? message ?? String(thrown);
    const hint = CERTIFICATE.test(what) ? ": its certificate is not trusted, --ca names who signed it" : "";
    return fail({ kind: "network", url: shown(url), detail: `${what}${hint}` });
  };
  const tls: Bun.TLSOptions = { rejectUnauthorized: !insecure, ...(ca === null ? {} : { ca }) };
  const signals = signal === null ? own.signal : AbortSignal.any([signal, own.signal]);
  try {
    const response = await fetch(url.href, {
      headers: { ...headers, "accept-encoding": "identity", "user-agent": "cairn" },
      redirect: "manual",
      decompress: false,
      signal: signals,
      tls,
    });
    alive();
    const body = bodyOf(
      response,
      alive,
      failed,
      () => clearTimeout(timer),
      () => own.abort(),
    );
    return { url: shown(url), status: response.status, headers: response.headers, body };
  } catch (thrown) {
    return failed(thrown);
  }
}

async function* bodyOf(
  response: Response,
  alive: () => void,
  failed: (thrown: unknown) => never,
  end: () => void,
  leave: () => void,
): AsyncGenerator<Uint8Array> {
  let whole = response.body === null;
  try {
    for await (const part of response.body ?? []) {
      alive();
      yield part;
    }
    whole = true;
  } catch (thrown) {
    failed(thrown);
  } finally {
    end();
    if (!whole) leave(); // nobody reads on
  }
}

/** Signed addresses of storage carry what lets anybody fetch: not for messages. */
const shown = (url: URL): string => `${url.origin}${url.pathname}`;
