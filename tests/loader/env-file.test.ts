import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readEnv, replaceEnv } from "../../runtime/loader/env-file.ts";
import { grubenv } from "../../runtime/loader/grubenv.ts";
import { explainLoader, openLoader } from "../../runtime/loader/index.ts";
import { err } from "../../runtime/result.ts";
import { type Disk, realDisk } from "../../runtime/store/index.ts";
import { faultyDisk } from "../store/disks.ts";
import { emptyFolder, must, mustFail, removeFolders, revision, tree } from "../store/world.ts";
import { quickDisk } from "./drivers.ts";

afterEach(removeFolders);

const rev = (value: string) => new Map([["pv_rev", value]]);
const block = (value: string): Uint8Array => must(grubenv.encode(rev(value)));

function envIn(folder: string, disk: Disk = quickDisk()) {
  return { disk, path: join(folder, "grubenv"), format: grubenv };
}

/** The calls that change something or make it last, in order. */
function tracing(disk: Disk): { readonly disk: Disk; readonly calls: string[] } {
  const calls: string[] = [];
  const note = <A extends unknown[], R>(name: string, call: (...args: A) => R) => {
    return (...args: A): R => {
      calls.push(name);
      return call(...args);
    };
  };
  const create: Disk["create"] = async (...args) => {
    calls.push("create");
    const made = await disk.create(...args);
    if (!made.ok) return made;
    const { write, fsync, close } = made.value;
    return { ok: true, value: { write: note("write", write), fsync: note("fsync file", fsync), close } };
  };
  const traced: Disk = {
    ...disk,
    create,
    fsync: note("fsync folder", disk.fsync),
    settle: note("settle", disk.settle),
    exchange: note("exchange", disk.exchange),
    rename: note("rename", disk.rename),
    unlink: note("unlink", disk.unlink),
  };
  return { disk: traced, calls };
}

const BEFORE = ["create", "write", "fsync file", "fsync folder", "settle"];
const AFTER = ["fsync folder", "settle"];

describe("replacing", () => {
  test("both contents are at home before their names are exchanged, and the folder after it", async () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, "grubenv"), block("1"));
    const { disk, calls } = tracing(quickDisk());
    must(await replaceEnv(envIn(folder, disk), rev("2")));
    expect(calls).toEqual([...BEFORE, "exchange", ...AFTER]);
    expect(readFileSync(join(folder, "grubenv"))).toEqual(Buffer.from(block("2")));
    expect(readFileSync(join(folder, "grubenv.next"))).toEqual(Buffer.from(block("1")));
  });

  test("the first one, and one where names cannot be exchanged, is renamed", async () => {
    const folder = emptyFolder();
    const first = tracing(quickDisk());
    must(await replaceEnv(envIn(folder, first.disk), rev("1")));
    expect(first.calls).toEqual([...BEFORE, "rename", ...AFTER]);
    const plain = quickDisk();
    const exchange: Disk["exchange"] = async (why, _a, path) =>
      err({ kind: "unsupported", call: "exchange", why, path, code: "EINVAL" });
    const second = tracing({ ...plain, exchange });
    must(await replaceEnv(envIn(folder, second.disk), rev("2")));
    expect(second.calls).toEqual([...BEFORE, "exchange", "rename", ...AFTER]);
    expect(must(await readEnv(envIn(folder)))).toEqual(rev("2"));
  });

  test("a missing folder is made", async () => {
    const folder = emptyFolder();
    must(await replaceEnv(envIn(join(folder, "boot")), rev("1")));
    expect(Object.keys(tree(folder))).toEqual(["boot/grubenv"]);
  });

  test("what reads back otherwise is told", async () => {
    const folder = emptyFolder();
    const disk = quickDisk();
    const settle: Disk["settle"] = async () => {
      if (existsSync(join(folder, "grubenv"))) writeFileSync(join(folder, "grubenv"), block("7"));
      return { ok: true, value: undefined };
    };
    const failed = mustFail(await replaceEnv(envIn(folder, { ...disk, settle }), rev("2")));
    expect(failed).toMatchObject({ kind: "notWritten" });
  });

  test("one that a slow card holds up is not overtaken by the next one", async () => {
    const storage = emptyFolder();
    const disk = quickDisk();
    must(await must(openLoader("grub", { disk, storage })).commit(revision("1")));
    const [held, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const settle: Disk["settle"] = async (...args) => {
      held.resolve();
      await released.promise;
      return disk.settle(...args);
    };
    const path = join(storage, "boot/grubenv.next");
    const loader = must(openLoader("grub", { disk: { ...disk, settle }, storage }));
    const [armed, committed] = [loader.arm(revision("2")), loader.commit(revision("3"))];
    await held.promise;
    for (let turn = 0; turn < 20; turn += 1) await Bun.sleep(0); // long enough for the second one to spoil it
    expect(must(grubenv.decode(readFileSync(path))).get("pv_try")).toBe("2");
    released.resolve();
    must(await armed);
    must(await committed);
    expect(must(await loader.read())).toEqual({ committed: revision("3"), trial: null });
  });

  test("who reads hears of a change that is still held up", async () => {
    const storage = emptyFolder();
    const disk = quickDisk();
    must(await must(openLoader("grub", { disk, storage })).commit(revision("1")));
    const released = Promise.withResolvers<void>();
    const settle: Disk["settle"] = async (...args) => {
      await released.promise;
      return disk.settle(...args);
    };
    const loader = must(openLoader("grub", { disk: { ...disk, settle }, storage }));
    const [armed, read] = [loader.arm(revision("2")), loader.read()];
    released.resolve();
    must(await armed);
    expect(must(await read)).toEqual({ committed: revision("1"), trial: revision("2") });
  });

  test("what does not fit changes nothing", async () => {
    const folder = emptyFolder();
    const failed = mustFail(await replaceEnv(envIn(folder), rev("x".repeat(2000))));
    expect(explainLoader(failed)).toContain("takes 1024 bytes, this needs 2033: nothing was changed");
    expect(tree(folder)).toEqual({});
  });

  test("whichever call fails, the file is the old or the new one, whole, and the next attempt ends well", async () => {
    for (const there of [true, false]) {
      for (const after of ["once", "dead"] as const) {
        for (let at = 0; ; at += 1) {
          const folder = emptyFolder();
          if (there) writeFileSync(join(folder, "grubenv"), block("1"));
          if (there && at % 2 === 0) writeFileSync(join(folder, "grubenv.next"), "rubbish");
          const faulty = faultyDisk(quickDisk(), { at, kind: "io", after });
          const done = await replaceEnv(envIn(folder, faulty.disk), rev("2"));
          if (faulty.struck() === null) {
            expect(at).toBeGreaterThan(10);
            break;
          }
          expect(mustFail(done)).toMatchObject({ kind: "disk", error: { kind: "io" } });
          const now = must(await readEnv(envIn(folder))).get("pv_rev");
          expect([faulty.struck(), now]).toBeOneOf([there ? "1" : undefined, "2"].map((v) => [faulty.struck(), v]));
          if (there) expect(grubenv.decode(readFileSync(join(folder, "grubenv"))).ok).toBe(true);
          must(await replaceEnv(envIn(folder), rev("2")));
          expect(must(await readEnv(envIn(folder))).get("pv_rev")).toBe("2");
        }
      }
    }
  });
});

