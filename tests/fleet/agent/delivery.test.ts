import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Digest } from "../../../runtime/state/index.ts";
import { openStore, putObject, realDisk } from "../../../runtime/store/index.ts";
import { must, sha256, stream } from "../../store/world.ts";
import { closeAll, device, hub, running } from "./world.ts";

setDefaultTimeout(120_000); // on a busy machine a connection may need a second attempt, which has to wait
afterEach(closeAll);

const text = (name: string): string => `{"#spec":"pantavisor-service-system@1","web/run.json":{"name":"${name}"}}`;
const bytesOf = (length: number, salt: number): Uint8Array =>
  new Uint8Array(length).map((_, at) => (at * 7 + (at >> 8) * salt) % 251);
const object = (folder: string, digest: Digest): Uint8Array =>
  new Uint8Array(readFileSync(`${folder}/objects/${digest}`));

/** A device that runs revision 7, and a hub that knows that. */
async function world(more: object = {}) {
  const at = await hub();
  const link = device(at);
  const old = text("old");
  mkdirSync(`${link.folder}/trails/7/.pvr`, { recursive: true });
  writeFileSync(`${link.folder}/trails/7/.pvr/json`, old);
  at.objects.set(sha256(old), new TextEncoder().encode(old));
  link.begin(more);
  link.say(running("7", "DONE", sha256(old)));
  const { id } = await link.heard("joined");
  await at.state();
  return { at, link, id, old };
}

test("a revision that the hub wants comes: its state, what is missing of it, and the hub hears how it went", async () => {
  const { at, link, id, old } = await world();
  const state = await at.want(id, text("new"));
  expect(await link.heard("desired")).toEqual({ kind: "desired", rev: "8", state });
  expect(new TextDecoder().decode(object(link.folder, state))).toBe(text("new"));
  expect(await at.request()).toMatchObject({ object: state, candidates: [sha256(old)] });
  const store = openStore(realDisk, link.folder);
  const [before, after, more] = [bytesOf(300_000, 1), bytesOf(300_000, 2), bytesOf(70, 3)];
  must(await putObject(store, sha256(before), stream(before)));
  for (const one of [before, after, more]) at.objects.set(sha256(one), one);
  link.say({
    kind: "fetch",
    rev: "8",
    objects: [
      { digest: sha256(after), candidates: [sha256("not there"), sha256(before)] },
      { digest: sha256(before), candidates: [] },
      { digest: sha256(more), candidates: [] },
    ],
  });
  expect(await link.heard("fetched")).toEqual({ kind: "fetched", rev: "8", failure: null });
  expect(object(link.folder, sha256(after))).toEqual(after);
  expect(object(link.folder, sha256(more))).toEqual(more);
  expect(await at.request()).toMatchObject({ object: sha256(after), candidates: [sha256(before)] });
  expect(readdirSync(`${link.folder}/parcels`)).toEqual([]);
  link.say({ kind: "progress", rev: "8", phase: "done", reason: null, message: "", evidence: null });
  const verdict = async () => {
    for (;;) {
      const progress = await at.progress();
      if (progress.phase === "done") return progress;
    }
  };
  expect(await verdict()).toEqual({ sequence: 1, phase: "done", percent: 100, reason: null });
  expect(await at.state()).toMatchObject({ sequence: 1 });
});

test("a link that starts again says once more what is wanted, and not when that has had its verdict", async () => {
  const { at, link, id } = await world();
  const state = await at.want(id, text("new"), { sequence: 5 });
  await link.heard("desired");
  link.hangUp();
  await link.ended;
  const second = device(at, link.folder);
  second.begin();
  second.say(running("7", "DONE", sha256(text("old"))));
  expect(await second.heard("desired")).toEqual({ kind: "desired", rev: "8", state });
  second.say({ kind: "progress", rev: "8", phase: "error", reason: "badSignature", message: "", evidence: null });
  for (let progress = await at.progress(); progress.phase !== "error"; progress = await at.progress());
  await at.state(); // which is told once the verdict is kept
  second.hangUp();
  await second.ended;
  const third = device(at, link.folder);
  third.begin();
  third.say(running("7", "DONE", sha256(text("old"))));
  for (let report = await at.state(); report.sequence !== 5; report = await at.state());
  await at.want(id, text("newer"), { sequence: 6, rev: 9 });
  expect(await third.heard("desired")).toMatchObject({ rev: "9" });
});

test("the hub hears of a verdict once, and of another one that comes after it", async () => {
  const { at, link, id } = await world();
  await at.want(id, text("new"));
  await link.heard("desired");
  const said = (phase: "done" | "error") =>
    link.say({
      kind: "progress",
      rev: "8",
      phase,
      reason: phase === "error" ? "crashLoop" : null,
      message: "",
      evidence: null,
    });
  said("done");
  for (let progress = await at.progress(); progress.phase !== "done"; progress = await at.progress());
  await at.state(); // which is told once the verdict is kept
  said("done");
  said("error");
  expect(await at.progress()).toMatchObject({ phase: "error", reason: "crashLoop" });
});

