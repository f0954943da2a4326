import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { type Attributes, type Entry, type Kind, readTar, writeTar } from "../../runtime/tar/index.ts";
import { pieces } from "./blocks.ts";

const folder = mkdtempSync(join(tmpdir(), "tar-write-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function bytesOf(entries: readonly Entry[]): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(writeTar(entries)));
}

const plain: Attributes = { name: "x", mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0, xattrs: new Map() };
const file = (name: string, text: string, more: Partial<Attributes> = {}): Entry => ({
  ...plain,
  name,
  ...more,
  kind: "file",
  sizeBytes: Buffer.byteLength(text),
  bytes: [Buffer.from(text)],
});

const name = fc
  .array(fc.stringMatching(/^[a-zé\udce9 ]{1,60}$/), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join("/"));
const kind: fc.Arbitrary<Kind> = fc.oneof(
  fc.record({ kind: fc.constant("file" as const), sizeBytes: fc.nat(2000) }),
  fc.constant({ kind: "folder" as const }),
  fc.record({ kind: fc.constantFrom("symlink" as const, "hardlink" as const), target: name }),
  fc.record({
    kind: fc.constantFrom("charDevice" as const, "blockDevice" as const),
    major: fc.nat(4095),
    minor: fc.nat(1_048_575),
  }),
  fc.constant({ kind: "fifo" as const }),
);
const entry = fc.record({
  name,
  mode: fc.nat(0o7777),
  uid: fc.integer({ min: 0, max: 4294967294 }),
  gid: fc.integer({ min: 0, max: 4294967294 }),
  mtimeSeconds: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
  xattrs: fc
    .dictionary(fc.stringMatching(/^user\.[a-z]{1,20}$/), fc.uint8Array({ minLength: 1, maxLength: 90 }), {
      maxKeys: 3,
    })
    .map((values) => new Map(Object.entries(values))),
  kind,
});

test("what is written is read as it was given, and takes the same bytes each time", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 5 }), async (items) => {
      const entries = (): Entry[] =>
        items.map(({ kind: what, ...attributes }) =>
          what.kind === "file"
            ? { ...attributes, ...what, bytes: [new Uint8Array(what.sizeBytes).fill(7)] }
            : { ...attributes, ...what },
        );
      const bytes = await bytesOf(entries());
      expect(await bytesOf(entries())).toEqual(bytes);
      let at = 0;
      for await (const { bytes: body, offsetBytes: _, xattrs, ...member } of readTar(pieces(bytes, 777))) {
        const wanted = items[at++];
        if (wanted === undefined) throw new Error("one too many");
        const { kind: what, xattrs: wantedXattrs, ...attributes } = wanted;
        const slash = what.kind === "folder" ? "/" : "";
        expect(member).toEqual({ ...attributes, ...what, name: `${attributes.name}${slash}` });
        expect(new Map([...xattrs].sort())).toEqual(new Map([...wantedXattrs].sort()));
        expect(Buffer.concat(await Array.fromAsync(body)).length).toBe(what.kind === "file" ? what.sizeBytes : 0);
      }
      expect(at).toBe(items.length);
    }),
    { numRuns: 200 },
  );
});

test("GNU tar reads what is written, and its archives are read", async () => {
  const long = `${"d".repeat(90)}/${"e".repeat(90)}/${"f".repeat(90)}`;
  const entries: Entry[] = [
    { ...plain, name: "dir", kind: "folder", mode: 0o1777, uid: 3_000_000, gid: 12 },
    file("dir/a", "hello\n", { mode: 0o4755, mtimeSeconds: 86_400 }),
    { ...plain, name: "dir/b", kind: "hardlink", target: "dir/a" },
    { ...plain, name: "dir/null", kind: "charDevice", major: 1, minor: 3 },
    { ...plain, name: "l", kind: "symlink", target: long, mode: 0o777 },
    file(long, "deep\n"),
  ];
  const path = join(folder, "ours.tar");
  writeFileSync(path, await bytesOf(entries));
  const listed = Bun.spawnSync(["tar", "--numeric-owner", "--utc", "-tvf", path], {
    env: { ...process.env, LC_ALL: "C" },
  });
  expect(listed.stderr.toString()).toBe("");
  expect(listed.stdout.toString().replaceAll(/ +/g, " ").trim().split("\n")).toEqual([
    "drwxrwxrwt 3000000/12 0 1970-01-01 00:00 dir/",
    "-rwsr-xr-x 0/0 6 1970-01-02 00:00 dir/a",
    "hrw-r--r-- 0/0 0 1970-01-01 00:00 dir/b link to dir/a",
    "crw-r--r-- 0/0 1,3 1970-01-01 00:00 dir/null",
    `lrwxrwxrwx 0/0 0 1970-01-01 00:00 l -> ${long}`,
    `-rw-r--r-- 0/0 5 1970-01-01 00:00 ${long}`,
  ]);

  for (const format of ["gnu", "pax", "ustar"]) {
    const deep = format === "ustar" ? "x".repeat(90) : "x".repeat(200);
    const tree = join(folder, format);
    const made = Bun.spawnSync([
      "sh",
      "-c",
      `mkdir ${tree} && cd ${tree} && echo 1 > ${deep} && ln ${deep} y && ln -s ${deep} z`,
    ]);
    expect(made.exitCode).toBe(0);
    const { stdout } = Bun.spawnSync(["tar", "-C", tree, "--sort=name", `--format=${format}`, "-cf", "-", "."]);
    const found: string[] = [];
    for await (const member of readTar(pieces(stdout))) {
      found.push(`${member.kind} ${member.name}${"target" in member ? ` > ${member.target}` : ""}`);
    }
    expect(found).toEqual(["folder ./", `file ./${deep}`, `hardlink ./y > ./${deep}`, `symlink ./z > ${deep}`]);
  }
});

test("an extended header is written only where it is needed", async () => {
  const fits = await bytesOf([file(`${"a".repeat(150)}/${"b".repeat(90)}`, "x", { uid: 2_097_151 })]);
  expect(fits.length).toBe(512 * 4);
  const owner = await bytesOf([file("a", "x", { uid: 2_097_152 })]);
  expect(owner.length).toBe(512 * 6);
  expect(owner.subarray(512, 528).toString("latin1")).toBe("15 uid=2097152\n\0");
});
