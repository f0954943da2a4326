import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pvrRepository, SPEC, sha, write } from "../../author/fixtures.ts";
import { inFolder } from "./in-folder.ts";

const top = mkdtempSync(join(tmpdir(), "cairn-author-"));
afterAll(() => rmSync(top, { recursive: true }));

let folder = "";
let count = 0;
beforeEach(() => {
  folder = join(top, String(count++), "gateway");
});

const home = (): string => join(folder, "..");
const run = (...words: string[]) => inFolder(folder, home(), ...words);
const put = (path: string, bytes: string | Uint8Array) => write(join(folder, path), bytes);
const text = (path: string): string => readFileSync(join(folder, path), "utf8");
const ok = (out: string) => ({ exit: 0, out, err: "" });

describe("new", () => {
  test("makes a repository as pvr init does, with the user's shared objects", async () => {
    expect(await run("new")).toEqual(
      ok(`${folder} has a repository now; contents of files go to ${home()}/.pvr/objects\n`),
    );
    expect(text(".pvr/json")).toBe(`{ "#spec": "${SPEC}" }`);
    expect(text(".pvr/config")).toBe(
      `{\n\t"DefaultGetUrl": "",\n\t"DefaultPutUrl": "",\n\t"DefaultPostUrl": "",\n\t"ObjectsDir": "${home()}/.pvr/objects",\n\t"AccessTokens": {},\n\t"RefreshTokens": {}\n}`,
    );
    expect(readdirSync(join(folder, ".pvr")).sort()).toEqual(["config", "json"]);
  });

  test("takes a folder, another store and another format, and answers to init", async () => {
    expect((await run("init", "sub/deep", "-o", "store", "-s", "pantavisor-service-embed@1")).exit).toBe(0);
    expect(text("sub/deep/.pvr/json")).toBe('{ "#spec": "pantavisor-service-embed@1" }');
    put("sub/deep/a", "a");
    await inFolder(join(folder, "sub/deep"), home(), "add");
    expect((await inFolder(join(folder, "sub/deep"), home(), "commit")).exit).toBe(0);
    expect(text(`sub/deep/store/${sha("a")}`)).toBe("a");
  });

  test("does nothing where there is one, or where the user's settings are", async () => {
    await run("new");
    expect(await run("new")).toEqual({
      exit: 1,
      out: "",
      err: `${folder} has a repository already: nothing was changed\n`,
    });
    const user = await inFolder(home(), home(), "new");
    expect(user).toMatchObject({ exit: 1, out: "" });
    expect(user.err).toContain("the user's own settings");
  });
});

test.each([
  "status",
  "add",
  "diff",
  "commit",
  "log",
  "checkout",
  "reset",
  "export x.tgz",
  "get ..",
  "post ..",
  "import x",
])("%s says that there is no repository, and what to do", async (words) => {
  const ran = await run(...words.split(" "));
  expect(ran).toMatchObject({ exit: 1, out: "" });
  expect(ran.err).toContain(`${folder} has no repository: "cairn new" makes one`);
  expect(readdirSync(folder)).toEqual([]);
});

