import { describe, expect, test } from "bun:test";
import { archive, pax } from "../../tar/blocks.ts";
import { faultOf, file, flat, flatLines, folder, hardlink, symlink } from "./layers.ts";

describe("layers over each other", () => {
  test("a later layer replaces files, and folders keep what is inside", async () => {
    expect(
      await flatLines([folder("a"), file("a/x", "1"), file("a/y", "1")], [folder("a", 0o700), file("a/x", "2")]),
    ).toEqual(["folder a", "file a/x = 2", "file a/y = 1"]);
  });

  test("what changes its kind takes everything below it along", async () => {
    expect(await flatLines([folder("a"), file("a/x")], [file("a", "now a file")])).toEqual(["file a = now a file"]);
    expect(await flatLines([file("a")], [folder("a"), file("a/x", "1")])).toEqual(["folder a", "file a/x = 1"]);
    expect(await flatLines([folder("d"), symlink("a", "d")], [folder("a"), file("a/x", "1")])).toEqual([
      "folder a",
      "file a/x = 1",
      "folder d",
    ]);
  });

  test("a whiteout removes what lower layers have and nothing of its own layer, whichever comes first", async () => {
    const lower = [folder("a"), file("a/x", "1"), file("a/y", "1"), folder("a/d"), file("a/d/z", "1")];
    expect(await flatLines(lower, [file("a/.wh.x", ""), file("a/.wh.d", "")])).toEqual(["folder a", "file a/y = 1"]);
    for (const upper of [
      [file("a/.wh.x", ""), file("a/x", "2")],
      [file("a/x", "2"), file("a/.wh.x", "")],
    ]) {
      expect(await flatLines([folder("a"), file("a/x", "1")], upper)).toEqual(["folder a", "file a/x = 2"]);
    }
    for (const upper of [
      [file(".wh.a", ""), file("a/n", "2")],
      [file("a/n", "2"), file(".wh.a", "")],
    ]) {
      const { lines, entries } = await flat([archive(folder("a", 0o700), file("a/x", "1")), archive(...upper)]);
      expect(lines.slice(1)).toEqual(["folder a", "file a/n = 2"]);
      expect(entries[1]?.mode).toBe(0o755); // the old folder is gone, its mode with it
    }
    expect(await flatLines([file("b")], [file(".wh.nothing", ""), file("no/.wh.such", "")])).toEqual(["file b = b"]);
  });

  test("whiteouts below what became a file have nothing to do, as umoci writes them", async () => {
    const lower = [folder("a"), file("a/x", "1")];
    for (const upper of [
      [file("a", "2"), file("a/.wh.x", "")],
      [file("a/.wh.x", ""), file("a", "2")],
    ]) {
      expect(await flatLines(lower, upper)).toEqual(["file a = 2"]);
    }
  });

  test("an opaque folder hides what lower layers have in it and keeps what its own layer has", async () => {
    const lower = [folder("a"), file("a/x", "1"), folder("a/d"), file("a/d/z", "1")];
    for (const upper of [
      [folder("a"), file("a/.wh..wh..opq", ""), file("a/n", "2"), folder("a/d")],
      [folder("a"), file("a/n", "2"), folder("a/d"), file("a/.wh..wh..opq", "")],
    ]) {
      expect(await flatLines(lower, upper)).toEqual(["folder a", "folder a/d", "file a/n = 2"]);
    }
    expect(await flatLines(lower, [folder("a"), file("a/.wh..wh..opq", "")], [file("a/x", "3")])).toEqual([
      "folder a",
      "file a/x = 3",
    ]);
  });

  test("hard links reach into lower layers and stay when the other name goes", async () => {
    expect(await flatLines([folder("a"), file("a/x", "1")], [hardlink("b", "a/x")])).toEqual([
      "folder a",
      "file a/x = 1",
      "hardlink b > a/x",
    ]);
    expect(await flatLines([folder("a"), file("a/x", "1")], [hardlink("b", "a/x"), file("a/.wh.x", "")])).toEqual([
      "folder a",
      "file b = 1",
    ]);
    expect(await flatLines([file("x", "1"), hardlink("y", "x")], [file("x", "2")])).toEqual([
      "file x = 2",
      "file y = 1",
    ]);
  });

  test("the last of several members with one name counts", async () => {
    expect(await flatLines([file("a", "1"), file("./a", "2"), file("/a", "3")])).toEqual(["file a = 3"]);
    expect(await flatLines([file("a", "1"), folder("a"), symlink("a", "b")])).toEqual(["symlink a > b"]);
  });

  test("links on the way to a name are followed inside of the image, as a process there would see them", async () => {
    const lower = [folder("usr"), folder("usr/lib"), symlink("lib", "usr/lib"), symlink("abs", "/usr/lib")];
    const links = ["symlink abs > /usr/lib", "symlink lib > usr/lib", "folder usr", "folder usr/lib"];
    expect(await flatLines(lower, [file("lib/a", "1"), file("abs/b", "1")])).toEqual([
      ...links,
      "file usr/lib/a = 1",
      "file usr/lib/b = 1",
    ]);
    expect(await flatLines([...lower, file("usr/lib/a", "1")], [file("lib/.wh.a", "")])).toEqual(links);
    expect(await flatLines([...lower, file("usr/lib/a", "1")], [hardlink("z", "lib/a")])).toEqual([
      ...links,
      "file usr/lib/a = 1",
      "hardlink z > usr/lib/a",
    ]);
  });

  test("an absolute link counts from the image's root, wherever it lies", async () => {
    const lower = [folder("usr"), folder("lib"), symlink("usr/lib", "/lib")];
    expect(await flatLines(lower, [file("usr/lib/a", "1")])).toEqual([
      "folder lib",
      "file lib/a = 1",
      "folder usr",
      "symlink usr/lib > /lib",
    ]);
  });

  test("names are sorted by their bytes, folder by folder, whatever order the layer has", async () => {
    const parts = [
      file("b", ""),
      file("a-b", ""),
      file("a/z", ""),
      file("é", ""),
      file("Z", ""),
      file("\ue000", ""),
      file("😀", ""),
    ];
    const sorted = ["Z", "a", "a-b", "a/z", "b", "é", "\ue000", "😀"];
    const named = (lines: readonly string[]) => lines.map((line) => line.split(" ")[1]);
    // A folder's own name sorts among its neighbours, what is inside comes right behind it.
    expect(named(await flatLines(parts))).toEqual([
      "Z",
      "a",
      "a/z",
      ...sorted.slice(2).filter((name) => name !== "a/z"),
    ]);
    const [there, back] = [await flat([archive(...parts)]), await flat([archive(...parts.toReversed())])];
    expect(there.tar).toEqual(back.tar);
  });

  test("owner, mode, special bits, devices and extended attributes come through; times are 0 unless they are wanted", async () => {
    const layer = archive(
      { name: "./", flag: "5", mode: 0o750, uid: 3 },
      pax({ "SCHILY.xattr.security.capability": "\x01\0\0\x02", "SCHILY.xattr.user.a": "b", uid: "3000000" }),
      { name: "su", bytes: "x", mode: 0o6755, mtime: 77 },
      { name: "null", flag: "3", mode: 0o666, major: 1, minor: 3 },
    );
    const { entries } = await flat([layer]);
    expect(entries[0]).toMatchObject({ name: "./", mode: 0o750, uid: 3 });
    expect(entries[1]).toMatchObject({ name: "null", kind: "charDevice", major: 1, minor: 3, mode: 0o666 });
    expect(entries[2]).toMatchObject({ name: "su", mode: 0o6755, uid: 3_000_000, mtimeSeconds: 0 });
    expect(entries[2]?.xattrs.get("security.capability")).toEqual(Uint8Array.of(1, 0, 0, 2));
    expect((await flat([layer], { keepTimes: true })).entries[2]?.mtimeSeconds).toBe(77);
  });

  test("attributes that steer overlayfs, or that no file system of a device has, are left out and counted", async () => {
    const names = [
      "trusted.overlay.redirect",
      "user.overlay.opaque",
      "system.nfs4_acl",
      "system.posix_acl_access",
      "user.mine",
    ];
    const layer = archive(pax(Object.fromEntries(names.map((name) => [`SCHILY.xattr.${name}`, "x"]))), file("a"));
    const { entries, dropped } = await flat([layer]);
    expect([...(entries[1]?.xattrs.keys() ?? [])]).toEqual(["system.posix_acl_access", "user.mine"]);
    expect([...dropped.keys()]).toEqual(names.slice(0, 3));
  });

  test("folders to mount on are added where they are missing, and links count as being there", async () => {
    const { lines, entries } = await flat(
      [archive(folder("run"), folder("var"), symlink("var/run", "../run"), file("sys", "odd"))],
      {
        mountPoints: true,
      },
    );
    expect(lines.slice(1)).toEqual(
      ["dev", "proc", "run", "sys = odd", "tmp", "var", "var/run > ../run", "var/tmp"].map((line) =>
        line.includes(">") ? `symlink ${line}` : line.includes("=") ? `file ${line}` : `folder ${line}`,
      ),
    );
    expect(entries.find(({ name }) => name === "var/tmp")?.mode).toBe(0o1777);
    expect((await flat([archive(file("var", "odd"))], { mountPoints: true })).lines).toContain("file var = odd");
  });

  test("a plain archive keeps names that would be whiteouts, and the user's own files become root's", async () => {
    const layer = archive({ ...file(".wh.x", "kept"), uid: 1000 }, { ...file("other", ""), uid: 33 });
    const { entries } = await flat([layer], { whiteouts: false, mine: { uid: 1000, gid: 1000 } });
    expect(entries.map(({ name, uid }) => `${name} ${uid}`)).toEqual(["./ 0", ".wh.x 0", "other 33"]);
  });
});

