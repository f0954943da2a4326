import { afterEach, expect, test } from "bun:test";
import { type HubWish, openHubRevisions } from "../../runtime/boot/hub-revisions.ts";
import { resumeUpdating } from "../../runtime/boot/updating.ts";
import type { ToLink } from "../../runtime/fleet/pipe/index.ts";
import type { Logger } from "../../runtime/logs/index.ts";
import { err, ok, type Result } from "../../runtime/result.ts";
import type { RevisionName, State } from "../../runtime/state/index.ts";
import { putObject, readProgress } from "../../runtime/store/index.ts";
import { type Failure, failure } from "../../runtime/update/index.ts";
import { virtualClock } from "../sim/clock.ts";
import {
  type Files,
  files,
  must,
  putObjects,
  removeFolders,
  revision,
  sha256,
  stateOf,
  stateText,
  stream,
} from "../store/world.ts";
import { changed, device, rebased } from "./update-world.ts";

afterEach(removeFolders);

const state7 = sha256(stateText(changed));

interface Options {
  readonly accepts?: (text: string) => Result<void, string>;
  readonly running?: string;
}

/** Revision 0 runs; what is swapped in reaches its goals at once. */
async function world({ accepts = () => ok(undefined), running = "0" }: Options = {}) {
  const { root, store, loader, install } = await device();
  if (running !== "0") await install(running, files);
  const clock = virtualClock();
  const said: ToLink[] = [];
  const rebooted: string[] = [];
  let current: { readonly name: RevisionName; readonly state: State } = {
    name: revision(running),
    state: stateOf(files),
  };
  const quiet = (): void => {};
  const log: Logger = { fatal: quiet, error: quiet, warn: quiet, info: quiet, debug: quiet, trace: quiet };
  const base = { store, log, accepts, reservedPercent: 0, booted: revision("0"), running: () => current };
  let hub: ReturnType<typeof openHubRevisions> | null = null;
  const updating = must(
    await resumeUpdating({
      ...base,
      loader,
      limits: { commitDelayMs: 1_000, goalsMs: 60_000, contactMs: 60_000, retriesMax: 3 },
      now: clock.now,
      setTimer: clock.set,
      wallMs: () => 1_700_000_000_000,
      keepFactory: true,
      collectBelowPercent: 0,
      useVerity: false,
      revisionsInUse: () => new Set(),
      lastLines: () => [],
      swap: async (to) => {
        current = to;
        return ok(undefined);
      },
      goals: () => ({ result: "reached", missing: [] }),
      stability: () => ({ stable: true, withinMs: 1_000 }),
      reboot: (why) => void rebooted.push(why),
      onChange: () => hub?.changed(),
      fetch: async (candidate): Promise<Result<void, Failure>> =>
        hub?.fetch(candidate) ?? err(failure("hubUnreachable", "no hub")),
    }),
  );
  const revisions = openHubRevisions({ ...base, updating, say: (message) => void said.push(message) });
  hub = revisions;
  const until = async (fits: () => boolean): Promise<void> => {
    for (let left = 2_000; !fits(); left -= 1) {
      if (left === 0) throw new Error(`nothing like that was said: ${JSON.stringify(said)}`);
      await Bun.sleep(1);
    }
  };
  return {
    ...{ root, store, clock, said, rebooted, updating, revisions },
    /** The first message that fits, of those of its kind since the last call. */
    async heard<K extends ToLink["kind"]>(
      kind: K,
      fits: (message: Extract<ToLink, { kind: K }>) => boolean = () => true,
    ) {
      const find = () =>
        said.find((each): each is Extract<ToLink, { kind: K }> => each.kind === kind && fits(each as never));
      await until(() => find() !== undefined);
      const found = find();
      if (found === undefined) throw new Error("it was there");
      const at = said.indexOf(found);
      said.splice(0, said.length, ...said.filter((each, index) => index > at || each.kind !== kind));
      return found;
    },
    phase: (phase: string) => (message: Extract<ToLink, { kind: "progress" }>) => message.phase === phase,
    /** The link brings the state, and says so. */
    async desired(of: Files, rev = "7", by = revisions): Promise<void> {
      const text = stateText(of);
      must(await putObject(store, sha256(text), stream(text)));
      by.hear({ kind: "desired", rev: revision(rev), state: sha256(text) });
    },
    /** As after another boot. */
    again: () => openHubRevisions({ ...base, updating, say: (message) => void said.push(message) }),
    fetched: (why: Extract<HubWish, { kind: "fetched" }>["failure"] = null, rev = "7") =>
      revisions.hear({ kind: "fetched", rev: revision(rev), failure: why }),
    /** As time goes by until then. */
    async pass(): Promise<void> {
      await Bun.sleep(5);
      clock.next();
    },
  };
}

