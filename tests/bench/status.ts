/**
 * `cairn status` on a working copy of 1,000 files, whole process, against `git status` of the same tree (design section 9: under 100 ms
 * warm), and the start-up of `cairn --help` (under 60 ms). Cold: nothing is remembered of the files, so each is read; the page cache is
 * warm in any case. Figures only, never pass or fail.
 *
 *   bun tests/bench/status.ts [program, default dist/cairn-<machine>, or the sources if it was not built]
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { arch, tmpdir } from "node:os";
import { join, resolve } from "node:path";

const FOLDERS = 50;
const FILES_EACH = 20;
const OBJECT_BYTES = 4096;
const RUNS = 15;

const top = resolve(import.meta.dir, "../..");
const built = join(top, `dist/cairn-${arch() === "arm64" ? "aarch64" : "x86_64"}`);
const named = process.argv[2];
const cairn =
  named === undefined && !existsSync(built) ? [process.execPath, join(top, "runtime/main.ts")] : [named ?? built];

const base = mkdtempSync(join(tmpdir(), "status-bench-"));
const tree = join(base, "tree");
const env = {
  ...process.env,
  PVR_CONFIG_DIR: join(base, ".pvr"),
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_SYSTEM: "/dev/null",
};

function run(command: readonly string[]): void {
  const ran = Bun.spawnSync([...command], { cwd: tree, env, stdout: "ignore", stderr: "pipe" });
  if (ran.exitCode !== 0) throw new Error(`${command.join(" ")}: ${ran.stderr.toString()}`);
}

const git = (...words: string[]): readonly string[] => ["git", "-c", "user.name=a", "-c", "user.email=a", ...words];

/** The middle of {@link RUNS}, in milliseconds, with `before` not counted. */
function median(command: readonly string[], before: () => void = () => {}): number {
  const timesMs = Array.from({ length: RUNS }, () => {
    before();
    const startedMs = performance.now();
    run(command);
    return performance.now() - startedMs;
  });
  return timesMs.sort((a, b) => a - b)[RUNS >> 1] ?? Number.NaN;
}

function show(what: string, oursMs: number, peer: string, peerMs: number): void {
  const ratio = (oursMs / peerMs).toFixed(2);
  console.log(`${what}: cairn ${oursMs.toFixed(1)} ms, ${peer} ${peerMs.toFixed(1)} ms, ratio ${ratio}`);
}

try {
  for (let folder = 0; folder < FOLDERS; folder++) {
    mkdirSync(join(tree, `part${folder}`), { recursive: true });
    for (let file = 0; file < FILES_EACH; file++) {
      const inline = file % 2 === 0;
      const bytes = inline
        ? JSON.stringify({ "#spec": "service-manifest-run@1", name: `part${folder}`, volumes: [], file }, null, 4)
        : crypto.getRandomValues(new Uint8Array(OBJECT_BYTES));
      writeFileSync(join(tree, `part${folder}/${file}${inline ? ".json" : ""}`), bytes);
    }
  }
  run([...cairn, "new"]);
  run([...cairn, "add"]);
  run([...cairn, "commit"]);
  run(git("init", "-q"));
  writeFileSync(join(tree, ".git/info/exclude"), ".pvr\n");
  run(git("add", "."));
  run(git("commit", "-qm", "all"));
  await Bun.sleep(2100); // for both, what was just written is not to be trusted yet

  const status = [...cairn, "status"];
  const gitStatus = git("status", "--short");
  console.log(
    `${FOLDERS * FILES_EACH} files, half of them inline JSON, with ${cairn.join(" ")}; middle of ${RUNS} runs`,
  );
  const coldMs = median(status, () => rmSync(join(tree, ".pvr/cairn/stat"), { force: true }));
  show(
    "status, cold",
    coldMs,
    "git",
    median(gitStatus, () => {
      rmSync(join(tree, ".git/index"));
      run(git("read-tree", "HEAD"));
    }),
  );
  run(gitStatus);
  show("status, warm (at most 100 ms)", median(status), "git", median(gitStatus));
  show("--help (at most 60 ms)", median([...cairn, "--help"]), "git --help", median(git("--help")));
} finally {
  rmSync(base, { recursive: true, force: true });
}
