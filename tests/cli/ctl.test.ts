import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Behaviour, type FakeControl, fakeControl, type Told } from "./fake-control.ts";
import { cairn } from "./run-command.ts";

const always = (told: Told | null): Behaviour => ({ answer: () => told });
const ctl = (control: FakeControl, ...words: string[]) => cairn("ctl", "-s", control.socket, ...words);
const sha = (bytes: Uint8Array | string): string => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

test("an exit code says what became of it", async () => {
  await using control = await fakeControl(always({ status: 200 }));
  const exits: [number, readonly string[], number][] = [
    [200, ["cmd", "reboot"], 0],
    [204, ["cmd", "go-remote"], 255],
    [400, ["cmd", "run", "7"], 255],
    [403, ["containers", "stop", "web"], 255],
    [404, ["steps", "get", "7"], 255],
    [409, ["cmd", "make-factory"], 255],
    [422, ["cmd", "run", "7"], 70],
    [500, ["signal", "alive"], 255],
    [503, ["cmd", "run-gc"], 75],
    [507, ["usrmeta", "save", "a", "b"], 48],
  ];
  for (const [status, words, exit] of exits) {
    control.behave(always({ status, body: status === 200 || status === 204 ? "" : '{"Error":"why"}' }));
    const ran = await ctl(control, ...words);
    expect([status, ran.exit, ran.out]).toEqual([status, exit, ""]);
    expect(ran.err).toBe(exit === 0 ? "" : status === 204 ? "nothing to do: it is so already\n" : '{"Error":"why"}\n');
  }
});

test("each command asks what the original's client asks", async () => {
  const bodies: string[] = [];
  await using control = await fakeControl({
    answer: ({ body }) => {
      bodies.push(body.toString());
      return { status: 200, body: "" };
    },
  });
  const commands: [string, string, string][] = [
    ["containers start web", "PUT /containers/web", '{"action":"start"}'],
    ["daemons stop pv-dbus", "PUT /daemons/pv-dbus", '{"action":"stop"}'],
    ["signal alive", "POST /signal", '{"type":"alive","payload":""}'],
    ["cmd run locals/a", "POST /commands", '{"op":"LOCAL_RUN","payload":"locals/a"}'],
    ["commands run-commit 7", "POST /commands", '{"op":"LOCAL_RUN_COMMIT","payload":"7"}'],
    ["cmd poweroff", "POST /commands", '{"op":"POWEROFF_DEVICE","payload":""}'],
    ["cmd reboot why", "POST /commands", '{"op":"REBOOT_DEVICE","payload":"why"}'],
    ["cmd run-gc", "POST /commands", '{"op":"RUN_GC","payload":""}'],
    ["cmd make-factory 3", "POST /commands", '{"op":"MAKE_FACTORY","payload":"3"}'],
    ["cmd enable-ssh", "POST /commands", '{"op":"ENABLE_SSH","payload":""}'],
    ["cmd disable-ssh", "POST /commands", '{"op":"DISABLE_SSH","payload":""}'],
    ["cmd go-remote", "POST /commands", '{"op":"GO_REMOTE","payload":""}'],
    ["cmd unclaim", "POST /commands", '{"op":"UNCLAIM","payload":""}'],
    ["cmd defer-reboot", "POST /commands", '{"op":"DEFER_REBOOT","payload":"600"}'],
    ["usrmeta save a/b c", "PUT /user-meta/a%2Fb", "c"],
    ["devmeta delete k", "DELETE /device-meta/k", ""],
    ["steps get locals/a", "GET /steps/locals/a", ""],
    ["steps show-progress current --json", "GET /steps/current/progress", ""],
    ["storage gc --json", "POST /storage/gc", ""],
    ["usrmeta ls --json", "GET /user-meta", ""],
    ["graph ls --json", "GET /xconnect-graph", ""],
  ];
  for (const [words] of commands) await ctl(control, ...words.split(" "));
  expect(control.asked).toEqual(commands.map(([, asked]) => asked));
  expect(bodies).toEqual(commands.map(([, , body]) => body));

  control.asked.length = 0;
  await ctl(control, "daemons", "restart", "pv-dbus");
  expect(control.asked).toEqual(["PUT /daemons/pv-dbus", "PUT /daemons/pv-dbus"]);
  expect(bodies.slice(-2)).toEqual(['{"action":"stop"}', '{"action":"start"}']);
});

