import { afterEach, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import fc from "fast-check";
import { ownerOf, type State } from "../../runtime/state/index.ts";
import {
  type Disk,
  explainProblem,
  type HashCache,
  installRevision,
  newHashCache,
  openStore,
  realDisk,
  type Validation,
  validate,
} from "../../runtime/store/index.ts";
import { watchfulDisk } from "./disks.ts";
import {
  emptyFolder,
  type Files,
  files,
  inode,
  must,
  putObjects,
  read,
  removeFolders,
  revision,
  sha256,
  stateOf,
} from "./world.ts";

afterEach(removeFolders);

const rev = revision("7");
const state = stateOf(files);

async function installed(of: Files = files): Promise<string> {
  const root = emptyFolder();
  await putObjects(root, of);
  must(await installRevision(openStore(watchfulDisk(realDisk).disk, root), rev, stateOf(of)));
  return root;
}

interface Check {
  readonly state?: State;
  readonly disk?: Disk;
  readonly keys?: ReadonlySet<string>;
  readonly trustVerity?: boolean;
  readonly hashes?: HashCache;
}

const check = (root: string, { disk = realDisk, trustVerity = false, hashes = newHashCache(), ...rest }: Check = {}) =>
  validate(openStore(disk, root), rev, rest.state ?? state, {
    ...(rest.keys === undefined ? {} : { keys: rest.keys }),
    trustVerity,
    hashes,
  });

/** A disk that notes the paths it opens. */
function noting(): { disk: Disk; opened: string[] } {
  const opened: string[] = [];
  const open: Disk["open"] = (why, path) => {
    opened.push(path);
    return realDisk.open(why, path);
  };
  return { disk: { ...realDisk, open }, opened };
}

const kinds = ({ problems }: Validation): string[] => problems.map(({ kind, key }) => `${kind} ${key}`);

describe("validate", () => {
  test("finds an installed revision good", async () => {
    expect(await check(await installed())).toEqual({ problems: [], mended: [] });
  });

  test("names every key of a corrupted object, what was expected and what was found", async () => {
    const root = await installed();
    writeFileSync(`${root}/objects/${sha256("shared configuration")}`, "shared Configuration");
    const { problems } = await check(root);
    const digests = { expected: sha256("shared configuration"), found: sha256("shared Configuration") };
    expect(problems).toEqual(
      ["db/lxc.conf", "web/lxc.conf"].map((key) => ({ kind: "wrongDigest", key, ...digests, sizeBytes: 20 })),
    );
    expect(problems.map(explainProblem)[0]).toBe(
      `db/lxc.conf: wrong bytes: expected SHA-256 ${digests.expected}, found ${digests.found} (20 bytes)`,
    );
  });

  test("finds any single change of any file", async () => {
    const keys = Object.keys(files).filter((key) => !key.startsWith("_sigs/") && key !== "web/src.json");
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...keys),
        fc.constantFrom("flip", "cut", "grow"),
        fc.nat(),
        async (key, how, n) => {
          const root = await installed();
          const path = `${root}/trails/7/${key}`;
          const bytes = await Bun.file(path).bytes();
          if (how === "cut") truncateSync(path, n % bytes.byteLength);
          else if (how === "grow") appendFileSync(path, "x");
          else
            writeFileSync(path, bytes.with(n % bytes.byteLength, (bytes[n % bytes.byteLength] ?? 0) ^ (1 << (n % 8))));
          const { problems, mended } = await check(root);
          expect([...problems.map((problem) => problem.key), ...mended]).toContain(key);
        },
      ),
      { numRuns: 40 },
    );
  });

  test("accepts a file that is not linked to the object but has its bytes", async () => {
    const root = await installed();
    const path = `${root}/trails/7/web/root.squashfs`;
    copyFileSync(path, `${path}.copy`);
    renameSync(`${path}.copy`, path);
    expect(inode(path)).not.toBe(inode(root, "objects", sha256("root of web")));
    expect(await check(root)).toEqual({ problems: [], mended: [] });
  });

  test("makes a missing file again, from the object or the state's text", async () => {
    const root = await installed();
    for (const key of ["web/root.squashfs", "web/run.json"]) rmSync(`${root}/trails/7/${key}`);
    rmSync(`${root}/trails/7/_config`, { recursive: true });
    expect(await check(root)).toEqual({
      problems: [],
      mended: ["_config/web/etc/app.json", "web/root.squashfs", "web/run.json"],
    });
    expect(inode(root, "trails/7/web/root.squashfs")).toBe(inode(root, "objects", sha256("root of web")));
  });

  test("a missing file is not made of a corrupted object without saying so", async () => {
    const root = await installed();
    rmSync(`${root}/trails/7/web/root.squashfs`);
    writeFileSync(`${root}/objects/${sha256("root of web")}`, "rotten");
    expect(kinds(await check(root))).toEqual(["wrongDigest web/root.squashfs"]);
  });

  test("file and object missing: says so", async () => {
    const root = await installed();
    rmSync(`${root}/trails/7/web/root.squashfs`);
    rmSync(`${root}/objects/${sha256("root of web")}`);
    const { problems } = await check(root);
    expect(problems).toEqual([{ kind: "missing", key: "web/root.squashfs", expected: sha256("root of web") }]);
  });

  test("a .bind copy that its container changed is made again", async () => {
    const root = await installed();
    writeFileSync(`${root}/trails/7/web/own.bind`, "changed");
    expect(await check(root)).toEqual({ problems: [], mended: ["web/own.bind"] });
    expect(read(root, "trails/7/web/own.bind")).toBe("a file of its own");
  });

  test("a changed .bind copy whose object is rotten is a problem", async () => {
    const root = await installed();
    writeFileSync(`${root}/trails/7/web/own.bind`, "changed");
    writeFileSync(`${root}/objects/${sha256("a file of its own")}`, "rotten");
    expect(kinds(await check(root))).toEqual(["wrongDigest web/own.bind"]);
    expect(read(root, "trails/7/web/own.bind")).toBe("changed");
  });

  test("changed inline JSON is a problem, though it means the same", async () => {
    const root = await installed();
    writeFileSync(`${root}/trails/7/_config/web/etc/app.json`, '{"port":80}');
    expect(kinds(await check(root))).toEqual(["wrongText _config/web/etc/app.json"]);
  });

  test("links and folders in place of files, and a link in place of a folder, are problems", async () => {
    const root = await installed();
    const at = (key: string): string => `${root}/trails/7/${key}`;
    renameSync(at("db"), at("elsewhere"));
    symlinkSync("elsewhere", at("db"));
    renameSync(at("web/root.squashfs"), at("web/moved"));
    symlinkSync("moved", at("web/root.squashfs"));
    rmSync(at("web/lxc.conf"));
    mkdirSync(at("web/lxc.conf"));
    expect(kinds(await check(root))).toEqual([
      "unreadable db/lxc.conf",
      "unreadable db/root.squashfs",
      "unreadable db/run.json",
      "unreadable web/lxc.conf",
      "unreadable web/root.squashfs",
    ]);
  });

  test("a file that is written to while it is read is not good", async () => {
    const root = await installed();
    const path = `${root}/trails/7/web/root.squashfs`;
    const open: Disk["open"] = async (why, name) => {
      const opened = await realDisk.open(why, name);
      if (!opened.ok || name !== path) return opened;
      const read: typeof opened.value.read = async (into, at) => {
        const result = await opened.value.read(into, at);
        appendFileSync(path, "!");
        return result;
      };
      return { ok: true, value: { ...opened.value, read } };
    };
    const { problems } = await check(root, { disk: { ...realDisk, open } });
    expect(problems).toMatchObject([{ kind: "unreadable", key: "web/root.squashfs", error: { kind: "changing" } }]);
  });

  test("checks one container's files and no others", async () => {
    const root = await installed();
    writeFileSync(`${root}/objects/${sha256("root of db")}`, "rotten");
    const keysOf = (owner: string): ReadonlySet<string> =>
      new Set(Object.keys(files).filter((key) => ownerOf(key, state) === owner));
    const { disk, opened } = noting();
    expect(await check(root, { disk, keys: keysOf("web") })).toEqual({ problems: [], mended: [] });
    expect(opened.filter((path) => !path.includes("/web/"))).toEqual([]);
    expect(opened.some((path) => path.endsWith("_config/web/etc/app.json"))).toBe(true);
    expect(kinds(await check(root, { keys: keysOf("db") }))).toEqual(["wrongDigest db/root.squashfs"]);
  });

  test("an object that several keys use is read once per cache, and again with the next", async () => {
    const root = await installed();
    const { disk, opened } = noting();
    const hashes = newHashCache();
    const reads = (): number => opened.filter((path) => path.endsWith("lxc.conf")).length;
    await Promise.all([check(root, { disk, hashes }), check(root, { disk, hashes })]);
    expect(reads()).toBe(1);
    await check(root, { disk });
    expect(reads()).toBe(2);
  });

  test("a cached digest does not hide a later change", async () => {
    const root = await installed();
    const hashes = newHashCache();
    expect((await check(root, { hashes })).problems).toEqual([]);
    await Bun.sleep(20); // the kernel's clock for time stamps ticks every 4 to 10 ms
    writeFileSync(`${root}/objects/${sha256("root of db")}`, "roof of db");
    expect(kinds(await check(root, { hashes }))).toEqual(["wrongDigest db/root.squashfs"]);
  });

  test("files are taken in the order of the calls, so that the first container is ready first", async () => {
    const of = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`c${n}/file`, `bytes of ${n}`]));
    const root = await installed(of);
    // When a file is taken, not when it is done: a slow read may be overtaken by any number of quick ones.
    const taken: number[] = [];
    const watching: Disk = {
      ...realDisk,
      stat: (why, path) => {
        const n = Number(/\/c(\d+)(?:\/|$)/.exec(path)?.[1] ?? -1);
        if (n >= 0 && !taken.includes(n)) taken.push(n);
        return realDisk.stat(why, path);
      },
    };
    const store = openStore(watching, root);
    const hashes = newHashCache();
    const order = Array.from({ length: 40 }, (_, n) => n);
    await Promise.all(
      order.map((n) =>
        validate(store, rev, stateOf(of), { keys: new Set([`c${n}/file`]), trustVerity: false, hashes }),
      ),
    );
    expect(taken).toEqual(order);
  });

  test("many files never hold more than a few open", async () => {
    const of = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`c/${n}.json`, { n }]));
    const root = await installed(of);
    let [open, most] = [0, 0];
    const counting: Disk = {
      ...realDisk,
      open: async (why, path) => {
        const opened = await realDisk.open(why, path);
        if (!opened.ok) return opened;
        most = Math.max(most, ++open);
        const close: typeof opened.value.close = () => {
          open -= 1;
          return opened.value.close();
        };
        return { ok: true, value: { ...opened.value, close } };
      },
    };
    expect(await check(root, { disk: counting, state: stateOf(of) })).toEqual({ problems: [], mended: [] });
    expect([open, most <= 4]).toEqual([0, true]);
  });
});

