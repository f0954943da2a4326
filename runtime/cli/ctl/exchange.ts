import { err, ok, type Result } from "../../result.ts";
import { openWire, type Wire, WireBroken } from "./wire.ts";

const HEAD_BYTES_MAX = 64 * 1024;
const END_OF_HEAD = Buffer.from("\r\n\r\n");
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5][0-9]{2})(?: |$)/;

export type Method = "GET" | "PUT" | "POST" | "DELETE";

/** What a request carries. Its length is said first, so it must be known. */
export interface Body {
  readonly sizeBytes: number;
  readonly bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** An answer whose body is still to be read; reading throws {@link WireBroken} when it breaks off. */
export interface Response {
  readonly status: number;
  readonly bytes: AsyncGenerator<Uint8Array>;
}

/**
 * One request, one connection (RFC 9112), as HTTP/1.0 so that no answer comes chunked. A server that answers before the body is sent
 * ends the sending. The error says how it went wrong, in an errno's name where there is one. What `body` throws is passed on; the
 * server then sees a body that breaks off.
 */
export async function exchange(
  socket: string,
  method: Method,
  path: string,
  body: Body | null,
): Promise<Result<Response, string>> {
  const opened = await openWire(socket);
  if (!opened.ok) return opened;
  const wire = opened.value;
  try {
    const head = [`${method} ${path} HTTP/1.0`, "Host: localhost", "Connection: close"];
    if (body !== null) head.push(`Content-Length: ${body.sizeBytes}`);
    const open = await wire.write(Buffer.from(`${head.join("\r\n")}\r\n\r\n`));
    if (open && body !== null) await send(wire, body);
    const response = await receive(wire);
    if (!response.ok) wire.close();
    return response;
  } catch (error) {
    wire.close();
    if (error instanceof WireBroken) return err(error.message);
    throw error;
  }
}

async function send(wire: Wire, { bytes, sizeBytes }: Body): Promise<void> {
  let left = sizeBytes;
  for await (const chunk of bytes) {
    left -= chunk.byteLength;
    if (left < 0) throw new WireBroken("there was more to send than announced");
    if (!(await wire.write(chunk))) return;
  }
  if (left > 0) throw new WireBroken("there was less to send than announced");
}

async function receive(wire: Wire): Promise<Result<Response, string>> {
  let received = Buffer.alloc(0);
  for (;;) {
    const end = received.indexOf(END_OF_HEAD);
    if (end >= 0) return answer(wire, received.toString("latin1", 0, end), received.subarray(end + END_OF_HEAD.length));
    if (received.length > HEAD_BYTES_MAX) return err("its answer is not HTTP");
    const more = await wire.read();
    if (more === null) return err(received.length === 0 ? "it hung up" : "its answer broke off");
    received = Buffer.concat([received, more]);
  }
}

function answer(wire: Wire, head: string, rest: Uint8Array): Result<Response, string> {
  const [first = "", ...lines] = head.split("\r\n");
  const status = STATUS_LINE.exec(first)?.[1];
  const length = lines.map((line) => /^content-length:\s*(\d{1,15})\s*$/i.exec(line)?.[1]).find((n) => n !== undefined);
  if (status === undefined) return err("its answer is not HTTP");
  return ok({ status: Number(status), bytes: bodyOf(wire, rest, length === undefined ? null : Number(length)) });
}

/** Without a length, the body ends with the connection. */
async function* bodyOf(wire: Wire, first: Uint8Array, sizeBytes: number | null): AsyncGenerator<Uint8Array> {
  try {
    let left = sizeBytes ?? Number.POSITIVE_INFINITY;
    let chunk: Uint8Array | null = first;
    while (left > 0) {
      if (chunk === null) {
        if (sizeBytes === null) return;
        throw new WireBroken("its answer broke off");
      }
      const wanted: Uint8Array = chunk.subarray(0, left);
      left -= wanted.byteLength;
      if (wanted.byteLength > 0) yield wanted;
      if (left > 0) chunk = await wire.read();
    }
  } finally {
    wire.close();
  }
}
