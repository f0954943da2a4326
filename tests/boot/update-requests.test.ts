import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { UpdateOperation } from "../../runtime/boot/control-commands.ts";
import { updateRequests } from "../../runtime/boot/update-requests.ts";
import type { UpdateNews } from "../../runtime/boot/updating.ts";
import { err, ok } from "../../runtime/result.ts";
import { progressRecord, readProgress, setCurrent, writeProgress } from "../../runtime/store/index.ts";
import type { Phase, Update } from "../../runtime/update/index.ts";
import { smallDisk } from "../store/disks.ts";
import { files, must, mustFail, read, removeFolders, revision, stateOf, stateText } from "../store/world.ts";
import { candidate, changed, type Device, device, type Options, rebased } from "./update-world.ts";

afterEach(removeFolders);

const next = revision("locals/next");
const idle: Phase = { at: "idle", wellAtMs: null };
const limits = { commitDelayMs: 1, goalsMs: 1, contactMs: 1, retriesMax: 1 };

type Asked = ReturnType<typeof updateRequests>;

interface Requests extends Device {
  /** What was offered to the engine. */
  readonly sent: UpdateNews[];
  readonly warned: string[];
  enter(phase: Phase): void;
  put(rev: string, text: string): ReturnType<Asked["put"]>;
  command(operation: UpdateOperation, payload?: string): ReturnType<Asked["command"]>;
  readonly collectGarbage: Asked["collectGarbage"];
}

/** Requests to an engine that stands still in one phase; its work is real. */
async function requests(running = "0", options: Options = {}): Promise<Requests> {
  const it = await device({ running: () => ({ name: revision(running), state: stateOf(files) }), ...options });
  const sent: UpdateNews[] = [];
  const warned: string[] = [];
  let update: Update = { running: revision(running), before: null, safe: false, limits, phase: idle };
  const asked = updateRequests({
    store: it.store,
    updating: {
      view: () => update,
      send: (event) => void sent.push(event),
      work: it.work,
      settled: async () => {},
    },
    booted: options.booted ?? revision("0"),
    accepts: options.accepts ?? (() => ok(undefined)),
    warn: (message) => void warned.push(message),
  });
  return {
    ...it,
    sent,
    warned,
    enter(phase) {
      update = { ...update, phase };
    },
    put: (rev, text) => asked.put(revision(rev), new TextEncoder().encode(text)),
    command: (operation, payload = "") => asked.command(operation, payload),
    collectGarbage: asked.collectGarbage,
  };
}

const checking = (rev: string): Phase => ({ at: "checking", candidate: candidate(rev), untilMs: 1 });

test("a good state is stored with a record, and nothing is run", async () => {
  const it = await requests();
  must(await it.put("locals/next", stateText(changed)));
  expect(read(it.root, "trails/locals/next/.pvr/json")).toBe(stateText(changed));
  expect(must(await readProgress(it.store, next))).toEqual(progressRecord("NEW", "Update ready to be run"));
  expect(it.sent).toEqual([]);
});

test.each(["{", "{}", '{"#spec":"pantavisor-service-system@1","../x":{}}'])(
  "a bad state is refused in the original's words, and nothing of it stays: %s",
  async (text) => {
    const it = await requests();
    const { status, why } = mustFail(await it.put("locals/next", text));
    expect(status).toBe(422);
    expect(why).toStartWith("Parser: State JSON has bad format: ");
    expect(it.hasTrail("locals/next")).toBe(false);
  },
);

test("a state whose signatures are not accepted is refused in the original's words, and nothing of it stays", async () => {
  const texts: string[] = [];
  const accepts = (text: string) => {
    texts.push(text);
    return err("signature _sigs/web.json: no");
  };
  const it = await requests("0", { accepts });
  const { status, why } = mustFail(await it.put("locals/next", stateText(files)));
  expect([status, why]).toEqual([422, "Secureboot: signature _sigs/web.json: no"]);
  expect(texts).toEqual([stateText(files)]);
  expect(it.hasTrail("locals/next")).toBe(false);
});

