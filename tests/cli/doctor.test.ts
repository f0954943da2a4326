import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { diagnose } from "../../runtime/cli/ctl/doctor/diagnose.ts";
import type { Facts, RevisionFacts } from "../../runtime/cli/ctl/doctor/facts.ts";
import { reportText } from "../../runtime/cli/ctl/doctor/report.ts";
import { openTree, revisionFacts, storageFacts } from "../../runtime/cli/ctl/doctor/storage-facts.ts";
import { readProgressRecord } from "../../runtime/cli/ctl/progress.ts";
import { sha } from "./archives.ts";
import { fakeControl } from "./fake-control.ts";
import { cairn } from "./run-command.ts";

const MIB = 2 ** 20;
const revision = (name: string, more: Partial<RevisionFacts> = {}): RevisionFacts => ({
  name,
  done: true,
  progress: readProgressRecord('{"status":"DONE"}'),
  previous: null,
  badState: null,
  files: null,
  ...more,
});
const failed = readProgressRecord(
  JSON.stringify({
    status: "ERROR",
    "status-msg": "Status goal not reached",
    evidence: { reason: "goalMissed", container: "web" },
  }),
);
const well: Facts = {
  runtime: { answers: true, build: "cairn: 0.1.0" },
  device: {
    architecture: "aarch64",
    kernel: "6.1.0",
    version: "0.1.0",
    memory: { totalBytes: 512 * MIB, availableBytes: 200 * MIB },
  },
  storage: {
    kind: "there",
    path: "/storage",
    fileSystem: "ext4",
    readOnly: false,
    totalBytes: 1024 * MIB,
    freeBytes: 212 * MIB,
  },
  revisions: [
    revision("0"),
    revision("7", { previous: "6", files: { checked: 12, problems: [] } }),
    revision("8", { done: false, progress: failed }),
  ],
  running: "7",
  booted: { rev: "7", trial: null },
  loader: { kind: "known", type: "grub", committed: "7", trial: null },
  watchdogs: [{ device: "/dev/watchdog0", identity: "BCM2835", state: "active" }],
  containers: [{ name: "web", status: "READY", goal: "STARTED", stoppedByUser: false }],
  debugAccess: null,
};
const findings = (more: Partial<Facts>, area: string) =>
  diagnose({ ...well, ...more }).filter((one) => one.area.startsWith(area));

test("a device that is well is told in a table", () => {
  expect(reportText(diagnose(well)).split("\n")).toEqual([
    "runtime     ok    answers: cairn: 0.1.0",
    "device      ok    aarch64, Linux 6.1.0, cairn 0.1.0, 200.0 MiB of 512.0 MiB memory available",
    "storage     ok    /storage ext4, 212.0 MiB of 1024.0 MiB free",
    "revisions   ok    running 7, committed 7, on trial none, before it 6; 2 others: 1 committed before, 1 failed",
    "revision 8  warn  ERROR: Status goal not reached: container web: goalMissed   next: cairn ctl steps show-progress 8",
    "loader      ok    grub: committed 7, on trial none",
    "files of 7  ok    12 checked, all as the state names them",
    "watchdog    ok    /dev/watchdog0 (BCM2835) is active",
    "containers  ok    1 of 1 at their goals",
    "next boot   ok    revision 7, the committed one",
  ]);
});

