import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { device, digestOf, everythingSigned } from "../../author/explain/revisions.ts";
import { vectorPath } from "../../signatures/vectors.ts";
import { tgz } from "../archives.ts";
import { cairn } from "../run-command.ts";

const folder = mkdtempSync(join(tmpdir(), "cairn-explain-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, bytes: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

const text = JSON.stringify(device);
const state = file("state.json", text);

/** The web container's line of the first table. */
const webLine = (out: string): string => /^ {2}web .*$/m.exec(out)?.[0] ?? "";

describe("explain reads", () => {
  test("a file with a state, of which no object is at hand", async () => {
    const ran = await cairn("explain", state);
    expect(ran).toMatchObject({ exit: 0, err: "" });
    expect(webLine(ran.out)).toBe("  web       container               5 keys  0 B  without 3 objects, not at hand");
  });

  test("an export", async () => {
    const bytes = "web root";
    const archive = tgz({ name: "json", bytes: text }, { name: `objects/${digestOf(bytes)}`, bytes });
    expect(webLine((await cairn("explain", file("out.tgz", archive))).out)).toContain("8 B  without 2 objects");
  });

  test("a repository", async () => {
    file("repo/.pvr/json", text);
    file(`repo/.pvr/objects/${digestOf("web root")}`, "web root");
    expect(webLine((await cairn("explain", join(folder, "repo"))).out)).toContain("8 B  without 2 objects");
  });

  test("a revision's folder on a device, where files lie in their places", async () => {
    file("trail/.pvr/json", text);
    file("trail/web/root.squashfs", "web root");
    file("trail/_config/web/etc/motd", "hello");
    expect(webLine((await cairn("explain", join(folder, "trail"))).out)).toContain("13 B  without 1 object,");
  });

  test.each<[string, string, string]>([
    ["what is not there", join(folder, "nothing"), "ENOENT"],
    ["what is no revision", file("text", "hello"), "text"],
    [
      "a state that a device refuses",
      file("bad.json", '{"#spec":"pantavisor-service-system@1","a":1}'),
      "wanted a SHA-256",
    ],
  ])("%s, and says what is wrong with it", async (_what, path, sentence) => {
    const ran = await cairn("explain", path);
    expect(ran).toMatchObject({ exit: 1, out: "" });
    expect(ran.err).toContain(sentence);
  });
});

test("the whole of it, for people", async () => {
  const other = file("new.json", JSON.stringify({ ...device, "web/root.squashfs": digestOf("new") }));
  expect((await cairn("explain", "--against", state, other)).out).toBe(`What is in it
  bsp       base system             4 keys  0 B  without 2 objects, not at hand
  (device)  settings of the device  1 key   0 B
  radio     container               4 keys  0 B  without 2 objects, not at hand
  web       container               5 keys  0 B  without 3 objects, not at hand

Containers
  radio
    group    root, goal STARTED; an update of it needs a reboot
    root     root.squashfs
    roles    mgmt: it may command the device
    network  as its LXC configuration says
  web
    from     nginx:1.27 (sha256:77)
    group    app, goal READY; an update of it exchanges it alone
    root     root.squashfs
    storage  docker--data (permanent on ssd)
    network  pool internal
    ports    80/tcp, as its image says

Started in this order
  1.  root  until STARTED  radio
  2.  app   until READY    web

What it needs
  driver        wifi      for radio
  driver        led       for radio  bsp/drivers.json has no such alias
  disk          ssd       for web    not in this state
  service       net       for web    from radio
  service       camera    for web    nobody exports it
  network pool  internal  for web    not in this state
  file system   squashfs

Signatures
  none: anybody can have made it

What a device would do
  no reboot: only these containers are exchanged, the others keep their processes
  exchange  web
  0 B are new to it

Warnings
  web/run.json, network.pool: "internal" is no pool of device.json: the container will not start
  web/run.json, storage.docker--data.disk: "ssd" is no disk of the state: the volume will not mount
`);
});

describe("signatures", () => {
  const key = vectorPath("pki/dev-rsa.pub");
  const good = file("signed.json", JSON.stringify(everythingSigned()));

  test("are verified by the keys that --key names", async () => {
    const ran = await cairn("explain", "--key", key, good);
    expect(ran.exit).toBe(0);
    expect(ran.out).toContain("_sigs/all.json: good, by key ");
    expect(ran.out).toContain("every key that a device reads is protected");
  });

  test("that are bad end it with 1, after all is said", async () => {
    const bad = file("broken.json", JSON.stringify({ ...everythingSigned(), "web/root.squashfs": digestOf("x") }));
    const ran = await cairn("explain", "--key", key, bad);
    expect(ran.exit).toBe(1);
    expect(ran.out).toContain("_sigs/all.json: BAD, ");
    expect(ran.out).toContain("What it needs");
  });

  test("are not verified against a file that holds no keys", async () => {
    const ran = await cairn("explain", "--key", state, good);
    expect(ran).toMatchObject({ exit: 1, out: "" });
    expect(ran.err).toContain("PUBLIC KEY");
  });
});

test("--json has the same as data", async () => {
  const ran = await cairn("explain", "--json", "--against", state, state);
  expect(JSON.parse(ran.out)).toMatchObject({
    parts: [
      { name: "bsp" },
      { name: "(device)" },
      { name: "radio" },
      { name: "web", missing: [{}, {}, {}].map(() => expect.any(String)) },
    ],
    change: { transition: { kind: "swap", affected: [] }, newBytes: 0 },
    signatures: { each: [] },
  });
});
