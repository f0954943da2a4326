/**
 * The default suite: types, lint, unit and host tests, then the machine tests of both architectures, two jobs at a time and those that wait beside them.
 * Prints each failure as it happens, without the tests around it that passed; the last line is always
 * `N passed, N failed`. A skipped test counts as failed.
 *
 *     bun tests/run.ts [--without-machines | --images FOLDER]
 *
 * With a folder of images that Buildroot left, the machine tests on these alone.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { failuresOf, type Tally, tallyOf } from "./junit.ts";

const top = resolve(import.meta.dir, "..");
const reports = join(top, "build/reports");
const tool = (name: string) => join(top, "node_modules/.bin", name);

interface Job {
  readonly name: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** JUnit report the command writes; null: the exit code is the one result. */
  readonly report: string | null;
}

interface Outcome extends Tally {
  /** Each failed test, told in lines. */
  readonly failures: readonly string[];
}

function testJob(name: string, files: readonly string[], env: Readonly<Record<string, string>>): Job {
  const report = join(reports, `${name.replaceAll(/[^a-zA-Z0-9]+/g, "-")}.xml`);
  // The default of 5 s is short for a property on a machine that has other things to do.
  const flags = ["--timeout=30000", "--reporter=junit", `--reporter-outfile=${report}`];
  return { name, command: [tool("bun"), "test", ...flags, ...files], env, report };
}

/** A report that is missing or empty is one failure: no verdict is a failure. */
function outcome(job: Job, exitCode: number): Outcome {
  const failed = (why: string): Outcome => ({ passed: 0, failed: 1, failures: [`${job.name}: ${why}`] });
  if (job.report === null)
    return exitCode === 0 ? { passed: 1, failed: 0, failures: [] } : failed(`exit code ${exitCode}`);
  let text: string;
  try {
    text = readFileSync(job.report, "utf8");
  } catch {
    return failed(`no report, exit code ${exitCode}`);
  }
  const tally = tallyOf(text);
  if (tally === null) return failed(`no test in its report, exit code ${exitCode}`);
  // A crash after the last test leaves a clean report behind: the exit code has the last word.
  if (exitCode !== 0 && tally.failed === 0) return { ...failed(`exit code ${exitCode}`), passed: tally.passed };
  return { ...tally, failures: failuresOf(text).map((failure) => `${job.name}: ${failure}`) };
}

/** Of each failure, at the end of the log. */
const FAILURE_LINES = 12;

/** Among hundreds of passed tests the failed one would be hard to find, and a log that is shortened in the middle loses it. */
function withoutPassed(output: string): string {
  const lines = output.split("\n").filter((line) => !line.startsWith("(pass) ") && !/^\S+\.test\.ts:$/.test(line));
  return lines
    .join("\n")
    .replaceAll(/\n{3,}/g, "\n\n")
    .trim();
}

