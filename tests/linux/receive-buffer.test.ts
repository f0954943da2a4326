import { expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { beginConnect, boundReceiveBuffer, closeFd, openTcp, tcpUsage } from "../../runtime/linux/index.ts";
import { must, mustFail } from "../store/world.ts";

/** What arrives of 8 MiB when nobody reads. */
async function unread(bound: number): Promise<number> {
  const server = createServer((peer: Socket) => void peer.on("error", () => {}).write(new Uint8Array(8 << 20)));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const to = { address: "127.0.0.1", port: (server.address() as AddressInfo).port };
  const fd = must(openTcp(to));
  must(boundReceiveBuffer(fd, bound));
  must(beginConnect(fd, to));
  let [before, now] = [-1, 0];
  while (now === 0 || now !== before) {
    await Bun.sleep(50);
    [before, now] = [now, must(tcpUsage(fd)).bytesReceived];
  }
  closeFd(fd);
  server.close();
  return now;
}

test.each([4_000, 5_000, 20_000, 65_536])(
  "of what nobody reads, twice what was asked for arrives at most when it was asked before the connection: %d",
  async (bound) => {
    const bytes = await unread(bound);
    expect(bytes).toBeGreaterThan(bound / 2); // something did
    expect(bytes).toBeLessThanOrEqual(2 * bound);
  },
);

test("what is no socket has no buffer", () => {
  expect(mustFail(boundReceiveBuffer(0, 1)).code).toMatch(/ENOTSOCK|EBADF/);
});
