/** Ctrl-C in the middle of long work, in a process of its own. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pvrRepository, sha, stateText, write } from "../../author/fixtures.ts";
import { inFolder } from "./in-folder.ts";

const top = mkdtempSync(join(tmpdir(), "cairn-interrupt-"));
afterAll(() => rmSync(top, { recursive: true }));
const main = resolve(import.meta.dir, "../../../runtime/main.ts");

/** Starts a command and sends the signal when a file of that kind appears in the folder. */
async function interrupted(
  words: readonly string[],
  folder: string,
  signal: NodeJS.Signals,
  isMoment: (name: string) => boolean,
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const seen = Promise.withResolvers<void>();
  const watcher = watch(folder, (_event, name) => {
    if (name !== null && isMoment(name)) seen.resolve();
  });
  const env = { ...process.env, PVR_CONFIG_DIR: join(top, ".pvr") };
  const child = Bun.spawn([process.execPath, main, ...words], {
    cwd: join(top, "work"),
    env,
    stdout: "ignore",
    stderr: "pipe",
  });
  await Promise.race([seen.promise, child.exited]);
  child.kill(signal);
  await child.exited;
  watcher.close();
  expect(await new Response(child.stderr).text()).toBe("");
  expect(child.signalCode).toBe(signal);
}

const large = Buffer.alloc(64 << 20, "large ");

test.each(["SIGINT", "SIGKILL"] as const)(
  "%s while an import stores an object, or a commit does",
  async (signal) => {
    const store = join(top, "work/.pvr/objects");
    rmSync(join(top, "work"), { recursive: true, force: true });
    pvrRepository(join(top, "work"), { files: { a: "a" } });
    write(join(top, "e/json"), stateText({ files: { large } }));
    write(join(top, "e/objects", sha(large)), large);
    const before = readFileSync(join(top, "work/.pvr/json"), "utf8");
    const isTemporary = (name: string): boolean => name.endsWith(".tmp");

    await interrupted(["import", "../e"], store, signal, isTemporary);
    expect(readFileSync(join(top, "work/.pvr/json"), "utf8")).toBe(before);
    expect(readdirSync(store)).not.toContain(sha(large));
    const run = (...words: string[]) => inFolder(join(top, "work"), top, ...words);
    expect(await run("status")).toEqual({ exit: 0, out: "", err: "" });
    expect((await run("import", "../e")).exit).toBe(0);
    expect(readdirSync(store).sort()).toEqual([sha("a"), sha(large)].sort());
    expect((await run("checkout")).exit).toBe(0);

    const other = Buffer.alloc(64 << 20, "other ");
    write(join(top, "work/large"), other);
    const between = readFileSync(join(top, "work/.pvr/json"), "utf8");
    await interrupted(["commit"], store, signal, isTemporary);
    expect(readFileSync(join(top, "work/.pvr/json"), "utf8")).toBe(between);
    expect(await run("status")).toEqual({ exit: 0, out: "? a\nC large\n", err: "" });
    expect((await run("commit")).exit).toBe(0);
    expect(readdirSync(store).sort()).toEqual([sha("a"), sha(large), sha(other)].sort());
  },
  60_000,
);
