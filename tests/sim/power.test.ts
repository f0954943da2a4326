import { describe, expect, test } from "bun:test";
import type { Disk, NewFile } from "../../runtime/store/index.ts";
import { must, mustFail } from "../store/world.ts";
import { type DiskOptions, type SimulatedDisk, simulatedDisk } from "./disk.ts";
import { mounts } from "./mounts.ts";
import { type Accident, CUT, calm, Power, type Rates } from "./power.ts";
import { newRng } from "./rng.ts";

interface Machine {
  readonly power: Power;
  readonly storage: SimulatedDisk;
}

function machine(seed: number, options: DiskOptions = {}, fate: Rates | readonly Accident[] = calm): Machine {
  const rng = newRng(seed);
  const power = new Power(rng.fork("power"), fate);
  return { power, storage: simulatedDisk(rng.fork("storage"), power, options) };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (found: Uint8Array | null): string | null => (found === null ? null : new TextDecoder().decode(found));

async function newFile(disk: Disk, path: string, content: string): Promise<NewFile> {
  const file = must(await disk.create("test", path, 0o644));
  must(await file.write(bytes(content)));
  return file;
}

/** A file whose bytes are durable; its name is when the folder is fsynced. */
async function write(disk: Disk, path: string, content: string): Promise<void> {
  const file = await newFile(disk, path, content);
  must(await file.fsync());
  must(await file.close());
}

/** Every state that `seeds` cuts of the same life leave, as `see` shows it. */
async function outcomes(
  options: DiskOptions,
  live: (disk: Disk) => Promise<void>,
  see: (storage: SimulatedDisk) => unknown,
  seeds = 400,
): Promise<ReadonlySet<string>> {
  const seen = new Set<string>();
  for (let seed = 0; seed < seeds; seed += 1) {
    const { power, storage } = machine(seed, options);
    await live(storage.mount());
    power.cut();
    seen.add(JSON.stringify(see(storage)));
  }
  return seen;
}
const set = (...values: readonly unknown[]): ReadonlySet<string> => new Set(values.map((one) => JSON.stringify(one)));
const names = (storage: SimulatedDisk): string => Object.keys(storage.contents()).sort().join(" ");

const threeNames = async (disk: Disk): Promise<void> => {
  for (const name of ["a", "b", "c"]) await write(disk, `/${name}`, name);
};

describe("names", () => {
  test("in the order of a journal, those made first survive first", async () => {
    expect(await outcomes({ order: "ordered" }, threeNames, names)).toEqual(set("", "/a", "/a /b", "/a /b /c"));
  });

  test("reordered, any of them survive", async () => {
    const all = set("", "/a", "/b", "/c", "/a /b", "/a /c", "/b /c", "/a /b /c");
    expect(await outcomes({ order: "reordered" }, threeNames, names)).toEqual(all);
  });

  test.each(["ordered", "reordered"] as const)("%s, the folder's fsync keeps all of its own", async (order) => {
    const live = async (disk: Disk): Promise<void> => {
      must(await disk.mkdir("test", "/d", 0o755));
      must(await disk.fsync("test", "/"));
      await write(disk, "/d/x", "x");
      await threeNames(disk);
      must(await disk.fsync("test", "/"));
      await write(disk, "/d/y", "y");
    };
    const all = "/a /b /c /d/";
    const inside = order === "ordered" ? ["/d/x", "/d/x /d/y"] : ["", "/d/x", "/d/y", "/d/x /d/y"];
    expect(await outcomes({ order }, live, names)).toEqual(set(...inside.map((more) => `${all} ${more}`.trim())));
  });

  test("reordered, what happens to one name keeps its order, and no inode is lost in between", async () => {
    const live = async (disk: Disk): Promise<void> => {
      await write(disk, "/a", "one");
      must(await disk.fsync("test", "/"));
      must(await disk.rename("test", "/a", "/b"));
      await write(disk, "/a", "two");
    };
    expect(await outcomes({ order: "reordered" }, live, (storage) => storage.contents())).toEqual(
      set({ "/a": "one" }, { "/b": "one" }, { "/b": "one", "/a": "two" }),
    );
  });

  test("a folder that was not kept in its parent takes along what is in it", async () => {
    const live = async (disk: Disk): Promise<void> => {
      must(await disk.mkdir("test", "/d", 0o755));
      await write(disk, "/d/x", "x");
      must(await disk.fsync("test", "/d"));
    };
    expect(await outcomes({ order: "reordered" }, live, names)).toEqual(set("", "/d/ /d/x"));
  });

  test("the count of links is that of the names that survived", async () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const { power, storage } = machine(seed);
      const disk = storage.mount();
      await write(disk, "/a", "x");
      must(await disk.fsync("test", "/"));
      must(await disk.link("test", "/a", "/b"));
      must(await disk.link("test", "/a", "/c"));
      power.cut();
      const after = storage.mount();
      const { links } = must(await after.stat("test", "/a"));
      expect(links).toBe(must(await after.list("test", "/")).length);
    }
  });
});

