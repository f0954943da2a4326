import { expect, test } from "bun:test";
import { BadTar, type Member, readTar, type TarLimits, type TarProblem, tarLimits } from "../../runtime/tar/index.ts";
import { explained } from "../fuzz/campaign.ts";
import { archive, block, END, longName, members, type Part, pax, pieces } from "./blocks.ts";

interface Read extends Omit<Member, "bytes" | "offsetBytes" | "xattrs" | "uid" | "gid" | "kind"> {
  readonly text: string;
  readonly xattrs: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}

async function read(bytes: Uint8Array, length?: number, limits?: TarLimits): Promise<readonly Read[]> {
  const all: Read[] = [];
  for await (const member of readTar(pieces(bytes, length), limits)) {
    const { bytes: body, xattrs, offsetBytes, ...rest } = member;
    const parts: Uint8Array[] = [];
    for await (const part of body) parts.push(part);
    const text = Buffer.concat(parts).toString("latin1");
    expect(bytes.subarray(offsetBytes, offsetBytes + text.length).toString()).toBe(
      Buffer.from(text, "latin1").toString(),
    );
    const texts = [...xattrs].map(([key, value]) => [key, Buffer.from(value).toString("latin1")]);
    all.push({ ...rest, text, xattrs: Object.fromEntries(texts) });
  }
  return all;
}

async function fault(bytes: Uint8Array, limits?: TarLimits): Promise<string> {
  try {
    await read(bytes, undefined, limits);
    return "none";
  } catch (error) {
    if (error instanceof BadTar) return error.fault.kind;
    throw error;
  }
}

test("members of every kind are read, however the stream is cut", async () => {
  const bytes = archive(
    { name: "a/", flag: "5", mode: 0o1777 },
    { name: "a/f", bytes: "hello", mode: 0o104755, uid: 7, mtime: 99 },
    { name: "a/h", flag: "1", link: "a/f" },
    { name: "a/s", flag: "2", link: "../../x" },
    { name: "c", flag: "3", major: 1, minor: 3 },
    { name: "b", flag: "4", major: 8, minor: 17 },
    { name: "p", flag: "6" },
    { name: "old", flag: "\0", bytes: "x".repeat(1024) },
  );
  for (const length of [1, 7, 511, 512, 513, 100_000]) {
    const found = await read(bytes, length);
    expect(found.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      "folder a/",
      "file a/f",
      "hardlink a/h",
      "symlink a/s",
      "charDevice c",
      "blockDevice b",
      "fifo p",
      "file old",
    ]);
    expect(found[0]).toMatchObject({ mode: 0o1777 });
    expect(found[1]).toMatchObject({ text: "hello", mode: 0o4755, uid: 7, gid: 0, mtimeSeconds: 99, sizeBytes: 5 });
    expect(found[2]).toMatchObject({ target: "a/f" });
    expect(found[3]).toMatchObject({ target: "../../x" });
    expect(found[4]).toMatchObject({ major: 1, minor: 3 });
    expect(found[7]?.text).toBe("x".repeat(1024));
  }
});

test("an extended header counts for the next member, a global one for all until it is taken back", async () => {
  const found = await read(
    archive(
      pax({ mtime: "5", gid: "4", comment: "x" }, "g"),
      pax({
        path: "long/é",
        uid: "4294967294",
        mtime: "-1.5",
        size: "3",
        "SCHILY.xattr.user.a": "1=\0",
        uname: "root",
      }),
      { name: "short", bytes: "abc", size: 0 },
      { name: "plain" },
      pax({ mtime: "" }),
      { name: "taken back", mtime: 8 },
      pax({ path: "x", linkpath: "y" }),
      { name: "link", flag: "2", link: "z" },
    ),
  );
  expect(found[0]).toMatchObject({ name: "long/é", uid: 4294967294, gid: 4, mtimeSeconds: -2, text: "abc" });
  expect(found[0]?.xattrs).toEqual({ "user.a": "1=\0" });
  expect(found[1]).toMatchObject({ name: "plain", uid: 0, gid: 4, mtimeSeconds: 5, xattrs: {} });
  expect(found[2]).toMatchObject({ mtimeSeconds: 8 });
  expect(found[3]).toMatchObject({ name: "x", target: "y" });
});