test("the same state again is no error, another one takes the place of what was only stored", async () => {
  const it = await requests();
  for (const of of [files, files, changed]) must(await it.put("locals/next", stateText(of)));
  expect(read(it.root, "trails/locals/next/.pvr/json")).toBe(stateText(changed));
  await it.install("locals/next", changed);
  must(await it.put("locals/next", stateText(changed)));
  expect(mustFail(await it.put("locals/next", stateText(rebased))).status).toBe(409);
  expect(read(it.root, "trails/locals/next/.pvr/json")).toBe(stateText(changed));
});

test("what runs keeps its record when its state is put again", async () => {
  const it = await requests("locals/next");
  await it.install("locals/next", files);
  must(await writeProgress(it.store, next, progressRecord("DONE", "Update finished")));
  must(await it.put("locals/next", stateText(files)));
  expect(must(await readProgress(it.store, next))?.status).toBe("DONE");
});

test("a revision that is on its way is neither replaced nor recorded as new", async () => {
  const it = await requests();
  must(await it.put("locals/next", stateText(files)));
  must(await writeProgress(it.store, next, progressRecord("QUEUED", "")));
  it.enter(checking("locals/next"));
  must(await it.put("locals/next", stateText(files)));
  expect(mustFail(await it.put("locals/next", stateText(changed))).status).toBe(409);
  expect(must(await readProgress(it.store, next))?.status).toBe("QUEUED");
  must(await it.put("locals/other", stateText(changed)));
});

test("only a local revision can be put", async () => {
  const it = await requests();
  for (const rev of ["0", "7"]) expect(mustFail(await it.put(rev, stateText(changed))).status).toBe(400);
  expect(it.hasTrail("7")).toBe(false);
});

test("a state that finds no room is refused with 507, and can be put when there is some", async () => {
  let isFull = false;
  const it = await requests("0", {
    disk: (disk) => ({
      ...disk,
      create: (why, path, mode) => (isFull ? smallDisk(disk, 10) : disk).create(why, path, mode),
    }),
  });
  isFull = true;
  expect(mustFail(await it.put("locals/next", stateText(changed))).status).toBe(507);
  isFull = false;
  must(await it.put("locals/next", stateText(changed)));
});

test.each([
  ["LOCAL_RUN", "run"],
  ["LOCAL_RUN_COMMIT", "reboot"],
] as const)("%s offers a revision that is there", async (operation, wish) => {
  const it = await requests();
  must(await it.put("locals/next", stateText(changed)));
  expect(await it.command(operation, "locals/next")).toEqual({ kind: "accepted" });
  expect(it.sent).toEqual([{ kind: "offer", candidate: candidate("locals/next", { wish }) }]);
});

test.each([
  ["locals/none", 404],
  ["5", 404],
  ["../5", 400],
  ["", 400],
] as const)("there is no revision %j to run: %d", async (rev, status) => {
  const it = await requests();
  expect(await it.command("LOCAL_RUN", rev)).toMatchObject({ kind: "refused", status });
  expect(it.sent).toEqual([]);
});

test("what runs already is not run again, but may be booted into", async () => {
  const it = await requests();
  expect(await it.command("LOCAL_RUN", "0")).toEqual({
    kind: "refused",
    status: 409,
    why: "Revision 0 runs already",
  });
  expect(await it.command("LOCAL_RUN_COMMIT", "0")).toEqual({ kind: "accepted" });
});

test("one update at a time: another one, and a new factory, wait 600 s", async () => {
  const it = await requests();
  must(await it.put("locals/next", stateText(changed)));
  it.enter(checking("locals/first"));
  const busy = {
    kind: "busy",
    why: "An update is under way: revision locals/first is checking",
    retryAfterSeconds: 600,
  } as const;
  for (const operation of ["LOCAL_RUN", "LOCAL_RUN_COMMIT", "MAKE_FACTORY"] as const)
    expect(await it.command(operation, "locals/next")).toEqual(busy);
  expect(it.sent).toEqual([]);

  it.enter({ at: "leaving", why: "", trial: false, untilMs: 1 });
  expect(await it.command("LOCAL_RUN", "locals/next")).toMatchObject({ why: "An update is under way: leaving" });
});