test("wrong arguments ask nothing", async () => {
  await using control = await fakeControl(always({ status: 200 }));
  const wrong = [
    ["steps", "get", "../objects"],
    ["steps", "get", ""],
    ["steps", "put", "state.json", "7"],
    ["steps", "put", "state.json", "locals/a b"],
    ["cmd", "defer-reboot", "soon"],
    ["objects", "get", "abc"],
    ["objects", "put", "file", "ABC"],
    ["install", "x.tgz", "--run", "--try"],
    ["install", "x.tgz", "--name", "web"],
    ["install", "x.tgz", "-m", "x".repeat(257)],
    ["install", "x.tgz", "--wait", "long"],
  ];
  for (const words of wrong) expect([words, (await ctl(control, ...words)).exit]).toEqual([words, 2]);
  expect(control.asked).toEqual([]);
});

test("lists are tables", async () => {
  await using control = await fakeControl(always({ status: 200 }));
  const tables: [string, unknown, readonly string[]][] = [
    ["daemons ls", [{ name: "hwrngd", pid: 9, respawn: true }], ["NAME    PID  KEPT ALIVE", "hwrngd  9    yes"]],
    ["usrmeta ls", { "a.b": "c", n: { x: 1 } }, ["KEY  VALUE", "a.b  c", 'n    {"x":1}']],
    ["objects ls", [{ sha256: "ab", size: "12" }], ["SHA256  BYTES", "ab      12"]],
    ["storage gc", { reclaimed: 3 << 20 }, ["3.0 MiB are free again"]],
    [
      "graph ls",
      [{ consumer: "web", provider: "db", name: "sql", type: "unix", target: "/run/sql", consumer_pid: 1 }],
      [
        "CONSUMER  PROVIDER  SERVICE  TYPE  ROLE  INTERFACE  TARGET",
        "web       db        sql      unix                   /run/sql",
      ],
    ],
  ];
  for (const [words, body, lines] of tables) {
    control.behave(always({ status: 200, body: JSON.stringify(body) }));
    expect(await ctl(control, ...words.split(" "))).toEqual({ exit: 0, out: `${lines.join("\n")}\n`, err: "" });
  }
});

test("a failed revision is listed with what is known of its failure; the original's runtime knows nothing", async () => {
  const evidence = {
    reason: "containerFailed",
    message: "web ended before its goal",
    container: "web",
    exit: { code: 3 },
    at: 1_700_000_000_000,
    loader: { committed: "7", trial: "locals/b", booted: "locals/b" },
    lines: ["cannot open \u001b[2J/etc/web", "bye"],
  };
  const failed = { status: "ERROR", "status-msg": "Status goal not reached", progress: 100 };
  await using control = await fakeControl(
    always({
      status: 200,
      body: JSON.stringify([
        {
          name: "7",
          date: "2026-01-01",
          commitmsg: "web 1.4",
          progress: { status: "DONE", evidence: { reason: "odd" } },
        },
        { name: "locals/b", date: "2026-01-02", commitmsg: "", progress: { ...failed, evidence } },
        { name: "locals/c", date: 5, progress: { ...failed, evidence: { lines: "odd", exit: 9 } } },
        { name: "locals/d", progress: {} },
      ]),
    }),
  );
  expect((await ctl(control, "steps", "ls")).out.split("\n")).toEqual([
    "NAME      STATUS  MESSAGE                  DATE        COMMIT MESSAGE",
    "7         DONE                             2026-01-01  web 1.4",
    "locals/b  ERROR   Status goal not reached  2026-01-02",
    "    container web: containerFailed: web ended before its goal: exit code 3",
    "    at 2023-11-14T22:13:20Z",
    "    boot loader: committed 7, on trial locals/b, booted locals/b",
    "    | cannot open ?[2J/etc/web",
    "    | bye",
    "locals/c  ERROR   Status goal not reached  -",
    "locals/d  -       -                        -",
    "",
  ]);
});

