/** A device whose broker knows nothing newer than MQTT 3.1.1 has everything that others have. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { openStore, putObject, realDisk } from "../../../runtime/store/index.ts";
import { must, sha256, stream } from "../../store/world.ts";
import { closeAll, device, hub, running } from "./world.ts";

setDefaultTimeout(60_000);
afterEach(closeAll);

const text = (name: string): string => `{"#spec":"pantavisor-service-system@1","web/run.json":{"name":"${name}"}}`;
const bytesOf = (length: number, salt: number): Uint8Array =>
  new Uint8Array(length).map((_, at) => (at * 7 + (at >> 8) * salt) % 251);

test("it enrols, reports, gets an order, blocks and a command, and does not ask in MQTT 5 again after a restart", async () => {
  const at = await hub({ old: true });
  const link = device(at);
  const old = text("old");
  mkdirSync(`${link.folder}/trails/7/.pvr`, { recursive: true });
  writeFileSync(`${link.folder}/trails/7/.pvr/json`, old);
  link.begin();
  link.say(running("7", "DONE", sha256(old)));
  const { id } = await link.heard("joined");
  expect((await link.heard("log"))["message"]).toBe(
    "the connection to the hub is gone: it speaks another version of MQTT",
  );
  expect(await at.state()).toMatchObject({ running: "7" });

  at.objects.set(sha256(old), new TextEncoder().encode(old));
  const state = await at.want(id, text("new"));
  expect(await link.heard("desired")).toEqual({ kind: "desired", rev: "8", state });
  const [before, after] = [bytesOf(300_000, 1), bytesOf(300_000, 2)];
  must(await putObject(openStore(realDisk, link.folder), sha256(before), stream(before)));
  for (const one of [before, after]) at.objects.set(sha256(one), one);
  link.say({ kind: "fetch", rev: "8", objects: [{ digest: sha256(after), candidates: [sha256(before)] }] });
  expect(await link.heard("fetched")).toEqual({ kind: "fetched", rev: "8", failure: null });
  expect(readFileSync(`${link.folder}/objects/${sha256(after)}`).equals(after)).toBe(true);
  link.say({ kind: "progress", rev: "8", phase: "done", reason: null, message: "", evidence: null });
  for (let { phase } = await at.progress(); phase !== "done"; { phase } = await at.progress());

  const expiry = Math.floor(Date.now() / 1000) + 600;
  await at.order(id, { id: 1, operation: "gc", arguments: "", expiry });
  expect(await link.heard("command")).toMatchObject({ id: 1, operation: "gc" });
  link.say({ kind: "result", id: 1, code: "done", text: "", logs: null });
  expect(await at.result()).toMatchObject({ id: 1, code: "done" });

  link.hangUp();
  await link.ended;
  const second = device(at, link.folder);
  second.begin();
  second.say(running("8"));
  for (let report = await at.state(); report.running !== "8"; report = await at.state());
  expect(at.versions()).toEqual([5, 4, 4]);
});