test.each([
  ["a runtime that does not answer", { runtime: { answers: false, why: "gone" } }, "runtime", "bad", "gone"],
  [
    "little memory",
    { device: { ...well.device, memory: { totalBytes: 100, availableBytes: 4 } } },
    "device",
    "warn",
    "0 B",
  ],
  ["no storage", { storage: { kind: "unreadable", path: "/s", why: "EIO" } }, "storage", "bad", "/s: EIO"],
  ["a full storage", { storage: { ...well.storage, freeBytes: 40 * MIB } }, "storage", "bad", "40.0 MiB of"],
  ["a read-only storage", { storage: { ...well.storage, readOnly: true } }, "storage", "bad", "read-only"],
  ["no list of revisions", { revisions: null }, "revisions", "bad", "cannot be listed"],
  [
    "a state that is damaged",
    { revisions: [revision("7", { badState: "not JSON" })] },
    "revision 7",
    "bad",
    "not JSON",
  ],
  [
    "one that nobody needs",
    { revisions: [revision("7"), revision("3", { badState: "x" })] },
    "revision 3",
    "warn",
    "x",
  ],
  ["a silent loader", { loader: { kind: "unreadable", type: null, why: "torn" } }, "loader", "warn", "torn"],
  ["debug access", { debugAccess: "until the next boot" }, "debug", "warn", "by SSH on port 8222 until the next boot"],
  ["no watchdog", { watchdogs: [] }, "watchdog", "bad", "a hang would not reboot"],
  [
    "a watchdog that sleeps",
    { watchdogs: [{ device: "/dev/watchdog0", identity: null, state: "inactive" }] },
    "watchdog",
    "warn",
    "not running",
  ],
] as [string, Partial<Facts>, string, string, string][])("%s is found", (_what, more, area, level, words) => {
  const [first] = findings(more, area);
  expect(first).toMatchObject({ area, level });
  expect(first?.sentence).toContain(words);
});

test("a bad file names what to do, one that mends itself does not", () => {
  const object = sha("x");
  const problems = [
    { key: "web/root.squashfs", what: "wrong bytes", object, mends: false },
    { key: "web/a", what: "missing", object, mends: true },
  ];
  expect(findings({ revisions: [revision("7", { files: { checked: 2, problems } })] }, "files")).toEqual([
    {
      area: "files of 7",
      level: "bad",
      sentence: "web/root.squashfs: wrong bytes",
      next: `cairn ctl objects put FILE ${object}`,
    },
    { area: "files of 7", level: "warn", sentence: "web/a: missing", next: null },
  ]);
});

test.each([
  ["STARTED", "STARTED", false, null],
  ["READY", "MOUNTED", false, null],
  ["STARTED", "READY", false, "warn"],
  ["STOPPED", "STARTED", false, "bad"],
  ["STOPPED", "STARTED", true, "warn"],
  ["RECOVERING", "STARTED", false, "bad"],
] as const)("a container that is %s with goal %s, stopped by hand %s: %s", (status, goal, stoppedByUser, level) => {
  const [found] = findings({ containers: [{ name: "web", status, goal, stoppedByUser }] }, "container web");
  expect(found?.level ?? null).toBe(level);
});

describe("the next boot", () => {
  const loader = (committed: string | null, trial: string | null) =>
    ({ kind: "known", type: "grub", committed, trial }) as const;
  const both = [
    revision("0"),
    revision("7"),
    revision("8", { done: false, progress: readProgressRecord('{"status":"TESTING"}') }),
  ];
  const cases: [string, Partial<Facts>, [string, string][]][] = [
    ["the committed one", { loader: loader("7", null) }, [["ok", "revision 7, the committed one"]]],
    ["the factory's", { loader: loader(null, null) }, [["ok", "revision 0, nothing was ever committed"]]],
    [
      "the trial, then back",
      { loader: loader("7", "8"), revisions: both },
      [["ok", "revision 8, once, on trial; if it fails, 7"]],
    ],
    [
      "back, as the trial boot is going on",
      { loader: loader("7", "8"), revisions: both, booted: { rev: "8", trial: "8" } },
      [["warn", "revision 7, the committed one: 8 is on its trial boot now"]],
    ],
    [
      "a trial that has failed",
      { loader: loader("7", "8") },
      [["warn", "8 has failed, but the boot loader still names it"]],
    ],
    [
      "a committed one that is gone",
      { loader: loader("9", null) },
      [
        ["ok", "revision 9"],
        ["bad", "revision 9 is not on the storage: the device has nothing to fall back on"],
      ],
    ],
    [
      "a trial that is gone",
      { loader: loader("7", "9") },
      [
        ["ok", "revision 9"],
        ["bad", "revision 9 is not on the storage: its trial would fail"],
      ],
    ],
    [
      "a committed one that is damaged",
      { loader: loader("7", null), revisions: [revision("7", { badState: "x" })] },
      [
        ["ok", "revision 7"],
        ["bad", "cannot be read"],
      ],
    ],
    ["nobody knows", { loader: { kind: "unreadable", type: null, why: "x" } }, [["warn", "not known"]]],
  ];
  test.each(cases)("%s", (_what, more, wanted) => {
    const found = findings(more, "next boot");
    expect(found.map(({ level }) => level)).toEqual(wanted.map(([level]) => level as (typeof found)[number]["level"]));
    for (const [index, [, words]] of wanted.entries()) expect(found[index]?.sentence).toContain(words);
  });
});