describe("from files to a commit", () => {
  test("status, add, diff, commit and log tell one story", async () => {
    await run("new");
    put("web/run.json", '{ "name": "web", "n": 12345678901234567890 }');
    put("web/root.squashfs", "root");
    put("notes", "not for the device");
    expect(await run("status")).toEqual(ok("? notes\n? web/root.squashfs\n? web/run.json\n"));
    expect(await run("add", "web")).toEqual(ok("A web/root.squashfs\nA web/run.json\n"));
    expect(text(".pvr/new")).toBe(
      `{"web/root.squashfs":{"ForceObject":false,"Sha":"${sha("root")}"},"web/run.json":{"ForceObject":false,"Sha":"${sha('{ "name": "web", "n": 12345678901234567890 }')}"}}`,
    );
    expect(await run("status")).toEqual(ok("? notes\nA web/root.squashfs\nA web/run.json\n"));
    expect(await run("diff")).toEqual(
      ok(
        `{\n\t"web/root.squashfs": "${sha("root")}",\n\t"web/run.json": {\n\t\t"n": 12345678901234567890,\n\t\t"name": "web"\n\t}\n}\n`,
      ),
    );
    const state = `{"#spec":"${SPEC}","web/root.squashfs":"${sha("root")}","web/run.json":{"n":12345678901234567890,"name":"web"}}`;
    expect(await run("commit", "-m", "web 1.4")).toEqual(
      ok(`A web/root.squashfs\nA web/run.json\ncommitted ${sha(state)}\n`),
    );
    expect(text(".pvr/json")).toBe(state);
    expect(text(".pvr/commitmsg")).toBe("web 1.4");
    expect(existsSync(join(folder, ".pvr/new"))).toBe(false);
    expect(readFileSync(join(home(), ".pvr/objects", sha("root")), "utf8")).toBe("root");
    expect(await run("status")).toEqual(ok("? notes\n"));

    unlinkSync(join(folder, "web/root.squashfs"));
    put("web/run.json", '{"name":"web","goal":null}');
    expect(await run("status", "--json")).toEqual(
      ok('{"added":[],"changed":["web/run.json"],"removed":["web/root.squashfs"],"untracked":["notes"]}\n'),
    );
    expect(await run("diff", "--json")).toEqual(ok('{"web/root.squashfs":null,"web/run.json":{"n":null}}\n'));
    const second = await run("ci");
    expect(second.err).toBe("web/run.json: members that are null are left out, as a state does not keep them\n");
    expect(text(".pvr/json")).toBe(`{"#spec":"${SPEC}","web/run.json":{"name":"web"}}`);
    expect(text(".pvr/commitmsg")).toBe("** No commit message **");
    expect(await run("commit")).toMatchObject({ exit: 0, out: "nothing to commit\n" });

    const log = await run("log");
    expect(log.out.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, "TIME")).toBe(
      [
        `${sha(text(".pvr/json"))}  TIME`,
        "    ** No commit message **",
        "    D web/root.squashfs",
        "    C web/run.json",
        `${sha(state)}  TIME`,
        "    web 1.4",
        "    A web/root.squashfs",
        "    A web/run.json",
        "",
      ].join("\n"),
    );
    const lines = (await run("log", "--json")).out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines).toMatchObject([{ message: "** No commit message **" }, { message: "web 1.4", state: sha(state) }]);
  });

  test("a .json that was added raw, or committed so, stays a file of its own", async () => {
    await run("new");
    put("a.json", "{ }");
    put("b.json", "{ }");
    await run("add", "--raw", "a.json");
    await run("add");
    await run("commit");
    expect(JSON.parse(text(".pvr/json"))).toEqual({ "#spec": SPEC, "a.json": sha("{ }"), "b.json": {} });
    put("a.json", "no JSON at all");
    expect((await run("commit", "--json")).exit).toBe(0);
    expect(JSON.parse(text(".pvr/json"))["a.json"]).toBe(sha("no JSON at all"));
    await run("add", "-r", "b.json");
    expect(await run("status")).toMatchObject({ out: "C b.json\n" });
    await run("commit");
    expect(JSON.parse(text(".pvr/json"))["b.json"]).toBe(sha("{ }"));
  });

  test.each([
    ["no JSON", "{", "line 1, column 2"],
    ["a name twice", '{"a":1,"a":2}', "appears twice"],
    ["null", " null ", "holds null"],
    ["a text like a digest", `"${"a".repeat(64)}"`, "reads like the SHA-256"],
    ["no UTF-8", Buffer.from([0x22, 0xff, 0x22]), "not UTF-8"],
    ["longer than a state", `"${"x".repeat(1 << 20)}"`, "longer than a whole state"],
  ])("a .json that is %s is named and not committed; raw it goes", async (_what, bytes, reason) => {
    await run("new");
    put("web/run.json", bytes);
    await run("add");
    for (const words of [["commit"], ["diff"]]) {
      const refused = await run(...words);
      expect(refused).toMatchObject({ exit: 1, out: "" });
      expect(refused.err).toContain("web/run.json: ");
      expect(refused.err).toContain(reason);
    }
    expect(await run("status")).toMatchObject({ exit: 0, out: "A web/run.json\n" });
    expect(text(".pvr/json")).toBe(`{ "#spec": "${SPEC}" }`);
    await run("add", "--raw", "web/run.json");
    expect((await run("commit")).exit).toBe(0);
  });

  test("a checkpoint commit adds a new checkpoint.json", async () => {
    await run("new");
    expect((await run("commit", "-c")).exit).toBe(0);
    const first = JSON.parse(text(".pvr/json"))["checkpoint.json"];
    expect(first.major).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(JSON.parse(text("checkpoint.json"))).toEqual(first);
    expect(await run("status")).toMatchObject({ out: "" });
  });

  test("a state that would be none is not committed: a file that was a folder", async () => {
    pvrRepository(folder, { files: { "a/b": "b" } });
    rmSync(join(folder, "a"), { recursive: true });
    put("a", "now a file");
    await run("add");
    expect((await run("commit")).exit).toBe(0); // b is removed in the same commit
    expect(JSON.parse(text(".pvr/json"))).toEqual({ "#spec": SPEC, a: sha("now a file") });
  });
});

