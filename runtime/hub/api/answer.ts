/** What a route answers: always JSON. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export const done = (body: unknown, status = 200): Answer => ({ status, body });

/** `error` is a sentence for people, `kind` a word for programs. */
export const refused = (status: number, kind: string, error: string, headers: Answer["headers"] = {}): Answer => ({
  status,
  body: { kind, error },
  headers,
});

export const asResponse = ({ status, body, headers }: Answer): Response =>
  new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: {
      "content-type": "application/json",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      ...headers,
    },
  });