describe("bytes", () => {
  const LONG = "x".repeat(1_300);
  const shape = (content: string | null): string =>
    content === null ? "gone" : content === "" ? "empty" : content.replaceAll(/(.)\1*/gs, "$1");

  test("that were not fsynced are gone, zero, torn by sectors, or there", async () => {
    const live = async (disk: Disk): Promise<void> => {
      await newFile(disk, "/a", LONG);
      must(await disk.fsync("test", "/"));
    };
    const seen = await outcomes({}, live, (storage) => shape(text(storage.peek("/a"))).slice(0, 3));
    for (const wanted of set("empty".slice(0, 3), "x", "\0", "x\0", "\0x", "x\0x", "\0x\0"))
      expect(seen).toContain(wanted);
    expect(seen.size).toBeGreaterThan(20); // garbage
    expect(seen).not.toContain(JSON.stringify("gon"));
  });

  test("that were fsynced stay when more are written", async () => {
    const live = async (disk: Disk): Promise<void> => {
      const file = await newFile(disk, "/a", "kept");
      must(await file.fsync());
      must(await disk.fsync("test", "/"));
      must(await file.write(bytes("?".repeat(600))));
    };
    const seen = await outcomes({}, live, (storage) => text(storage.peek("/a"))?.slice(0, 4));
    expect(seen).toEqual(set("kept"));
  });

  test("are not promised by a second fsync after one that failed", async () => {
    const live = async (power: Power, disk: Disk): Promise<void> => {
      const file = await newFile(disk, "/a", "x");
      expect(mustFail(await file.fsync()).kind).toBe("io");
      must(await file.fsync());
      must(await disk.fsync("test", "/"));
      power.cut();
    };
    const seen = new Set<string | null>();
    for (let seed = 0; seed < 100; seed += 1) {
      const { power, storage } = machine(seed, {}, [{ at: 2, kind: "io" }]);
      await live(power, storage.mount());
      seen.add(text(storage.peek("/a")));
    }
    expect(seen).toContain("");
    expect(seen).toContain("x");
  });
});

