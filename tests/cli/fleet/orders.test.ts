/** An operator at the command line, a real hub with its broker, and a device's real link; what the device does is played. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { type HubOrder, openHubCommands } from "../../../runtime/boot/hub-commands.ts";
import type { CommandAnswer, ContainerView } from "../../../runtime/control/index.ts";
import { FromLink, writtenLine } from "../../../runtime/fleet/pipe/index.ts";
import { err, ok } from "../../../runtime/result.ts";
import type { RevisionName } from "../../../runtime/state/index.ts";
import { type HubWorld, hubWorld } from "../../hub/hub-world.ts";
import { emptyFolder, removeFolders } from "../../store/world.ts";
import { cairn } from "../run-command.ts";

setDefaultTimeout(120_000); // many processes on a busy machine

let world: HubWorld;
let device: Awaited<ReturnType<typeof linkedDevice>>;
const home = mkdtempSync(join(tmpdir(), "cairn-orders-"));
const before = process.env["XDG_CONFIG_HOME"];
const fleet = (...words: string[]) => cairn("fleet", ...words);
beforeAll(async () => {
  process.env["XDG_CONFIG_HOME"] = home;
  world = await hubWorld();
  const pin = `sha256:${world.hub.fingerprint}`;
  expect((await fleet("login", world.hub.url, "--authority", pin, "--token", world.tokens.operator)).exit).toBe(0);
  device = await linkedDevice();
});
afterAll(async () => {
  await device.hangUp();
  if (before === undefined) delete process.env["XDG_CONFIG_HOME"];
  else process.env["XDG_CONFIG_HOME"] = before;
  await world[Symbol.asyncDispose]();
  rmSync(home, { recursive: true });
  removeFolders();
});

const main = join(import.meta.dir, "../../../runtime/main.ts");
const Line = v.pipe(v.string(), v.parseJson(), FromLink);

/** The process that a device runs, and the part of process 1 that carries out commands. */
async function linkedDevice() {
  const did: string[] = [];
  const joined = Promise.withResolvers<string>();
  const child = Bun.spawn([process.execPath, main, "link"], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  const say = (message: unknown): void => void child.stdin.write(writtenLine(message));
  const commands = openHubCommands({
    control: {
      containers: () => [{ name: "web" } as ContainerView],
      request(name, action) {
        did.push(`${action} ${name}`);
        return name === "web" ? null : { kind: "unknownContainer", why: `there is no container ${name}` };
      },
      commands: {
        async command(operation): Promise<CommandAnswer> {
          did.push(operation);
          return { kind: "accepted" };
        },
      },
      storage: { collectGarbage: async () => ok(4096) },
    },
    debugAccess: { open: async () => err({ kind: "refused", why: "no key is known" }), close: async () => true },
    log: { info: () => {}, warn: () => {} },
    restartRefusal: () => null,
    lastLines: (container, _source, count) =>
      container === "web" ? [] : Array.from({ length: count }, (_, at) => `line ${at}\u009b2J of ${container}`),
    running: () => "3" as RevisionName,
    say,
    setTimer(ms, fire) {
      const timer = setTimeout(fire, ms);
      return () => clearTimeout(timer);
    },
  });
  const isOrder = (message: FromLink): message is HubOrder =>
    message.kind === "command" || message.kind === "resultKept";
  const reading = (async () => {
    let rest = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const message = v.parse(Line, line);
        if (message.kind === "joined") joined.resolve(message.id);
        if (isOrder(message)) commands.hear(message);
      }
    }
  })();
  say({
    kind: "settings",
    hub: { host: "127.0.0.1", port: Number(new URL(world.hub.url).port) },
    authority: world.authority,
    token: world.tokens.join,
    folder: emptyFolder(),
    storage: emptyFolder(),
    reservedPercent: 5,
    mode: { kind: "always" },
    keepaliveS: 60,
    caps: { dayBytes: null, monthBytes: null },
    datagrams: true,
    clock: { floorMs: 0, guessed: false },
    version: "0.1.0",
  });
  const id = await joined.promise;
  say({
    kind: "state",
    running: "3",
    stateDigest: "12".repeat(32),
    status: "DONE",
    containers: [],
    safeMode: false,
    local: false,
  });
  return {
    id,
    did,
    async hangUp() {
      child.stdin.end();
      await child.exited;
      await reading;
    },
  };
}

