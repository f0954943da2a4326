/** `cairn hub` as a process of its own. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { freePort } from "../free-port.ts";
import { Lines } from "../hub/mqtt.ts";
import { cairn } from "./run-command.ts";

setDefaultTimeout(120_000); // many processes on a busy machine

const folder = mkdtempSync(join(tmpdir(), "cairn-hub-"));
const children: Bun.Subprocess[] = [];
afterAll(async () => {
  for (const child of children) {
    child.kill("SIGKILL");
    await child.exited;
  }
  rmSync(folder, { recursive: true });
});
const main = resolve(import.meta.dir, "../../runtime/main.ts");

async function serve(...words: string[]) {
  const own = words.includes("--broker") ? [] : ["--mqtt-port", String(await freePort())];
  const mqtt = [...own, "--port", "0"];
  const child = Bun.spawn(
    [process.execPath, main, "hub", "serve", "--folder", join(folder, "hub"), ...mqtt, ...words],
    {
      stdout: "pipe",
      stderr: "pipe",
    },
  );
  children.push(child);
  const [out, err] = [new Lines(), new Lines()];
  const said = Promise.all([out.follow(child.stdout), err.follow(child.stderr)]);
  return { child, out, err, said };
}

test("the first start says how to go on, and the next says no secrets", async () => {
  const first = await serve("--fleet", "lab");
  await first.out.until(/^cairn fleet login/);
  expect(first.out.all).toEqual([
    "fleet      lab",
    expect.stringMatching(/^hub {8}https:\/\/127\.0\.0\.1:\d+$/),
    expect.stringMatching(/^broker {5}mqtts:\/\/127\.0\.0\.1:\d+$/),
    expect.stringMatching(/^authority {2}sha256:[0-9a-f]{64}$/),
    "",
    "made just now, and shown this once:",
    expect.stringMatching(/^operator {2}cairn-[a-z2-7]{32}$/),
    expect.stringMatching(/^join {6}cairn-[a-z2-7]{32}$/),
    "",
    "operate it with:",
    expect.stringMatching(/^cairn fleet login https:\/\/127\.0\.0\.1:\d+ --authority sha256:[0-9a-f]{64} --token -$/),
  ]);
  expect(first.err.all.filter((line) => line.startsWith("broker: "))).not.toEqual([]);
  const busy = await cairn("hub", "token", "operator", "--folder", join(folder, "hub"));
  expect(busy).toMatchObject({ exit: 1, out: "", err: expect.stringMatching(/another hub works in this folder/) });
  const rotate = (...words: string[]) => cairn("hub", "rotate-order-key", "--folder", join(folder, "hub"), ...words);
  expect(await rotate()).toMatchObject({
    exit: 1,
    out: "",
    err: expect.stringMatching(/^cairn hub rotate-order-key: .*another hub works in this folder\n$/),
  });
  const asked = performance.now();
  first.child.kill("SIGTERM");
  expect(await first.child.exited).toBe(0);
  expect(performance.now() - asked).toBeLessThan(15_000); // nothing is waited for
  await first.said;

  const made = await cairn("hub", "token", "operator", "--holder", "jane", "--folder", join(folder, "hub"));
  expect(made).toEqual({ exit: 0, out: expect.stringMatching(/^cairn-[a-z2-7]{32}\n$/), err: "" });
  const remove = () => cairn("hub", "token", "join", "--remove", "--folder", join(folder, "hub"));
  expect(await remove()).toEqual({ exit: 0, out: "taken back: 1\n", err: "" });
  expect(await remove()).toEqual({ exit: 1, out: "", err: "cairn hub token: join has none for join\n" });

  const said = "order key of epoch 2 made: start the hub, and devices follow\n";
  expect(await rotate()).toEqual({ exit: 0, out: said, err: "" });
  expect(await rotate("--json")).toEqual({ exit: 0, out: '{"epoch":3}\n', err: "" });
  const keys = readdirSync(join(folder, "hub/authority")).filter((name) => name.startsWith("order"));
  expect(keys.sort()).toEqual(["order-2.key", "order-3.key", "order.key"]);

  const second = await serve("--json");
  const line = await second.out.until(/^\{/);
  const started = JSON.parse(line);
  expect(started).toEqual({
    fleet: "lab",
    url: expect.any(String),
    mqttUrl: expect.any(String),
    authority: first.out.all[3]?.split(/ +/)[1] ?? "",
    tokens: null,
  });
  const env = { XDG_CONFIG_HOME: folder, PATH: process.env["PATH"] ?? "" };
  const login = ["fleet", "login", started.url, "--authority", started.authority, "--token", "-"];
  await using child = Bun.spawn([process.execPath, main, ...login], {
    env,
    stdin: Buffer.from(made.out),
    stdout: "pipe",
    stderr: "inherit",
  });
  expect(await child.stdout.text()).toBe(`${started.url}: logged in, kept in ${folder}/cairn/fleet.json\n`);
  second.child.kill("SIGINT");
  expect(await second.child.exited).toBe(0);
  await second.said;
});

test("an IPv6 address is said in brackets, and understood with them", async () => {
  const words = ["--folder", join(folder, "six"), "--address", "[::1]", "--json"];
  const { child, out, said } = await serve(...words);
  const { url, mqttUrl, authority, tokens } = JSON.parse(await out.until(/^\{/));
  expect(url).toMatch(/^https:\/\/\[::1\]:\d+$/);
  expect(mqttUrl).toMatch(/^mqtts:\/\/\[::1\]:\d+$/);
  const env = { XDG_CONFIG_HOME: join(folder, "six-home"), PATH: process.env["PATH"] ?? "" };
  const run = async (...command: string[]): Promise<string> => {
    const stdin = Buffer.from(tokens.operator);
    await using ran = Bun.spawn([process.execPath, main, "fleet", ...command], { env, stdin, stdout: "pipe" });
    return await ran.stdout.text();
  };
  expect(await run("login", url, "--authority", authority, "--token", "-")).toContain(`${url}: logged in`);
  expect(await run("log", "--json")).toContain("join");
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
  await said;
});

test("with a broker that somebody else runs it says what that one needs", async () => {
  const where = join(folder, "elsewhere");
  const broker = `mqtts://[::1]:${await freePort()}`;
  const { child, out, said } = await serve("--folder", where, "--broker", broker);
  await out.until(/again whenever a device is revoked/);
  expect(out.all).toContain(`broker     ${broker}`);
  const at = out.all.indexOf(`The broker is not the hub's to manage. It needs of ${where}:`);
  const named = out.all.slice(at + 1, -2).map((line) => line.trim());
  expect(named).toContain("broker/mosquitto.conf");
  expect(named).toContain("broker/openssl.cnf");
  expect(named).toContain("authority/broker.key");
  for (const name of named) expect(existsSync(join(where, name))).toBe(true);
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
  await said;
});

describe("wrong arguments make nothing", () => {
  const empty = join(folder, "empty");
  test.each([
    [["serve", "--address", "a b"], /neither a host name .* nor an IP address/],
    [["serve", "--address", "0.0.0.0"], /say with --name under which it is reached/],
    [["serve", "--name", "*.example"], /neither a host name/],
    [["serve", "--port", "65536"], /a port is a number/],
    [["serve", "--mqtt-port", "0"], /a port is a number/],
    [["serve", "--fleet", "Lab"], /--fleet "Lab" is no name/],
    [["serve", "--broker", "mqtt://hub.example"], /wanted mqtts:\/\/host:port/],
    [["serve", "--broker", "mqtts://me:secret@hub.example"], /wanted mqtts:\/\/host:port/],
    [["serve", "--broker", "mqtts://hub.example", "--broker-cert", "x"], /go together/],
    [["serve", "--broker", "mqtts://hub.example", "--broker-ca", "/nowhere"], /cannot be read \(ENOENT\)/],
    [["serve", "--broker", "mqtts://hub.example", "--mqtt-port", "1883"], /there is none with --broker/],
    [["serve", "--broker-ca", "x"], /are for --broker/],
    [["token", "admin"], /"admin" is neither join nor operator/],
    [["token", "join", "--holder", "a b"], /--holder wants/],
  ])("%j", async (words, said) => {
    const ran = await cairn("hub", ...words, "--folder", empty);
    expect([ran.exit, ran.out]).toEqual([2, ""]);
    expect(ran.err).toMatch(said);
    expect(readdirSync(folder)).not.toContain("empty");
  });

  test.each([
    ["a token", ["token", "join"]],
    ["another order key", ["rotate-order-key"]],
  ])("%s needs a hub", async (_, words) => {
    const ran = await cairn("hub", ...words, "--folder", empty);
    expect(ran).toMatchObject({ exit: 1, err: expect.stringMatching(/is no folder of a hub/) });
    expect(readdirSync(folder)).not.toContain("empty");
  });
});
