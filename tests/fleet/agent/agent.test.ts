import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { readRequest } from "../../../runtime/certificates/index.ts";
import { runAgent } from "../../../runtime/fleet/agent/index.ts";
import { writtenLine } from "../../../runtime/fleet/pipe/index.ts";
import { openSession, type Session } from "../../../runtime/fleet/session/index.ts";
import { type DeviceState, decodeDeviceState, parseTopic } from "../../../runtime/fleet/wire/index.ts";
import { realDisk } from "../../../runtime/store/index.ts";
import { emptyFolder, must, removeFolders } from "../../store/world.ts";
import { newAuthority } from "../authority.ts";
import { type Broker, startBroker } from "../broker.ts";

const closing: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  removeFolders();
});

/** A hub as a device sees it, that accepts every device which asks often enough. */
async function hub({ asksNeeded = 1 } = {}) {
  const authority = newAuthority();
  const broker: Broker = await startBroker(authority);
  closing.push(() => broker.stop());
  let asked = 0;
  const { certificate, key } = authority.server("localhost");
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: { cert: certificate, key },
    async fetch(request) {
      asked += 1;
      const { commonName, key: publicKey } = must(readRequest(new Uint8Array(await request.arrayBuffer())));
      if (asked < asksNeeded)
        return Response.json({ id: commonName, status: "waiting", code: "k7q2mz" }, { status: 202 });
      return Response.json({
        id: commonName,
        status: "accepted",
        fleet: "lab",
        certificate: authority.certify(commonName, publicKey),
        mqtt: { host: "localhost", port: broker.port },
        order: { epoch: 1, key: Buffer.alloc(32).toString("base64") },
      });
    },
  });
  closing.push(() => server.stop(true));
  const own = authority.client("hub");
  const states: DeviceState[] = [];
  let heard = (): void => {};
  const online = Promise.withResolvers<void>();
  const session: Session = openSession(
    {
      host: "localhost",
      port: broker.port,
      authority: authority.servers,
      ...own,
      id: "hub",
      protocol: 5,
      keepaliveS: 60,
      expiryS: 60,
      packetBytesMax: 20_000,
      receiveMax: 10,
      will: { topic: "none", bytes: new Uint8Array(), delayS: 0 },
      topics: "c/lab/+/u/#",
      ticket: null,
    },
    {
      online: online.resolve,
      async message(topic, bytes) {
        const at = must(parseTopic(topic));
        if (at.leaf !== "u/s") return;
        states.push(must(decodeDeviceState(bytes)));
        heard();
      },
      ticket: () => {},
      closed: () => {},
    },
  );
  closing.push(() => session.drop());
  await online.promise;
  return {
    authority,
    broker,
    port: server.port ?? 0,
    asked: () => asked,
    /** The next report. */
    async state(): Promise<DeviceState> {
      while (states.length === 0) await new Promise<void>((resolve) => (heard = resolve));
      return states.shift() as DeviceState;
    },
  };
}

/** A device's link with a runtime that says what the test says. Its seconds are short. */
function device(at: Awaited<ReturnType<typeof hub>>, folder = emptyFolder()) {
  let say: (text: string) => void = () => {};
  let hangUp = (): void => {};
  const input = new ReadableStream<Uint8Array>({
    start(controller) {
      say = (text) => controller.enqueue(new TextEncoder().encode(text));
      hangUp = () => controller.close();
    },
    cancel() {
      hangUp = () => {};
    },
  });
  const told: Record<string, unknown>[] = [];
  let heard = (): void => {};
  const ended = runAgent({
    disk: realDisk,
    input,
    tell(message) {
      told.push(message);
      heard();
    },
    now: () => performance.now(),
    wallMs: Date.now,
    random: Math.random,
    setTimer(ms, fire) {
      const timer = setTimeout(fire, ms / 100);
      return () => clearTimeout(timer);
    },
  });
  const settings = {
    kind: "settings",
    hub: { host: "localhost", port: at.port },
    authority: at.authority.servers,
    token: null,
    folder,
    storage: folder,
    reservedPercent: 0,
    mode: { kind: "always" },
    keepaliveS: 60,
    caps: { dayBytes: null, monthBytes: null },
    version: "0.1.0",
  };
  closing.push(async () => {
    hangUp();
    await ended;
  });
  return {
    folder,
    storage: folder,
    reservedPercent: 0,
    ended,
    say: (message: unknown) => say(writtenLine(message)),
    begin: (more: object = {}) => say(writtenLine({ ...settings, ...more })),
    hangUp: () => {
      const close = hangUp;
      hangUp = () => {};
      close();
    },
    async heard(kind: string): Promise<Record<string, unknown>> {
      for (;;) {
        const found = told.findIndex((message) => message["kind"] === kind);
        if (found >= 0) return told.splice(found, 1)[0] ?? {};
        await new Promise<void>((resolve) => (heard = resolve));
      }
    },
  };
}