describe("add", () => {
  beforeEach(async () => {
    await run("new");
    for (const path of ["a.json", "b", "web/run.json", "web/x", "web/deep/x", "web2/x"]) put(path, "{}");
  });

  test.each([
    [[], "a.json b web/deep/x web/run.json web/x web2/x"],
    [["."], "a.json b web/deep/x web/run.json web/x web2/x"],
    [["web"], "web/deep/x web/run.json web/x"],
    [["./web/", "b"], "b web/deep/x web/run.json web/x"],
    [["*"], "a.json b"],
    [["web/*"], "web/run.json web/x"],
    [["*/x"], "web/x web2/x"],
    [["web?/x"], "web2/x"],
    [["[^ab]*/[a-x]"], "web/x web2/x"],
    [["**/x"], "web/deep/x web/x web2/x"],
    [["*.json"], "a.json"],
  ])("%p adds %s", async (words, paths) => {
    const ran = await run("add", "--json", ...words);
    expect(JSON.parse(ran.out).added.join(" ")).toBe(paths);
  });

  test.each([
    ["nothing", "nothing here is called nothing"],
    ["web/*.txt", "nothing here is called web/*.txt"],
    ["[a", "nothing here is called [a"],
    ["../x", "leads out of the working copy"],
    ["/etc/passwd", "leads out of the working copy"],
    [".pvr/json", "nothing here is called .pvr/json"],
  ])("%s is refused", async (word, reason) => {
    const ran = await run("add", word);
    expect(ran).toMatchObject({ exit: 1, out: "" });
    expect(ran.err).toContain(reason);
    expect(existsSync(join(folder, ".pvr/new"))).toBe(false);
  });

  test("a file with the letters of a pattern in its name is found by its name", async () => {
    put("[a]", "x");
    expect(await run("add", "[a]")).toMatchObject({ out: "A [a]\n" });
  });

  test("what is tracked already is not added again", async () => {
    await run("add", "b");
    await run("commit");
    expect(await run("add", "b")).toEqual(ok(""));
  });
});

describe("what a state cannot hold", () => {
  test("is left out and named when it is not tracked: links, FIFOs, odd names", async () => {
    await run("new");
    put("a", "a");
    symlinkSync("/etc", join(folder, "link"));
    execFileSync("mkfifo", [join(folder, "fifo")]);
    put("line\nbreak", "x");
    execFileSync("sh", ["-c", "printf x > \"$(printf 'bad\\377name')\""], { cwd: folder });
    const ran = await run("status");
    expect(ran).toMatchObject({ exit: 0, out: "? a\n" });
    expect(ran.err).toContain("link is a symbolic link: it is left out");
    expect(ran.err).toContain("fifo is neither a file nor a folder: it is left out");
    expect(ran.err).toContain('"line\\nbreak" is called what no key of a state can be');
    expect(ran.err).toContain("bad");
    expect(await run("add", "link")).toMatchObject({ exit: 1 });
    expect((await run("add")).out).toBe("A a\n");
  });

  test("is refused where something tracked should be, also on the way to it", async () => {
    pvrRepository(folder, { files: { "web/x": "x", y: "y" } });
    renameSync(join(folder, "web"), join(home(), "elsewhere"));
    symlinkSync(join(home(), "elsewhere"), join(folder, "web"));
    for (const words of ["status", "commit", "diff", "checkout"]) {
      const ran = await run(words);
      expect(ran).toMatchObject({ exit: 1, out: "" });
      expect(ran.err).toContain("web is a symbolic link: a state has plain files in plain folders only");
    }
    unlinkSync(join(folder, "web"));
    unlinkSync(join(folder, "y"));
    symlinkSync("/etc/passwd", join(folder, "y"));
    expect((await run("commit")).err).toContain("y is a symbolic link");
    expect((await run("reset")).err).toContain("y is a symbolic link");
    expect(readFileSync("/etc/passwd", "utf8")).not.toBe("y");
  });

  test("a repository of git beside it is not looked at", async () => {
    await run("new");
    put(".git/config", "x");
    put("a", "a");
    expect(await run("status")).toEqual(ok("? a\n"));
  });
});

