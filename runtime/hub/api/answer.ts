/** What a route answers: JSON, or a piece of a file. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** In place of `body`. */
  readonly file?: { readonly path: string; readonly from: number; readonly bytes: number };
}

export const done = (body: unknown, status = 200): Answer => ({ status, body });

/** `error` is a sentence for people, `kind` a word for programs. */
export const refused = (status: number, kind: string, error: string, headers: Answer["headers"] = {}): Answer => ({
  status,
  body: { kind, error },
  headers,
});

export function asResponse({ status, body, headers, file }: Answer): Response {
  const content =
    file === undefined ? `${JSON.stringify(body)}\n` : Bun.file(file.path).slice(file.from, file.from + file.bytes);
  return new Response(content, {
    status,
    headers: {
      "content-type": file === undefined ? "application/json" : "application/octet-stream",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      ...headers,
    },
  });
}
