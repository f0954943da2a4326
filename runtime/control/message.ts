/** Who is asking: the socket a request came in by says so, and nothing in the request. */
export type Caller =
  | { readonly kind: "host" }
  | { readonly kind: "container"; readonly name: string; readonly roles: readonly string[] };

/** One request, read whole. */
export interface ControlRequest {
  readonly method: string;
  /** As sent: begins with `/`, still percent-encoded, maybe with a query. */
  readonly target: string;
  readonly body: string;
}

export interface ControlResponse {
  readonly status: number;
  readonly contentType: "application/json" | "text/plain";
  readonly body: string;
  /** Seconds; the header `Retry-After`. */
  readonly retryAfterSeconds?: number;
}
