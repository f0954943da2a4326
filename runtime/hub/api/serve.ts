import { type HubDatabase, isDatabaseFull } from "../database/index.ts";
import { OBJECT_BYTES_MAX } from "../objects/index.ts";
import { type Answer, asResponse, refused } from "./answer.ts";
import { authorize, tokenOf } from "./authorize.ts";
import type { HubParts, Route } from "./route.ts";
import { routes } from "./routes.ts";

export interface ApiOptions {
  /** Where it listens, and nowhere else; port 0: any that is free. */
  readonly host: string;
  readonly port: number;
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  readonly parts: HubParts;
  /** Knows the tokens. */
  readonly database: Pick<HubDatabase, "listTokens">;
  /** A sentence about something that failed in here. */
  log(line: string): void;
}

export interface Api {
  readonly port: number;
  stop(): Promise<void>;
}

/** Headers are bounded by the server itself, at 16 KiB. */
const PATH_CHARS_MAX = 1024;
const IDLE_S = 30;
/** Of who sends an object: what came is made durable before it is answered, on a slow disk for minutes. */
const STREAM_IDLE_S = 240;

/** Serves the API over HTTPS. Throws when it cannot listen. */
export function serveApi(options: ApiOptions): Api {
  const { host, port, certificate, key, log } = options;
  const server: Bun.Server<undefined> = Bun.serve({
    hostname: host,
    port,
    tls: { cert: certificate, key },
    maxRequestBodySize: OBJECT_BYTES_MAX, // each route has a bound of its own, and reads no more
    idleTimeout: IDLE_S,
    development: false,
    fetch: async (request, server) =>
      asResponse(await answer(request, options, () => server.timeout(request, STREAM_IDLE_S))),
    error(thrown) {
      if (isDatabaseFull(thrown)) {
        log("a request failed: the disk is full");
        return asResponse(refused(507, "noSpace", "the disk of the hub is full: nothing of this was kept"));
      }
      log(`a request failed: ${thrown.stack ?? String(thrown)}`);
      return asResponse(refused(500, "failed", "the hub failed at this; its log says why"));
    },
  });
  return { port: server.port ?? port, stop: () => server.stop(true) };
}

async function answer(request: Request, options: ApiOptions, takeTime: () => void): Promise<Answer> {
  const url = new URL(request.url);
  const path = url.pathname.length > PATH_CHARS_MAX ? [] : url.pathname.split("/").slice(1);
  const there = routes.filter((route) => nameIn(route, path) !== null);
  const route = there.find(({ method }) => method === request.method);
  if (route === undefined) {
    if (there.length === 0) return refused(404, "path", "there is nothing here");
    const allow = there.map(({ method }) => method).join(", ");
    return refused(405, "method", `wanted ${allow}`, { allow });
  }
  const caller = await authorize(route.right, request.headers, options.database);
  if (!caller.ok) return caller.error; // before its body is looked at
  const { bodyBytesMax, streams } = route;
  const said = request.headers.get("content-length");
  const tooLarge = refused(413, "tooLarge", `wanted at most ${bodyBytesMax} bytes`);
  if (Number(said ?? 0) > bodyBytesMax) return tooLarge;
  if (streams) takeTime();
  const body = streams ? new Uint8Array() : await readAtMost(request, bodyBytesMax);
  if (body === null) return tooLarge;
  return route.answer({
    ...options.parts,
    caller: caller.value,
    token: tokenOf(request.headers),
    name: nameIn(route, path) ?? "",
    query: url.searchParams,
    headers: request.headers,
    body,
    stream: {
      bytes: streams ? atMost(request.body ?? [], bodyBytesMax) : atMost([], 0),
      sizeBytes: said === null ? null : Number(said),
    },
  });
}

/** Throws after so many bytes. */
async function* atMost(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  bytesMax: number,
): AsyncIterable<Uint8Array> {
  let size = 0;
  for await (const part of source) {
    size += part.length;
    if (size > bytesMax) throw new Error(`more than ${bytesMax} bytes`);
    yield part;
  }
}

/** What stands for `:name`, or nothing; null: the path is not the route's. */
function nameIn(route: Route, path: readonly string[]): string | null {
  const wanted = route.path.split("/").slice(1);
  if (wanted.length !== path.length) return null;
  let name = "";
  for (const [index, segment] of wanted.entries()) {
    const found = path[index] ?? "";
    if (segment === ":name") name = decoded(found);
    else if (segment !== found) return null;
  }
  return name;
}

/** What is encoded wrongly names nothing that we have. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** The whole body; null: it is larger. */
async function readAtMost(request: Request, bytesMax: number): Promise<Uint8Array | null> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of request.body ?? []) {
    size += part.length;
    if (size > bytesMax) return null;
    parts.push(part);
  }
  return Buffer.concat(parts);
}
