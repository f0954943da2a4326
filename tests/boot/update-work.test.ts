import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { err, ok } from "../../runtime/result.ts";
import {
  EVIDENCE_BYTES_MAX,
  isDone,
  progressRecord,
  putState,
  readBoots,
  readFloor,
  readPrevious,
  readProgress,
  writeFloor,
  writePrevious,
  writeProgress,
} from "../../runtime/store/index.ts";
import { failure } from "../../runtime/update/index.ts";
import {
  type Files,
  files,
  must,
  mustFail,
  putObjects,
  read,
  removeFolders,
  revision,
  stateOf,
  stateText,
} from "../store/world.ts";
import { candidate, changed, type Device, device, names, rebased } from "./update-world.ts";

afterEach(removeFolders);

const next = revision("locals/next");

/** A state that was put, its objects too. */
async function offer({ root, store }: Device, of: Files): Promise<void> {
  await putObjects(root, of);
  must(await putState(store, next, stateText(of), { keep: names() }));
}

const reason = async (checked: ReturnType<Device["work"]["check"]>) => mustFail(await checked).reason;

test("a revision that can be tried passes the check, and nothing is written for it", async () => {
  const it = await device();
  await offer(it, rebased);
  it.trace.length = 0;
  must(await it.work.check(candidate("locals/next")));
  expect(it.trace).toEqual([]);
});

test("a revision that is not there or is no state does not pass", async () => {
  const it = await device();
  expect(await reason(it.work.check(candidate("locals/next")))).toBe("stateMissing");
  must(await putState(it.store, next, "{}", { keep: names() }));
  expect(await reason(it.work.check(candidate("locals/next")))).toBe("badState");
});

test("a revision whose signatures are not accepted passes at no step, whatever was stored before", async () => {
  const it = await device({ accepts: () => err("signature _sigs/web.json: no") });
  await offer(it, rebased);
  it.trace.length = 0;
  for (const step of [it.work.check, it.work.install] as const) {
    expect(mustFail(await step(candidate("locals/next")))).toMatchObject({
      reason: "badSignature",
      message: "signature _sigs/web.json: no",
    });
  }
  expect(mustFail(await it.work.load(next)).reason).toBe("badSignature");
  expect(it.trace).toEqual([]);
});

test("a revision without a base system is not bootable", async () => {
  const it = await device();
  const { "bsp/run.json": _, ...without } = files;
  await offer(it, without);
  expect(await reason(it.work.check(candidate("locals/next")))).toBe("notBootable");
});

test("where the loader cannot try anything, only what needs no boot passes", async () => {
  const it = await device({ type: "none" });
  await offer(it, changed);
  must(await it.work.check(candidate("locals/next")));
  const byBoot = mustFail(await it.work.check(candidate("locals/next", { wish: "reboot" })));
  expect([byBoot.reason, byBoot.message]).toEqual([
    "notBootable",
    'its order needs a reboot into it, and boot loader "none" cannot try a revision',
  ]);

  const other = await device({ type: "none" });
  await offer(other, rebased);
  const refused = mustFail(await other.work.check(candidate("locals/next")));
  expect(refused.reason).toBe("notBootable");
  expect(refused.message).toContain("bsp/kernel");
  expect(refused.message).toContain('boot loader "none"');
});

test("a revision below the floor is refused with the part and both versions; a damaged floor refuses everything", async () => {
  const it = await device();
  await offer(it, { ...changed, "web/antirollback.json": { version: 2 } });
  must(await writeFloor(it.store, new Map([["bsp" as const, 0]])));
  expect(await reason(it.work.check(candidate("locals/next")))).toBe("antiRollback"); // bsp says no version
  writeFileSync(join(it.root, "config/antirollback.json"), '{"web":3}');
  expect(mustFail(await it.work.check(candidate("locals/next"))).message).toBe(
    "Too old: web has version 2, at least 3 is wanted",
  );
  writeFileSync(join(it.root, "config/antirollback.json"), "{");
  expect(await reason(it.work.check(candidate("locals/next")))).toBe("antiRollback");
});