test("what the hub wants is checked, fetched, tried, and kept once the hub is heard", async () => {
  const { root, desired, heard, phase, fetched, revisions, pass, updating } = await world();
  await desired(changed);
  const fetch = await heard("fetch");
  expect(fetch).toEqual({
    kind: "fetch",
    rev: revision("7"),
    objects: [{ digest: sha256("another root of web"), candidates: [sha256("root of web")] }],
  });
  await heard("progress", phase("downloading"));
  await putObjects(root, changed);
  fetched();
  await heard("progress", phase("testing"));
  revisions.hear({ kind: "contact" }); // it counts when the rest of the trial is over, and was not asked for
  await pass();
  await heard("trial", ({ waits }) => waits);
  expect(updating.view().phase.at).toBe("stabilizing");
  revisions.hear({ kind: "contact" });
  await heard("trial", ({ waits }) => !waits);
  expect(await heard("progress", phase("done"))).toMatchObject({ rev: "7", reason: null });
  expect(updating.view().running).toBe(revision("7"));
});

test("without a word of the hub a trial ends in a verdict, and the hub learns the reason", async () => {
  const { root, desired, heard, phase, fetched, pass } = await world();
  await desired(changed);
  await heard("fetch");
  await putObjects(root, changed);
  fetched();
  await heard("progress", phase("testing"));
  await pass();
  await heard("trial", ({ waits }) => waits);
  await pass();
  expect(await heard("progress", phase("error"))).toMatchObject({ reason: "hubUnreachable" });
});

test("what only a reboot can bring is tried by one", async () => {
  const { root, desired, heard, fetched, rebooted } = await world();
  await desired(rebased);
  await heard("fetch", ({ objects }) => objects.every(({ candidates }) => candidates[0] === sha256("kernel")));
  await putObjects(root, rebased);
  fetched();
  for (let left = 1_000; rebooted.length === 0 && left > 0; left -= 1) await Bun.sleep(1);
  expect(rebooted).toEqual(["revision 7 is to be tried"]);
});

test("what cannot be fetched is told with the link's own reason", async () => {
  const { store, desired, heard, phase, fetched } = await world();
  await desired(changed);
  await heard("fetch");
  fetched({ reason: "badPatch", message: "a patch for an object gives other bytes" });
  const told = await heard("progress", phase("error"));
  expect(told).toMatchObject({ reason: "badPatch", message: "a patch for an object gives other bytes" });
  const kept = must(await readProgress(store, revision("7")))?.evidence;
  expect(kept?.reason).toBe("badPatch");
  expect(JSON.parse(told.evidence ?? "")).toEqual(kept);
});

test("a state that is not accepted is refused before anything of it is fetched, and leaves no trail", async () => {
  const { store, desired, heard, said } = await world({ accepts: () => err("nobody that is trusted signed web") });
  await desired(changed);
  expect(await heard("progress")).toMatchObject({
    phase: "wontgo",
    reason: "badSignature",
    message: "nobody that is trusted signed web",
    evidence: '{"reason":"badSignature","message":"nobody that is trusted signed web"}',
  });
  expect(must(await readProgress(store, revision("7")))).toBeNull();
  expect(said.some(({ kind }) => kind === "fetch")).toBe(false);
});

test("a state that the link did not bring, or brought damaged, is refused", async () => {
  const { revisions, heard, root } = await world();
  revisions.hear({ kind: "desired", rev: revision("7"), state: state7 });
  expect(await heard("progress")).toMatchObject({ phase: "wontgo", reason: "stateMissing" });
  const text = stateText(changed);
  await Bun.write(`${root}/objects/${sha256("x")}`, text);
  revisions.hear({ kind: "desired", rev: revision("8"), state: sha256("x") });
  expect(await heard("progress", ({ rev }) => rev === revision("8"))).toMatchObject({ reason: "stateMissing" });
});