test("the running revision becomes the factory's and is offered", async () => {
  const it = await requests("locals/next", { booted: next });
  await it.install("locals/next", changed);
  must(await it.loader.commit(next));
  mkdirSync(join(it.root, "disks/rev/0"), { recursive: true });
  expect(await it.command("MAKE_FACTORY")).toEqual({ kind: "accepted" });
  expect(read(it.root, "trails/0/.pvr/json")).toBe(stateText(changed));
  expect(existsSync(join(it.root, "trails/0/web"))).toBe(false); // nothing is installed yet
  expect(it.hasStorage("0")).toBe(false);
  expect(it.sent).toEqual([{ kind: "offer", candidate: candidate("0") }]);
});

test("a revision that is named becomes the factory's; the factory's itself is that already", async () => {
  const it = await requests("locals/next", { booted: next });
  await it.install("locals/next", files);
  must(await it.loader.commit(next));
  must(await it.put("locals/other", stateText(changed)));
  expect(await it.command("MAKE_FACTORY", "0")).toEqual({ kind: "nothingToDo" });
  expect(await it.command("MAKE_FACTORY", "locals/other")).toMatchObject({ status: 409 }); // an object is not there
  expect(it.hasTrail("0")).toBe(true);
  await it.install("locals/other", changed);
  expect(await it.command("MAKE_FACTORY", "locals/none")).toMatchObject({ status: 404 });
  expect(await it.command("MAKE_FACTORY", "..")).toMatchObject({ status: 400 });
  expect(it.hasTrail("0")).toBe(true);
  expect(await it.command("MAKE_FACTORY", "locals/other")).toEqual({ kind: "accepted" });
  expect(read(it.root, "trails/0/.pvr/json")).toBe(stateText(changed));
});

const inUse: readonly (readonly [why: string, running: string, options: Options, committed: string | null])[] = [
  ["the base system is its", "locals/next", {}, "locals/next"],
  ["a container has files of it", "locals/next", { booted: next, revisionsInUse: () => new Set(["0"]) }, "locals/next"],
  ["it is committed", "locals/next", { booted: next }, "0"],
  ["nothing was ever committed", "locals/next", { booted: next }, null],
];
test.each(inUse)(
  "the factory's revision is not replaced while it is in use: %s",
  async (_why, running, options, committed) => {
    const it = await requests(running, options);
    await it.install("locals/next", changed);
    must(await setCurrent(it.store, next));
    if (committed !== null) must(await it.loader.commit(revision(committed)));
    expect(await it.command("MAKE_FACTORY")).toMatchObject({ kind: "refused", status: 409 });
    expect(read(it.root, "trails/0/.pvr/json")).toBe(stateText(files));
    expect(it.sent).toEqual([]);
  },
);

test("the revision that is on its way is kept when room is made, others that are only stored are not", async () => {
  const it = await requests();
  it.enter(checking("locals/next"));
  await it.install("locals/next", changed);
  await it.install("locals/other", rebased);
  expect(must(await it.collectGarbage())).toBeGreaterThan(0);
  expect(["0", "locals/next", "locals/other"].map(it.hasTrail)).toEqual([true, true, false]);
});

test("RUN_GC is answered before it is done; what stands in the way is logged, and told to who waits", async () => {
  const it = await requests("0", {
    loader: (loader) => ({
      ...loader,
      read: async () => ({ ok: false, error: { kind: "unsupported", what: "reading" } }),
    }),
  });
  expect(await it.command("RUN_GC")).toEqual({ kind: "accepted" });
  expect(mustFail(await it.collectGarbage()).status).toBe(500);
  expect(it.warned).toHaveLength(1);
  expect(it.warned[0]).toStartWith("garbage collection: nothing is removed");
});