test("an object that was never put is missed before anything is written", async () => {
  const it = await device();
  must(await putState(it.store, next, stateText(changed), { keep: names() }));
  expect(await reason(it.work.check(candidate("locals/next")))).toBe("badObject");
});

/** So much room while revision 5 is there, and `then` after it has gone. */
const roomyWithout5 = (then: number) =>
  device({
    disk: (disk, root) => ({
      ...disk,
      space: async () => ok({ totalBytes: 2 ** 30, freeBytes: existsSync(join(root, "trails/5")) ? 0 : then }),
    }),
  });

test("when there is no room, what nothing needs is removed first", async () => {
  const it = await roomyWithout5(2 ** 29);
  await it.install("5", changed);
  await offer(it, changed);
  must(await it.work.check(candidate("locals/next")));
  expect([it.hasTrail("5"), it.hasTrail("locals/next"), it.hasTrail("0")]).toEqual([false, true, true]);
});

test("when that does not make room either, the revision is refused", async () => {
  const it = await roomyWithout5(2 ** 20);
  await it.install("5", changed);
  await offer(it, changed);
  expect(await reason(it.work.check(candidate("locals/next")))).toBe("noSpace");
  expect([it.hasTrail("5"), it.hasTrail("locals/next")]).toEqual([false, true]);
});

test("an install makes the trail whole and at home before the loader is given anything", async () => {
  const it = await device();
  must(await it.loader.commit(revision("0")));
  await offer(it, rebased);
  it.trace.length = 0;
  expect(must(await it.work.install(candidate("locals/next")))).toBe("reboot");
  expect(read(it.root, "trails/locals/next/bsp/kernel")).toBe("another kernel");
  expect(read(it.root, "trails/locals/next/.pv/pv-kernel.img")).toBe("another kernel");
  expect(must(await readPrevious(it.store, next))).toBe(revision("0"));
  expect(it.trace).toContain("link trails/locals/next/bsp/kernel");
  expect(it.trace.slice(-2)).toEqual(["update/settle ", "loader.install"]);
  expect(it.trace.filter((call) => call.startsWith("update/settle"))).toHaveLength(1);
  expect(must(await it.loader.read())).toEqual({ committed: revision("0"), trial: null });
});

test("an install of what is committed does not make it its own predecessor", async () => {
  const it = await device();
  must(await it.loader.commit(next));
  await offer(it, changed);
  expect(must(await it.work.install(candidate("locals/next")))).toBe("swap");
  expect(must(await readPrevious(it.store, next))).toBeNull();
});

test("an install reads every byte again: the loader hears nothing of a revision with a bad object", async () => {
  const it = await device();
  await offer(it, rebased);
  const bad = stateOf(rebased).entries.find(({ key }) => key === "bsp/kernel");
  if (bad?.kind !== "object") return expect.unreachable("the kernel is an object");
  writeFileSync(join(it.root, "objects", bad.digest), "another_kernel"); // as long, so that nothing but its bytes tells
  it.trace.length = 0;
  expect(mustFail(await it.work.install(candidate("locals/next"))).reason).toBe("badObject");
  expect(it.trace).not.toContain("loader.install");
  expect(it.trace).not.toContain("update/settle ");
});

test("a loader that cannot be read, or lacks a boot file, ends the install", async () => {
  const broken = await device({
    loader: (loader) => ({ ...loader, read: async () => err({ kind: "unsupported", what: "reading" }) }),
  });
  await offer(broken, rebased);
  expect(mustFail(await broken.work.install(candidate("locals/next"))).reason).toBe("loaderFailed");
  const it = await device();
  await offer(it, { ...changed, "bsp/x.fit": "x", "bsp/run.json": { fit: "x.fit" } });
  const failed = mustFail(await it.work.install(candidate("locals/next")));
  expect([failed.reason, failed.message.includes("linux and initrd")]).toEqual(["loaderFailed", true]);
});

test("a trial is armed and disarmed; disarming when there is none writes nothing", async () => {
  const it = await device();
  must(await it.work.arm(next));
  expect(must(await it.loader.read()).trial).toBe(next);
  await it.work.disarm();
  expect(must(await it.loader.read()).trial).toBeNull();
  it.trace.length = 0;
  await it.work.disarm();
  expect(it.trace).toEqual([]);
});

