import { afterEach, expect, test } from "bun:test";
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { controlSteps } from "../../runtime/boot/control-steps.ts";
import { err, ok } from "../../runtime/result.ts";
import { openStore, progressRecord, realDisk, setCurrent, writeProgress } from "../../runtime/store/index.ts";
import { watchfulDisk } from "../store/disks.ts";
import { emptyFolder, must, mustFail, read, removeFolders, revision } from "../store/world.ts";

afterEach(removeFolders);

function world() {
  const root = emptyFolder();
  const store = openStore(watchfulDisk(realDisk).disk, root);
  const puts: string[] = [];
  const steps = controlSteps(store, async (rev, state) => {
    puts.push(`${rev} ${Buffer.from(state)}`);
    return rev === "locals/bad" ? err({ status: 422, why: "Parser: State JSON has bad format" }) : ok(undefined);
  });
  const add = (rev: string, state: string) => {
    for (const folder of [".pvr", ".pv"]) mkdirSync(join(root, "trails", rev, folder), { recursive: true });
    writeFileSync(join(root, "trails", rev, ".pvr/json"), state);
    utimesSync(join(root, "trails", rev, ".pvr/json"), 1_700_000_000, 1_700_000_000);
  };
  return { root, store, steps, puts, add };
}
const bytes = (text: string) => new TextEncoder().encode(text);

test("every revision that has a state is listed, whatever is missing or broken in it", async () => {
  const { root, store, steps, add } = world();
  add("0", "{}");
  add("locals/a", '{"a":1}');
  mkdirSync(join(root, "trails/7")); // an update was cut off here
  must(await writeProgress(store, revision("0"), progressRecord("DONE", "Factory revision")));
  writeFileSync(join(root, "trails/locals/a/.pv/progress"), "nonsense");
  must(await steps.setCommitMessage("locals/a", "ü"));
  const done = '{"status":"DONE","status-msg":"Factory revision","progress":100,"retries":0}';
  expect(must(await steps.list())).toEqual([
    { name: "0", storedAtMs: 1_700_000_000_000, commitMessage: "", progress: done },
    { name: "locals/a", storedAtMs: 1_700_000_000_000, commitMessage: "ü", progress: null },
  ]);
  must(await setCurrent(store, revision("0")));
  expect(must(await steps.progress("current"))).toBe(done);
});

test("a state comes byte for byte, of the running revision by the name current too", async () => {
  const { store, steps, add } = world();
  add("0", '{ "#spec":  "x" }\n');
  expect(mustFail(await steps.state("current")).status).toBe(404);
  must(await setCurrent(store, revision("0")));
  for (const rev of ["0", "current"])
    expect(Buffer.from(must(await steps.state(rev))).toString()).toBe('{ "#spec":  "x" }\n');
});

test.each(["1", "locals/none", "locals", "..", "../0", "locals/../0", "", "current/.pv", "x\0"])(
  "there is no revision %j: 404, and nothing is written",
  async (rev) => {
    const { steps, add } = world();
    add("0", "{}");
    for (const answer of [
      steps.state(rev),
      steps.progress(rev),
      steps.commitMessage(rev),
      steps.setCommitMessage(rev, "x"),
    ]) {
      expect(mustFail(await answer)).toEqual({ status: 404, why: "Step does not exist" });
    }
  },
);

test("a revision without a progress record has none: 404", async () => {
  const { steps, add } = world();
  add("3", "{}");
  expect(mustFail(await steps.progress("3"))).toEqual({ status: 404, why: "Progress does not exist" });
});

test("a commit message stands in the trail", async () => {
  const { root, steps, add } = world();
  add("3", "{}");
  expect(must(await steps.commitMessage("3"))).toBe("");
  must(await steps.setCommitMessage("3", "why"));
  expect([must(await steps.commitMessage("3")), read(root, "trails/3/.pv/commitmsg")]).toEqual(["why", "why"]);
  for (const message of ["x".repeat(257), "a\u001b[2J"])
    expect(mustFail(await steps.setCommitMessage("3", message)).status).toBe(400);
  expect(must(await steps.commitMessage("3"))).toBe("why");
});

test("a put names a local revision, or is refused before anything else looks at it", async () => {
  const { steps, puts } = world();
  must(await steps.put("locals/a", bytes("{}")));
  expect(mustFail(await steps.put("locals/bad", bytes("{")))).toEqual({
    status: 422,
    why: "Parser: State JSON has bad format",
  });
  for (const rev of ["locals/..", "locals/a/b", "locals/", `locals/${"x".repeat(65)}`]) {
    expect(mustFail(await steps.put(rev, bytes("{}"))).status).toBe(400);
  }
  expect(puts).toEqual(["locals/a {}", "locals/bad {"]);
});
