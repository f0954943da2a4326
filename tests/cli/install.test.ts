import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { end, members, object, pax, sha, stateOf, tar, tgz } from "./archives.ts";
import { deviceOf, type FakeControl, fakeControl } from "./fake-control.ts";
import { cairn } from "./run-command.ts";

const folder = mkdtempSync(join(tmpdir(), "cairn-install-"));
afterAll(() => rmSync(folder, { recursive: true }));

const large = Buffer.alloc(2_000_000, "root ");
const state = stateOf({ "web/root.squashfs": large, "web/a": "a", "web/b": "b" });
const json = { name: "json", bytes: state };
const good = tgz(json, object(large), object("a"), object("b"));

const write = (name: string, bytes: Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};
const install = (control: FakeControl, ...words: string[]) => cairn("ctl", "-s", control.socket, "install", ...words);
const name = `locals/web-1.4-${sha(state).slice(0, 8)}`;

test("an export becomes a revision: objects that lack, then the state", async () => {
  const device = deviceOf({ objects: [sha("a")] });
  await using control = await fakeControl(device.behaviour);
  const ran = await install(control, write("web-1.4.tgz", good), "-m", "web 1.4");
  expect(ran).toEqual({
    exit: 0,
    out: [
      `object 1 of 2: ${sha(large)}, 1.9 MiB`,
      `object 2 of 2: ${sha("b")}, 1 B`,
      `${name}: installed; 2 objects sent (1.9 MiB), 1 were there`,
      "",
    ].join("\n"),
    err: "",
  });
  expect(control.asked).toEqual([
    "GET /objects",
    `PUT /objects/${sha(large)}`,
    `PUT /objects/${sha("b")}`,
    `GET /steps/${name}`,
    `PUT /steps/${name}`,
    `PUT /steps/${name}/commitmsg`,
  ]);
  expect(device.states.get(name)).toBe(state);
  expect(device.stored.get(sha(large))?.equals(large)).toBe(true);
  expect([...device.messages]).toEqual([[name, "web 1.4"]]);

  control.asked.length = 0;
  const again = await install(control, join(folder, "web-1.4.tgz"));
  expect(again.out).toBe(`${name}: was there already; 0 objects sent (0 B), 3 were there\n`);
  expect(control.asked).toEqual(["GET /objects", `GET /steps/${name}`]);
});

describe("a package may be", () => {
  const repository = (path: string, objects: string): string => {
    mkdirSync(join(folder, path, ".pvr", "objects"), { recursive: true });
    mkdirSync(join(folder, path, objects), { recursive: true });
    writeFileSync(join(folder, path, ".pvr/json"), state);
    for (const bytes of [large, "a", "b"]) writeFileSync(join(folder, path, objects, sha(bytes)), bytes);
    return join(folder, path);
  };
  const shared = repository("shared", "store");
  writeFileSync(join(shared, ".pvr/config"), JSON.stringify({ ObjectsDir: "store" }));
  const absolute = repository("absolute", "../elsewhere");
  writeFileSync(join(absolute, ".pvr/config"), JSON.stringify({ ObjectsDir: join(folder, "elsewhere") }));
  const long = `objects/${sha(large)}`;

  test.each([
    ["an archive without compression", write("plain.tar", tar(json, object(large), object("a"), object("b")))],
    ["one with the state at the end", write("late.tar", tar(object("a"), object("b"), object(large), json))],
    ["one with an object twice", write("twice.tar", tar(json, object("a"), object("a"), object("b"), object(large)))],
    [
      "one with folders and ./",
      write(
        "dots.tar",
        tar(
          { name: "./", type: "5" },
          { ...json, name: "./json" },
          { ...object("a"), name: `./objects/${sha("a")}` },
          object("b"),
          object(large),
        ),
      ),
    ],
    [
      "one with extended headers",
      write(
        "pax.tar",
        tar(
          json,
          pax({ path: long, size: String(large.length) }),
          { name: "short", bytes: large, size: 0 },
          object("a"),
          object("b"),
        ),
      ),
    ],
    [
      "one with GNU's long names",
      write(
        "gnu.tar",
        tar(
          json,
          { name: "././@LongLink", type: "L", bytes: `${long}\0`, magic: "ustar  " },
          { name: "cut", bytes: large, magic: "ustar  " },
          object("a"),
          object("b"),
        ),
      ),
    ],
    [
      "one padded to a tape's record",
      write(
        "padded.tgz",
        gzipSync(Buffer.concat([tar(json, object(large), object("a"), object("b")), Buffer.alloc(7168)])),
      ),
    ],
    [
      "one with things that nobody asked for",
      write(
        "more.tar",
        tar(
          json,
          { name: "/etc/passwd", bytes: "x" },
          { name: "../../json", bytes: "x" },
          { name: "objects/../json", bytes: "x" },
          object("other"),
          object(large),
          object("a"),
          object("b"),
        ),
      ),
    ],
    ["a checkout", repository("checkout", ".pvr/objects")],
    ["its .pvr", `${repository("inner", ".pvr/objects")}/.pvr`],
    ["one that shares its objects", shared],
    ["one that shares them by an absolute path", absolute],
  ])("%s", async (_what, path) => {
    const device = deviceOf();
    await using control = await fakeControl(device.behaviour);
    expect(await install(control, path, "--name", "locals/x")).toMatchObject({ exit: 0, err: "" });
    expect(device.states.get("locals/x")).toBe(state);
    expect([...device.stored.keys()].sort()).toEqual([sha(large), sha("a"), sha("b")].sort());
  });
});

