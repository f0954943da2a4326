/** What authors and operators send over HTTPS, right and wrong. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { post, putObject, release, shaOf, stateOf } from "./authored.ts";
import { type HubWorld, hubWorld } from "./hub-world.ts";

setDefaultTimeout(120_000); // many processes on a busy machine

let world: HubWorld;
beforeAll(async () => {
  world = await hubWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const asOperator = (method: string, path: string, body?: string | Uint8Array) =>
  world.ask(method, path, { token: "operator", ...(body === undefined ? {} : { body }) });
const missing = async (...digests: string[]) =>
  (await asOperator("POST", "/objects/missing", JSON.stringify({ digests }))).body;

describe("an object", () => {
  test("is kept once, and is missing no more", async () => {
    const bytes = randomBytes(300_000);
    expect(await missing(shaOf(bytes), shaOf("x"))).toEqual({ missing: [shaOf(bytes), shaOf("x")] });
    expect(await putObject(world, bytes)).toEqual({ status: 201, body: { digest: shaOf(bytes), bytes: 300_000 } });
    expect(await putObject(world, bytes)).toMatchObject({ status: 200 });
    expect(await missing(shaOf(bytes), shaOf("x"))).toEqual({ missing: [shaOf("x")] });
    expect(await putObject(world, new Uint8Array())).toMatchObject({ status: 201, body: { bytes: 0 } });
  });

  test("with other bytes, or that breaks off, leaves nothing behind", async () => {
    const wanted = shaOf("wanted");
    expect(await putObject(world, Buffer.from("other"), wanted)).toMatchObject({
      status: 422,
      body: { kind: "badDigest", error: expect.stringMatching(/arrived with wrong bytes/) },
    });
    const broken = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(Buffer.from("want"));
        controller.error(new Error("cut"));
      },
    });
    const options = { token: "operator", body: broken };
    await world.ask("PUT", `/objects/${wanted}`, options).catch(() => "cut");
    const unfinished = () => readdirSync(join(world.folder, "objects")).filter((name) => name.endsWith(".tmp"));
    while (unfinished().length > 0) await Bun.sleep(20); // the hub hears of it in a moment
    expect(await missing(wanted)).toEqual({ missing: [wanted] });
  });

  test("comes in pieces without a length, too", async () => {
    const bytes = randomBytes(200_000);
    let at = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(bytes.subarray(at, at + 50_000));
        at += 50_000;
        if (at >= bytes.length) controller.close();
      },
    });
    const put = await world.ask("PUT", `/objects/${shaOf(bytes)}`, { token: "operator", body });
    expect(put).toMatchObject({ status: 201, body: { bytes: 200_000 } });
  });

  test("has a digest for a name", async () => {
    for (const name of ["x", "..%2f..%2fhub.db", shaOf("x").toUpperCase(), `${shaOf("x")}0`]) {
      expect(await asOperator("PUT", `/objects/${name}`, "x")).toMatchObject({ status: 400, body: { kind: "digest" } });
    }
  });

  test("above the largest is refused by its length", async () => {
    const headers = { "content-length": String(17 * 2 ** 30) };
    const body = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(Buffer.from("x")) });
    const asked = world.ask("PUT", `/objects/${shaOf("x")}`, { token: "operator", body, headers });
    expect(await asked.then(({ status }) => status).catch(() => "cut off")).toBeOneOf([413, "cut off"]);
  });

  test.each(["", "{}", '{"digests":[1]}', '{"digests":["x"]}', '{"digests":[],"x":1}'])(
    "is not asked for by %j",
    async (body) => {
      expect(await asOperator("POST", "/objects/missing", body)).toMatchObject({ status: 400, body: { kind: "body" } });
    },
  );
});

describe("a revision", () => {
  test("is kept with who sent it, found by its first digits, and the same one once", async () => {
    const files = { "root.squashfs": randomBytes(100) };
    const revision = await post(world, files);
    expect(revision).toBe(shaOf(stateOf(files)));
    const shown = await asOperator("GET", `/revisions/${revision.slice(0, 8)}`);
    expect(shown).toMatchObject({
      status: 200,
      body: { revision, who: "operator", message: "test", objects: expect.arrayContaining([revision]) },
    });
    const again = await asOperator("POST", "/revisions?message=again", stateOf(files));
    expect(again).toMatchObject({ status: 200, body: { revision, message: "test", warnings: [expect.any(String)] } });
    expect(await missing(revision)).toEqual({ missing: [] });
  });

  test("whose objects are not here is refused, and says which", async () => {
    const refused = await asOperator("POST", "/revisions", stateOf({ "root.squashfs": Buffer.from("nowhere") }));
    expect(refused).toMatchObject({
      status: 409,
      body: { kind: "objects", error: expect.stringContaining(shaOf("nowhere")) },
    });
  });

  test.each([
    ["no JSON", "{", 400],
    ["no state", '{"#spec":"x"}', 400],
    ["nothing", "", 400],
    ["too long", "x".repeat((1 << 20) + 1), 413],
  ])("that is %s is refused", async (_, text, status) => {
    expect((await asOperator("POST", "/revisions", text)).status).toBe(status);
  });

  test("with a message without end is refused", async () => {
    const files = { "root.squashfs": randomBytes(100) };
    await post(world, files);
    const refused = await asOperator("POST", `/revisions?message=${"x".repeat(1001)}`, stateOf(files));
    expect(refused).toMatchObject({ status: 400, body: { kind: "message" } });
  });

  test("is removed when no device is to run it, and its objects go with the next clearing up", async () => {
    const files = { "root.squashfs": randomBytes(100) };
    const [old, next] = [await post(world, files), await post(world, { "root.squashfs": randomBytes(100) })];
    await release(world, old, "gone");
    expect(await asOperator("DELETE", `/revisions/${old}`)).toMatchObject({ status: 409, body: { kind: "released" } });
    await release(world, next, "gone");
    expect(await asOperator("DELETE", `/revisions/${old}`)).toMatchObject({ status: 200, body: { revision: old } });
    expect(await asOperator("GET", `/revisions/${old}`)).toMatchObject({ status: 404 });
    expect(await asOperator("POST", "/releases", JSON.stringify({ revision: old, tag: "x" }))).toMatchObject({
      status: 404,
    });
    const pathOf = (digest: string) => join(world.folder, "objects", digest);
    await world.hub.collect();
    expect(existsSync(pathOf(old))).toBe(true); // it may have been sent just now
    world.wait(90_000_000);
    await world.hub.collect();
    for (const digest of [old, shaOf(files["root.squashfs"])]) expect(existsSync(pathOf(digest))).toBe(false);
    expect(existsSync(pathOf(next))).toBe(true);
  });
});

test.each([
  "",
  "[]",
  '{"revision":"0000"}',
  '{"revision":"0000","tag":1}',
  '{"revision":"0000","tag":"x","policy":{"other":true}}',
  '{"revision":"0000","tag":"x","expires":"soon"}',
])("a release of %j is refused", async (body) => {
  expect(await asOperator("POST", "/releases", body)).toMatchObject({ status: 400, body: { kind: "body" } });
});