describe("checkout and reset", () => {
  const files = { "web/run.json": '{"a":"<b>","n":1.5E0}', "web/x": "x", "bsp/k": "kernel" };

  test("bring back what is committed, leave the rest alone, and forget what was added", async () => {
    pvrRepository(folder, { files });
    rmSync(join(folder, "web"), { recursive: true });
    put("bsp/k", "spoilt");
    put("mine", "mine");
    put("new", "new");
    await run("add", "new");
    expect(await run("reset")).toEqual(ok("3 files written, 1 no longer added\n"));
    expect(text("web/run.json")).toBe('{\n    "a": "\\u003cb\\u003e",\n    "n": 1.5\n}');
    expect(text("web/x")).toBe("x");
    expect(text("bsp/k")).toBe("kernel");
    expect(text("mine")).toBe("mine");
    expect(await run("status")).toEqual(ok("? mine\n? new\n"));
    expect(await run("co")).toEqual(ok("0 files written\n"));
  });

  test("a file that says the same in another form is left as it is, unless the canonical form is asked for", async () => {
    pvrRepository(folder, { files });
    put("web/run.json", '{"n": 1.50,"a":"<b>"}');
    expect(await run("status")).toEqual(ok(""));
    expect(await run("checkout", "--json")).toEqual(ok('{"written":[]}\n'));
    expect(await run("checkout", "-c", "--json")).toEqual(ok('{"written":["web/run.json"]}\n'));
    expect(text("web/run.json")).toBe('{"a":"<b>","n":1.5E0}');
  });

  test("a missing or damaged object changes nothing, and is named", async () => {
    pvrRepository(folder, { files });
    rmSync(join(folder, "web"), { recursive: true });
    put("bsp/k", "spoilt");
    write(join(folder, ".pvr/objects", sha("x")), "y");
    const damaged = await run("checkout");
    expect(damaged).toMatchObject({ exit: 1, out: "" });
    expect(damaged.err).toContain(`${sha("x")} has wrong bytes (SHA-256 ${sha("y")})`);
    unlinkSync(join(folder, ".pvr/objects", sha("x")));
    expect((await run("checkout")).err).toContain(`object ${sha("x")} is not in ${folder}/.pvr/objects`);
    expect(text("bsp/k")).toBe("spoilt");
    expect(existsSync(join(folder, "web"))).toBe(false);
    expect(existsSync(join(folder, ".pvr/cairn/checkout"))).toBe(false);
  });

  test("a folder in the place of a file, or a file in that of a folder, is not removed", async () => {
    pvrRepository(folder, { files });
    unlinkSync(join(folder, "bsp/k"));
    put("bsp/k/precious", "x");
    expect((await run("checkout")).err).toContain("bsp/k is a folder where a file of the state belongs");
    rmSync(join(folder, "bsp"), { recursive: true });
    put("bsp", "a file");
    expect((await run("checkout")).err).toContain(`${folder}/bsp`);
    expect(text("bsp")).toBe("a file");
  });
});

