/** A whole hub, its Mosquitto, and the process that a device runs: nothing in between is played. */
import { afterEach, expect, test } from "bun:test";
import { join } from "node:path";
import * as v from "valibot";
import { parseHost } from "../../runtime/certificates/index.ts";
import { FromLink, writtenLine } from "../../runtime/fleet/pipe/index.ts";
import { unwrap } from "../signatures/signed-state.ts";
import { emptyFolder, removeFolders } from "../store/world.ts";
import { hubWorld } from "./hub-world.ts";

const main = join(import.meta.dir, "../../runtime/main.ts");
const Line = v.pipe(v.string(), v.parseJson(), FromLink);
const Shown = v.object({ status: v.string(), report: v.nullable(v.object({ state: v.unknown() })) });

afterEach(removeFolders);

test.each(["127.0.0.1", "::1"])("a device that joins at %s reports its state, and what it has cost", async (where) => {
  const host = unwrap(parseHost(where));
  await using hub = await hubWorld({ host, hosts: [host] });
  const shownAs = where === "::1" ? "[::1]" : where;
  expect(new URL(hub.hub.url).hostname).toBe(shownAs);
  expect(hub.hub.mqttUrl).toBe(`mqtts://${shownAs}:${hub.mqttPort}`);
  const child = Bun.spawn([process.execPath, main, "link"], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  const told: FromLink[] = [];
  const heard = async (kind: FromLink["kind"]): Promise<FromLink> => {
    for (;;) {
      const found = told.find((message) => message.kind === kind);
      if (found !== undefined) return found;
      await Bun.sleep(20);
    }
  };
  const reading = (async () => {
    let rest = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      told.push(...lines.map((line) => v.parse(Line, line)));
    }
  })();
  const say = (message: unknown): void => void child.stdin.write(writtenLine(message));
  say({
    kind: "settings",
    hub: { host: where, port: Number(new URL(hub.hub.url).port) },
    authority: hub.authority,
    token: hub.tokens.join,
    folder: emptyFolder(),
    storage: emptyFolder(),
    reservedPercent: 5,
    mode: { kind: "always" },
    keepaliveS: 60,
    caps: { dayBytes: null, monthBytes: null },
    datagrams: true,
    clock: { floorMs: 0, guessed: true },
    version: "0.1.0",
  });
  say({
    kind: "state",
    running: "3",
    stateDigest: "12".repeat(32),
    status: "TESTING",
    containers: [{ name: "web", status: "STARTED", goalReached: false }],
    safeMode: false,
    local: false,
  });
  say({ kind: "trial", waits: true });
  const joined = await heard("joined");
  await heard("contact");
  const time = await heard("clock");
  expect(time).toMatchObject({ signed: true });
  expect(Math.abs(Date.now() - (time.kind === "clock" ? time.atMs : 0))).toBeLessThan(120_000);
  const id = joined.kind === "joined" ? joined.id : "";
  const shown = async () => v.parse(Shown, (await hub.ask("GET", `/devices/${id}`, { token: "operator" })).body);
  while ((await shown()).report === null) await Bun.sleep(50);
  const { status, report } = await shown();
  expect(status).toBe("accepted");
  expect(report?.state).toMatchObject({
    running: "3",
    state: "1212121212121212",
    status: "TESTING",
    containers: { web: { status: "STARTED", goalReached: false } },
    bytes: { day: expect.any(Number) },
    version: "0.1.0",
  });
  child.stdin.end();
  expect(await child.exited).toBe(0);
  await reading;
});
