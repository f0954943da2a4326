/** Whole stories on the model of a Raspberry Pi: what the firmware starts, and that a revision never runs with another one's image. */
import { afterEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { type Area, explainLoader, type Loader, openLoader } from "../../runtime/loader/index.ts";
import { err } from "../../runtime/result.ts";
import { factory } from "../../runtime/state/index.ts";
import { faultyDisk } from "../store/disks.ts";
import { must, mustFail, removeFolders, revision, stateOf } from "../store/world.ts";
import { bootable, quickDisk } from "./drivers.ts";
import { imageOf, PARTITION_BYTES, Pi } from "./raspberry.ts";

afterEach(removeFolders);

/** Revision to kernel: 1 and 4 have the factory's image. */
const KERNELS: Readonly<Record<string, string>> = { "0": "A", "1": "A", "2": "B", "3": "C", "4": "A", "5": "B" };
const [one, two, three, four] = ["1", "2", "3", "4"].map(revision) as [
  ReturnType<typeof revision>,
  ReturnType<typeof revision>,
  ReturnType<typeof revision>,
  ReturnType<typeof revision>,
];

function newPi(): Pi {
  const pi = new Pi();
  for (const [rev, kernel] of Object.entries(KERNELS)) pi.trail(rev, kernel);
  return pi;
}

async function loaderOn(pi: Pi, disk = quickDisk(), guard?: (area: Area) => Area): Promise<Loader> {
  return must(openLoader("rpiab", { disk, storage: pi.storage, rpi: pi.ports(guard) }));
}

async function prepare(loader: Loader, rev: ReturnType<typeof revision>): Promise<string | null> {
  must(await loader.install(rev, bootable));
  must(await loader.arm(rev));
  return must(await loader.rebootArgument(true));
}

describe("another boot image", () => {
  test("is tried once from the inactive partition, and boots from then on once it is committed", async () => {
    const pi = newPi();
    const loader = await loaderOn(pi);
    expect(pi.powerCycle()).toEqual({ partition: 2, tryboot: false, kernel: "A", revision: "0" });
    const argument = await prepare(loader, two);
    expect(pi.reboot(argument)).toEqual({ partition: 3, tryboot: true, kernel: "B", revision: "2" });
    must(await loader.commit(two));
    for (const _ of [1, 2])
      expect(pi.powerCycle()).toEqual({ partition: 3, tryboot: false, kernel: "B", revision: "2" });
    expect(pi.reboot(await prepare(loader, three))).toMatchObject({ partition: 2, kernel: "C", revision: "3" });
    must(await loader.commit(three));
    expect(pi.powerCycle()).toMatchObject({ partition: 2, kernel: "C", revision: "3" });
  });

  test("whose trial ends by a power cycle is not tried again", async () => {
    const pi = newPi();
    const loader = await loaderOn(pi);
    pi.reboot(await prepare(loader, two));
    for (const _ of [1, 2]) expect(pi.powerCycle()).toMatchObject({ partition: 2, kernel: "A", revision: "0" });
    must(await loader.disarm());
    expect(must(await loader.rebootArgument(true))).toBeNull();
    expect(pi.powerCycle()).toMatchObject({ kernel: "A", revision: "0" });
  });

  test("that only lies there changes nothing, whatever the next boot is", async () => {
    const pi = newPi();
    const loader = await loaderOn(pi);
    must(await loader.install(two, bootable));
    expect(pi.powerCycle()).toMatchObject({ kernel: "A", revision: "0" });
    must(await loader.arm(two));
    expect(pi.powerCycle()).toMatchObject({ kernel: "A", revision: "0" }); // no reboot with the argument
  });

  test("may be plain or packed; the list that came with it counts for nothing", async () => {
    const pi = newPi();
    writeFileSync(join(pi.storage, "trails/2/.pv/rpiboot.img"), imageOf("B").replace("{", '{"pv_rev.txt":"0,9",'));
    const plain = stateOf({ "bsp/rpi.img": "x", "bsp/run.json": { rpiab: "rpi.img" } });
    must(await (await loaderOn(pi)).install(two, plain));
    expect(pi.files(3)).toMatchObject({ kernel: "B", "pv_rev.txt": "2" });
  });

  test("that is none, or too large, is an error, and what boots is untouched", async () => {
    const pi = newPi();
    const loader = await loaderOn(pi);
    const image = join(pi.storage, "trails/9/.pv/rpiboot.img.gz");
    pi.trail("9", "Z");
    await Bun.write(`${image}.new`, "no gzip at all");
    Bun.spawnSync(["mv", `${image}.new`, image]);
    const nine = revision("9");
    expect(explainLoader(mustFail(await loader.install(nine, bootable)))).toContain("it cannot be unpacked");
    await Bun.write(`${image}.new`, Bun.gzipSync(Buffer.alloc(200_000)));
    Bun.spawnSync(["mv", `${image}.new`, image]);
    expect(mustFail(await loader.install(nine, bootable))).toMatchObject({
      kind: "tooLarge",
      bytesMax: PARTITION_BYTES,
    });
    expect(mustFail(await loader.arm(nine))).toEqual({ kind: "notInstalled", rev: nine });
    expect(mustFail(await loader.commit(nine))).toEqual({ kind: "notInstalled", rev: nine });
    expect(pi.powerCycle()).toMatchObject({ kernel: "A", revision: "0" });
  });

  test("a partition that keeps other bytes is noticed", async () => {
    const pi = newPi();
    const worn = (area: Area): Area => ({
      ...area,
      write: (at, bytes) =>
        area.write(
          at,
          bytes.map((b) => b & 0x7e),
        ),
    });
    expect(mustFail(await (await loaderOn(pi, quickDisk(), worn)).install(two, bootable)).kind).toBe("notWritten");
  });

  test("a revision without an image for this loader is refused", async () => {
    const loader = await loaderOn(newPi());
    const other = stateOf({ "bsp/k": "k", "bsp/i": "i", "bsp/run.json": { linux: "k", initrd: "i" } });
    expect(mustFail(await loader.install(two, other))).toEqual({ kind: "bootFile", rev: two, wanted: "rpiab" });
  });
});

describe("the same boot image", () => {
  test("is not written again: the revision joins the list, and is tried once without the firmware", async () => {
    const pi = newPi();
    const loader = await loaderOn(pi);
    const argument = await prepare(loader, one);
    expect(argument).toBeNull();
    expect(pi.files(2)?.["pv_rev.txt"]).toBe("0,1");
    expect(pi.files(3)).toBeNull();
    expect(pi.reboot(argument)).toEqual({ partition: 2, tryboot: false, kernel: "A", revision: "1" });
    expect(pi.powerCycle()).toMatchObject({ revision: "0" });
    must(await loader.disarm());
    expect(pi.reboot(await prepare(loader, one))).toMatchObject({ revision: "1" }); // again, as it was armed again
    must(await loader.commit(one));
    expect(pi.files(2)?.["pv_rev.txt"]).toBe("1");
    for (const _ of [1, 2]) expect(pi.powerCycle()).toMatchObject({ partition: 2, kernel: "A", revision: "1" });
  });

  test("a name that had that image before and has another one now is tried with its own", async () => {
    const pi = newPi();
    const loader = await loaderOn(pi);
    await prepare(loader, one);
    must(await loader.disarm());
    pi.trail("1", "B");
    expect(pi.reboot(await prepare(loader, one))).toMatchObject({ partition: 3, kernel: "B", revision: "1" });
  });
});

test("partitions that are not ours are an error that says so", async () => {
  const pi = newPi();
  const ports = pi.ports();
  const [first, second] = ports.partitions;
  const rpi = { ...ports, partitions: [first, { ...second, number: 4 }] as const };
  const loader = must(openLoader("rpiab", { disk: quickDisk(), storage: pi.storage, rpi }));
  expect(explainLoader(mustFail(await loader.read()))).toContain("it names partitions 2 and 3");
});

/** A guard under which the area's call number `at` fails after half of its bytes. */
function tornWrite(at: number): { readonly guard: (area: Area) => Area; readonly struck: () => boolean } {
  let calls = 0;
  const guard = (area: Area): Area => ({
    ...area,
    write: async (where, bytes) => {
      if (calls++ < at) return area.write(where, bytes);
      must(await area.write(where, bytes.subarray(0, bytes.byteLength >> 1)));
      return err({ kind: "io", call: "write", path: area.path, why: "test", code: "EIO" });
    },
  });
  return { guard, struck: () => calls > at };
}

test("wherever a power cut strikes an update, the old or the new revision runs, with its own image, and it can go on", async () => {
  for (const [from, to] of [
    [null, two],
    [null, one],
    [two, four],
  ] as const) {
    for (let at = 0; ; at += 1) {
      const pi = newPi();
      if (from !== null) {
        pi.reboot(await prepare(await loaderOn(pi), from));
        must(await (await loaderOn(pi)).commit(from));
      }
      const old: string = from ?? "0";
      const faulty = faultyDisk(quickDisk(), { at, kind: "io", after: "dead" });
      const loader = await loaderOn(pi, faulty.disk);
      const where = () => `${from} to ${to}, call ${at}: ${faulty.struck()}`;
      const steps = [() => loader.install(to, bootable), () => loader.arm(to), () => loader.commit(to)];
      let done = 0;
      for (; done < steps.length && (await steps[done]?.())?.ok === true; done += 1);
      if (/^(?:open|f?stat|read|close) /.test(faulty.struck() ?? "")) continue; // the disk is as before the next call that writes
      const after = [pi.powerCycle(), pi.powerCycle()]; // a third one might try again what was tried in the first
      for (const { kernel, revision: ran } of after) {
        expect([where(), ran]).toBeOneOf([old, to].map((rev) => [where(), rev]));
        expect([where(), kernel]).toEqual([where(), KERNELS[ran] ?? ""]);
        if (done === 0) expect([where(), ran]).toEqual([where(), old]); // not even armed
      }
      if (faulty.struck() === null) {
        expect(done).toBe(3);
        expect(at).toBeGreaterThan(30);
        break;
      }
      const again = await loaderOn(pi);
      const { committed } = must(await again.read());
      expect([where(), after[1]?.revision]).toEqual([where(), committed ?? "0"]); // it knows what boots
      expect(pi.reboot(await prepare(again, to)).revision).toBe(to);
      must(await again.commit(to));
      expect(pi.powerCycle()).toMatchObject({ kernel: KERNELS[to], revision: to });
      removeFolders();
    }
  }
}, 120_000);

test("half an image boots nothing", async () => {
  const pi = newPi();
  const torn = tornWrite(0);
  const loader = await loaderOn(pi, quickDisk(), torn.guard);
  mustFail(await loader.install(two, bootable));
  expect(torn.struck()).toBe(true);
  expect(mustFail(await loader.arm(two)).kind).toBe("notInstalled");
  expect(pi.reboot("0 tryboot")).toMatchObject({ partition: 2, kernel: "A", revision: "0" });
  expect(pi.reboot(await prepare(await loaderOn(pi), two))).toMatchObject({ kernel: "B", revision: "2" });
});

test("any sequence of updates, failures and power cycles: what runs is committed or on trial, with its own image", async () => {
  const action = fc.record({
    rev: fc.constantFrom(...Object.keys(KERNELS)),
    reboot: fc.boolean(),
    well: fc.boolean(),
    cutAt: fc.option(fc.nat(70), { nil: null }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 6 }), async (actions) => {
      const pi = newPi();
      let committed: string = factory;
      /** As the runtime does after every boot. */
      const settle = async (ran: string, well: boolean): Promise<void> => {
        const loader = await loaderOn(pi);
        const said = must(await loader.read());
        committed = said.committed ?? factory;
        expect([committed, said.trial]).toContain(ran);
        if (said.trial !== null) must(await (well && said.trial === ran ? loader.commit(said.trial) : loader.disarm()));
        committed = must(await loader.read()).committed ?? factory;
      };
      for (const { rev, reboot, well, cutAt } of actions) {
        const to = revision(rev);
        const disk =
          cutAt === null ? quickDisk() : faultyDisk(quickDisk(), { at: cutAt, kind: "io", after: "dead" }).disk;
        const loader = await loaderOn(pi, disk);
        const ready = (await loader.install(to, bootable)).ok && (await loader.arm(to)).ok;
        const argument = ready ? await loader.rebootArgument(true) : null;
        const booted = reboot && argument?.ok ? pi.reboot(argument.value) : pi.powerCycle();
        expect([committed, rev]).toContain(booted.revision);
        expect(booted.kernel).toBe(KERNELS[booted.revision] ?? "");
        if (ready && argument?.ok && reboot) expect(booted.revision).toBe(rev);
        await settle(booted.revision, well);
        const next = pi.powerCycle();
        expect(next).toMatchObject({ revision: committed, kernel: KERNELS[committed] });
      }
      removeFolders();
    }),
    { numRuns: 60 },
  );
}, 120_000);
