import { expect, test } from "bun:test";
import { networkInterfaces } from "node:os";
import { beginConnect, closeFd, openTcp, socketAddress } from "../../runtime/linux/index.ts";
import { must, mustFail } from "../store/world.ts";

const hex = (address: string, port = 8883): string | null => {
  const bytes = socketAddress({ address, port });
  return bytes === null ? null : Buffer.from(bytes).toString("hex");
};

test("an address is laid out as the kernel has it", () => {
  expect(hex("192.0.2.7")).toBe(`0200${"22b3"}c0000207${"00".repeat(8)}`);
  expect(hex("2001:db8::7")).toBe(`0a00${"22b3"}00000000${"20010db8000000000000000000000007"}00000000`);
  expect(hex("::ffff:192.0.2.7")).toBe(`0a00${"22b3"}00000000${"00000000000000000000ffffc0000207"}00000000`);
  expect(hex("fe80::1%3", 1)).toBe(`0a00${"0001"}00000000${"fe800000000000000000000000000001"}03000000`);
});

test("the zone of an address may be the name of an interface", () => {
  expect(networkInterfaces()).toHaveProperty("lo"); // which has index 1 in each namespace
  expect(hex("fe80::1%lo")).toBe(hex("fe80::1%1"));
});

test.each(["", "localhost", "192.0.2", "192.0.2.7%lo", "fe80::1%nosuch", "::1\0", "1::2::3"])(
  "%p is none",
  (address) => {
    expect(socketAddress({ address, port: 1 })).toBeNull();
    expect(mustFail(beginConnect(-1, { address, port: 1 })).why).toBeDefined();
  },
);

test("a socket that is open waits for nothing, and one that is not says so", () => {
  const fd = must(openTcp({ address: "127.0.0.1" }));
  must(beginConnect(fd, { address: "127.0.0.1", port: 1 })); // refused later
  closeFd(fd);
  expect(mustFail(beginConnect(-1, { address: "127.0.0.1", port: 1 })).code).toBe("EBADF");
});
