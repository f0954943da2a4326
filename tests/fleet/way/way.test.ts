import { afterEach, expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { dialOneOf } from "../../../runtime/fleet/way/dial.ts";
import { type Dial, dial, type WayOptions } from "../../../runtime/fleet/way/index.ts";
import { must } from "../../store/world.ts";

const dials: Dial[] = [];
const servers: Server[] = [];
afterEach(() => {
  for (const made of dials.splice(0)) made.close("at once");
  for (const server of servers.splice(0)) server.close();
});

async function serve(each: (peer: Socket) => void, host = "127.0.0.1"): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (peer) => {
    peer.on("error", () => {});
    each(peer);
  });
  servers.push(server);
  await once(server.listen(0, host), "listening");
  return (server.address() as AddressInfo).port;
}

const usual: WayOptions = { receiveBytes: 5_000, patience: { keptMs: 60_000, retryMs: 60_000 } };
const keep = (made: Dial): Dial => {
  dials.push(made);
  return made;
};
const to = (port: number, options: Partial<WayOptions> = {}, host = "127.0.0.1"): Dial =>
  keep(dial({ host, port }, { ...usual, ...options }));
const streamOf = async (made: Dial): Promise<Duplex> => must(await made.opened);

const text = async (stream: Duplex): Promise<string> => {
  let all = "";
  for await (const piece of stream) all += piece;
  return all;
};

test.each(["127.0.0.1", "::1"])("what is said at %s is heard, and ends where it is ended", async (host) => {
  const port = await serve((peer) => peer.once("data", (what) => peer.end(`you said ${what}`)), host);
  const made = to(port, {}, host);
  const stream = await streamOf(made);
  stream.write("hello");
  expect(await text(stream)).toBe("you said hello");
  expect(made.usedBytes()).toBeGreaterThan(6 * (host === "::1" ? 72 : 52));
  await made.silent();
});

test("much goes out, too, in order, and what was written together travels together", async () => {
  const all = Buffer.concat(Array.from({ length: 400 }, (_, index) => Buffer.alloc(10_007, index)));
  const came: Buffer[] = [];
  const over = Promise.withResolvers<void>();
  const port = await serve((peer) => {
    peer.pause();
    peer.on("data", (piece: Buffer) => came.push(piece));
    peer.on("end", over.resolve);
    setTimeout(() => peer.resume(), 100);
  });
  const stream = await streamOf(to(port));
  for (let at = 0; at < all.length; at += 10_007)
    if (!stream.write(all.subarray(at, at + 10_007))) await once(stream, "drain");
  stream.end();
  await over.promise;
  expect(Buffer.concat(came).equals(all)).toBe(true);
  came.length = 0;
});

test("a link that is faster than it was taken for may have more on its way", async () => {
  const port = await serve((peer) => void peer.write(new Uint8Array(1 << 20)));
  const made = to(port, { receiveBytes: 4_000, came: () => new Promise(() => {}) });
  await streamOf(made).then((stream) => stream.resume());
  const unread = async (): Promise<number> => {
    let [before, now] = [-1, 0];
    while (now === 0 || now !== before) {
      await Bun.sleep(100);
      [before, now] = [now, made.usedBytes()];
    }
    return now;
  };
  const narrow = await unread();
  expect(narrow).toBeLessThan(20_000);
  made.widen(40_000);
  expect(await unread()).toBeGreaterThan(narrow + 20_000);
});

test("nobody sees what came, and nothing more is read, before it is accounted for", async () => {
  const port = await serve((peer) => void peer.write(new Uint8Array(1 << 20)));
  const gates: (() => void)[] = [];
  const came = (): Promise<void> => new Promise((resolve) => void gates.push(resolve));
  const made = to(port, { came });
  const stream = await streamOf(made);
  let seen = 0;
  stream.on("data", (piece: Buffer) => {
    seen += piece.length;
  });
  while (gates.length === 0) await Bun.sleep(1);
  await Bun.sleep(100);
  expect([seen, gates.length]).toEqual([0, 1]);
  // One read, and then what the kernel takes: each is twice what was asked for at most; and the headers, of packets however small.
  expect(made.usedBytes()).toBeLessThan(4 * 5_000 + 2_000);
  gates.shift()?.();
  while (gates.length === 0) await Bun.sleep(1);
  expect(seen).toBeGreaterThan(0);
  expect(seen).toBeLessThanOrEqual(2 * 5_000);
});

