import { expect, test } from "bun:test";
import { parseMountinfo, readMountinfo } from "../../runtime/linux/index.ts";

test("a line of mountinfo gives its fields, with octal escapes undone", () => {
  const text =
    "36 35 98:0 /mnt1 /mnt\\040two\\134x rw,noatime master:1 shared:7 - ext3 /dev/my\\011root rw,errors=continue\n" +
    "22 1 0:21 / /proc rw - proc proc rw\n";
  expect(parseMountinfo(text)).toEqual({
    ok: true,
    value: [
      {
        id: 36,
        parentId: 35,
        major: 98,
        minor: 0,
        root: "/mnt1",
        target: "/mnt two\\x",
        options: ["rw", "noatime"],
        tags: ["master:1", "shared:7"],
        type: "ext3",
        source: "/dev/my\troot",
        superOptions: ["rw", "errors=continue"],
      },
      {
        id: 22,
        parentId: 1,
        major: 0,
        minor: 21,
        root: "/",
        target: "/proc",
        options: ["rw"],
        tags: [],
        type: "proc",
        source: "proc",
        superOptions: ["rw"],
      },
    ],
  });
});

test.each(["36 35 98:0 /", "a b c:d / /x rw - t s o", "36 35 98:0 / /x rw - ext4 /dev/x"])("%p is refused", (line) => {
  expect(parseMountinfo(line)).toMatchObject({
    ok: false,
    error: { kind: "malformed", what: "mountinfo", found: line },
  });
});

test("the mounts of this process can be read", () => {
  const mounts = readMountinfo();
  expect(mounts.ok && mounts.value.some((entry) => entry.target === "/")).toBe(true);
});