describe("a repository that pvr made", () => {
  test("is read with all that is in it: a state by hand, files added, objects elsewhere", async () => {
    pvrRepository(folder, { files: { "web/run.json": '{"name":"web"}', "web/x": "x" }, objectsDir: "store" });
    write(
      join(folder, ".pvr/new"),
      `{"y":{"ForceObject":false,"Sha":"${sha("y")}"},"z.json":{"ForceObject":true,"Sha":"${sha("{}")}"}}`,
    );
    put("y", "y");
    put("z.json", "{}");
    expect(await run("status")).toEqual(ok("A y\nA z.json\n"));
    const log = await run("log");
    expect(log.out).toContain("    made by pvr\n");
    await run("commit", "-m", "ours");
    expect(JSON.parse(text(".pvr/json"))).toMatchObject({ y: sha("y"), "z.json": sha("{}") });
    expect(text(`store/${sha("y")}`)).toBe("y");
  });

  test("keeps what is in its settings, and what later versions put there", async () => {
    pvrRepository(folder, { files: {} });
    const config = JSON.parse(text(".pvr/config"));
    write(join(folder, ".pvr/config"), JSON.stringify({ ...config, AccessTokens: { a: "b" }, Later: [1] }));
    await run("put", "../out");
    expect(JSON.parse(text(".pvr/config"))).toEqual({
      ...config,
      AccessTokens: { a: "b" },
      Later: [1],
      DefaultPutUrl: join(home(), "out"),
    });
  });

  test.each([
    [".pvr/config", "{"],
    [".pvr/config", '{"ObjectsDir":1}'],
    [".pvr/new", "[]"],
    [".pvr/new", `{"../x":{"ForceObject":false,"Sha":"${"a".repeat(64)}"}}`],
    [".pvr/new", '{"x":{"ForceObject":false,"Sha":"short"}}'],
    [".pvr/json", `{"#spec":"x","../../etc/cron.d/x":"${"a".repeat(64)}"}`],
    [".pvr/json", `{"#spec":"x","a":"${"1".repeat(64)}","a":"${"2".repeat(64)}"}`],
  ])("%s with %s is refused by name, and nothing is written", async (path, bytes) => {
    pvrRepository(folder, { files: { a: "a" } });
    write(join(folder, path), bytes);
    for (const words of ["status", "commit", "checkout"]) {
      const ran = await run(words);
      expect(ran).toMatchObject({ exit: 1, out: "" });
      expect(ran.err).toContain(join(folder, path));
    }
    expect(text(path)).toBe(bytes);
  });

  test("nulls in a state that another tool made are no change as long as the file has them, too", async () => {
    pvrRepository(folder, { files: { "a.json": '{"n":null}' } });
    expect(await run("status")).toEqual(ok(""));
    expect(await run("commit")).toMatchObject({ out: "nothing to commit\n", err: "" });
    expect(JSON.parse(text(".pvr/json"))["a.json"]).toEqual({ n: null });
  });
});

describe("what is remembered of files", () => {
  test("an unchanged file is not read again; a changed one is, though its time was set back", async () => {
    pvrRepository(folder, { files: { a: "one", b: "two" } });
    // Long ago, so that nothing is too fresh to be believed: ctime is now, and 50 ms old by the time of the second look.
    await Bun.sleep(60);
    await run("status");
    const cache = JSON.parse(text(".pvr/cairn/stat")).files;
    expect(Object.keys(cache).sort()).toEqual(["a", "b"]);
    write(join(folder, ".pvr/cairn/stat"), text(".pvr/cairn/stat").replace(sha("one"), sha("told")));
    expect(await run("status")).toEqual(ok("C a\n")); // it believes what it kept
    rmSync(join(folder, ".pvr/cairn"), { recursive: true });

    const { atime, mtime } = statSync(join(folder, "b"));
    await run("status");
    put("b", "owt");
    utimesSync(join(folder, "b"), atime, mtime);
    expect(await run("status")).toEqual(ok("C b\n"));
  });

  test.each([
    "",
    "{",
    "[]",
    '{"version":3,"files":{}}',
    '{"version":2,"files":{"a":[1,2]}}',
    '{"version":2,"files":7}',
  ])("a damaged one, %s, is as good as none", async (damage) => {
    pvrRepository(folder, { files: { a: "one" } });
    mkdirSync(join(folder, ".pvr/cairn"));
    write(join(folder, ".pvr/cairn/stat"), damage);
    put("a", "two");
    expect(await run("status")).toEqual(ok("C a\n"));
  });
});