describe("dm-verity", () => {
  const manifest = {
    type: "dm-verity",
    data_device: "root.squashfs",
    hash_device: "root.squashfs.hash",
    root_hash: "ab".repeat(32),
  };
  const withVerity = (run: object, dm: object = manifest): Files => ({
    "bsp/i": "i",
    "bsp/k": "k",
    "bsp/run.json": { linux: "k", initrd: "i" },
    "web/_dm/root.squashfs.json": dm,
    "web/lxc.conf": "configuration",
    "web/other.squashfs": "other",
    "web/root.squashfs": "root",
    "web/root.squashfs.hash": "hashes",
    "web/run.json": { name: "web", type: "lxc", group: "app", config: "lxc.conf", ...run },
  });
  const corrupted = async (of: Files, trustVerity: boolean): Promise<string[]> => {
    const root = await installed(of);
    for (const bytes of ["root", "hashes", "other"]) writeFileSync(`${root}/objects/${sha256(bytes)}`, "rotten");
    return kinds(await check(root, { state: stateOf(of), trustVerity }));
  };
  const [other, image, tree] = ["web/other.squashfs", "web/root.squashfs", "web/root.squashfs.hash"].map(
    (key) => `wrongDigest ${key}`,
  );

  test("only the data image is left to the kernel, and only when the caller will use it", async () => {
    const of = withVerity({ "root-volume": "dm:root.squashfs" });
    expect(await corrupted(of, true)).toEqual([other, tree] as string[]);
    expect(await corrupted(of, false)).toEqual([other, image, tree] as string[]);
  });

  test("a manifest that no volume uses guards nothing", async () => {
    const of = withVerity({ "root-volume": "root.squashfs" });
    expect(await corrupted(of, true)).toEqual([other, image, tree] as string[]);
  });

  test("a data image that is also mounted without dm-verity is checked", async () => {
    const of = withVerity({ "root-volume": "dm:root.squashfs" });
    const root = await installed(of);
    writeFileSync(`${root}/objects/${sha256("root")}`, "rotten");
    const parsed = stateOf(of);
    const plain = { handler: null, file: "root.squashfs", mount: "image", fstype: "squashfs" } as const;
    const twice = { ...parsed, containers: parsed.containers.map((container) => ({ ...container, volumes: [plain] })) };
    expect(kinds(await check(root, { state: twice, trustVerity: true }))).toEqual([image] as string[]);
  });

  test("a link in place of a guarded image is a problem", async () => {
    const of = withVerity({ "root-volume": "dm:root.squashfs" });
    const root = await installed(of);
    rmSync(`${root}/trails/7/web/root.squashfs`);
    symlinkSync("other.squashfs", `${root}/trails/7/web/root.squashfs`);
    expect(kinds(await check(root, { state: stateOf(of), trustVerity: true }))).toEqual([
      "unreadable web/root.squashfs",
    ]);
  });

  test("a guarded image must still be there", async () => {
    const of = withVerity({ "root-volume": "dm:root.squashfs" });
    const root = await installed(of);
    rmSync(`${root}/trails/7/web/root.squashfs`);
    rmSync(`${root}/objects/${sha256("root")}`);
    expect(kinds(await check(root, { state: stateOf(of), trustVerity: true }))).toEqual(["missing web/root.squashfs"]);
  });
});
