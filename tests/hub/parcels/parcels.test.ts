import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HubDatabase, openSqlite } from "../../../runtime/hub/database/index.ts";
import { type HubObjects, openFolder } from "../../../runtime/hub/objects/index.ts";
import {
  childMaker,
  type Made,
  type Maker,
  type MakerWish,
  openParcels,
  type Parcels,
  prepareFolder,
} from "../../../runtime/hub/parcels/index.ts";
import { err, ok, type Result } from "../../../runtime/result.ts";
import type { Digest } from "../../../runtime/state/index.ts";
import { realDisk } from "../../../runtime/store/index.ts";
import { unwrap } from "../../signatures/signed-state.ts";
import { applied } from "../applied.ts";
import { shaOf } from "../authored.ts";

setDefaultTimeout(60_000); // processes on a busy machine

const DAY_MS = 86_400_000;
const program = [process.execPath, join(import.meta.dir, "../../../runtime/main.ts")];

let root = "";
let database: HubDatabase;
let objects: HubObjects;
let nowMs = 0;
let log: string[] = [];
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "cairn-parcels-"));
  database = unwrap(openSqlite(join(root, "hub.db")));
  objects = unwrap(await openFolder(realDisk, root));
  unwrap(await prepareFolder(realDisk, join(root, "parcels")));
  [nowMs, log] = [1_000 * DAY_MS, []];
});
afterEach(async () => {
  await database.close();
  rmSync(root, { recursive: true });
});

const open = (maker: Maker): Parcels =>
  openParcels({
    disk: realDisk,
    folder: join(root, "parcels"),
    database,
    objects,
    maker,
    now: () => nowMs,
    log: (line) => void log.push(line),
  });

async function* once(text: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(text);
}

async function put(text: string): Promise<Digest> {
  const digest = shaOf(text);
  unwrap(await objects.put(digest, once(text), null));
  return digest;
}

/** Makes what it is told to, of so many bytes, when it is told to. */
class SlowMaker implements Maker {
  readonly wishes: MakerWish[] = [];
  readonly turns: PromiseWithResolvers<void>[] = [];
  atOnce = 0;
  most = 0;
  constructor(private readonly bytesOf: (wish: MakerWish) => number | string = () => 10) {}
  async make(wish: MakerWish): Promise<Result<Made, string>> {
    this.wishes.push(wish);
    this.most = Math.max(this.most, ++this.atOnce);
    const turn = Promise.withResolvers<void>();
    this.turns.push(turn);
    await turn.promise;
    this.atOnce -= 1;
    const bytes = this.bytesOf(wish);
    if (typeof bytes === "string") return err(bytes);
    const text = `${wish.base} ${wish.target}`.padEnd(bytes, "x").slice(-bytes);
    writeFileSync(wish.out, text);
    return ok({ bytes, digest: shaOf(text), target: shaOf(readFileSync(wish.target)) });
  }
  stop(): void {}
  /** Lets the next one be finished, as soon as it has begun. */
  async next(): Promise<void> {
    while (this.turns.length === 0) await Bun.sleep(1);
    this.turns.shift()?.resolve();
  }
}

const quick = (bytesOf?: (wish: MakerWish) => number | string): SlowMaker => {
  const maker = new SlowMaker(bytesOf);
  maker.turns.push = (...turns) => {
    for (const turn of turns) turn.resolve();
    return 0;
  };
  return maker;
};

test("one is made at a time, once, and all who want it wait for the same one", async () => {
  const maker = new SlowMaker();
  const parcels = open(maker);
  const [zero, one, two] = [await put("zero"), await put("one"), await put("two")];
  const [made] = await Promise.all([parcels.choose(zero, [], null), maker.next()]);
  const asked = [one, one, two, one].map((target) => parcels.choose(target, [], null));
  // What is there already is found meanwhile, in as many steps as it takes to begin with another.
  for (let round = 0; round < 10; round += 1) expect(await parcels.choose(zero, [], null)).toEqual(made);
  expect(maker.turns).toHaveLength(1);
  await maker.next();
  await maker.next();
  const got = await Promise.all(asked);
  expect(maker.wishes.slice(1).map(({ target }) => target)).toEqual(
    [one, two].map((digest) => join(root, "objects", digest)),
  );
  expect(maker.most).toBe(1);
  expect(got.map((parcel) => typeof parcel === "object" && parcel.target)).toEqual([one, one, two, one]);
  expect(await parcels.choose(one, [], null)).toEqual(got[0] ?? "noObject");
  expect(await open(maker).choose(one, [], null)).toMatchObject({ digest: (got[0] as { digest: Digest }).digest });
  expect(maker.wishes).toHaveLength(3);
});

