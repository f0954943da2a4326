import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { lstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { connectionLimits } from "../../runtime/control/connection.ts";
import {
  type Caller,
  type Device,
  explainListenError,
  type Listener,
  listen,
  openTransfers,
} from "../../runtime/control/index.ts";
import { listenLimits } from "../../runtime/control/listen.ts";
import { ok } from "../../runtime/result.ts";
import { connect, sendAll, until } from "./client.ts";
import { DIGEST, fakeDevice } from "./device.ts";

const folder = mkdtempSync(join(tmpdir(), "cairn-control-"));
const listeners: Listener[] = [];
const bugs: unknown[] = [];
const transfers = openTransfers();
let next = 0;
afterEach(() => {
  for (const listener of listeners.splice(0)) listener.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

function serve(device: Device = fakeDevice(), caller: Caller = { kind: "host" }, path?: string): string {
  const result = listen({
    path: path ?? join(folder, `${next++}`, "pv-ctrl"),
    caller,
    device,
    transfers,
    onBug: (error) => void bugs.push(error),
  });
  if (!result.ok) throw new Error(explainListenError(result.error));
  listeners.push(result.value);
  return result.value.path;
}

const openDescriptors = () => readdirSync("/proc/self/fd").length;
const get = (path: string) => fetch("http://localhost/buildinfo", { unix: path });

describe("a control socket", () => {
  test("answers over HTTP, and only root may connect", async () => {
    const path = serve();
    const response = await get(path);
    expect([response.status, await response.text()]).toEqual([200, "cairn: 1.2.3\n"]);
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
  });

  test("answers the original's client, which speaks HTTP/1.0 and half-closes", async () => {
    const client = await connect(serve(), "GET /buildinfo HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    client.socket.shutdown();
    expect(await client.closed).toEndWith("\r\n\r\ncairn: 1.2.3\n");
  });

  test("keeps a client that half-closes while the answer takes time", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const storage = { collectGarbage: () => promise.then(() => ok(7)) };
    const client = await connect(serve(fakeDevice({ storage })), "POST /storage/gc HTTP/1.0\r\n\r\n");
    client.socket.shutdown();
    await Bun.sleep(20); // long enough for the half-close to be seen
    resolve();
    expect(await client.closed).toEndWith('{"reclaimed":7}');
  });

  test("tells one more to come again when all others wait for the device, and drops none of them", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let asked = 0;
    const storage = {
      collectGarbage: () => {
        asked += 1;
        return promise.then(() => ok(7));
      },
    };
    const path = serve(fakeDevice({ storage }));
    const request = "POST /storage/gc HTTP/1.1\r\n\r\n";
    const clients = await Promise.all(
      Array.from({ length: listenLimits.connectionsMax }, () => connect(path, request)),
    );
    await until(() => asked === clients.length);
    expect(await (await connect(path, request)).closed).toStartWith("HTTP/1.1 503 Service Unavailable");
    resolve();
    for (const client of clients) expect(await client.closed).toEndWith('{"reclaimed":7}');
    expect((await get(path)).status).toBe(200);
  });

  test("each says who calls", async () => {
    const device = fakeDevice();
    const send = (path: string) =>
      fetch("http://localhost/signal", { unix: path, method: "POST", body: '{"type":"ready"}' });
    await send(serve(device, { kind: "container", name: "one", roles: [] }));
    await send(serve(device, { kind: "container", name: "two", roles: [] }));
    expect(device.asked).toEqual(["ready one", "ready two"]);
  });

  test("lets a client go on with its body when it asks first", async () => {
    const head = "POST /signal HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 16\r\n\r\n";
    const client = await connect(serve(fakeDevice(), { kind: "container", name: "web", roles: [] }), head);
    await until(() => client.received() > 0);
    client.socket.write('{"type":"ready"}');
    expect(await client.closed).toStartWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n");
  });

  test("turns a bug of ours into 500 and reports it", async () => {
    const broken = fakeDevice({
      buildinfo: () => {
        throw new Error("bug");
      },
    });
    const response = await get(serve(broken));
    expect([response.status, await response.text()]).toEqual([500, '{"Error":"Internal error"}']);
    expect(bugs.splice(0).map(String)).toEqual(["Error: bug"]);
  });

  test("sends an answer larger than any socket buffer to a client that reads slowly", async () => {
    const text = "x".repeat(8 << 20);
    const path = serve(fakeDevice({ buildinfo: () => text }));
    expect((await (await get(path)).text()).length).toBe(text.length);
  });
});

describe("the socket's file", () => {
  test("replaces a stale socket, and goes away on close", async () => {
    const path = join(folder, "stale");
    const first = Bun.listen({ unix: path, socket: { data() {} } });
    serve(fakeDevice(), { kind: "host" }, path);
    expect((await get(path)).status).toBe(200);
    first.stop(true);
    for (const listener of listeners.splice(0)) listener.close();
    expect(lstatSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });

  test("is refused where another file lies, which stays", () => {
    const path = join(folder, "file");
    writeFileSync(path, "mine");
    const result = listen({ path, caller: { kind: "host" }, device: fakeDevice(), transfers, onBug: () => {} });
    expect(!result.ok && explainListenError(result.error)).toBe(
      `control socket ${path}: something that is not a socket is there; remove it`,
    );
    expect(lstatSync(path).isFile()).toBe(true);
  });

  test("is refused when its path does not fit into a socket address", () => {
    const path = `/${"x".repeat(107)}`;
    const result = listen({ path, caller: { kind: "host" }, device: fakeDevice(), transfers, onBug: () => {} });
    expect(!result.ok && result.error.why).toStartWith("the path is longer than 107 bytes");
  });
});

describe("a bad client", () => {
  test("that sends any bytes at all gets an answer or is cut off, and the socket goes on serving", async () => {
    const path = serve(fakeDevice(), { kind: "host" });
    const heads = fc.tuple(
      fc.constantFrom("GET", "PUT", "POST", "DELETE", "BREW"),
      fc.constantFrom(
        "/containers",
        "/steps/7",
        "/steps/locals/x",
        `/objects/${DIGEST}`,
        "/user-meta/x",
        "/commands",
        "/%",
      ),
      fc.constantFrom("", "Content-Length: 3\r\n", "Content-Length: 99999\r\n", "Expect: 100-continue\r\n", "X\r\n"),
      fc.uint8Array({ maxLength: 20 }),
    );
    const requests = heads.map(([method, target, header, body]) =>
      Buffer.concat([Buffer.from(`${method} ${target} HTTP/1.1\r\n${header}\r\n`), body]),
    );
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      requests,
      requests.chain((whole) => fc.nat(whole.length).map((length) => whole.subarray(0, length))),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (sent) => {
        const client = await connect(path, sent);
        client.socket.shutdown();
        expect(await client.closed).toMatch(/^(?:|(?:HTTP\/1\.1 100 Continue\r\n\r\n)?(?:HTTP\/1\.1 \d{3} [\s\S]*)?)$/);
      }),
      { numRuns: 500 },
    );
    expect((await get(path)).status).toBe(200);
    expect(bugs.splice(0).map(String)).toEqual([]);
  });

  test("that speaks something else is told so", async () => {
    const client = await connect(serve(), "\u0000\u0001\u0002garbage");
    await Bun.sleep(50);
    client.socket.end();
    expect(await client.closed).toEndWith('{"Error":"Unsupported protocol"}');
  });

  test("that sends 50 MB reads a refusal, and the bytes are not kept", async () => {
    const path = join(folder, "flood");
    const server = Bun.spawn([process.execPath, join(import.meta.dir, "server.ts"), path], { stdout: "pipe" });
    await server.stdout.getReader().read(); // it says that it listens
    const peakKiB = async () =>
      Number(/VmHWM:\s+(\d+) kB/.exec(await Bun.file(`/proc/${server.pid}/status`).text())?.[1]);
    const before = await peakKiB();
    const body = Buffer.alloc(50_000_000, "x");
    for (let round = 0; round < 8; round++) {
      const client = await connect(path, `POST /commands HTTP/1.1\r\nContent-Length: ${body.length}\r\n\r\n`);
      await sendAll(client, body);
      expect(await client.closed).toEndWith('{"Error":"Request is larger than 4096 bytes"}');
    }
    expect((await peakKiB()) - before).toBeLessThan(20_000);
    server.kill();
  });

  test(
    "that stops in the middle, or drips, is cut off, while others are served",
    async () => {
      const path = serve();
      const started = performance.now();
      const half = await connect(path, "GET /buildinfo HTTP/1.1\r\nX: ");
      const drip = await connect(path, "GET /buildinfo HTTP/1.1\r\nX: ");
      const dripping = setInterval(() => drip.socket.write("x"), 200);
      expect((await get(path)).status).toBe(200);
      expect(await Promise.all([half.closed, drip.closed])).toEqual(["", ""]);
      clearInterval(dripping);
      const took = performance.now() - started;
      expect(took).toBeGreaterThan(connectionLimits.requestMaxMs - 100);
      expect(took).toBeLessThan(connectionLimits.requestMaxMs + 3000);
    },
    connectionLimits.requestMaxMs + 10_000,
  );

  test("that opens 500 connections keeps a few, takes no descriptors beyond, and others are served at once", async () => {
    const path = serve();
    const before = openDescriptors();
    const clients = await Promise.all(Array.from({ length: 500 }, () => connect(path, "GET /")));
    const cutOff = clients.slice(0, -listenLimits.connectionsMax);
    expect(await Promise.all(cutOff.map((c) => c.closed))).toEqual(cutOff.map(() => ""));
    expect((await get(path)).status).toBe(200);
    for (const client of cutOff) client.socket.end();
    await Bun.sleep(50);
    expect(openDescriptors() - before).toBeLessThanOrEqual(2 * listenLimits.connectionsMax);

    for (const client of clients) client.socket.end();
    await Bun.sleep(50);
    expect(openDescriptors() - before).toBeLessThanOrEqual(1);
  });
});
