import { type Digest, parseDigest } from "../../../state/index.ts";
import { wholeOf } from "../checked.ts";
import type { Descriptor, RegistryReference } from "../documents/index.ts";
import { BadImage, fail } from "../fault.ts";
import { imageLimits } from "../limits.ts";
import { authorizationFor, type Login } from "./auth.ts";
import { type Answer, get, type HttpOptions, isLoopback } from "./http.ts";

export interface RegistryOptions extends HttpOptions {
  readonly login: Login | null;
  /** Before the second attempt; each further one waits twice as long. */
  readonly pauseMs: number;
}

export interface Registry {
  /** A manifest or index by digest or tag, and what its digest is. */
  manifest(reference: Digest | string): Promise<{ readonly bytes: Uint8Array; readonly digest: Digest }>;
  /**
   * Part after part of a blob from byte `fromBytes` on. After a break it goes on where it was; what comes twice is passed over. The
   * bytes are not checked here.
   */
  blob(descriptor: Descriptor, fromBytes: number): AsyncGenerator<Uint8Array>;
}

const ATTEMPTS = 5;
const MANIFESTS = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/** A client for one repository (OCI distribution-spec 1.1, "Pull"). Everything throws BadImage. */
export async function openRegistry(
  { host, repository }: RegistryReference,
  options: RegistryOptions,
): Promise<Registry> {
  const base = `${await schemeOf(host, options)}://${host}/v2/${repository}`;
  let authorization: string | null = null;
  const ask = async (path: string, headers: Readonly<Record<string, string>>): Promise<Answer> => {
    const answer = await get(`${base}${path}`, headers, authorization, options);
    if (answer.status !== 401) return answer;
    await answer.body.return(undefined);
    authorization = await authorizationFor(answer, repository, options.login, options);
    return get(`${base}${path}`, headers, authorization, options);
  };
  return {
    manifest: (reference) =>
      again(options, async () => {
        const digest = parseDigest(reference);
        const answer = await ask(`/manifests/${digest === null ? reference : `sha256:${digest}`}`, {
          accept: MANIFESTS,
        });
        const { url } = answer;
        const bytes = await wholeOf(answer.body, url, imageLimits.documentBytesMax);
        if (answer.status !== 200) return refused(answer, bytes);
        const said = digest ?? parseDigest((answer.headers.get("docker-content-digest") ?? "").replace(/^sha256:/, ""));
        const found = parseDigest(new Bun.CryptoHasher("sha256").update(bytes).digest("hex"));
        if (found === null) throw new RangeError("SHA-256 in hex is a digest");
        if (said !== null && said !== found) fail({ kind: "digest", blob: url, found });
        return { bytes, digest: found };
      }),
    async *blob({ digest, sizeBytes }, fromBytes) {
      let at = fromBytes;
      let fruitless = 0;
      while (at < sizeBytes || sizeBytes === 0) {
        const before = at;
        try {
          const range = at > 0 ? { range: `bytes=${at}-` } : {};
          const answer = await ask(`/blobs/sha256:${digest}`, { accept: "*/*", ...range });
          if (answer.status !== 200 && answer.status !== 206) {
            refused(answer, await wholeOf(answer.body, answer.url, imageLimits.documentBytesMax));
          }
          let skip = answer.status === 200 ? at : at - startOf(answer);
          for await (const part of answer.body) {
            const rest = part.subarray(Math.min(skip, part.byteLength));
            skip -= part.byteLength - rest.byteLength;
            if (rest.byteLength === 0) continue;
            at += rest.byteLength;
            yield rest;
            if (at > sizeBytes) return; // too many: whoever checks says so
          }
          if (sizeBytes === 0) return;
          if (at < sizeBytes) {
            fail({ kind: "network", url: answer.url, detail: `it ended after ${at} of ${sizeBytes} bytes` });
          }
        } catch (thrown) {
          fruitless = at > before ? 1 : fruitless + 1;
          if (!isPassing(thrown) || fruitless >= ATTEMPTS) throw thrown;
          await pause(options, fruitless);
        }
      }
    },
  };
}

/** HTTPS, except where plain HTTP is allowed and HTTPS is not spoken. A certificate that is not trusted is never a reason. */
async function schemeOf(host: string, options: RegistryOptions): Promise<"https" | "http"> {
  if (!isLoopback(host) && !options.insecure) return "https";
  try {
    const answer = await get(`https://${host}/v2/`, {}, null, options);
    await answer.body.return(undefined);
    return "https";
  } catch (thrown) {
    if (!(thrown instanceof BadImage) || /certificate/.test(thrown.message)) throw thrown;
    return "http";
  }
}

/** Where a part begins that the registry sends (RFC 9110, 14.4). */
function startOf(answer: Answer): number {
  const start = /^bytes (\d{1,15})-/.exec(answer.headers.get("content-range") ?? "")?.[1];
  return start === undefined
    ? fail({ kind: "network", url: answer.url, detail: "it sends a part and does not say which" })
    : Number(start);
}

function refused({ url, status }: Answer, bytes: Uint8Array): never {
  const said = /"message"\s*:\s*"([^"\\]{1,200})"/.exec(Buffer.from(bytes).toString("utf8"))?.[1];
  const clean = (said ?? "").replace(/[^\x20-\x7e]/g, "?");
  return fail({ kind: "registry", url, status, detail: clean });
}

const isPassing = (thrown: unknown): boolean =>
  thrown instanceof BadImage &&
  ((thrown.fault.kind === "network" && !/certificate|--insecure|redirects/.test(thrown.fault.detail)) ||
    (thrown.fault.kind === "registry" && (thrown.fault.status >= 500 || thrown.fault.status === 429)));

async function again<T>(options: RegistryOptions, act: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await act();
    } catch (thrown) {
      if (!isPassing(thrown) || attempt >= ATTEMPTS) throw thrown;
      await pause(options, attempt);
    }
  }
}

async function pause({ pauseMs, signal }: RegistryOptions, attempt: number): Promise<void> {
  await Bun.sleep(pauseMs * 2 ** (attempt - 1));
  signal?.throwIfAborted();
}
