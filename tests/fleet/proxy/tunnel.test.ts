import { afterEach, expect, test } from "bun:test";
import * as fc from "fast-check";
import { explainTunnel, openTunnel } from "../../../runtime/fleet/proxy/index.ts";
import { ANSWER_BYTES_MAX, TunnelAnswer } from "../../../runtime/fleet/proxy/tunnel-answer.ts";
import { type Dial, dial } from "../../../runtime/fleet/way/index.ts";
import { must } from "../../store/world.ts";
import { badProxies, startProxy, type TestProxy } from "../proxy.ts";

const proxies: TestProxy[] = [];
afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy.stop();
});
async function start(...how: Parameters<typeof startProxy>): Promise<TestProxy> {
  const proxy = await startProxy(...how);
  proxies.push(proxy);
  return proxy;
}

const dialled = ({ host, port }: TestProxy): Dial =>
  dial({ host, port }, { receiveBytes: null, patience: { keptMs: 60_000, retryMs: 60_000 } });
const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");
const head = "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n";

test("an answer opens the way when its head has ended, however it is cut", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: head.length - 1 }), (cut) => {
      const answer = new TunnelAnswer();
      expect(answer.take(bytes(head.slice(0, cut)))).toBeNull();
      expect(answer.take(bytes(head.slice(cut)))).toMatchObject({ ok: true });
    }),
  );
});

test.each([
  ["another protocol", "SSH-2.0-x\r\n", "garbage"],
  ["no status", "HTTP/1.1 fine\r\n\r\n", "garbage"],
  ["more than the answer", `${head}\u0016\u0003`, "garbage"],
  ["no end", `HTTP/1.1 200 ok\r\nx: ${"y".repeat(ANSWER_BYTES_MAX)}`, "garbage"],
  ["an end too late", `HTTP/1.1 200 ok\r\nx: ${"y".repeat(ANSWER_BYTES_MAX)}\r\n\r\n`, "garbage"],
  ["a refusal with a body", "HTTP/1.1 407 no\r\n\r\n<html>", "refused"],
  ["a promise", "HTTP/1.1 100 Continue\r\n\r\n", "refused"],
] as const)("%s opens none", (_, text, kind) => {
  expect(new TunnelAnswer().take(bytes(text))).toMatchObject({ ok: false, error: { kind } });
});

test("the way leads where it was asked to, and the proxy is told no more than that", async () => {
  const echo = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket, what) => void socket.write(what) },
  });
  const proxy = await start(echo.port);
  for (const [host, name] of [
    ["hub.example", "hub.example:8883"],
    ["2001:db8::1", "[2001:db8::1]:8883"],
    ["a b\r\nx: y", "a%20b%0D%0Ax%3A%20y:8883"],
  ] as const) {
    const socket = must(await openTunnel(dialled(proxy), { host, port: 8883 }));
    expect(proxy.asked.pop()).toBe(name);
    const back = new Promise((resolve) => socket.once("data", (what: Buffer) => resolve(what.toString())));
    socket.write("hello");
    expect(await back).toBe("hello");
    socket.destroy();
  }
  echo.stop(true);
});

test.each(badProxies)("a proxy that %s is told by that, and hung up on", async (_, act, said) => {
  const gone = Promise.withResolvers<void>();
  const proxy = await start((socket) => {
    socket.on("close", () => gone.resolve());
    act(socket);
  });
  const opened = await openTunnel(dialled(proxy), { host: "hub.example", port: 8883 });
  expect(opened.ok ? "" : explainTunnel(opened.error, proxy)).toMatch(said);
  await gone.promise;
});

test("a proxy that is not there, or hangs up", async () => {
  const proxy = await start((socket) => void socket.destroy());
  const why = async (): Promise<string> => {
    const opened = await openTunnel(dialled(proxy), { host: "hub.example", port: 8883 });
    return opened.ok ? "" : explainTunnel(opened.error, proxy);
  };
  expect(await why()).toMatch(/^the proxy 127\.0\.0\.1:\d+ cannot be reached: /);
  await proxy.stop();
  expect(await why()).toMatch(/^the proxy 127\.0\.0\.1:\d+ cannot be reached: .*refused/i);
});
