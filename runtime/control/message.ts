/** Who is asking: the socket a request came in by says so, and nothing in the request. */
export type Caller =
  | { readonly kind: "host" }
  | { readonly kind: "container"; readonly name: string; readonly roles: readonly string[] };

/** Bytes as they come; may end in an error. Read once; a chunk holds until the next one is asked for. */
export type Chunks = AsyncIterable<Uint8Array>;

/** Bytes whose number is known before. */
export interface ByteStream {
  readonly sizeBytes: number;
  readonly chunks: Chunks;
}

/** What a request asks, before its body. */
export interface RequestHead {
  readonly method: string;
  /** As sent: begins with `/`, still percent-encoded, maybe with a query. */
  readonly target: string;
}

/** One request, whole. */
export interface ControlRequest extends RequestHead {
  readonly body: string | Uint8Array;
}

export interface ControlResponse {
  readonly status: number;
  readonly contentType: "application/json" | "text/plain" | "application/octet-stream";
  readonly body: string | Uint8Array | ByteStream;
  /** Seconds; the header `Retry-After`. */
  readonly retryAfterSeconds?: number;
}
