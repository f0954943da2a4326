import { afterEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import fc from "fast-check";
import {
  type Disk,
  explainStore,
  listObjects,
  objectInfo,
  objectPath,
  openStore,
  putObject,
  readObject,
  realDisk,
  removeObject,
  removeUnfinishedObjects,
  type Store,
} from "../../runtime/store/index.ts";
import { faultyDisk, smallDisk, watchfulDisk } from "./disks.ts";
import { emptyFolder, must, mustFail, read, removeFolders, sha256, stream, tree } from "./world.ts";

afterEach(removeFolders);

const emptyStore = (): Store => openStore(realDisk, emptyFolder());

describe("putObject", () => {
  test("any cut of any bytes into chunks is stored under their SHA-256, durably", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 }), async (chunks) => {
        const { disk, losable } = watchfulDisk(realDisk);
        const store = openStore(disk, emptyFolder());
        const whole = Buffer.concat(chunks);
        const digest = sha256(whole);
        const put = must(await putObject(store, digest, stream(...chunks)));
        expect(put).toEqual({ sizeBytes: whole.byteLength, existed: false });
        expect(Buffer.from(await Bun.file(objectPath(store, digest)).bytes()).equals(whole)).toBe(true);
        expect(losable()).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });

  test("a chunk of several MiB is stored whole", async () => {
    const store = emptyStore();
    const big = new Uint8Array(5 * 1024 * 1024 + 3).fill(7);
    must(await putObject(store, sha256(big), stream(big)));
    expect(must(await objectInfo(store, sha256(big)))?.sizeBytes).toBe(big.byteLength);
  });

  test("wrong bytes are reported with what was found and nothing is kept", async () => {
    const store = emptyStore();
    const error = mustFail(await putObject(store, sha256("right"), stream("wro", "ng")));
    expect(error).toEqual({ kind: "badDigest", digest: sha256("right"), found: sha256("wrong"), sizeBytes: 5 });
    expect(explainStore(error)).toContain("arrived with wrong bytes");
    expect(tree(store.root)).toEqual({});
  });

  test("two processes that store one object at the same time do not get into each other's way", async () => {
    const root = emptyFolder();
    const [one, other] = [openStore(realDisk, root), openStore({ ...realDisk }, root, "link")];
    const begun = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const slow = async function* () {
      yield new TextEncoder().encode("con");
      begun.resolve();
      await go.promise;
      yield new TextEncoder().encode("tent");
    };
    const first = putObject(one, sha256("content"), slow());
    await begun.promise;
    must(await putObject(other, sha256("content"), stream("content")));
    go.resolve();
    must(await first);
    expect(tree(root)).toEqual({ [`objects/${sha256("content")}`]: "content" });
  });

  test("a source that breaks off leaves nothing", async () => {
    const store = emptyStore();
    const broken = (async function* () {
      yield new TextEncoder().encode("x");
      throw new Error("link lost");
    })();
    expect(mustFail(await putObject(store, sha256("xy"), broken))).toMatchObject({ kind: "source" });
    expect(tree(store.root)).toEqual({});
  });

  test("a valid object is not read again from the source", async () => {
    const store = emptyStore();
    must(await putObject(store, sha256("x"), stream("x")));
    const unread = (async function* (): AsyncIterable<Uint8Array> {
      yield Promise.reject(new Error("was read"));
    })();
    expect(must(await putObject(store, sha256("x"), unread))).toEqual({ sizeBytes: 1, existed: true });
  });

  test("an object with wrong bytes under its name is replaced", async () => {
    const store = emptyStore();
    must(await putObject(store, sha256("x"), stream("x")));
    writeFileSync(objectPath(store, sha256("x")), "rotten");
    expect(must(await putObject(store, sha256("x"), stream("x"))).existed).toBe(false);
    expect(read(objectPath(store, sha256("x")))).toBe("x");
  });

  test("two at once of the same digest: one stores, the other finds it", async () => {
    const store = emptyStore();
    const puts = await Promise.all([1, 2].map(() => putObject(store, sha256("xy"), stream("x", "y"))));
    expect(puts.map((put) => must(put).existed)).toEqual([false, true]);
    expect(tree(store.root)).toEqual({ [`objects/${sha256("xy")}`]: "xy" });
  });

  test("on a full disk: noSpace, and nothing left", async () => {
    const store = openStore(smallDisk(realDisk, 10), emptyFolder());
    expect(mustFail(await putObject(store, sha256("0123456789a"), stream("01234", "56789a")))).toMatchObject({
      kind: "noSpace",
      why: "store/object",
    });
    expect(tree(store.root)).toEqual({});
  });

  test("what would not fit above the reserve is refused before a byte is read or written", async () => {
    const unread = (async function* (): AsyncIterable<Uint8Array> {
      yield Promise.reject(new Error("was read"));
    })();
    const space = async () => ({ ok: true, value: { totalBytes: 1 << 20, freeBytes: 1 << 19 } }) as const;
    const store = openStore({ ...realDisk, space }, emptyFolder());
    const options = { expectedBytes: 500_000, reservedPercent: 5 };
    expect(mustFail(await putObject(store, sha256("x"), unread, options))).toMatchObject({
      kind: "noSpace",
      freeBytes: (1 << 19) - Math.floor((1 << 20) / 20),
    });
    expect(tree(store.root)).toEqual({});
    must(await putObject(store, sha256("x"), stream("x"), { expectedBytes: 1, reservedPercent: 5 }));
    // One that is there needs no room.
    expect(must(await putObject(store, sha256("x"), stream("x"), options)).existed).toBe(true);
  });

  test("a source that goes on after what it announced is cut off", async () => {
    const store = emptyStore();
    const error = mustFail(await putObject(store, sha256("xyz"), stream("x", "y", "z"), { expectedBytes: 2 }));
    expect(error).toEqual({ kind: "tooMany", digest: sha256("xyz"), expectedBytes: 2 });
    expect(explainStore(error)).toContain("did not end after its 2 bytes");
    expect(tree(store.root)).toEqual({});
  });

  test("whichever call fails, no object with wrong bytes appears, and the next attempt ends well and durable", async () => {
    for (const after of ["once", "dead"] as const) {
      for (let at = 0; ; at += 1) {
        const root = emptyFolder();
        const before = watchfulDisk(realDisk);
        const faulty = faultyDisk(before.disk, { at, kind: "io", after });
        const put = await putObject(openStore(faulty.disk, root), sha256("xy"), stream("x", "y"));
        const struck = faulty.struck();
        if (struck === null) {
          expect(at).toBeGreaterThan(8);
          break;
        }
        expect([undefined, "xy"]).toContain(tree(root)[`objects/${sha256("xy")}`]);
        if (after === "once" && !struck.startsWith("unlink")) {
          expect(Object.keys(tree(root)).filter((path) => path.endsWith(".tmp"))).toEqual([]);
        }
        if (put.ok) continue; // the first look for the object failed, which asks for nothing but storing it
        const { disk, losable } = after === "dead" ? watchfulDisk(realDisk) : before;
        must(await putObject(openStore(disk, root), sha256("xy"), stream("x", "y")));
        expect(tree(root)).toEqual({ [`objects/${sha256("xy")}`]: "xy" });
        expect([struck, losable()]).toEqual([struck, []]);
      }
    }
  });
});