/** Rows of "what went wrong elsewhere": each would have written, linked or removed outside of the image, or never ended. */
describe("hostile layers", () => {
  const deep = Array.from({ length: 60 }, (_, n) => `d${n}`).join("/");
  test.each([
    ["CVE-2023-7216 (cpio): a name with ..", "outside", [file("a/../../etc/passwd")]],
    ["a name that is .. alone", "outside", [folder("..")]],
    ["CVE-2026-17106 (moby go-archive): a hard link with ..", "outside", [hardlink("a", "../../etc/shadow")]],
    [
      "CVE-2026-17106: a hard link to an absolute name that only the host has",
      "noLinkTarget",
      [hardlink("a", "/etc/shadow")],
    ],
    [
      "CVE-2026-17106: a hard link through a link to the host's file",
      "noLinkTarget",
      [symlink("l", "/etc"), hardlink("a", "l/shadow")],
    ],
    ["a whiteout of the folder above", "badWhiteout", [file("a/.wh...", "")]],
    ["a whiteout of the folder itself", "badWhiteout", [file("a/.wh..", "")]],
    ["a whiteout without a name", "badWhiteout", [file("a/.wh.", "")]],
    ["something below a whiteout", "badWhiteout", [file(".wh.a/b", "")]],
    ["CVE-2015-1335 (LXC): links in a circle", "linkLoop", [symlink("a", "b"), symlink("b", "a"), file("a/x")]],
    ["a file in a file", "noFolder", [file("a"), file("a/b")]],
    ["a hard link to a folder", "linkToFolder", [folder("a"), hardlink("b", "a")]],
    ["a hard link to the root", "linkToFolder", [hardlink("b", "./")]],
    ["a file in place of the root", "outside", [file(".")]],
    [
      "a component above NAME_MAX",
      "nameTooLong",
      [{ ...file("x"), name: "a" }, pax({ path: "n".repeat(256) }), file("y")],
    ],
    [
      "a path that links make longer than PATH_MAX",
      "nameTooLong",
      [
        pax({ path: `${"n".repeat(200)}/`.repeat(19) }),
        folder("x"),
        pax({ linkpath: `${"n".repeat(200)}/`.repeat(19) }),
        symlink("l", "x"),
        pax({ path: `l/${"m".repeat(250)}/${"m".repeat(250)}` }),
        file("x"),
      ],
    ],
    [
      "folders that links make deeper than any path",
      "tooDeep",
      Array.from({ length: 12 }, (_, n) => [
        pax({ path: n === 0 ? deep : `l${n - 1}/${deep}` }),
        folder("x"),
        pax({ linkpath: n === 0 ? deep : `l${n - 1}/${deep}` }),
        symlink(`l${n}`, "x"),
      ]).flat(),
    ],
  ] as const)("%s", async (_what, problem, parts) => {
    expect(await faultOf(() => flatLines([...parts]))).toMatchObject({ kind: "layer", problem });
  });

  test("absolute names, and links that point outside, stay inside", async () => {
    expect(await flatLines([symlink("up", "../../../.."), file("up/a", "1")])).toEqual([
      "file a = 1",
      "symlink up > ../../../..",
    ]);
    expect(await flatLines([symlink("e", "/x/../../y"), file("e/b", "1")])).toEqual([
      "symlink e > /x/../../y",
      "folder x",
      "folder y",
      "file y/b = 1",
    ]);
  });

  test("OSTree GHSA-7cgc (bombs): what is unpacked is counted, whatever the headers say", async () => {
    const { imageLimits } = await import("../../../runtime/author/image/limits.ts");
    const limits = { ...imageLimits, unpackedBytesMax: 100_000 };
    const padded = Buffer.concat([archive(file("a")), Buffer.alloc(200_000)]);
    expect(await faultOf(() => flat([padded], { limits }))).toMatchObject({ kind: "tooLarge", unit: "bytes" });
    const large = archive(file("a", "x".repeat(60_000)), file("b", "x".repeat(60_000)));
    expect(await faultOf(() => flat([large], { limits }))).toMatchObject({ kind: "tar", fault: { kind: "tooLarge" } });
    const small = archive(file("a", "x".repeat(60_000)));
    expect(await faultOf(() => flat([small, small], { limits }))).toMatchObject({ kind: "tooLarge", unit: "bytes" });
  });

  test("names are counted, in number and in bytes", async () => {
    const { imageLimits } = await import("../../../runtime/author/image/limits.ts");
    const layer = archive(...Array.from({ length: 30 }, (_, n) => file(`f${n}`)));
    expect(
      await faultOf(() => flat([layer, archive(file("g"))], { limits: { ...imageLimits, entriesMax: 30 } })),
    ).toMatchObject({
      kind: "tooLarge",
      unit: "entries",
    });
    expect(await faultOf(() => flat([layer], { limits: { ...imageLimits, metadataBytesMax: 5_000 } }))).toMatchObject({
      kind: "tooLarge",
      what: "names in the image",
    });
  });
});
