import { dlopen } from "bun:ffi";
import { expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { setTcpPatience } from "../../runtime/linux/index.ts";
import { must, mustFail } from "../store/world.ts";
import { descriptorOf } from "./descriptor.ts";

const { symbols: libc } = dlopen("libc.so.6", {
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
});

/** Null: the kernel does not know it. */
function optionOf(fd: number, option: number): number | null {
  const value = new Uint32Array(1);
  return libc.getsockopt(fd, 6, option, value, Uint32Array.of(4)) === 0 ? (value[0] ?? 0) : null;
}

test("a connection keeps the patience that it is given, and an old kernel's lack of one option is no failure", async () => {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  await once(socket, "connect");
  const fd = descriptorOf(socket) ?? -1;
  must(setTcpPatience(fd, { keptMs: 2_610_000, retryMs: 30_000 }));
  expect(optionOf(fd, 18)).toBe(2_610_000);
  expect([30_000, null]).toContain(optionOf(fd, 44));
  // Where it is known, it is held to its range.
  if (optionOf(fd, 44) !== null) expect(mustFail(setTcpPatience(fd, { keptMs: 1, retryMs: 1 })).code).toBe("EINVAL");
  socket.destroy();
  server.close();
});

test("what is no socket has no patience", () => {
  expect(mustFail(setTcpPatience(0, { keptMs: 1, retryMs: 1_000 })).code).toMatch(/ENOTSOCK|EBADF|EOPNOTSUPP/);
});
