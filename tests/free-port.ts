import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

/** Below it lie ports of well-known services. */
const LOWEST = 10_000;

/** ip(7), ip_local_port_range: a port from there may be the own one of anybody's connection when it is listened at, or listened at again. */
const firstOfConnections = (): number =>
  Number(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s/)[0]);

/** A TCP port of loopback that nobody listens at, and that no connection takes meanwhile; tests that run side by side get others. */
export async function freePort(): Promise<number> {
  const ports = firstOfConnections() - LOWEST;
  if (!(ports > 0)) throw new Error("no port is left for tests: see net.ipv4.ip_local_port_range");
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * ports);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, "127.0.0.1"), "listening");
    return true;
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "EADDRINUSE") return false;
    throw thrown;
  } finally {
    await new Promise((closed) => server.close(closed));
  }
}