test("objects are fetched whole or with a sign that they are not", async () => {
  const bytes = Buffer.alloc(3_000_000, "object ");
  const digest = sha(bytes);
  await using control = await fakeControl(always({ status: 200, body: bytes }));
  const file = join(control.folder, "object");
  expect(await ctl(control, "objects", "get", "-f", file, digest)).toEqual({ exit: 0, out: "", err: "" });
  expect(sha(readFileSync(file))).toBe(digest);

  control.behave(always({ status: 200, body: bytes, untilEnd: true }));
  expect(sha(Buffer.from((await ctl(control, "objects", "get", digest)).out, "latin1"))).toBe(digest);
  control.behave(always({ status: 200, body: bytes.subarray(1) }));
  expect((await ctl(control, "objects", "get", "-f", file, digest)).exit).toBe(60);
  control.behave(always({ status: 200, body: bytes, length: bytes.length + 1 }));
  expect(await ctl(control, "objects", "get", "-f", file, digest)).toMatchObject({
    exit: 255,
    err: expect.stringContaining("its answer broke off"),
  });
  control.behave(always({ status: 404, body: '{"Error":"no such object"}' }));
  expect(await ctl(control, "objects", "get", digest)).toEqual({
    exit: 255,
    out: "",
    err: '{"Error":"no such object"}\n',
  });
});

test("a large object that is refused before it is sent: the refusal arrives", async () => {
  await using control = await fakeControl({
    early: () => ({ status: 507, body: '{"Error":"no space"}' }),
    answer: () => null,
  });
  const file = join(control.folder, "large");
  await Bun.write(file, Buffer.alloc(20 << 20));
  const ran = await ctl(control, "objects", "put", file, sha(""));
  expect(ran).toEqual({ exit: 48, out: "", err: '{"Error":"no space"}\n' });
});

test("an object with other bytes than it says is refused with exit code 60", async () => {
  await using control = await fakeControl(always({ status: 422, body: '{"Error":"checksum"}' }));
  const file = join(control.folder, "object");
  await Bun.write(file, "x");
  expect((await ctl(control, "objects", "put", file, sha("y"))).exit).toBe(60);
  expect((await ctl(control, "objects", "put", join(control.folder, "none"), sha("y"))).exit).toBe(255);
  expect((await ctl(control, "objects", "put", control.folder, sha("y"))).err).toContain("not a file");
});

test("a state is put with its message", async () => {
  const bodies: string[] = [];
  await using control = await fakeControl({
    answer: ({ body }) => {
      bodies.push(body.toString());
      return { status: 200 };
    },
  });
  const file = join(control.folder, "state.json");
  await Bun.write(file, '{"#spec":"x"}');
  expect((await ctl(control, "steps", "put", file, "locals/a", "-m", "web 1.4")).exit).toBe(0);
  expect(control.asked).toEqual(["PUT /steps/locals/a", "PUT /steps/locals/a/commitmsg"]);
  expect(bodies).toEqual(['{"#spec":"x"}', "web 1.4"]);

  control.behave(always({ status: 422, body: '{"Error":"Parser: State JSON has bad format"}' }));
  expect((await ctl(control, "steps", "put", file, "locals/a")).exit).toBe(70);
});

test("-f writes to a file, -v says what is asked", async () => {
  await using control = await fakeControl(always({ status: 200, body: "cairn: 1\n" }));
  const file = join(control.folder, "build");
  const ran = await ctl(control, "-v", "-f", file, "buildinfo");
  expect(ran).toEqual({ exit: 0, out: "", err: `${control.socket}: GET /buildinfo: 200\n` });
  expect(readFileSync(file, "utf8")).toBe("cairn: 1\n");
});

test.each([
  ["hangs up", null, "it hung up"],
  ["answers with something else", { status: 999 }, "its answer is not HTTP"],
] as const)("a runtime that %s is no answer", async (_what, told, why) => {
  await using control = await fakeControl(always(told));
  const ran = await ctl(control, "ls");
  expect([ran.exit, ran.out]).toEqual([255, ""]);
  expect(ran.err).toContain(why);
});