describe("what cannot be had is said", () => {
  test("an object that the hub has not got", async () => {
    const { at, link, id } = await world();
    await at.want(id, text("new"));
    await link.heard("desired");
    link.say({ kind: "fetch", rev: "8", objects: [{ digest: sha256("nowhere"), candidates: [] }] });
    expect(await link.heard("fetched")).toMatchObject({ rev: "8", failure: { reason: "objectMissing" } });
  });

  test("a state that the hub has not got, which is a verdict", async () => {
    const { at, link, id } = await world();
    await at.want(id, text("new"), { stateDigest: sha256("nowhere") });
    for (let progress = await at.progress(); progress.phase !== "error"; progress = await at.progress()) {
      expect(progress.phase).toBe("queued");
    }
    expect(link.told.count("desired")).toBe(0);
  });

  test("a patch that gives wrong bytes, and never turns into the whole object", async () => {
    const { at, link, id } = await world();
    await at.want(id, text("new"));
    await link.heard("desired");
    at.spoil();
    const [before, after] = [bytesOf(300, 1), bytesOf(300, 2)];
    must(await putObject(openStore(realDisk, link.folder), sha256(before), stream(before)));
    for (const one of [before, after]) at.objects.set(sha256(one), one);
    await at.request();
    link.say({ kind: "fetch", rev: "8", objects: [{ digest: sha256(after), candidates: [sha256(before)] }] });
    expect(await link.heard("fetched")).toMatchObject({ failure: { reason: "badPatch" } });
    expect(await at.request()).toMatchObject({ object: sha256(after) });
    expect(at.requests()).toBe(0);
  });

  test("what is not wanted any more", async () => {
    const { at, link, id } = await world();
    await at.want(id, text("new"));
    await link.heard("desired");
    link.say({ kind: "fetch", rev: "12", objects: [] });
    expect(await link.heard("fetched")).toMatchObject({ rev: "12", failure: { reason: "aborted" } });
  });
});

test("one changed line costs less than 5 kB on a connection that is there", async () => {
  const at = await hub();
  const link = device(at, undefined, 3); // so that no phase lasts 10 seconds, on a machine that is busy
  const old = text("old");
  mkdirSync(`${link.folder}/trails/7/.pvr`, { recursive: true });
  writeFileSync(`${link.folder}/trails/7/.pvr/json`, old);
  at.objects.set(sha256(old), new TextEncoder().encode(old));
  link.begin();
  link.say(running("7", "DONE", sha256(old)));
  const { id } = await link.heard("joined");
  await at.state();
  link.say(running("7", "UPDATED", sha256(old)));
  const before = await at.state(); // what the connection has cost is in it
  const state = await at.want(id, text("new"));
  await link.heard("desired");
  const patch = bytesOf(1_300, 4); // of 22 MB in EROFS
  at.objects.set(sha256(patch), patch);
  link.say({ kind: "fetch", rev: "8", objects: [{ digest: sha256(patch), candidates: [] }] });
  await link.heard("fetched");
  link.say({ kind: "progress", rev: "8", phase: "installing", reason: null, message: "", evidence: null });
  link.say({ kind: "progress", rev: "8", phase: "testing", reason: null, message: "", evidence: null });
  link.say({ kind: "trial", waits: true });
  await link.heard("contact");
  link.say(running("8", "TESTING", state));
  link.say({ kind: "progress", rev: "8", phase: "done", reason: null, message: "", evidence: null });
  link.say(running("8", "DONE", state));
  const after = await at.state();
  expect(after).toMatchObject({ running: "8", status: "DONE", sequence: 1 });
  // Each report says what was carried before it: the first one is in the difference, the last one not.
  const cost = after.bytes.day - before.bytes.day;
  console.log(`one changed line: ${cost} bytes`);
  expect([(await at.progress()).phase, (await at.progress()).phase]).toEqual(["testing", "done"]);
  expect(cost).toBeGreaterThan(2_000);
  expect(cost).toBeLessThan(5_000);
}, 60_000);

test("an order that is over before it came is not begun", async () => {
  const { at, link, id } = await world();
  await at.want(id, text("new"), { expiry: 1_700_000_000 });
  expect(await at.progress()).toMatchObject({ phase: "wontgo", reason: "timeout" });
  expect(link.told.count("desired")).toBe(0);
});

test("the state that runs already is taken from the device itself", async () => {
  const { at, link, id, old } = await world();
  await at.want(id, old);
  expect(await link.heard("desired")).toMatchObject({ state: sha256(old) });
  expect(at.requests()).toBe(0);
});