const running = (rev: string, status = "DONE") => ({
  kind: "state",
  running: rev,
  stateDigest: "ab".repeat(32),
  status,
  containers: [{ name: "web", status: "READY", goalReached: true }],
  safeMode: false,
  local: false,
});

test("a device joins, reports, and reports again when something changes", async () => {
  const at = await hub();
  const link = device(at);
  link.begin();
  link.say(running("7", "TESTING"));
  expect(await link.heard("joined")).toMatchObject({ fleet: "lab" });
  expect(await at.state()).toMatchObject({
    running: "7",
    stateDigestPrefix: "abababababababab",
    status: "TESTING",
    containers: new Map([["web", { status: "READY", goalReached: true }]]),
    version: "0.1.0",
  });
  link.say(running("7", "DONE"));
  const after = await at.state();
  expect(after.status).toBe("DONE");
  // The connection and the first report are in it: what the hub shows of the cost is what was carried.
  expect(after.bytes.day).toBeGreaterThan(4_000);
  expect(after.bytes.day).toBeLessThan(20_000);
});

test("it waits for an operator, and shows the code once", async () => {
  const at = await hub({ asksNeeded: 3 });
  const link = device(at);
  link.begin();
  link.say(running("0"));
  expect(await link.heard("waiting")).toMatchObject({ code: "k7q2mz" });
  await link.heard("joined");
  expect(at.asked()).toBe(3);
  await at.state();
});

test("after a restart it is the same device, and asks nobody", async () => {
  const at = await hub();
  const first = device(at);
  first.begin();
  first.say(running("1"));
  const { id } = await first.heard("joined");
  await at.state();
  first.hangUp();
  expect(must(await first.ended)).toBeUndefined();
  const second = device(at, first.folder);
  second.begin();
  second.say(running("2"));
  expect(await second.heard("joined")).toMatchObject({ id });
  expect(await at.state()).toMatchObject({ running: "2" });
  expect(at.asked()).toBe(1);
});

test("a revision on trial hears of the hub", async () => {
  const at = await hub();
  const link = device(at);
  link.begin();
  link.say({ kind: "trial", waits: true });
  link.say(running("1", "TESTING"));
  await link.heard("contact");
});

test("a broker that is gone for a while gets the latest state", async () => {
  const at = await hub();
  const link = device(at);
  link.begin();
  link.say(running("1"));
  await at.state();
  await at.broker.stop();
  await link.heard("log");
  link.say(running("2"));
  link.say(running("3"));
  await at.broker.start();
  while (!/New client connected .* as [a-z2-7]{13} /.test(at.broker.log().slice(-2_000))) await Bun.sleep(20);
  // Its own observer is gone with the broker; the retained state is what counts.
  while (!/Received PUBLISH from [a-z2-7]{13} .*u\/s/.test(at.broker.log().slice(-2_000))) await Bun.sleep(20);
});

describe("what the runtime says wrongly ends it with a sentence", () => {
  test.each([
    ["no settings first", running("1"), /did not begin with settings/],
    ["no JSON", "x", /./],
    ["a relative folder", { kind: "settings", folder: "x" }, /./],
  ])("%s", async (_, message, why) => {
    const at = await hub();
    const link = device(at);
    link.say(message);
    const ended = await link.ended;
    expect(ended.ok ? "" : ended.error).toMatch(why);
  });

  test("something unknown later", async () => {
    const link = device(await hub());
    link.begin();
    link.say({ kind: "new" });
    const ended = await link.ended;
    expect(ended.ok ? "" : ended.error).toMatch(/does not know/);
  });
});

test("what it keeps is readable by nobody else, and its key is only there", async () => {
  const at = await hub();
  const link = device(at);
  link.begin();
  await link.heard("joined");
  expect(existsSync(`${link.folder}/membership.json`)).toBe(true);
  expect(readFileSync(`${link.folder}/membership.json`, "utf8")).not.toContain("PRIVATE KEY");
});
