import { afterEach, describe, expect, test } from "bun:test";
import { type Download, download } from "../../../runtime/fleet/parcels/index.ts";
import { newAuthority } from "../authority.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const whole = new Uint8Array(200_000).map((_, at) => at % 251);
const digest = "dd".repeat(32);
const key = new Uint8Array(16).fill(0xab);

/** A hub that answers with `answer`. */
function hub(answer: (request: Request) => Response, authority = newAuthority()) {
  const { certificate, key: secret } = authority.server("localhost");
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, tls: { cert: certificate, key: secret }, fetch: answer });
  closing.push(() => server.stop(true));
  return (more: Partial<Download> = {}): Download => ({
    host: "localhost",
    port: server.port ?? 0,
    authority: authority.servers,
    key,
    digest,
    from: 100_000,
    bytes: 50_000,
    signal: new AbortController().signal,
    setTimer: () => () => {},
    ...more,
  });
}
const partial = (
  bytes: Uint8Array | string | ReadableStream,
  range = "bytes 100000-149999/200000",
  status = 206,
): Response => new Response(bytes as never, { status, headers: { "content-range": range } });
const all = async (what: Download): Promise<Uint8Array> => Buffer.concat(await Array.fromAsync(download(what)));

test("the part that is lacking comes, in pieces of a block's length", async () => {
  const asked: string[] = [];
  const at = hub(({ url, headers }) => {
    asked.push(new URL(url).pathname, headers.get("range") ?? "", headers.get("if-range") ?? "");
    return partial(whole.slice(100_000, 150_000));
  });
  const pieces = await Array.fromAsync(download(at()));
  expect(new Uint8Array(Buffer.concat(pieces))).toEqual(whole.slice(100_000, 150_000));
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(16 * 1024);
  expect(asked).toEqual([`/parcels/${"ab".repeat(16)}`, "bytes=100000-149999", `"${digest}"`]);
});

describe("nothing is taken", () => {
  test.each([
    ["of the whole, which another parcel would be", () => new Response(whole)],
    ["of another part", () => partial(whole.slice(0, 50_000), "bytes 0-49999/200000")],
    ["of a refusal", () => partial("no", "bytes */200000", 416)],
    ["of a redirection", () => new Response(null, { status: 302, headers: { location: "https://localhost/" } })],
  ])("%s", async (_, answer) => {
    await expect(all(hub(answer)())).rejects.toThrow();
  });

  test("from a server of another authority", async () => {
    const at = hub(() => partial(whole.slice(100_000, 150_000)));
    await expect(all(at({ authority: newAuthority().servers }))).rejects.toThrow();
  });

  test("beyond what was asked for", async () => {
    const at = hub(() => partial(whole.slice(100_000, 150_001)));
    await expect(all(at())).rejects.toThrow("more than was asked for");
  });
});

test("a server that falls silent is given up, and so is what nobody wants any more", async () => {
  const silent = () =>
    partial(
      new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(10)),
        pull: () => new Promise(() => {}),
      }),
    );
  const soon = (_: number, fire: () => void): (() => void) => {
    const timer = setTimeout(fire, 50);
    return () => clearTimeout(timer);
  };
  await expect(all(hub(silent)({ setTimer: soon }))).rejects.toThrow();
  const stop = new AbortController();
  const waiting = all(hub(silent)({ signal: stop.signal }));
  stop.abort();
  await expect(waiting).rejects.toThrow();
});