/** A tree with revision 7, whose files are good, and what a test makes of it. */
function tree(): string {
  const root = mkdtempSync(join(tmpdir(), "cairn-doctor-"));
  const trail = join(root, "trails/7");
  for (const folder of ["objects", "trails/7/.pvr", "trails/7/.pv", "trails/7/web"])
    mkdirSync(join(root, folder), { recursive: true });
  const run = '{"name":"web","root-volume":"root.squashfs","type":"lxc","config":"lxc.container.conf"}';
  const files = { "web/lxc.container.conf": "conf", "web/root.squashfs": "root", "web/seed.bind": "seed" };
  const entries = Object.entries(files).map(([key, bytes]) => `"${key}":"${sha(bytes)}"`);
  const state = `{"#spec":"pantavisor-service-system@1",${entries.join(",")},"web/run.json":${run}}`;
  writeFileSync(join(trail, ".pvr/json"), state);
  writeFileSync(join(trail, ".pv/progress"), '{"status":"DONE"}');
  writeFileSync(join(trail, ".pv/done"), "");
  writeFileSync(join(trail, ".pv/previous"), "6\n");
  writeFileSync(join(trail, "web/run.json"), run);
  for (const [key, bytes] of Object.entries(files)) {
    writeFileSync(join(root, "objects", sha(bytes)), bytes);
    writeFileSync(join(trail, key), bytes);
  }
  symlinkSync("7", join(root, "trails/current"));
  return root;
}