async function run(job: Job): Promise<Outcome> {
  const startedAt = Date.now();
  const child = Bun.spawn([...job.command], {
    cwd: top,
    env: { ...process.env, ...job.env },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  const result = outcome(job, exitCode);
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  // Of its machines, too: what is far below the time it took has waited most of it.
  const busy = (Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1e6).toFixed(1);
  const verdict = result.failed === 0 ? "ok    " : "FAILED";
  console.log(
    `${verdict} ${job.name}: ${result.passed} passed, ${result.failed} failed, ${seconds} s, processors ${busy} s`,
  );
  if (result.failed > 0) console.log(withoutPassed(`${stdout}\n${stderr}`));
  return result;
}

/** Runs jobs in order, `width` at a time. */
async function pool(jobs: readonly Job[], width: number): Promise<readonly Outcome[]> {
  const waiting = [...jobs];
  const results: Outcome[] = [];
  const worker = async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) results.push(await run(job));
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}

const command = (name: string, ...argv: string[]): Job => ({ name, command: argv, env: {}, report: null });

/** Real mounts, loop devices, containers: in namespaces of their own, which only root can make. */
const privileged = process.getuid?.() === 0 ? { CAIRN_HOST_PRIVILEGED: "1" } : {};

const folders = readdirSync(join(top, "tests"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== "qemu" && entry.name !== "bench")
  .map((entry) => entry.name)
  .filter((folder) =>
    readdirSync(join(top, "tests", folder), { recursive: true, encoding: "utf8" }).some((file) =>
      file.endsWith(".test.ts"),
    ),
  )
  .sort();

/** Of the modules that lie at the top of `runtime` themselves. */
const atTheTop = readdirSync(join(top, "tests"))
  .filter((file) => file.endsWith(".test.ts"))
  .map((file) => `tests/${file}`);

/** Takes as long as many others together: begun before them, nothing waits for it at the end. */
const LONGEST = "sim";

const fast = [
  command("types", tool("tsc"), "--noEmit"),
  command("lint", tool("biome"), "ci", "--colors=off", "."),
  testJob("top", atTheTop, {}),
  ...[LONGEST, ...folders.filter((folder) => folder !== LONGEST)].map((folder) =>
    testJob(folder, [`tests/${folder}/`], privileged),
  ),
];

/** Take a fifth to a half of a processor, and wait for clocks the rest of their time: beside the others, in a lane of their own. */
const WAITING: ReadonlySet<string> = new Set(["idle.test.ts", "debug-access.test.ts", "fleet-network.test.ts"]);

/** A board of its own, which has the one architecture. */
const onRaspberry = (file: string): boolean => file.startsWith("raspi3b");

const machineFiles = readdirSync(join(top, "tests/qemu"))
  .filter((file) => file.endsWith(".test.ts"))
  .sort();
const onMachines = (isMeant: (file: string) => boolean): readonly Job[] =>
  machineFiles
    .filter(isMeant)
    .flatMap((file) =>
      (onRaspberry(file) ? ["aarch64"] : ["x86_64", "aarch64"]).map((arch) =>
        testJob(`qemu/${file} ${arch}`, [`tests/qemu/${file}`], { CAIRN_ARCH: arch }),
      ),
    );
const waiting = onMachines((file) => WAITING.has(file));
const busy = onMachines((file) => !WAITING.has(file));

/** Their subject is the harness, and the SSH server of Debian's base system. */
const notOnImages = ["harness.test.ts", "debug-access.test.ts"];

function onImages(folder: string): readonly Job[] {
  const arch = existsSync(join(folder, "bzImage")) ? "x86_64" : "aarch64";
  const raspberry = existsSync(join(folder, "rpi-firmware"));
  if (raspberry && !["bcm2710-rpi-3-b.dtb", "bcm2837-rpi-3-b.dtb"].some((tree) => existsSync(join(folder, tree))))
    throw new Error(`${folder}: of the Raspberry Pis QEMU has none of this tree's but the 3`);
  const ofBoards = ["built/disk.test.ts", ...machineFiles.filter((file) => !notOnImages.includes(file))];
  return (raspberry ? machineFiles.filter(onRaspberry) : ofBoards.filter((file) => !onRaspberry(file))).map((file) =>
    testJob(`image/${file} ${arch}`, [`tests/qemu/${file}`], { CAIRN_ARCH: arch, CAIRN_IMAGES: folder }),
  );
}

rmSync(reports, { recursive: true, force: true });
mkdirSync(reports, { recursive: true });
const { values: asked } = parseArgs({
  options: { "without-machines": { type: "boolean" }, images: { type: "string" } },
});
const machinesAtOnce = Math.max(2, Math.floor(availableParallelism() / 2));
const results: Outcome[] = [];
if (asked.images === undefined) {
  results.push(...(await pool(fast, 2)));
  if (asked["without-machines"] !== true)
    results.push(...(await Promise.all([pool(waiting, 1), pool(busy, machinesAtOnce)])).flat());
} else results.push(...(await pool(onImages(resolve(asked.images)), machinesAtOnce)));
const passed = results.reduce((sum, result) => sum + result.passed, 0);
const failed = results.reduce((sum, result) => sum + result.failed, 0);
const summary = `${passed} passed, ${failed} failed`;
writeFileSync(join(reports, "summary"), `${summary}\n`);
// Once more where nobody has to look for them, however much of the log is kept.
for (const failure of results.flatMap((result) => result.failures)) {
  console.log(`\nFAILED ${failure.split("\n").slice(0, FAILURE_LINES).join("\n")}`);
}
console.log(summary);
process.exit(failed === 0 ? 0 : 1);