describe("readObject", () => {
  test("gives an object's bytes in bounded chunks", async () => {
    const store = emptyStore();
    const big = new Uint8Array(600_000).map((_, n) => n % 251);
    must(await putObject(store, sha256(big), stream(big)));
    const { sizeBytes, chunks } = must(await readObject(store, sha256(big)));
    const read = await Array.fromAsync(chunks, (chunk) => chunk.slice());
    expect(sizeBytes).toBe(big.byteLength);
    expect(Math.max(...read.map((chunk) => chunk.byteLength))).toBeLessThanOrEqual(256 * 1024);
    expect(Buffer.concat(read).equals(big)).toBe(true);
  });

  test("has nothing open before its first chunk, nor after a reader went away or the disk failed", async () => {
    let open = 0;
    const counting: Disk = {
      ...realDisk,
      open: async (why, path) => {
        const opened = await realDisk.open(why, path);
        if (!opened.ok) return opened;
        open += 1;
        const close = async () => {
          open -= 1;
          return opened.value.close();
        };
        return { ok: true, value: { ...opened.value, close } };
      },
    };
    const store = emptyStore();
    const big = new Uint8Array(600_000);
    must(await putObject(store, sha256(big), stream(big)));
    const from = async (disk: Disk) => must(await readObject(openStore(disk, store.root), sha256(big))).chunks;
    await from(counting);
    expect(open).toBe(0);
    for await (const _chunk of await from(counting)) break;
    expect(open).toBe(0);
    const faulty = faultyDisk(counting, { at: 3, kind: "io", after: "once" }); // stat, open, read, read
    await expect(Array.fromAsync(await from(faulty.disk))).rejects.toThrow("store/object: read");
    expect(open).toBe(0);
  });

  test("an object that became shorter breaks off; one that is not there is missing", async () => {
    const store = emptyStore();
    must(await putObject(store, sha256("xy"), stream("xy")));
    const { chunks } = must(await readObject(store, sha256("xy")));
    writeFileSync(objectPath(store, sha256("xy")), "x");
    await expect(Array.fromAsync(chunks)).rejects.toThrow("became shorter");
    expect(mustFail(await readObject(store, sha256("z"))).kind).toBe("missing");
  });
});

describe("the object store", () => {
  test("lists whole objects only, with size and links", async () => {
    const store = emptyStore();
    expect(must(await listObjects(store))).toEqual([]);
    must(await putObject(store, sha256("x"), stream("x")));
    must(await putObject(store, sha256("yy"), stream("yy")));
    writeFileSync(`${store.root}/objects/${sha256("z")}.tmp`, "half");
    writeFileSync(`${store.root}/objects/README`, "");
    expect(must(await listObjects(store))).toEqual(
      [
        { digest: sha256("x"), sizeBytes: 1, links: 1 },
        { digest: sha256("yy"), sizeBytes: 2, links: 1 },
      ].sort((a, b) => (a.digest < b.digest ? -1 : 1)),
    );
  });

  test("removes an object, and is content when there is none", async () => {
    const store = emptyStore();
    must(await putObject(store, sha256("x"), stream("x")));
    must(await removeObject(store, sha256("x")));
    expect(must(await objectInfo(store, sha256("x")))).toBeNull();
    must(await removeObject(store, sha256("x")));
  });

  test("removes what power cuts left, and nothing else", async () => {
    const store = emptyStore();
    must(await putObject(store, sha256("x"), stream("x")));
    writeFileSync(`${store.root}/objects/${sha256("z")}.tmp`, "half");
    expect(must(await removeUnfinishedObjects(store))).toBe(1);
    expect(tree(store.root)).toEqual({ [`objects/${sha256("x")}`]: "x" });
  });
});