test("a link that starts again goes on with the fetch, and says the same again without harm", async () => {
  const { desired, heard, revisions, said, fetched, root, phase, pass } = await world();
  await desired(changed);
  const fetch = await heard("fetch");
  revisions.begin();
  expect(await heard("fetch")).toEqual(fetch);
  await desired(changed);
  await heard("progress", phase("downloading"));
  expect(said.filter(({ kind }) => kind === "fetch")).toEqual([]);
  await putObjects(root, changed);
  fetched();
  await heard("progress", phase("testing"));
  await pass();
  await heard("trial", ({ waits }) => waits);
  revisions.begin();
  await heard("trial", ({ waits }) => waits);
});

test("a verdict is not tried again: the hub hears it once more", async () => {
  const { desired, heard, phase, fetched, said } = await world();
  await desired(changed);
  await heard("fetch");
  fetched({ reason: "objectMissing", message: "the hub has not got it" });
  await heard("progress", phase("error"));
  await desired(changed);
  expect(await heard("progress")).toMatchObject({ phase: "error", reason: "objectMissing" });
  expect(said.some(({ kind }) => kind === "fetch")).toBe(false);
});

test("while a local revision runs the hub's wish waits", async () => {
  const { desired, heard, said } = await world({ running: "locals/mine" });
  await desired(changed);
  expect(await heard("progress")).toMatchObject({ phase: "queued" });
  await Bun.sleep(20);
  expect(said.some(({ kind }) => kind === "fetch")).toBe(false);
});

test("nothing is fetched when everything is there", async () => {
  const { root, desired, heard, said, phase } = await world();
  await putObjects(root, changed);
  await desired(changed);
  await heard("progress", phase("testing"));
  expect(said.some(({ kind }) => kind === "fetch")).toBe(false);
});

test("a fetch that nobody waits for is called off", async () => {
  const { desired, heard, updating } = await world();
  await desired(changed);
  await heard("fetch");
  updating.send({ kind: "containerFailed", failure: failure("containerFailed", "web ended"), fatal: true });
  expect(await heard("stopFetch")).toEqual({ kind: "stopFetch", rev: revision("7") });
});

test("room is made when the link has none, and it hears whether that was enough", async () => {
  const { revisions, heard, store } = await world();
  const old = "of no use any more";
  must(await putObject(store, sha256(old), stream(old)));
  revisions.hear({ kind: "needRoom", bytes: 1 });
  expect(await heard("room")).toEqual({ kind: "room", enough: true });
  expect((await store.disk.stat("test", `${store.root}/objects/${sha256(old)}`)).ok).toBe(false);
  revisions.hear({ kind: "needRoom", bytes: Number.MAX_SAFE_INTEGER });
  expect(await heard("room")).toEqual({ kind: "room", enough: false });
});

test("what the hub does not want any more is not fetched to its end", async () => {
  const { desired, heard, phase } = await world();
  await desired(changed);
  await heard("fetch");
  await desired(rebased, "8");
  expect(await heard("stopFetch")).toEqual({ kind: "stopFetch", rev: revision("7") });
  expect(await heard("fetch")).toMatchObject({ rev: "8" });
  await heard("progress", phase("downloading"));
});

test("a verdict outlives its revision: what has failed and was removed is not tried again", async () => {
  const { desired, heard, phase, fetched, said, updating, again, store } = await world();
  await desired(changed);
  await heard("fetch");
  fetched({ reason: "objectMissing", message: "the hub has not got it" });
  await heard("progress", phase("error"));
  must(await updating.work.collect(null));
  expect(must(await readProgress(store, revision("7")))).toBeNull();
  const next = again();
  await desired(changed, "7", next);
  expect(await heard("progress")).toMatchObject({ rev: "7", phase: "error", reason: "objectMissing" });
  expect(said.some(({ kind }) => kind === "fetch")).toBe(false);
});