test("a commit tells the loader first, then raises the floor, marks, and records", async () => {
  const it = await device();
  await it.install("locals/next", { ...changed, "web/antirollback.json": { version: 4, minimum: 3 } });
  must(await it.work.arm(next));
  it.trace.length = 0;
  must(await it.work.commit(next, 2));
  expect(it.trace.filter((call) => /^(rename|exchange) /.test(call))).toEqual([
    "exchange boot/grubenv",
    "rename config/antirollback.json",
    "rename trails/locals/next/.pv/done",
    "rename trails/locals/next/.pv/progress",
  ]);
  expect(must(await it.loader.read())).toEqual({ committed: next, trial: null });
  expect(must(await isDone(it.store, next))).toBe(true);
  expect(must(await readProgress(it.store, next))).toMatchObject({
    status: "DONE",
    message: "Update finished, revision set as rollback point",
    retries: 2,
  });
  expect([...must(await readFloor(it.store))]).toEqual([["web" as never, 3]]);
});

test("a commit raises the floor though the certificate that brought the revision has ended meanwhile", async () => {
  let ended = false;
  const it = await device({
    accepts: () => (ended ? err("the certificate is valid until yesterday only") : ok(undefined)),
  });
  await offer(it, { ...rebased, "web/antirollback.json": { version: 3, minimum: 2 } });
  must(await it.work.install(candidate("locals/next")));
  ended = true;
  must(await it.work.commit(next, 0));
  expect([...must(await readFloor(it.store))]).toEqual([["web" as never, 2]]);
});

test("a commit that the loader refuses leaves everything as it was", async () => {
  const it = await device({
    loader: (loader) => ({ ...loader, commit: async () => err({ kind: "unsupported", what: "writing" }) }),
  });
  await it.install("locals/next", { ...changed, "web/antirollback.json": { version: 4, minimum: 3 } });
  must(await it.work.arm(next));
  it.trace.length = 0;
  expect(mustFail(await it.work.commit(next, 0)).reason).toBe("loaderFailed");
  expect(it.trace).toEqual(["update/settle "]); // so that what is read back is what the loader will find
});

test("a commit that came through although the loader's call failed is one", async () => {
  const it = await device({
    loader: (loader) => ({
      ...loader,
      async commit(rev) {
        must(await loader.commit(rev));
        return err({ kind: "notWritten", path: "boot/grubenv", problem: "the card stopped answering" });
      },
    }),
  });
  await it.install("locals/next", changed);
  must(await it.work.arm(next));
  must(await it.work.commit(next, 0));
  expect(must(await readProgress(it.store, next))?.status).toBe("DONE");
});

test("a verdict is recorded with its evidence, within 2048 bytes, the loader's variables in it", async () => {
  const asked: unknown[] = [];
  const lines = Array.from({ length: 12 }, (_, at) => `${at}: ${"ü".repeat(300)}`);
  const it = await device({
    lastLines(rev, container) {
      asked.push([rev, container]);
      return lines;
    },
  });
  await it.install("locals/next", changed);
  must(await it.work.arm(next));
  const why = { ...failure("containerFailed", "web exited with 3"), container: "web", exit: { code: 3 } };
  const message = "A container could not be started";
  await it.work.record({ kind: "record", rev: next, status: "ERROR", message, retries: 1, failure: why });
  const record = JSON.parse(read(it.root, "trails/locals/next/.pv/progress"));
  expect(record).toMatchObject({ status: "ERROR", "status-msg": message, retries: 1 });
  expect(Buffer.byteLength(JSON.stringify(record.evidence))).toBeLessThanOrEqual(EVIDENCE_BYTES_MAX);
  const { lines: kept, ...evidence } = record.evidence;
  expect(evidence).toEqual({
    reason: "containerFailed",
    message: "web exited with 3",
    container: "web",
    exit: { code: 3 },
    loader: { committed: null, trial: "locals/next", booted: "0" },
    at: 1_700_000_000_000,
  });
  expect(kept.at(-1)).toStartWith("11: ü");
  expect(asked).toEqual([[next, "web"]]);
});

