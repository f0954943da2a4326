import { expect, test } from "bun:test";
import { hostArch } from "../qemu/index.ts";
import { ordersOf } from "./orders.ts";

test("what a proof is asked for comes from the environment; a seed is drawn when there is none", () => {
  expect(ordersOf({ SEED: "7", COUNT: "3", ARCH: "aarch64" }, 200)).toEqual({ seed: 7, count: 3, arch: "aarch64" });
  const usual = ordersOf({ SEED: "", COUNT: undefined }, 200);
  expect(usual).toMatchObject({ count: 200, arch: hostArch() });
  expect(Number.isInteger(usual.seed)).toBe(true);
  expect(() => ordersOf({ COUNT: "many" }, 200)).toThrow('a number, not "many"');
  expect(() => ordersOf({ ARCH: "sparc" }, 200)).toThrow();
});
