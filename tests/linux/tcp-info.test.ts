import { expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { tcpUsage } from "../../runtime/linux/index.ts";
import { must, mustFail } from "../store/world.ts";
import { descriptorOf } from "./descriptor.ts";

test("what a connection has carried is known, packets and payload", async () => {
  const server = createServer((peer) => peer.on("data", (bytes) => peer.write(Buffer.from(bytes).subarray(0, 10))));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  await once(socket, "connect");
  socket.write(Buffer.alloc(5_000));
  await once(socket, "data");
  const usage = must(tcpUsage(descriptorOf(socket) ?? -1));
  // On loopback a segment takes all of it. SYN and ACK carry nothing.
  expect(usage).toMatchObject({ bytesSent: 5_000, bytesReceived: 10 });
  expect(usage.segmentsOut).toBeGreaterThanOrEqual(3);
  expect(usage.segmentsIn).toBeGreaterThanOrEqual(2);
  socket.destroy();
  server.close();
});

test("what is no socket has carried nothing", () => {
  expect(mustFail(tcpUsage(0)).code).toMatch(/ENOTSOCK|EBADF|EOPNOTSUPP/);
});