test("a record that is no verdict has no evidence; one of a revision that is not there makes none", async () => {
  const it = await device();
  const told = { kind: "record", status: "INPROGRESS", message: "Rebooting", retries: 0, failure: null } as const;
  await it.work.record({ ...told, rev: revision("0") });
  expect(must(await readProgress(it.store, revision("0")))).toEqual(progressRecord("INPROGRESS", "Rebooting"));
  await it.work.record({ ...told, rev: next });
  expect(it.hasTrail("locals/next")).toBe(false);
});

test("collecting keeps what runs, is committed, on trial, active, before, the factory's or in use, and nothing else", async () => {
  const it = await device({
    booted: revision("1"),
    running: () => ({ name: revision("2"), state: stateOf(files) }),
    revisionsInUse: () => new Set(["3"]),
  });
  for (const rev of ["1", "2", "3", "4", "5", "6", "7", "8", "locals/old"]) await it.install(rev, changed);
  for (const rev of ["3", "8"]) mkdirSync(join(it.root, "disks/rev", rev), { recursive: true });
  must(await it.loader.commit(revision("4")));
  must(await it.loader.arm(revision("5")));
  must(await writePrevious(it.store, revision("4"), revision("6")));
  expect(must(await it.work.collect(revision("7")))).toBeGreaterThan(0);
  const left = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "locals/old"].filter(it.hasTrail);
  expect(left).toEqual(["0", "1", "2", "3", "4", "5", "6", "7"]);
  expect([it.hasStorage("3"), it.hasStorage("8")]).toEqual([true, false]);
});

test("the factory's revision goes, too, where the configuration does not keep it", async () => {
  const it = await device({
    keepFactory: false,
    booted: revision("4"),
    running: () => ({ name: revision("4"), state: stateOf(files) }),
  });
  await it.install("4", files);
  must(await it.loader.commit(revision("4")));
  must(await it.work.collect(null));
  expect([it.hasTrail("0"), it.hasTrail("4")]).toEqual([false, true]);
});

test("nothing is removed while the boot loader cannot be asked", async () => {
  const it = await device();
  await it.install("5", changed);
  mkdirSync(join(it.root, "boot"), { recursive: true });
  writeFileSync(join(it.root, "boot/grubenv"), "torn");
  expect(mustFail(await it.work.collect(null))).toContain("nothing is removed");
  expect(it.hasTrail("5")).toBe(true);
});

test("a device that is well forgets its boots, and makes room below the threshold only", async () => {
  for (const [freeBytes, stays] of [
    [2 ** 30 / 2, true],
    [2 ** 30 / 10, false],
  ] as const) {
    const it = await device({
      collectBelowPercent: 10,
      disk: (disk) => ({ ...disk, space: async () => ok({ totalBytes: 2 ** 30, freeBytes }) }),
    });
    await it.install("5", changed);
    await it.work.countBoot(revision("0"));
    expect(must(await readBoots(it.store, revision("0")))).toBe(1);
    await it.work.well(revision("0"));
    expect(must(await readBoots(it.store, revision("0")))).toBe(0);
    expect(it.hasTrail("5")).toBe(stays);
  }
});

test("going back commits the revision before", async () => {
  const it = await device();
  must(await it.loader.commit(next));
  await it.work.goBack(revision("0"));
  expect(must(await it.loader.read())).toEqual({ committed: revision("0"), trial: null });
});

test("a revision whose state has gone meanwhile is committed all the same, and the log says what is not noted", async () => {
  const it = await device();
  await it.install("locals/next", changed);
  must(await writeProgress(it.store, next, progressRecord("TESTING", "")));
  rmSync(join(it.root, "trails/locals/next/.pvr/json"));
  must(await it.work.commit(next, 0));
  expect(it.logged.join("\n")).toContain("what may not come back after revision locals/next is not noted");
  expect(must(await readProgress(it.store, next))?.status).toBe("DONE");
});