describe("a cut", () => {
  test.each(["before", "during", "after"] as const)("%s a call ends the boot there", async (moment) => {
    const { power, storage } = machine(1, { order: "ordered" }, [{ at: 4, kind: "cut", moment }]);
    const reached: string[] = [];
    const ended = await power.run(async () => {
      const disk = storage.mount();
      try {
        await write(disk, "/a", "x"); // four calls
        reached.push("written");
        must(await disk.fsync("test", "/"));
        reached.push("kept");
      } finally {
        reached.push("cleaned up");
      }
    });
    expect([ended, reached]).toEqual([CUT, ["written"]]);
    if (moment === "after") expect(storage.peek("/a")).not.toBeNull();
  });

  test("in the middle of a write leaves some of its bytes", async () => {
    const lengths = new Set<number>();
    for (let seed = 0; seed < 200; seed += 1) {
      const { power, storage } = machine(seed, {}, [{ at: 1, kind: "cut", moment: "during" }]);
      await power.run(() => newFile(storage.mount(), "/a", "x".repeat(8)));
      lengths.add(storage.peek("/a")?.byteLength ?? -1);
    }
    expect([...lengths].sort((a, b) => a - b)).toEqual([-1, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test("leaves nothing to whoever belongs to an earlier boot", async () => {
    const { power, storage } = machine(1);
    const before = storage.mount();
    power.cut();
    const after = storage.mount();
    const late = before.mkdir("test", "/late", 0o755).then(() => "returned");
    must(await after.mkdir("test", "/d", 0o755));
    expect(await Promise.race([late, Bun.sleep(5).then(() => "silent")])).toBe("silent");
    expect(must(await after.list("test", "/"))).toEqual(["d"]);
  });

  test("comes to all disks of a machine, which are one tree", async () => {
    const rng = newRng(1);
    const power = new Power(rng, calm);
    const [storage, boot] = [
      simulatedDisk(rng.fork("storage"), power, { at: "/storage" }),
      simulatedDisk(rng.fork("boot"), power, { at: "/boot", fileSystem: "vfat" }),
    ];
    const disk = mounts({ "/storage": storage.mount(), "/boot": boot.mount() });
    await write(disk, "/storage/a", "x");
    await write(disk, "/boot/b", "x");
    expect(mustFail(await disk.rename("test", "/storage/a", "/boot/a")).kind).toBe("otherFileSystem");
    expect(mustFail(await disk.link("test", "/boot/b", "/boot/c")).kind).toBe("denied");
    expect(must(await disk.stat("test", "/boot")).device).not.toBe(must(await disk.stat("test", "/storage")).device);
    must(await disk.settle("test", "/boot"));
    power.cut();
    expect(text(boot.loaderRead("/boot/b"))).toBe("x");
    expect(names(boot)).toBe("/boot/ /boot/b");
  });
});

describe("a boot loader that does not replay the journal", () => {
  const settled = async (disk: Disk): Promise<void> => {
    await write(disk, "/env", "old");
    must(await disk.settle("test", "/"));
  };
  const read = (storage: SimulatedDisk): string | null => text(storage.loaderRead("/env"))?.slice(0, 3) ?? null;

  test("finds what was settled", async () => {
    expect(await outcomes({}, settled, read)).toEqual(set("old"));
  });

  test("may miss what is durable and not settled, or find it empty", async () => {
    const live = async (disk: Disk): Promise<void> => {
      await write(disk, "/env", "new");
      must(await disk.fsync("test", "/"));
    };
    expect(await outcomes({}, live, read)).toEqual(set(null, "", "new"));
    expect(await outcomes({ fileSystem: "vfat" }, live, read)).toEqual(set("new"));
  });

  test("may find the old name of an inode that is gone, empty or with the bytes of others", async () => {
    const live = async (disk: Disk): Promise<void> => {
      await settled(disk);
      await write(disk, "/tmp", "new");
      must(await disk.settle("test", "/"));
      must(await disk.rename("test", "/tmp", "/env"));
      must(await disk.fsync("test", "/"));
    };
    const seen = await outcomes({}, live, read);
    for (const wanted of set("", "old", "new")) expect(seen).toContain(wanted);
    expect(seen.size).toBeGreaterThan(20);
  });

  test("finds one whole file or the other after an exchange, and not always what the machine finds", async () => {
    const live = async (disk: Disk): Promise<void> => {
      await settled(disk);
      await write(disk, "/env.next", "new");
      must(await disk.settle("test", "/"));
      must(await disk.exchange("test", "/env.next", "/env"));
    };
    const seen = await outcomes({}, live, (storage) => [read(storage), text(storage.peek("/env"))]);
    expect(seen).toEqual(set(["old", "old"], ["old", "new"], ["new", "new"]));
  });

  test("says the same when it is asked again, and finds everything once the journal was replayed", async () => {
    for (let seed = 0; seed < 100; seed += 1) {
      const { power, storage } = machine(seed);
      await write(storage.mount(), "/env", "new");
      power.cut();
      expect(storage.loaderRead("/env")).toEqual(storage.loaderRead("/env"));
      const survived = storage.peek("/env");
      storage.mount();
      power.cut();
      expect(storage.loaderRead("/env")).toEqual(survived);
    }
  });

  test("may find the state before a settle that was cut off, never a mixture after one that returned", async () => {
    const live = async (disk: Disk): Promise<void> => {
      must(await disk.mkdir("test", "/d", 0o755));
      for (const name of ["a", "b"]) await write(disk, `/d/${name}`, name);
      must(await disk.settle("test", "/d"));
    };
    const both = (storage: SimulatedDisk) => ["/d/a", "/d/b"].map((path) => text(storage.loaderRead(path)));
    expect(await outcomes({}, live, both)).toEqual(set(["a", "b"]));
    const seen = new Set<string>();
    for (let seed = 0; seed < 200; seed += 1) {
      const { power, storage } = machine(seed, {}, [{ at: 9, kind: "cut", moment: "during" }]);
      await power.run(() => live(storage.mount()));
      seen.add(JSON.stringify(both(storage)));
    }
    expect(seen).toContain(JSON.stringify([null, "b"]));
    expect(seen.size).toBeGreaterThan(5);
  });
});

describe("accidents", () => {
  test("are told and repeated by their list", async () => {
    const live = async (seed: number, fate: Rates | readonly Accident[]) => {
      const { power, storage } = machine(seed, {}, fate);
      for (let boot = 0; boot < 3; boot += 1) {
        await power.run(async () => {
          const disk = storage.mount();
          for (let count = 0; count < 20; count += 1) {
            await disk.unlink("test", "/a");
            const file = await disk.create("test", "/a", 0o644);
            if (!file.ok) continue;
            await file.value.write(bytes("x".repeat(count)));
            await file.value.close();
          }
        });
      }
      return { struck: power.struck, calls: power.trace.length, left: storage.contents() };
    };
    for (let seed = 0; seed < 50; seed += 1) {
      const first = await live(seed, { cut: 0.03, noSpace: 0.03, io: 0.03 });
      expect(await live(seed, first.struck)).toEqual(first);
    }
  });

  test("noSpace strikes only what writes, and a write leaves some of its bytes", async () => {
    const { power, storage } = machine(3, {}, [
      { at: 0, kind: "noSpace" },
      { at: 2, kind: "noSpace" },
    ]);
    const disk = storage.mount();
    must(await disk.list("test", "/"));
    const file = must(await disk.create("test", "/a", 0o644));
    expect(mustFail(await file.write(bytes("x".repeat(100)))).code).toBe("ENOSPC");
    expect(storage.peek("/a")?.byteLength).toBeLessThan(100);
    expect(power.struck).toHaveLength(1);
  });

  test("a disk is full at its capacity, and has room again when the last name is gone and the file closed", async () => {
    const { storage } = machine(1, { capacityBytes: 10 });
    const disk = storage.mount();
    const file = await newFile(disk, "/a", "12345678");
    must(await disk.link("test", "/a", "/b"));
    expect(mustFail(await file.write(bytes("90ab"))).kind).toBe("noSpace");
    expect(text(storage.peek("/a"))).toBe("1234567890");
    const free = async (): Promise<number> => must(await disk.space("test", "/")).freeBytes;
    const seen: number[] = [await free()];
    for (const name of ["/a", "/b"]) {
      must(await disk.unlink("test", name));
      seen.push(await free());
    }
    must(await file.close());
    expect([...seen, await free()]).toEqual([0, 0, 0, 10]);
  });

  test("none comes after calm", async () => {
    const { power, storage } = machine(1, {}, { cut: 1, noSpace: 0, io: 0 });
    power.calm();
    must(await storage.mount().mkdir("test", "/d", 0o755));
    expect(power.struck).toEqual([]);
  });
});

test("an image begins any number of disks, each of which goes its own way", async () => {
  const { storage } = machine(1);
  const disk = storage.mount();
  await write(disk, "/a", "x");
  must(await disk.link("test", "/a", "/b"));
  const contents = storage.image();
  const [one, other] = [machine(2, { contents }), machine(3, { contents })];
  must(await one.storage.mount().unlink("test", "/a"));
  one.power.cut();
  other.power.cut();
  expect(text(other.storage.loaderRead("/a"))).toBe("x");
  expect(must(await other.storage.mount().stat("test", "/b")).links).toBe(2);
  expect(names(storage)).toBe("/a /b");
});
