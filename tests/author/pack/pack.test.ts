import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { archive, type Part, pax } from "../../tar/blocks.ts";
import { file, folder, hardlink, symlink } from "../image/layers.ts";

setDefaultTimeout(120_000);

const top = mkdtempSync(join(tmpdir(), "pack-"));
const memory = mkdtempSync("/dev/shm/pack-"); // another file system, another order of names
const STRANGER = 54_321; // a user that no machine has

beforeAll(() => {
  for (const path of [top, memory]) chmodSync(path, 0o755);
});
afterAll(() => {
  for (const path of [top, memory]) rmSync(path, { recursive: true });
});

const CAPABILITY = "\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0"; // cap_net_raw+ep, version 2 (linux/capability.h)
const bulk = Array.from({ length: 300 }, (_, n) => file(`bulk/${n}`, `${n} `.repeat(n * 7)));
const parts: readonly (readonly Part[])[] = [
  [{ name: "./", flag: "5", mode: 0o711, uid: 5 }],
  [folder("bin"), { ...file("bin/su", "su\n".repeat(3000)), mode: 0o4711 }],
  [
    pax({ "SCHILY.xattr.security.capability": CAPABILITY, "SCHILY.xattr.user.note": "a=b\nc" }),
    { ...file("bin/ping"), mode: 0o755 },
    hardlink("bin/ping6", "bin/ping"),
  ],
  [{ ...file("shadow"), mode: 0, uid: 33 }, { ...folder("locked", 0), uid: 7 }, file("locked/inside")],
  [
    { name: "null", flag: "3", mode: 0o666, major: 1, minor: 3 },
    { name: "disk", flag: "4", mode: 0o660, major: 259, minor: 300 },
  ],
  [{ name: "pipe", flag: "6", mode: 0o600 }, { ...symlink("link", "../etc/é"), uid: 9 }, folder("tmp", 0o1777)],
  [
    pax({ path: "odd \\ \"name'é\n", "SCHILY.xattr.user.odd": "1" }),
    file("x", "odd"),
    pax({ uid: "3000000" }),
    file("far"),
  ],
  [folder("bulk"), ...bulk],
];
const inOrder = archive(...parts.flat());
const otherOrder = archive(...parts.slice(0, 1).flat(), ...parts.slice(1).toReversed().flat());

interface Around {
  readonly place: string;
  readonly uid?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly umask?: string;
  readonly bytes?: Uint8Array;
  readonly path?: string;
  readonly keepTimes?: true;
}