describe("a hostile package is refused and nothing is sent:", () => {
  const rest = [object(large), object("a"), object("b")];
  const whole = tar(json, ...rest);
  const link = join(folder, "link-objects");
  mkdirSync(join(link, "objects"), { recursive: true });
  writeFileSync(join(link, "json"), state);
  for (const bytes of [large, "a"]) writeFileSync(join(link, "objects", sha(bytes)), bytes);
  symlinkSync("/etc/passwd", join(link, "objects", sha("b")));
  const pipe = join(folder, "pipe");
  Bun.spawnSync(["mkfifo", pipe]);
  const odd: [string, Uint8Array | string, string][] = [
    ["cut off in a file", whole.subarray(0, 1_000_000), "cut off"],
    ["cut off in a header", whole.subarray(0, 700 + 512), "cut off"],
    ["cut off before its end mark", members(json, ...rest), "end mark is missing"],
    ["half an end mark", Buffer.concat([members(json, ...rest), end.subarray(512)]), "end mark is not whole"],
    ["gzip cut off", good.subarray(0, good.length - 9), "unpacking it failed"],
    ["gzip damaged", Buffer.concat([good.subarray(0, -8), Buffer.alloc(8)]), "unpacking it failed"],
    ["garbage behind gzip", Buffer.concat([good, Buffer.from("garbage")]), "unpacking it failed"],
    ["garbage behind the end", Buffer.concat([whole, Buffer.alloc(512, "x")]), "behind the archive's end"],
    ["a second archive behind it", Buffer.concat([whole, whole]), "behind the archive's end"],
    ["a link for the state", tar({ name: "json", type: "2", link: "x" }, ...rest), 'a link, "json"'],
    ["a hard link for an object", tar(json, { ...object("a"), bytes: "", type: "1", link: "json" }), "a link"],
    ["a device", tar(json, { name: "objects/x", type: "3" }), "no file"],
    ["a sparse file", tar(json, { name: "x", type: "S" }), "sparse"],
    ["a sparse file in pax", tar(json, pax({ "GNU.sparse.major": "1" }), object("a")), "sparse"],
    ["a wrong check sum", tar({ ...json, badSum: true }, ...rest), "check sum"],
    ["a negative length", tar(json, pax({ size: "-1" }), object("a")), "malformed"],
    ["a huge length", tar(json, pax({ size: "999999999999999" }), object("a")), "larger than is allowed"],
    ["an extended header that lies", tar({ name: "x", type: "x", bytes: "99 path=json\n" }, json), "malformed"],
    ["an extended header without end", tar({ name: "x", type: "x", bytes: "x".repeat(1_100_000) }, json), "too long"],
    ["a state without end", tar({ name: "json", bytes: "[".repeat(2 << 20) }), "larger than"],
    ["two states", tar(json, json, ...rest), "two states"],
    ["two objects of one name", tar(json, object("a"), { ...object("a"), bytes: "aa" }), "two objects"],
    ["no state", tar(...rest), "no state"],
    ["a state that is no JSON", tar({ name: "json", bytes: "{" }), "not JSON"],
    ["a state that is a list", tar({ name: "json", bytes: "[]" }), "no JSON object"],
    ["a state that is not UTF-8", tar({ name: "json", bytes: Buffer.from([0x22, 0xff, 0x22]) }), "not UTF-8"],
    ["something else", Buffer.from("#!/bin/sh\n".repeat(100)), "no tar archive"],
    ["nothing", Buffer.alloc(0), "end mark is missing"],
    ["too many members", tar(json, ...Array.from({ length: 20_000 }, () => ({ name: "x" }))), "too many"],
    ["a link in a repository", link, "ELOOP"],
    ["an empty folder", mkdtempSync(join(folder, "empty-")), "neither .pvr/json nor json"],
    ["a pipe", pipe, "neither a file nor a folder"],
    ["no file at all", join(folder, "absent"), "ENOENT"],
  ];
  test.each(odd)("%s", async (what, content, why) => {
    const device = deviceOf();
    await using control = await fakeControl(device.behaviour);
    const path = typeof content === "string" ? content : write(`odd-${what.replaceAll(/\W/g, "-")}`, content);
    const ran = await install(control, path, "--run");
    expect([ran.exit, ran.out]).toEqual([255, ""]);
    expect(ran.err).toContain(why);
    expect(control.asked).toEqual([]);
  });
});