test("a device restarts a container, and itself when its answer is on its way", async () => {
  const ran = await fleet("command", device.id, "restart", "web", "--wait");
  expect(ran).toEqual({
    exit: 0,
    out: expect.stringMatching(/^command \d+ to \w+, restartContainer web: done: container web restarts\n$/),
    err: "",
  });
  expect(await fleet("command", device.id, "reboot", "--wait")).toMatchObject({
    exit: 0,
    out: expect.stringMatching(/reboot: done: the device restarts\n$/),
  });
  expect(device.did).toEqual(["restart web", "REBOOT_DEVICE"]);
});

test("what a device does not do is known by the exit code and a sentence", async () => {
  for (const [words, said] of [
    [["restart", "nobody"], /refused: there is no container nobody\n$/],
    [["debug", "600"], /refused: no key is known\n$/],
  ] as const) {
    const ran = await fleet("command", device.id, ...words, "--wait");
    expect([ran.exit, ran.out]).toEqual([4, ""]);
    expect(ran.err).toMatch(said);
  }
});

test("without waiting a command is given, and later listed with what it came to", async () => {
  const given = await fleet("command", device.id, "gc", "--expires", "2h", "--json");
  expect(given.exit).toBe(0);
  const { id, expires } = JSON.parse(given.out) as { id: number; expires: string };
  expect(Date.parse(expires)).toBeGreaterThan(Date.now() + 7_100_000);
  const listed = async () => (await fleet("commands", device.id)).out.split("\n")[1] ?? "";
  while (!(await listed()).includes("done")) await Bun.sleep(50);
  expect(await listed()).toMatch(new RegExp(`^${id}  .*  operator  gc  +done: 4096 bytes came free$`));
  const [newest] = (await fleet("commands", device.id, "--json")).out.split("\n");
  expect(JSON.parse(newest ?? "")).toMatchObject({ id, state: "done", answer: { code: "done" } });
});

test("lines come when they are asked for, steer no terminal, and stay at the hub", async () => {
  const ran = await fleet("logs", device.id, "--lines", "2");
  expect(ran).toMatchObject({ exit: 0, out: "line 0?2J of pantavisor\nline 1?2J of pantavisor\n" });
  expect(ran.err).toMatch(/logs 2: done: 2 lines\n$/);
  expect(await fleet("logs", device.id, "--container", "web", "--json")).toMatchObject({
    exit: 0,
    out: expect.stringMatching(/"text":""\}\n$/),
  });
  expect(await fleet("logs", device.id, "--container", "nobody")).toMatchObject({ exit: 4, out: "" });
  const kept = (await fleet("logs", device.id, "--kept")).out;
  expect(kept).toMatch(/^== \S+, revision 3, command \d+\nline 0\?2J of pantavisor\n/);
});

test("what is wrong with a command is said before anything is done", async () => {
  for (const [words, exit, said] of [
    [["format"], 2, /"format" is none of reboot, restart, gc, debug\n$/],
    [["gc", "--expires", "soon"], 2, /--expires "soon" is no time\n$/],
    [["restart"], 1, /^the hub refuses: restartContainer takes the name of a container\n$/],
    [["debug", "5"], 1, /^the hub refuses: debugAccess takes a number of seconds from 60 to 86400, or 0 to end it\n$/],
    [["gc", "--expires", "8d"], 1, /^the hub refuses: a command expires within 7 days/],
  ] as const) {
    const ran = await fleet("command", device.id, ...words);
    expect([ran.exit, ran.out]).toEqual([exit, ""]);
    expect(ran.err).toMatch(said);
  }
  expect(await fleet("logs", device.id, "--lines", "0")).toMatchObject({ exit: 1 });
  expect(await fleet("logs", "aaaaaaaaaaaaa")).toMatchObject({ exit: 1 });
});