test("the smallest is chosen, and one that was begun is gone on with", async () => {
  const [target, near, far] = [await put("target"), await put("near"), await put("far")];
  const maker = quick(({ base }) => (base === null ? 30 : base.endsWith(near) ? 10 : 40));
  const parcels = open(maker);
  const whole = await parcels.choose(target, [], null);
  expect(whole).toMatchObject({ base: null, bytes: 30, objectBytes: 6 });
  expect(await parcels.choose(target, [far], null)).toMatchObject({ base: far, bytes: 40 });
  expect(await parcels.choose(target, [far, near], null)).toMatchObject({ base: near, bytes: 10 });
  const begun = (whole as { digest: Digest }).digest.slice(0, 16);
  expect(await parcels.choose(target, [far, near], begun)).toEqual(whole);
  expect(await parcels.choose(target, [near], "00".repeat(8))).toMatchObject({ base: near });
});

test("with a candidate that is good enough no other is tried, and the object alone is not packed", async () => {
  const [target, near, far] = [await put("a target that is long".repeat(10)), await put("near"), await put("far")];
  const maker = quick(({ base }) => (base?.endsWith(near) ? 20 : 5));
  const parcels = open(maker);
  expect(await parcels.choose(target, [near, far], null)).toMatchObject({ base: near });
  expect(maker.wishes.map(({ base }) => base)).toEqual([join(root, "objects", near)]);
});

test("what the hub has not got is no base, and nothing can be made of it", async () => {
  const target = await put("target");
  const maker = quick();
  const parcels = open(maker);
  expect(await parcels.choose(shaOf("nowhere"), [target], null)).toBe("noObject");
  expect(await parcels.choose(target, [shaOf("nowhere"), target], null)).toMatchObject({ base: null });
  expect(maker.wishes).toHaveLength(1);
});

