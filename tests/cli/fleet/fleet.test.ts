/** An operator at the command line, and a real hub. */
import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newToken } from "../../../runtime/hub/token.ts";
import { freePort } from "../../free-port.ts";
import { newDevice } from "../../hub/fixtures.ts";
import { type HubWorld, hubWorld } from "../../hub/hub-world.ts";
import { cairn } from "../run-command.ts";

setDefaultTimeout(120_000); // many processes on a busy machine

let world: HubWorld;
const home = mkdtempSync(join(tmpdir(), "cairn-operator-"));
const account = join(home, "cairn/fleet.json");
const names = ["XDG_CONFIG_HOME", "CAIRN_FLEET_ADDRESS", "CAIRN_FLEET_TOKEN", "CAIRN_FLEET_AUTHORITY"] as const;
const before = Object.fromEntries(names.map((name) => [name, process.env[name]]));
beforeAll(async () => {
  for (const name of names) delete process.env[name];
  process.env["XDG_CONFIG_HOME"] = home;
  world = await hubWorld();
});
afterAll(async () => {
  for (const name of names) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
  await world[Symbol.asyncDispose]();
  rmSync(home, { recursive: true });
});

const fleet = (...words: string[]) => cairn("fleet", ...words);
const login = (...words: string[]) => fleet("login", world.hub.url, ...words);
const pin = (): string => `sha256:${world.hub.fingerprint}`;
const operator = (): string => world.tokens.operator;

describe("a login", () => {
  beforeEach(() => rmSync(account, { force: true }));
  const isKept = (): boolean => statSync(account, { throwIfNoEntry: false }) !== undefined;

  test("by the authority's fingerprint or its file is kept for its owner alone", async () => {
    for (const known of [
      pin(),
      pin().toUpperCase().replace("SHA", "sha"),
      join(world.folder, "authority/authority.crt"),
    ]) {
      rmSync(account, { force: true });
      const ran = await login("--authority", known, "--token", operator());
      expect(ran).toEqual({ exit: 0, out: `${world.hub.url}: logged in, kept in ${account}\n`, err: "" });
      expect(statSync(account).mode & 0o777).toBe(0o600);
      expect(JSON.parse(readFileSync(account, "utf8"))).toEqual({
        address: world.hub.url,
        authority: world.authority,
        token: operator(),
      });
    }
  });

  test("at a hub with another authority sends no token, and is not kept", async () => {
    await using other = await hubWorld();
    const ran = await fleet("login", other.hub.url, "--authority", pin(), "--token", operator());
    expect(ran).toMatchObject({ exit: 1, err: expect.stringMatching(/is not the hub that you mean/) });
    const file = join(world.folder, "authority/authority.crt");
    const checked = await fleet("login", other.hub.url, "--authority", file, "--token", operator());
    expect(checked).toMatchObject({
      exit: 3,
      err: expect.stringMatching(/^no answer from https:.*(?:CERT|SIGNATURE)/i),
    });
    expect(isKept()).toBe(false);
  });

  test("under a name that the hub's certificate has not is refused", async () => {
    const url = world.hub.url.replace("127.0.0.1", "localhost");
    const ran = await fleet("login", url, "--authority", pin(), "--token", operator());
    expect(ran).toMatchObject({ exit: 3, err: expect.stringMatching(/ALTNAME/) });
    expect(isKept()).toBe(false);
  });

  test("keeps of what a hub says only the certificate that is known", async () => {
    await using stranger = await hubWorld();
    const relay = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      tls: {
        cert: readFileSync(join(stranger.folder, "authority/server.crt"), "utf8"),
        key: readFileSync(join(stranger.folder, "authority/server.key"), "utf8"),
      },
      fetch: () => Response.json({ fleet: "lab", authority: world.authority + stranger.authority, devices: [] }),
    });
    const ran = await fleet("login", `https://127.0.0.1:${relay.port}`, "--authority", pin(), "--token", operator());
    await relay.stop(true);
    expect(ran.exit).toBe(3);
    expect(isKept()).toBe(false);
  });

  test("with a token that is none, or of nobody, is refused", async () => {
    for (const token of ["x", "", world.tokens.join.toUpperCase()]) {
      expect(await login("--authority", pin(), "--token", token)).toMatchObject({ exit: 2 });
    }
    for (const token of [newToken(), world.tokens.join]) {
      const ran = await login("--authority", pin(), "--token", token);
      expect(ran).toMatchObject({ exit: 1, err: expect.stringMatching(/^the hub refuses: the token is not one of/) });
    }
    expect(isKept()).toBe(false);
  });

  test.each([
    [["http://127.0.0.1:1", "--authority", `sha256:${"0".repeat(64)}`, "--token", newToken()], /no address of a hub/],
    [["https://x/path", "--authority", `sha256:${"0".repeat(64)}`, "--token", newToken()], /no address of a hub/],
    [["https://u:p@x", "--authority", `sha256:${"0".repeat(64)}`, "--token", newToken()], /no address of a hub/],
    [["https://x"], /wanted --authority and --token/],
    [["https://x", "--authority", "sha256:12", "--token", newToken()], /neither sha256: and 64 digits, nor a file/],
    [["https://x", "--authority", "package.json", "--token", newToken()], /no PEM block "CERTIFICATE"/],
  ])("%j is wrong", async (words, said) => {
    const ran = await fleet("login", ...words);
    expect([ran.exit, ran.out]).toEqual([2, ""]);
    expect(ran.err).toMatch(said);
  });

  test("is needed, or what stands for it in the environment", async () => {
    expect(await fleet("devices")).toMatchObject({
      exit: 2,
      err: expect.stringMatching(/^not logged in .*"cairn fleet login/),
    });
    const set = {
      CAIRN_FLEET_ADDRESS: world.hub.url,
      CAIRN_FLEET_TOKEN: operator(),
      CAIRN_FLEET_AUTHORITY: join(world.folder, "authority/authority.crt"),
    };
    Object.assign(process.env, set);
    try {
      expect(await fleet("devices")).toMatchObject({ exit: 0, err: "" });
      process.env["CAIRN_FLEET_ADDRESS"] = `https://127.0.0.1:${await freePort()}`;
      expect(await fleet("devices")).toMatchObject({ exit: 3, err: expect.stringMatching(/^no answer from/) });
    } finally {
      for (const name of Object.keys(set)) delete process.env[name];
    }
    mkdirSync(join(home, "cairn"), { recursive: true });
    writeFileSync(account, "{}");
    expect(await fleet("devices")).toMatchObject({ exit: 2, err: expect.stringMatching(/is not what a login writes/) });
  });
});

