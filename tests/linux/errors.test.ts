import { expect, test } from "bun:test";
import { constants } from "node:os";
import { errnoName, sysError } from "../../runtime/linux/errno.ts";
import { explainLinux, type LinuxError, mount, rebootMachine } from "../../runtime/linux/index.ts";

test("every errno that Node knows has the same name here", () => {
  for (const [name, number] of Object.entries(constants.errno)) {
    if (name !== "EWOULDBLOCK" && name !== "ENOTSUP") expect(errnoName(number)).toBe(name); // aliases of EAGAIN and EOPNOTSUPP
  }
});

test("an errno that libc does not know keeps its number", () => expect(errnoName(4000)).toBe("E4000"));

test("a failing call tells its name, its arguments, errno's name and its text", () => {
  expect(explainLinux(sysError("mount", { target: "/a b", flags: ["ro"] }, 16))).toBe(
    'mount(target="/a b", flags=["ro"]): EBUSY, Device or resource busy',
  );
});

test("a text with a NUL byte never reaches the kernel", () => {
  const done = mount({ source: "x", target: "/tmp\0/etc", type: "tmpfs" });
  expect(done).toMatchObject({ ok: false, error: { kind: "sys", code: "EINVAL", why: "target contains a NUL byte" } });
});

test("a firmware's argument that the kernel would cut off, or that is none, never reaches the kernel", () => {
  const why = "the argument has more than 255 bytes";
  expect(rebootMachine("restart", "ä".repeat(128))).toMatchObject({ ok: false, error: { code: "EINVAL", why } });
  expect(rebootMachine("restart", "0\0x")).toMatchObject({ error: { why: "argument contains a NUL byte" } });
  expect(() => rebootMachine("halt", "x")).toThrow("only a restart has an argument");
});

test("each kind of error has its sentence", () => {
  const errors: LinuxError[] = [
    { kind: "malformed", what: "verity superblock", wanted: "version 1", found: "9" },
    { kind: "moduleNotFound", module: "dummy", folder: "/lib/modules/6.1" },
    { kind: "deviceNotFound", wanted: "LABEL=x", waitedMs: 5000, present: ["vda", "vda1"] },
  ];
  expect(errors.map(explainLinux)).toEqual([
    'verity superblock: wants version 1, has "9"',
    'kernel module "dummy" is neither in /lib/modules/6.1 nor built in: add it to the revision\'s modules image',
    "no block device LABEL=x after 5000 ms; there are: vda, vda1. Check the label or the driver",
  ]);
});