test("who does not read slows the other end down", async () => {
  let written = 0;
  const port = await serve((peer) => {
    const more = (): void => {
      while (peer.write(new Uint8Array(10_000))) written += 10_000;
    };
    peer.on("drain", more);
    more();
  });
  const made = to(port);
  await streamOf(made);
  await Bun.sleep(100);
  const before = made.usedBytes();
  await Bun.sleep(200);
  expect(made.usedBytes() - before).toBeLessThan(1_000); // it asks now and then whether there is room
  expect(before).toBeLessThan(4 * 5_000 + 2_000);
  expect(written).toBeGreaterThan(before);
});

test("what was on its way when it was ended is counted, too, and the other end is reset", async () => {
  const problems: string[] = [];
  const gone = Promise.withResolvers<void>();
  const port = await serve((peer) => {
    peer.on("error", (problem: NodeJS.ErrnoException) => problems.push(problem.code ?? ""));
    peer.on("close", gone.resolve);
    peer.write("x");
    peer.once("data", () => void peer.write(new Uint8Array(1 << 20)));
  });
  const made = to(port);
  const stream = await streamOf(made);
  await once(stream, "data");
  stream.write("more");
  const before = made.usedBytes();
  made.close("at once");
  await made.silent();
  const late = made.usedBytes() - before;
  expect(late).toBeGreaterThan(2_000);
  expect(late).toBeLessThan(2 * 5_000 + 2_000);
  await gone.promise;
  expect(problems).toContain("ECONNRESET");
  await Bun.sleep(50);
  expect(made.usedBytes() - before).toBe(late);
});

test("what was written arrives before an end that is not at once", async () => {
  const heard = Promise.withResolvers<string>();
  const port = await serve((peer) => void text(peer).then(heard.resolve, heard.reject));
  const made = to(port);
  (await streamOf(made)).write("farewell");
  made.close("after what was written");
  expect(await heard.promise).toBe("farewell");
});

test("a connection that the other end resets says so", async () => {
  const port = await serve((peer) => peer.resetAndDestroy());
  const stream = await streamOf(to(port));
  const [problem] = await once(stream.resume(), "error");
  expect(problem.message).toBe(`read ECONNRESET 127.0.0.1:${port}`);
});

test("what cannot be sent any more, since the other end has closed, is an error", async () => {
  const port = await serve((peer) => {
    peer.pause();
    setTimeout(() => peer.end(), 100);
  });
  const stream = await streamOf(to(port));
  stream.resume().write(new Uint8Array(16 << 20));
  const [problem] = await once(stream, "error");
  expect(problem.message).toBe(`write EPIPE 127.0.0.1:${port}`);
});

test("one address after the other is tried, and the first that answers is taken", async () => {
  const port = await serve((peer) => peer.end("here"), "127.0.0.2");
  const made = keep(dialOneOf(Promise.resolve(["127.0.0.3", "::1", "127.0.0.2", "127.0.0.4"]), port, usual));
  expect(await text(await streamOf(made))).toBe("here");
});

test("who is not there is told by address, and who is not known by name", async () => {
  const port = await serve(() => {}, "127.0.0.2");
  const nobody = keep(dialOneOf(Promise.resolve(["127.0.0.1", "::1", "no address"]), port, usual));
  const refused = `connect ECONNREFUSED 127.0.0.1:${port}, connect ECONNREFUSED [::1]:${port}`;
  expect(await nobody.opened).toEqual({ ok: false, error: `${refused}, connect EINVAL no%20address:${port}` });
  expect(nobody.usedBytes()).toBeGreaterThan(0);
  const unknown = await to(port, {}, "nobody.invalid").opened;
  expect(unknown.ok ? "" : unknown.error).toMatch(/ENOTFOUND|EAI_AGAIN|getaddrinfo/);
});

test("an attempt that is ended meanwhile is over", async () => {
  const port = await serve(() => {});
  const made = to(port);
  made.close("at once");
  expect((await made.opened).ok).toBe(false);
  await made.silent();
});
