/** An HTTP proxy on loopback: a good one, or one that answers CONNECT with what the test says. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import * as v from "valibot";
import type { Address } from "../../runtime/address.ts";

export interface TestProxy extends Address {
  /** What was asked for, `host:port` each. */
  readonly asked: string[];
  /** Bytes that it has carried between both ends. */
  carried(): number;
  stop(): Promise<void>;
}

/**
 * `leads`: to the port that was asked for, or always to the same one, of this machine. A function has the connection for itself once CONNECT
 * is there.
 */
export async function startProxy(
  leads: "on" | number | ((socket: Socket) => void),
  host = "127.0.0.1",
): Promise<TestProxy> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  };
  let carried = 0;
  const server = createServer((client) => {
    keep(client);
    client.once("data", (first: Buffer) => {
      const name = /^CONNECT (\S+) HTTP\/1\.1\r\n/.exec(first.toString("latin1"))?.[1] ?? "";
      asked.push(name);
      if (typeof leads === "function") return leads(client);
      const far = connect(leads === "on" ? Number(name.split(":").at(-1)) : leads, "127.0.0.1");
      keep(far);
      for (const one of [client, far]) one.on("data", (bytes: Buffer) => (carried += bytes.length));
      client.on("close", () => far.destroy());
      far.on("close", () => client.destroy());
      far.once("connect", () => client.write("HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n"));
      client.pipe(far);
      far.pipe(client);
    });
  });
  await once(server.listen(0, host), "listening");
  return {
    host,
    port: v.parse(v.object({ port: v.number() }), server.address()).port,
    asked,
    carried: () => carried,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}

const say =
  (text: string) =>
  (socket: Socket): void =>
    void socket.end(text, "latin1");

/** Headers as long as anybody listens. */
function endless(socket: Socket): void {
  socket.write("HTTP/1.1 200 fine\r\n");
  const line = `x: ${"y".repeat(1_000)}\r\n`;
  const more = (): void => void (socket.writable && socket.write(line, () => setImmediate(more)));
  more();
}

/** Proxies that lead nowhere, and what of the sentence about them is their own. */
export const badProxies: readonly (readonly [name: string, act: (socket: Socket) => void, said: RegExp])[] = [
  ["wants a password", say("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), /wants a name and a password/],
  ["refuses", say("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"), /does not let this device through/],
  ["finds nobody", say("HTTP/1.0 502 Bad Gateway\r\n\r\n"), /did not connect this device \(status 502\)/],
  ["sends garbage", say("\u0015\u0003\u0001\u0000\u0002\u0002\u0016"), /answers what is no HTTP/],
  ["never ends its headers", endless, /answers what is no HTTP/],
];
