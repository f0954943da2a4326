/** A hub on a disk that is full: it says so, stays up, keeps nothing by halves, and goes on when there is room. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { shaOf, stateOf } from "./authored.ts";
import { newDevice } from "./fixtures.ts";
import { HubProcess } from "./killed/hub-process.ts";
import { Reporter } from "./killed/reporter.ts";

setDefaultTimeout(180_000); // many processes on a busy machine

const DISK_BYTES = 24 << 20;
const config = Buffer.from("lxc.uts.name = web\n");

let hub: HubProcess;
let device: Reporter;
beforeAll(async () => {
  hub = await HubProcess.make(DISK_BYTES);
  if (!(await hub.start())) throw new Error(hub.log.all.join("\n"));
  const joined = await Reporter.enrol(hub);
  if (joined === null) throw new Error(hub.log.all.join("\n"));
  device = joined;
});
afterAll(async () => {
  await device.stop();
  await hub[Symbol.asyncDispose]();
});

const put = (bytes: Uint8Array) => hub.ask("PUT", `/objects/${shaOf(bytes)}`, "operator", bytes);
const filler = () => join(hub.folder, "filler");
const fill = () => {
  const { bavail, bsize } = statfsSync(hub.folder);
  writeFileSync(filler(), Buffer.alloc(bavail * bsize));
};
const unfinished = () => readdirSync(join(hub.folder, "objects")).filter((name) => name.endsWith(".tmp"));

const Shown = v.object({ report: v.nullable(v.object({ state: v.object({ bytes: v.object({ day: v.number() }) }) })) });
async function heard(): Promise<number> {
  const shown = await hub.ask("GET", `/devices/${device.id}`, "operator");
  return v.parse(Shown, shown?.body).report?.state.bytes.day ?? 0;
}

test("an object that does not fit is refused before it is read, and one of which that is not known as soon as the disk is full", async () => {
  const large = randomBytes(DISK_BYTES + 1);
  expect(await put(large)).toMatchObject({ status: 507, body: { kind: "noSpace" } });
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < large.length; at += 1 << 20) controller.enqueue(large.subarray(at, at + (1 << 20)));
      controller.close();
    },
  });
  const answer = await fetch(`https://127.0.0.1:${hub.port}/objects/${shaOf(large)}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${hub.tokens.operator}` },
    body: stream,
    tls: { ca: hub.authority },
  });
  expect([answer.status, await answer.json()]).toMatchObject([507, { kind: "noSpace" }]);
  expect(unfinished()).toEqual([]);
  expect((await put(randomBytes(1000)))?.status).toBe(201);
});

test("nothing is kept by halves, what devices say waits at the broker, and all goes on when there is room", async () => {
  const content = randomBytes(1000);
  for (const bytes of [content, config]) expect((await put(bytes))?.status).toBe(201);
  const late = newDevice();
  fill();
  const text = stateOf({ "root.squashfs": content });
  const refused = { status: 507, body: { kind: "noSpace", error: expect.stringMatching(/full|free/) } };
  const send = () => hub.ask("POST", "/revisions", "operator", text);
  const tag = () => hub.ask("PUT", `/devices/${device.id}/tags`, "operator", '{"tags":["x"]}');
  const enrol = () => hub.ask("POST", "/enrol", "join", late.request);
  for (const ask of [send, tag, enrol]) expect(await ask()).toMatchObject(refused);
  await hub.log.until(/a message could not be taken/);

  expect(await hub.ask("GET", "/revisions", "operator")).toEqual({ status: 200, body: { revisions: [] } });
  expect(await hub.ask("GET", `/devices/${late.id}`, "operator")).toMatchObject({ status: 404 });
  expect(await hub.ask("GET", `/devices/${device.id}`, "operator")).toMatchObject({ body: { tags: [] } });
  const said = device.acknowledged.state;
  expect(said).toBeGreaterThan(await heard());

  rmSync(filler());
  while ((await heard()) < said) await Bun.sleep(20);
  expect((await send())?.status).toBe(201);
  expect(await tag()).toMatchObject({ status: 200, body: { tags: ["x"] } });
  expect((await enrol())?.status).toBe(200);
});
