import { expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { descriptorOf } from "../../runtime/fleet/session/descriptor.ts";
import { boundReceiveBuffer, tcpUsage } from "../../runtime/linux/index.ts";
import { must, mustFail } from "../store/world.ts";

/** What arrives of 8 MiB when nobody reads. */
async function unread(bound: number | null): Promise<number> {
  const server = createServer((peer: Socket) => void peer.on("error", () => {}).write(new Uint8Array(8 << 20)));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  await once(socket, "connect");
  socket.pause();
  const fd = descriptorOf(socket) ?? -1;
  if (bound !== null) must(boundReceiveBuffer(fd, bound));
  let [before, now] = [-1, 0];
  while (now !== before) {
    await Bun.sleep(50);
    [before, now] = [now, must(tcpUsage(fd)).bytesReceived];
  }
  socket.destroy();
  server.close();
  return now;
}

test("of what nobody reads, not more arrives than was offered at first, and the bound", async () => {
  expect(await unread(20_000)).toBeLessThan(200_000);
});

test("what is no socket has no buffer", () => {
  expect(mustFail(boundReceiveBuffer(0, 1)).code).toMatch(/ENOTSOCK|EBADF/);
});