describe("a storage tree", () => {
  const look = async (root: string) => {
    const [facts] = (await revisionFacts(openTree(root), new Set(["7"]))) ?? [];
    rmSync(root, { recursive: true });
    return facts;
  };

  test("that is good has nothing to tell", async () => {
    expect(await look(tree())).toMatchObject({
      name: "7",
      done: true,
      previous: "6",
      badState: null,
      progress: { status: "DONE" },
      files: { checked: 4, problems: [] },
    });
  });

  test.each([
    [
      "a wrong file",
      (root: string) => writeFileSync(join(root, "trails/7/web/root.squashfs"), "rott"),
      "web/root.squashfs",
      "wrong bytes",
      false,
    ],
    [
      "a missing file",
      (root: string) => rmSync(join(root, "trails/7/web/root.squashfs")),
      "web/root.squashfs",
      "missing; the next boot",
      true,
    ],
    [
      "a missing file without object",
      (root: string) => {
        rmSync(join(root, "trails/7/web/root.squashfs"));
        rmSync(join(root, "objects", sha("root")));
      },
      "web/root.squashfs",
      "is not good either",
      false,
    ],
    [
      "a copy its container wrote to",
      (root: string) => writeFileSync(join(root, "trails/7/web/seed.bind"), "grown"),
      "web/seed.bind",
      "changed by its container",
      true,
    ],
    [
      "another text",
      (root: string) => writeFileSync(join(root, "trails/7/web/run.json"), "{}"),
      "web/run.json",
      "differs from the text",
      false,
    ],
    ["no text", (root: string) => rmSync(join(root, "trails/7/web/run.json")), "web/run.json", "missing", true],
    [
      "a link",
      (root: string) => {
        rmSync(join(root, "trails/7/web/root.squashfs"));
        symlinkSync("/etc/passwd", join(root, "trails/7/web/root.squashfs"));
      },
      "web/root.squashfs",
      "symbolic link",
      false,
    ],
  ] as const)("with %s tells it, and nothing was mended", async (_what, damage, key, words, mends) => {
    const root = tree();
    damage(root);
    const before = readdirSync(root, { recursive: true }).sort();
    const times = before.map((name) => statSync(join(root, String(name)), { throwIfNoEntry: false })?.mtimeMs);
    const store = openTree(root);
    const [facts] = (await revisionFacts(store, new Set(["7"]))) ?? [];
    expect(facts?.files?.problems).toMatchObject([{ key, mends }]);
    expect(facts?.files?.problems[0]?.what).toContain(words);
    expect(readdirSync(root, { recursive: true }).sort()).toEqual(before);
    expect(before.map((name) => statSync(join(root, String(name)), { throwIfNoEntry: false })?.mtimeMs)).toEqual(times);
    rmSync(root, { recursive: true });
  });

  test("with a torn state and a torn record still has its revision", async () => {
    const root = tree();
    writeFileSync(join(root, "trails/7/.pvr/json"), "{");
    writeFileSync(join(root, "trails/7/.pv/progress"), "{");
    expect(await look(root)).toMatchObject({ name: "7", progress: null, badState: expect.any(String), files: null });
  });

  test("that is none is said to be none", async () => {
    const root = mkdtempSync(join(tmpdir(), "cairn-doctor-"));
    expect(await storageFacts(openTree(root))).toMatchObject({
      kind: "unreadable",
      why: expect.stringContaining("no folder trails"),
    });
    rmSync(root, { recursive: true });
    expect(await storageFacts(openTree(root))).toMatchObject({
      kind: "unreadable",
      why: expect.stringContaining("ENOENT"),
    });
  });
});

test("the command works without a runtime, and exits 1 when something is bad", async () => {
  const root = tree();
  const ran = await cairn("ctl", "-s", join(root, "none"), "doctor", "--storage", root);
  expect([ran.exit, ran.err]).toEqual([1, ""]);
  expect(ran.out).toMatch(/^runtime +bad +does not answer/);
  expect(ran.out).toMatch(/^files of 7 +ok +4 checked/m);
  rmSync(root, { recursive: true });
});

test("--json is one object, and what runs is asked of the runtime", async () => {
  const root = tree();
  const answers: Readonly<Record<string, unknown>> = {
    "/device-meta": { "pantavisor.revision": "7" },
    "/config2": [{ key: "PV_BOOTLOADER_TYPE", value: "grub" }],
    "/containers": [{ name: "web", status: "STOPPED", status_goal: "STARTED" }],
    "/buildinfo": "cairn",
  };
  await using control = await fakeControl({
    answer: ({ path }) => ({ status: 200, body: JSON.stringify(answers[path]) }),
  });
  rmSync(join(root, "trails/current"));
  const ran = await cairn("ctl", "-s", control.socket, "doctor", "--json", "--storage", root);
  const report = JSON.parse(ran.out);
  expect([ran.exit, report.ok]).toEqual([1, false]);
  expect(report.findings).toContainEqual({
    area: "container web",
    level: "bad",
    sentence: "is STOPPED, its goal is STARTED",
    next: "cairn ctl containers restart web",
  });
  expect(report.findings).toContainEqual(expect.objectContaining({ area: "files of 7", level: "ok" }));
  rmSync(root, { recursive: true });
});