test("GNU's long names, links and large numbers are read", async () => {
  const [name, link] = ["n".repeat(3000), "l".repeat(3000)];
  const size = Buffer.from("800000000000000000000003", "hex");
  const found = await read(
    archive(
      longName(name),
      longName(link, "K"),
      { name: "n", flag: "2", link: "l" },
      { name: "f", size, bytes: "abc" },
    ),
  );
  expect(found[0]).toMatchObject({ name, target: link });
  expect(found[1]).toMatchObject({ name: "f", text: "abc" });
});

test("a name that is no UTF-8 keeps its bytes", async () => {
  const header = block({ name: "caf?" });
  header[3] = 0xe9;
  header.write(
    `${(header.reduce((total, byte) => total + byte, 0) - header.subarray(148, 156).reduce((a, b) => a + b, 0) + 256).toString(8).padStart(6, "0")}\0 `,
    148,
  );
  expect((await read(Buffer.concat([header, END])))[0]?.name).toBe("caf\udce9");
});

const over = (...parts: Part[]): Buffer => archive({ name: "first", bytes: "1" }, ...parts);
const huge = Buffer.from("ff7fffffffffffffffffffff", "hex");
const far = Buffer.from("80ffffffffffffffffffffff", "hex");

test.each<[TarProblem, string, Uint8Array]>([
  ["cutOff", "nothing", Buffer.alloc(0)],
  ["cutOff", "no end mark", members({ name: "a" })],
  ["cutOff", "half an end mark", Buffer.concat([members({ name: "a" }), Buffer.alloc(512)])],
  ["cutOff", "in a header", members({ name: "a" }).subarray(0, 300)],
  ["cutOff", "in a file", members({ name: "a", bytes: "x".repeat(600) }).subarray(0, 1100)],
  ["cutOff", "in the filling", members({ name: "a", bytes: "x" }).subarray(0, 600)],
  ["noTar", "something else", Buffer.from("x".repeat(2048))],
  ["noTar", "a header of Unix V7", archive({ name: "a", magic: "\0".repeat(8) })],
  ["badChecksum", "one bit off", over({ name: "a", badSum: true })],
  ["badNumber", "a negative length", over({ name: "a", size: huge })],
  ["badNumber", "a length above 2^53", over({ name: "a", size: far })],
  ["badNumber", "a length that is no number", over({ name: "a", size: Buffer.from("0000000009\0\0") })],
  ["badNumber", "an extended length that is no number", over(pax({ size: "1e9" }), { name: "a" })],
  ["badNumber", "an extended owner out of range", over(pax({ uid: "4294967295" }), { name: "a" })],
  ["badName", "an empty name", over({ name: "" })],
  ["badName", "NUL in an extended name", over(pax({ path: "a\0b" }), { name: "a" })],
  ["badName", "a file that ends with a slash", over({ name: "a/" })],
  ["badName", "a link to nothing", over({ name: "a", flag: "2" })],
  ["badName", "a name above PATH_MAX", over(longName("x".repeat(4097)), { name: "a" })],
  ["badExtended", "no length", over({ name: "x", flag: "x", bytes: "path=a\n" }, { name: "a" })],
  ["badExtended", "a length beyond the end", over({ name: "x", flag: "x", bytes: "99 path=a\n" }, { name: "a" })],
  ["badExtended", "a length that stands still", over({ name: "x", flag: "x", bytes: "0 path=a\n" }, { name: "a" })],
  ["badExtended", "no end of line", over({ name: "x", flag: "x", bytes: "9 path=ab" }, { name: "a" })],
  ["badExtended", "a name for all members", over(pax({ path: "a" }, "g"), { name: "a" })],
  ["badExtended", "a length for all members", over(pax({ size: "1" }, "g"), { name: "a", bytes: "a" })],
  ["badExtended", "two names for one member", over(longName("a"), pax({ path: "b" }), { name: "c" })],
  ["badExtended", "a global one in the middle", over(pax({ path: "b" }), pax({ mtime: "1" }, "g"), { name: "c" })],
  ["badExtended", "nothing behind it", over(pax({ path: "a" }))],
  ["contentsOfNoFile", "a link with contents", over({ name: "a", flag: "1", link: "b", bytes: "x" })],
  ["contentsOfNoFile", "a folder with contents", over({ name: "a", flag: "5", bytes: "x" })],
  [
    "contentsOfNoFile",
    "a device that an extended header gives contents",
    over(pax({ size: "512" }), { name: "a", flag: "3" }),
  ],
  ["sparse", "GNU's old kind", over({ name: "a", flag: "S" })],
  ["sparse", "GNU's new kind", over(pax({ "GNU.sparse.major": "1" }), { name: "a" })],
  ["unknownKind", "a part of another volume", over({ name: "a", flag: "M" })],
  ["behindEnd", "a second archive", Buffer.concat([archive({ name: "a" }), archive({ name: "b" })])],
  [
    "behindEnd",
    "a header after one block of the end",
    Buffer.concat([members({ name: "a" }), Buffer.alloc(512), archive({ name: "b" })]),
  ],
  ["tooLong", "an extended header of 2 MiB", over({ name: "x", flag: "x", bytes: "x".repeat(2 << 20) })],
])("%s: %s", async (kind, _what, bytes) => {
  expect(await fault(bytes)).toBe(kind);
});