test("what cannot be made is logged, and tried again after ten minutes", async () => {
  const [target, base] = [await put("target"), await put("base")];
  let broken = true;
  const maker = quick((wish) => (broken && wish.base === null ? "no memory" : 20));
  const parcels = open(maker);
  expect(await parcels.choose(target, [], null)).toBe("notMade");
  expect(await parcels.choose(target, [], null)).toBe("notMade");
  expect(await parcels.choose(target, [base], null)).toMatchObject({ base });
  expect([maker.wishes.length, log]).toEqual([2, ["parcel: no memory"]]);
  broken = false;
  nowMs += 600_001;
  expect(await parcels.choose(target, [], null)).toMatchObject({ base: null });
  expect(readdirSync(join(root, "parcels")).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("a patch for an object whose bytes are not its own is not kept", async () => {
  const target = await put("target");
  writeFileSync(join(root, "objects", target), "tarnet");
  expect(await open(quick()).choose(target, [], null)).toBe("notMade");
  expect(log[0]).toMatch(/^parcel: object [0-9a-f]{64} has the bytes of [0-9a-f]{64}: send it again$/);
});

test("one that cannot be written down does not stay, and that one was asked for need not be", async () => {
  const target = await put("target");
  const parcels = open(quick());
  const { set, markAsked } = database.parcels;
  const full = () => Promise.reject(new Error("database or disk is full"));
  Object.assign(database.parcels, { set: full });
  expect(await parcels.choose(target, [], null)).toBe("notMade");
  expect([readdirSync(join(root, "parcels")), log]).toEqual([[], ["parcel: Error: database or disk is full"]]);
  Object.assign(database.parcels, { set, markAsked: full });
  nowMs += 600_001;
  await parcels.choose(target, [], null);
  nowMs += DAY_MS;
  expect(await parcels.choose(target, [], null)).toMatchObject({ target });
  Object.assign(database.parcels, { markAsked });
});

test("one whose file is damaged is made anew, and known by another key", async () => {
  const target = await put("target");
  const maker = quick();
  const parcels = open(maker);
  const first = await parcels.choose(target, [], null);
  if (typeof first === "string") throw new Error(first);
  expect(await parcels.byKey(first.key)).toMatchObject({ digest: first.digest });
  truncateSync(first.path, 3);
  expect(await parcels.byKey(first.key)).toBeNull();
  const second = await parcels.choose(target, [], null);
  expect([maker.wishes.length, second === first]).toEqual([2, false]);
  expect(await parcels.byKey(first.key)).toBeNull();
});

test("those whose objects are gone, and those that nobody asked for in a month, go", async () => {
  const [target, base, other] = [await put("target"), await put("base"), await put("other")];
  const parcels = open(quick(({ base }) => (base === null ? 20 : 10)));
  await parcels.choose(target, [], null);
  await parcels.choose(target, [base], null);
  await parcels.choose(other, [], null);
  expect(await parcels.collect()).toBe(0);
  nowMs += 20 * DAY_MS;
  await parcels.choose(other, [], null);
  await objects.remove(base);
  expect(await parcels.collect()).toBe(1);
  nowMs += 11 * DAY_MS;
  expect(await parcels.collect()).toBe(1);
  expect(readdirSync(join(root, "parcels"))).toEqual([expect.stringMatching(new RegExp(`^${other}\\.none\\.`))]);
});

test("so many wait to be made, and who wants one more asks again later", async () => {
  const maker = new SlowMaker();
  const parcels = open(maker);
  const targets = await Promise.all(Array.from({ length: 65 }, (_, at) => put(`target ${at}`)));
  const asked = targets.map((target) => parcels.choose(target, [], null));
  expect(await Promise.race(asked)).toBe("notMade");
  for (const _ of targets.slice(1)) await maker.next();
  expect((await Promise.all(asked)).filter((one) => one === "notMade")).toHaveLength(1);
});

test("what is made takes no more than its share of the disk", async () => {
  const parcels = open(quick());
  const [one, two] = [await put("one"), await put("two")];
  const disk = { ...realDisk, space: async () => ok({ totalBytes: 48, freeBytes: 48 }) };
  const small = openParcels({
    disk,
    folder: join(root, "parcels"),
    database,
    objects,
    maker: quick(),
    now: () => nowMs,
    log: (line) => void log.push(line),
  });
  await parcels.choose(one, [], null);
  expect([await small.choose(two, [], null), log.pop()]).toEqual([
    "notMade",
    `parcel: there is no room for one of ${two}`,
  ]);
  nowMs += DAY_MS;
  expect(await small.choose(two, [], null)).toMatchObject({ target: two });
  expect(readdirSync(join(root, "parcels"))).toEqual([expect.stringMatching(new RegExp(`^${two}\\.none\\.`))]);
});

test("a file that an end left without a record goes", async () => {
  const target = await put("target");
  const parcels = open(quick());
  await parcels.choose(target, [], null);
  writeFileSync(join(root, "parcels", `${shaOf("x")}.none.1`), "stray");
  expect(await parcels.collect()).toBe(1);
  expect(readdirSync(join(root, "parcels"))).toEqual([expect.stringMatching(new RegExp(`^${target}`))]);
});

test("what an earlier end left unfinished is removed at start", async () => {
  writeFileSync(join(root, "parcels/1.tmp"), "half");
  unwrap(await prepareFolder(realDisk, join(root, "parcels")));
  expect(existsSync(join(root, "parcels/1.tmp"))).toBe(false);
});

test("a process makes it, and what comes of it is the object", async () => {
  const before = "line\n".repeat(10_000);
  const [target, base] = [await put(`${before}and one more\n`), await put(before)];
  const chosen = await open(childMaker(program, 60_000)).choose(target, [base], null);
  if (typeof chosen === "string") throw new Error(log.join("\n"));
  const patch = readFileSync(chosen.path);
  expect([shaOf(patch), patch.length]).toEqual([chosen.digest, chosen.bytes]);
  const from = chosen.base === null ? null : Buffer.from(before);
  expect((await applied(from, patch, chosen.objectBytes)).toString()).toBe(`${before}and one more\n`);
});

test.each([
  ["takes too long", ["sleep", "60"], 50, /ended by SIGKILL$/],
  ["fails", [...program, "hub"], 60_000, /no patch for .*: /],
  ["says something else", ["echo", "{}"], 60_000, /no patch for .*: /],
])("a process that %s makes nothing", async (_, words, ms, why) => {
  const command = words[0] === "sleep" ? ["sh", "-c", "exec sleep 60"] : words;
  const made = await childMaker(command, ms).make({
    base: null,
    target: join(root, "hub.db"),
    out: join(root, "p.tmp"),
  });
  expect(made.ok ? "made" : made.error).toMatch(why);
});