describe("an operator", () => {
  beforeAll(async () => {
    expect((await login("--authority", pin(), "--token", operator())).exit).toBe(0);
  });

  test("sees a device wait, accepts it by its code, tags it, and shuts it out", async () => {
    const device = newDevice();
    const { body } = await world.ask("POST", "/enrol", { body: device.request });
    const { code } = body as { code: string };
    const listed = await fleet("devices", "--status", "waiting");
    expect(listed.out).toBe(
      `ID             STATUS   CODE    RUNS  REPORTED  TAGS\n${device.id}  waiting  ${code}  -     -         -\n`,
    );
    const accepted = await fleet("accept", code);
    expect(accepted.exit).toBe(0);
    expect(accepted.out).toMatch(new RegExp(`^id +${device.id}\nstatus +accepted since 2`));
    expect((await fleet("tag", device.id, "yard", "arm")).out).toMatch(/\ntags +arm yard\n/);
    expect((await fleet("devices", "--tag", "yard")).out).toContain(
      `${device.id}  accepted  -     -     -         arm yard\n`,
    );
    expect(JSON.parse((await fleet("show", device.id, "--json")).out)).toMatchObject({
      id: device.id,
      tags: ["arm", "yard"],
    });
    expect((await fleet("tag", device.id)).out).toMatch(/\ntags +-\n/);
    expect((await fleet("revoke", device.id)).out).toMatch(/\nstatus +revoked since/);
    expect((await world.ask("POST", "/enrol", { body: device.request })).status).toBe(403);
    const again = await fleet("revoke", device.id);
    expect(again).toEqual({ exit: 1, out: "", err: `the hub refuses: device ${device.id} is revoked already\n` });
    const log = (await fleet("log")).out.split("\n").map((line) => line.split(/ +/).slice(1).join(" "));
    const about = log.filter((line) => line.endsWith(device.id));
    expect(about).toEqual(["revoke", "tag", "tag", "accept"].map((what) => `operator ${what} ${device.id}`));
    expect(JSON.parse((await fleet("log", "--json")).out.split("\n")[0] ?? "")).toMatchObject({ what: "revoke" });
    const lines = (await fleet("devices", "--json")).out.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ id: device.id, status: "revoked" }),
    );
  });

  test("hears what is wrong with a name or a tag", async () => {
    for (const name of ["aaaaaaaaaaaaa", "x", "..", "a/b", "%"]) {
      expect(await fleet("show", name)).toMatchObject({
        exit: 1,
        out: "",
        err: expect.stringMatching(/^the hub refuses: /),
      });
    }
    const device = newDevice();
    await world.ask("POST", "/enrol", { body: device.request });
    const tagged = await fleet("tag", device.id, "No");
    expect(tagged).toMatchObject({ exit: 1, err: expect.stringMatching(/"No" is no tag/) });
  });
});