test("what is said of a bad archive has nothing in it that drives a terminal", async () => {
  for (const name of ["\u001b[2Jgone", "\u009b2J", "a\nb", "\u202egnp.exe"]) {
    const bad = archive({ name, bytes: "x" }, { name: "y", flag: "\u009b" });
    const said = await read(bad).then(
      () => "nothing",
      (thrown: unknown) => (thrown instanceof BadTar ? thrown.message : String(thrown)),
    );
    expect([said.includes("is not known"), said.includes("\u202e"), explained(said)]).toEqual([true, false, "refused"]);
  }
});

test("what is too much is refused by its header, before it is read", async () => {
  expect(await fault(over({ name: "a", size: 8 ** 11 - 1 }), { ...tarLimits, bytesMax: 1 << 20 })).toBe("tooLarge");
  expect(
    await fault(archive(...Array.from({ length: 11 }, () => ({ name: "a" }))), { ...tarLimits, membersMax: 10 }),
  ).toBe("tooMany");
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`SCHILY.xattr.user.${n}`, "x"]));
  expect(await fault(over(pax(many), { name: "a" }))).toBe("tooLong");
});

test("without an end mark, the end of the stream is the end, and a file must be whole all the same", async () => {
  const limits = { ...tarLimits, endMark: false };
  const whole = members({ name: "a", bytes: "x" }, { name: "b", bytes: "yz" });
  for (const length of [whole.length, whole.length - 510, whole.length - 1]) {
    const found = await read(whole.subarray(0, length), undefined, limits);
    expect(found.map(({ text }) => text)).toEqual(["x", "yz"]);
  }
  expect(await fault(whole.subarray(0, whole.length - 511), limits)).toBe("cutOff");
  expect(await fault(whole.subarray(0, 1100), limits)).toBe("cutOff");
});

test("what is left unread of a member is passed over, and the source is told when nobody reads on", async () => {
  let left = false;
  async function* source() {
    try {
      yield* pieces(archive({ name: "a", bytes: "x".repeat(5000) }, { name: "b", bytes: "y" }), 100);
    } finally {
      left = true;
    }
  }
  const names: string[] = [];
  for await (const { name } of readTar(source())) {
    names.push(name);
    if (name === "b") break;
  }
  expect(names).toEqual(["a", "b"]);
  expect(left).toBe(true);
});