async function packed(
  format: string,
  around: Around,
): Promise<{ image: string; exit: number; err: string; left: readonly string[] }> {
  const place = mkdtempSync(join(around.place, "place-"));
  const [input, scratch, image] = [join(place, "in.tar"), join(place, "scratch"), join(place, `out.${format}`)];
  writeFileSync(input, around.bytes ?? inOrder);
  mkdirSync(scratch);
  for (const path of [place, scratch]) chmodSync(path, 0o777);
  const user =
    around.uid === undefined
      ? []
      : [Bun.which("setpriv") ?? "", `--reuid=${around.uid}`, `--regid=${around.uid}`, "--clear-groups"];
  const script = resolve(import.meta.dir, "pack-archive.ts");
  const words = [process.execPath, script, input, image, format, scratch, around.keepTimes ? "keep-times" : ""];
  const shell = Bun.which("sh") ?? "";
  const child = Bun.spawn([...user, shell, "-c", `umask ${around.umask ?? "022"}; exec "$@"`, "sh", ...words], {
    env: { PATH: around.path ?? process.env["PATH"] ?? "", BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0", ...around.env },
    stderr: "pipe",
    cwd: place,
  });
  const err = await new Response(child.stderr).text();
  const exit = await child.exited;
  const left = [...readdirSync(scratch), ...readdirSync(place).filter((name) => name.startsWith("."))];
  return { image, exit, err, left };
}

const digest = (path: string): string => new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex");

test.each(["erofs", "squashfs"])(
  "%s: the same tree gives the same bytes, whoever packs it where and when",
  async (format) => {
    const first = await packed(format, { place: top });
    expect(first).toMatchObject({ exit: 0, err: "", left: [] });
    const wanted = digest(first.image);
    const others: Readonly<Record<string, Around>> = {
      "another user": { place: top, uid: STRANGER },
      "another file system": { place: memory, uid: STRANGER },
      "another order in the archive": { place: top, uid: STRANGER, bytes: otherOrder },
      "another time zone and language": {
        place: top,
        env: { TZ: "Asia/Tokyo", LC_ALL: "de_DE.UTF-8", LANG: "tr_TR.UTF-8" },
      },
      "another umask": { place: top, uid: STRANGER, umask: "077" },
      "another folder for temporary files": { place: top, env: { TMPDIR: memory } },
      "another epoch": { place: top, env: { SOURCE_DATE_EPOCH: "1700000000" } },
    };
    for (const [what, around] of Object.entries(others)) {
      const again = await packed(format, around);
      expect(again, what).toMatchObject({ exit: 0, err: "", left: [] });
      expect(digest(again.image), what).toBe(wanted);
    }
  },
);

/** As `find` and `getfattr` see it in the mounted image; host tests run as root. */
function mounted(image: string, type: string): readonly string[] {
  const at = mkdtempSync(join(top, "mnt-"));
  const run = (...words: string[]) => Bun.spawnSync(words, { env: { ...process.env, LC_ALL: "C", TZ: "UTC" } });
  const done = run("mount", "-t", type, "-o", "loop,ro", image, at);
  expect(done.stderr.toString()).toBe("");
  try {
    const found = run(
      "sh",
      "-c",
      `cd ${at} && find . -path './bulk/*' -prune -o -printf '%M %n %U:%G %T@ %p%l\\n' | sort -k5; sha256sum bulk/* | sha256sum`,
    );
    const attributes = run("sh", "-c", `cd ${at} && getfattr -h -d -m - -- bin/ping6 odd*`);
    const devices = run("sh", "-c", `cd ${at} && stat -c '%n %t:%T' null disk && wc -c < bin/su && cat shadow`);
    return [found, attributes, devices]
      .flatMap(({ stdout, stderr }) => [...stdout.toString().split("\n"), ...stderr.toString().split("\n")])
      .filter((line) => line !== "");
  } finally {
    run("umount", at);
  }
}

test("owners, modes, devices, special bits, capabilities, attributes and hard links come through a user without rights", async () => {
  const seen: Record<string, readonly string[]> = {};
  for (const format of ["erofs", "squashfs"]) {
    const { image, exit, err } = await packed(format, { place: top, uid: STRANGER });
    expect({ exit, err }).toEqual({ exit: 0, err: "" });
    seen[format] = mounted(image, format);
  }
  const { erofs = [], squashfs } = seen;
  const contents = new Bun.CryptoHasher("sha256");
  for (const { name, bytes } of bulk.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    contents.update(`${new Bun.CryptoHasher("sha256").update(bytes ?? "").digest("hex")}  ${name}\n`);
  }
  expect(erofs).toEqual([
    "drwx--x--x 6 5:0 0.0000000000 .",
    "drwxr-xr-x 2 0:0 0.0000000000 ./bin",
    "-rwxr-xr-x 2 0:0 0.0000000000 ./bin/ping",
    "-rwxr-xr-x 2 0:0 0.0000000000 ./bin/ping6",
    "-rws--x--x 1 0:0 0.0000000000 ./bin/su",
    "drwxr-xr-x 2 0:0 0.0000000000 ./bulk",
    "brw-rw---- 1 0:0 0.0000000000 ./disk",
    "-rw-r--r-- 1 3000000:0 0.0000000000 ./far",
    "lrwxrwxrwx 1 9:0 0.0000000000 ./link../etc/é",
    "d--------- 2 7:0 0.0000000000 ./locked",
    "-rw-r--r-- 1 0:0 0.0000000000 ./locked/inside",
    "crw-rw-rw- 1 0:0 0.0000000000 ./null",
    "-rw-r--r-- 1 0:0 0.0000000000 ./odd \\ \"name'é",
    "prw------- 1 0:0 0.0000000000 ./pipe",
    "---------- 1 33:0 0.0000000000 ./shadow",
    "drwxrwxrwt 2 0:0 0.0000000000 ./tmp",
    `${contents.digest("hex")}  -`,
    "# file: bin/ping6",
    "security.capability=0sAQAAAgAgAAAAAAAAAAAAAAAAAAA=",
    "user.note=0sYT1iCmM=",
    "# file: odd \\134 \"name'é\\012",
    'user.odd="1"',
    "null 1:3",
    "disk 103:12c",
    "9000",
    "shadow",
  ]);
  expect(squashfs).toEqual(erofs);
});

test("times are kept when they are wanted, and the bytes are the same all the same", async () => {
  const bytes = archive(
    { name: "./", flag: "5", mode: 0o755, mtime: 1_000_000_000 },
    { ...folder("d"), mtime: 1_100_000_000 },
    { ...file("d/f"), mtime: 1_200_000_000 },
    { ...symlink("l", "d"), mtime: 1_300_000_000 },
  );
  for (const format of ["erofs", "squashfs"]) {
    const first = await packed(format, { place: top, keepTimes: true, bytes });
    const second = await packed(format, { place: memory, keepTimes: true, bytes, uid: STRANGER });
    expect({ first: first.err, second: second.err }).toEqual({ first: "", second: "" });
    expect(digest(first.image)).toBe(digest(second.image));
    const at = mkdtempSync(join(top, "mnt-"));
    expect(Bun.spawnSync(["mount", "-t", format, "-o", "loop,ro", first.image, at]).exitCode).toBe(0);
    const seen = Bun.spawnSync(["find", at, "-printf", "%T@ %P\\n"]).stdout.toString();
    Bun.spawnSync(["umount", at]);
    expect(seen.trimEnd().split("\n").sort()).toEqual([
      "1000000000.0000000000 ",
      "1100000000.0000000000 d",
      "1200000000.0000000000 d/f",
      "1300000000.0000000000 l",
    ]);
  }
});

test("a missing program is named with what installs it, and nothing is left behind", async () => {
  for (const [format, what, installs] of [
    ["erofs", "setfattr", "attr"],
    ["erofs", "mkfs.erofs", "erofs-utils"],
    ["squashfs", "mksquashfs", "squashfs-tools"],
    ["squashfs", "fakeroot", "fakeroot"],
  ] as const) {
    const path = mkdtempSync(join(top, "path-"));
    for (const program of ["fakeroot", "setfattr", "mkfs.erofs", "mksquashfs"]) {
      if (program !== what) symlinkSync(Bun.which(program) ?? "", join(path, program));
    }
    const { exit, err, left, image } = await packed(format, { place: top, path });
    expect(exit).toBe(1);
    expect(err).toContain(`packing takes ${what}, which this machine lacks; on Debian: apt-get install ${installs}`);
    expect(left).toEqual([]);
    expect(existsSync(image)).toBe(false);
  }
});