describe("reading", () => {
  const torn: readonly (readonly [string, Uint8Array])[] = [
    ["cut short", block("2").subarray(0, 500)],
    ["empty", new Uint8Array()],
    ["too large", new Uint8Array(4096)],
    ["no revision", must(grubenv.encode(rev("../../etc")))],
  ];

  test.each(torn)("a file that is %s is stood in for by the spare, and an error without one", async (_what, bytes) => {
    const storage = emptyFolder();
    const folder = join(storage, "boot");
    const loader = must(openLoader("grub", { disk: quickDisk(), storage }));
    must(await loader.commit(revision("1")));
    must(await loader.arm(revision("2")));
    writeFileSync(join(folder, "grubenv"), bytes);
    expect(must(await loader.read())).toEqual({ committed: revision("1"), trial: null }); // what was before the last write
    renameSync(join(folder, "grubenv.next"), join(storage, "away"));
    expect(mustFail(await loader.read())).toMatchObject({ kind: "unreadable", path: join(folder, "grubenv") });
    expect(mustFail(await loader.arm(revision("2"))).kind).toBe("unreadable");
    renameSync(join(storage, "away"), join(folder, "grubenv.next"));
    must(await loader.disarm());
    expect(grubenv.decode(readFileSync(join(folder, "grubenv"))).ok).toBe(true); // repaired by the next write
  });

  test("the error says which variable names no revision", async () => {
    const storage = emptyFolder();
    const loader = must(openLoader("uboot", { disk: quickDisk(), storage }));
    must(await loader.disarm());
    const path = join(storage, "boot/uboot.txt");
    writeFileSync(path, "pv_rev=1\0pv_try=a b\0\0");
    expect(explainLoader(mustFail(await loader.read()))).toBe(
      `${path} is not what the boot loader keeps there: pv_try is "a b", which names no revision; repair it with the loader's own tool`,
    );
  });

  test("a spare without a file is what a power cut left of the first write: nothing is there yet", async () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, "grubenv.next"), block("2"));
    expect([...must(await readEnv(envIn(folder)))]).toEqual([]);
  });

  test("a real disk keeps the protocol", async () => {
    const folder = emptyFolder();
    must(await replaceEnv(envIn(folder, realDisk), rev("1")));
    must(await replaceEnv(envIn(folder, realDisk), rev("2")));
    expect(must(await readEnv(envIn(folder, realDisk)))).toEqual(rev("2"));
  });
});