describe("what does not arrive is not run:", () => {
  test("an object with wrong bytes", async () => {
    const device = deviceOf();
    await using control = await fakeControl(device.behaviour);
    const path = write("lie.tar", tar(json, { ...object("a"), bytes: "x" }, object("b"), object(large)));
    const ran = await install(control, path, "--run");
    expect(ran.exit).toBe(60);
    expect(ran.err).toContain(`object ${sha("a")} was not stored: nothing was run`);
    expect(control.asked).toEqual(["GET /objects", `PUT /objects/${sha("a")}`]);
  });

  test("an object that is nowhere", async () => {
    const device = deviceOf({ objects: [sha("a")] });
    await using control = await fakeControl(device.behaviour);
    const path = write("part.tar", tar(json, object("b")));
    const ran = await install(control, path, "--run");
    expect([ran.exit, ran.err]).toEqual([
      255,
      `1 objects are neither in the package nor on the device, such as ${sha(large)}\n`,
    ]);
    expect(control.asked).toEqual(["GET /objects"]);
  });

  test("a state that the device refuses", async () => {
    const device = deviceOf();
    await using control = await fakeControl({
      answer: (asked) =>
        asked.method === "PUT" && asked.path.startsWith("/steps/")
          ? { status: 422, body: '{"Error":"Parser: State JSON has bad format"}' }
          : device.behaviour.answer(asked),
    });
    const ran = await install(control, write("web-1.4.tgz", good), "--run");
    expect([ran.exit, ran.err]).toEqual([70, "Parser: State JSON has bad format\n"]);
    expect(device.commands).toEqual([]);
  });
});

describe("install --run waits for the verdict:", () => {
  const testing = { status: "TESTING", "status-msg": "Awaiting to see if update is stable" };
  const run = async (flag: string, records: (object | null)[], ...more: string[]) => {
    const device = deviceOf({ records: records as object[] });
    await using control = await fakeControl(device.behaviour);
    const ran = await install(control, write("web-1.4.tgz", good), "--name", "locals/x", flag, ...more);
    const lines = ran.out.split("\n");
    return {
      ...ran,
      said: lines.slice(lines.findIndex((line) => line.includes("locals/x")) + 1, -1),
      commands: device.commands,
    };
  };

  test("each status is shown once, also when the device goes away between two", async () => {
    const ran = await run("--run", [
      testing,
      testing,
      null,
      testing,
      { status: "UPDATED", "status-msg": "Update finished" },
    ]);
    expect([ran.exit, ran.said]).toEqual([
      0,
      ["TESTING: Awaiting to see if update is stable", "UPDATED: Update finished"],
    ]);
    expect(ran.err).toContain("still waiting");
    expect(ran.commands).toEqual(['{"op":"LOCAL_RUN","payload":"locals/x"}']);
  });

  test("a failure exits 1 with its evidence", async () => {
    const evidence = { reason: "goalMissed", container: "web", lines: ["bye"] };
    const ran = await run("--try", [testing, { status: "ERROR", "status-msg": "Status goal not reached", evidence }]);
    expect([ran.exit, ran.said.slice(1)]).toEqual([
      1,
      ["ERROR: Status goal not reached", "    container web: goalMissed", "    | bye"],
    ]);
    expect(ran.commands).toEqual(['{"op":"LOCAL_RUN_COMMIT","payload":"locals/x"}']);
  });

  test("the verdict of an earlier run is not taken for this one's", async () => {
    const before = { status: "ERROR", "status-msg": "Status goal not reached" };
    const device = deviceOf({ before, records: [before, testing, { status: "DONE" }] });
    await using control = await fakeControl(device.behaviour);
    const ran = await install(control, write("web-1.4.tgz", good), "--run");
    expect(ran.exit).toBe(0);
    expect(ran.out).not.toContain("ERROR");
  });

  test("--json is one object a line", async () => {
    const ran = await run("--run", [testing, { status: "WONTGO" }], "--json");
    expect(ran.exit).toBe(1);
    expect(
      ran.out
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { revision: "locals/x", objectsSent: 3, bytesSent: large.length + 2, objectsKept: 0, reused: false },
      { revision: "locals/x", progress: testing },
      { revision: "locals/x", progress: { status: "WONTGO" } },
    ]);
  });

  test("no verdict in time exits 75, and --no-wait looks for none", async () => {
    const late = await run("--run", [testing], "--wait", "1");
    expect([late.exit, late.said]).toEqual([75, ["TESTING: Awaiting to see if update is stable"]]);
    const unseen = await run("--run", [testing], "--no-wait");
    expect([unseen.exit, unseen.said]).toEqual([0, []]);
  });
});
