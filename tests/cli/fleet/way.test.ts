/** An author and an operator at the command line, a real hub, and a device on the wire. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pvrRepository, sha } from "../../author/fixtures.ts";
import { shaOf } from "../../hub/authored.ts";
import { type HubWorld, hubWorld } from "../../hub/hub-world.ts";
import { wiredDevice } from "../../hub/wired-device.ts";
import { inFolder } from "../author/in-folder.ts";

setDefaultTimeout(120_000); // many processes on a busy machine

let world: HubWorld;
const home = mkdtempSync(join(tmpdir(), "cairn-way-"));
const before = process.env["XDG_CONFIG_HOME"];
const at = (folder: string, ...words: string[]) => inFolder(join(home, folder), home, ...words);
const fleet = (...words: string[]) => at(".", "fleet", ...words);
const rootfs = randomBytes(600_000).toString("base64");
const files = {
  "web/run.json": JSON.stringify({
    config: "lxc.container.conf",
    name: "web",
    "root-volume": "root.squashfs",
    storage: {},
    type: "lxc",
  }),
  "web/lxc.container.conf": "lxc.uts.name = web\n",
  "web/root.squashfs": rootfs,
};
beforeAll(async () => {
  process.env["XDG_CONFIG_HOME"] = home;
  world = await hubWorld();
  pvrRepository(join(home, "source"), { files });
  const pin = `sha256:${world.hub.fingerprint}`;
  expect((await fleet("login", world.hub.url, "--authority", pin, "--token", world.tokens.operator)).exit).toBe(0);
});
afterAll(async () => {
  if (before === undefined) delete process.env["XDG_CONFIG_HOME"];
  else process.env["XDG_CONFIG_HOME"] = before;
  await world[Symbol.asyncDispose]();
  rmSync(home, { recursive: true });
});

const revision = (): string => shaOf(readFileSync(join(home, "source/.pvr/json")));

describe("an author", () => {
  test("sends what the hub lacks, hears how the revision is called and that it is not signed, and sends nothing twice", async () => {
    const first = await at("source", "post", world.hub.url, "-m", "web 1.4");
    expect(first.exit).toBe(0);
    expect(first.out).toMatch(/^sent object 1 of 2: [0-9a-f]{64}, [\d.]+ (?:B|KiB)\nsent object 2 of 2: /);
    expect(first.out).toContain(`${world.hub.url} has revision ${revision()}; 2 objects sent, 781.3 KiB\n`);
    expect(first.err).toBe("warning: it is not signed: a device that is strict about signatures refuses it\n");
    for (const words of [["post", "hub"], ["post"]]) {
      const again = await at("source", ...words, "--json");
      expect(JSON.parse(again.out)).toMatchObject({ to: world.hub.url, revision: revision(), objects: 0, bytes: 0 });
    }
    const listed = (await fleet("revisions", "--json")).out.trim().split("\n");
    expect(listed).toHaveLength(1);
    expect(JSON.parse(listed[0] ?? "")).toMatchObject({ revision: revision(), message: "web 1.4", who: "operator" });
    expect((await fleet("revisions")).out).toMatch(
      new RegExp(`\n${revision().slice(0, 12)}  2.*  operator  web 1.4\n`),
    );
  });

  test("hears what is wrong, and sends nothing to a hub that the login is not for", async () => {
    pvrRepository(join(home, "broken"), { files: { "web/run.json": '{"name":"web"}' } });
    expect(await at("broken", "post", "hub")).toMatchObject({
      exit: 1,
      err: expect.stringMatching(/^the hub refuses: the state is not taken: /),
    });
    expect(await at("source", "post", "https://192.0.2.1:8443")).toMatchObject({
      exit: 2,
      err: expect.stringMatching(/^logged in at https:.*, and not at https:\/\/192\.0\.2\.1:8443: "cairn fleet login/),
    });
    expect(await at("source", "post", "http://hub.example")).toMatchObject({ exit: 2 });
    expect(await at("source", "post", "hub", "--run")).toMatchObject({
      exit: 2,
      err: expect.stringContaining("--run"),
    });
    const other = { ...files, "web/root.squashfs": "short" };
    pvrRepository(join(home, "damaged"), { files: other });
    const path = join(home, "damaged/.pvr/objects", sha("short"));
    truncateSync(path, 0);
    writeFileSync(path, "shore");
    expect(await at("damaged", "post", "hub")).toMatchObject({
      exit: 1,
      err: expect.stringMatching(/arrived with wrong bytes.*\n.*goes on with the rest/),
    });
  });
});

describe("an operator", () => {
  test("releases a revision to a tag, and sees how far its devices have come and why one failed", async () => {
    await using good = await wiredDevice(world, ["canary"]);
    await using bad = await wiredDevice(world, ["canary"]);
    const short = revision().slice(0, 8);
    const cost = await fleet("cost", short, "--tag", "canary", "--wait");
    expect(cost.out).toMatch(/^DEVICES {2}RUNNING +BYTES EACH {2}OF THAT WHOLE\n2 +not at the hub +(\d{6}) +\1\n$/);
    const told = JSON.parse((await fleet("cost", short, "--tag", "canary", "--json")).out);
    expect(told).toEqual({ running: null, devices: 2, bytes: expect.any(Number), wholeBytes: told.bytes });
    const released = await fleet("release", short, "--tag", "canary", "--security", "--expires", "7d");
    expect(released.out).toMatch(
      new RegExp(`^release 1: revision ${revision().slice(0, 12)} for devices with tag canary, security until 2`),
    );
    const { sequence, policy, expiry } = await good.order(() => true);
    expect(policy).toEqual({ security: true, https: false, whole: false });
    expect((expiry ?? 0) * 1000 - Date.now()).toBeGreaterThan(6.9 * 86_400_000);
    await bad.order(() => true);
    await good.progress({ sequence, phase: "done", percent: 100, reason: null });
    await bad.progress({ sequence, phase: "error", percent: 40, reason: "goalMissed" });
    const listed = async () => JSON.parse((await fleet("releases", "--json")).out);
    while ((await listed()).devices.failed === 0 || (await listed()).devices.done === 0) await Bun.sleep(20);
    expect(await listed()).toMatchObject({
      number: 1,
      tag: "canary",
      devices: { meant: 2, taken: 2, done: 1, failed: 1, reasons: { goalMissed: 1 } },
    });
    expect((await fleet("releases")).out).toMatch(
      / {2}canary {2}.* {2}2 +2 +1 +1 \(1 goalMissed\) {2}security until 2/,
    );
    const shown = (await fleet("show", bad.id)).out;
    expect(shown).toContain(`is to run   revision ${revision().slice(0, 12)} as 1, release 1, order 1\n`);
    expect(shown).toMatch(/\nprogress +error 40 %, 2.*\nreason +goalMissed\n/);
    const log = (await fleet("log")).out;
    expect(log).toMatch(new RegExp(`operator +release +${revision()} canary\n`));
    expect(log).toMatch(new RegExp(`operator +revision +${revision()}\n`));
    expect(await fleet("discard", short)).toMatchObject({
      exit: 1,
      err: expect.stringMatching(/is the newest release of a tag: release another one to it first/),
    });
  });

  test.each([
    [["0000", "--tag", "x"], 1, /no revision begins with "0000"/],
    [["xyz", "--tag", "x"], 1, /no revision begins with "xyz"/],
    [["0000"], 2, /wanted --tag/],
    [["0000", "--tag", "x", "--expires", "soon"], 2, /--expires "soon" is no time/],
    [["0000", "--tag", "x", "--expires", "2026-13-01T00:00:00Z"], 2, /is no time/],
  ])("hears what is wrong with release %j", async (words, exit, why) => {
    expect(await fleet("release", ...words)).toMatchObject({ exit, out: "", err: expect.stringMatching(why) });
  });

  test.each([
    ["0000", "canary", /no revision begins with "0000"/],
    ["0000", "no tag", /"no tag" is no tag/],
  ])("hears what is wrong with the cost of %s for %s", async (name, tag, why) => {
    expect(await fleet("cost", name, "--tag", tag)).toMatchObject({
      exit: 1,
      out: "",
      err: expect.stringMatching(why),
    });
  });

  test("removes a revision that nobody is to run", async () => {
    pvrRepository(join(home, "old"), { files: { ...files, "web/root.squashfs": "old" } });
    const posted = JSON.parse((await at("old", "post", "hub", "--json")).out);
    expect((await fleet("discard", posted.revision)).out).toBe(`revision ${posted.revision} is gone\n`);
    expect((await fleet("discard", posted.revision)).exit).toBe(1);
  });

  test("has an example in the help of each command", async () => {
    for (const name of ["revisions", "discard", "cost", "release", "releases"]) {
      expect((await fleet(name, "--help")).out).toContain(`cairn fleet ${name}`);
    }
  });
});
