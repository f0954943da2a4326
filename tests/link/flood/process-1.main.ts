/**
 * Process 1 as far as its link is concerned: the real supervision of the real `cairn link`, and a timer that is to fire every few
 * milliseconds. Takes {@link Task} as its argument, prints {@link Figures} when its time is over.
 */
import { readFileSync } from "node:fs";
import { openHubLink } from "../../../runtime/boot/hub-link.ts";
import { linkEnvironment } from "../../../runtime/boot/link-bounds.ts";
import { explainSys, spawnChild } from "../../../runtime/linux/index.ts";
import type { Logger } from "../../../runtime/logs/index.ts";
import { err, ok } from "../../../runtime/result.ts";
import { runningOf } from "../played-device.ts";
import type { Figures, Task } from "./run.ts";

const task = JSON.parse(process.argv[2] ?? "") as Task;
const TICK_MS = 5;
const LOOK_MS = 100;

const log = { lines: 0, bytes: 0, last: "" };
const write = (message: string): void => {
  log.lines += 1;
  log.bytes += message.length;
  log.last = message;
  if (task.verbose) console.error(message);
};
const logger: Logger = { fatal: write, error: write, warn: write, info: write, debug: write, trace: write };

const clock = { floorMs: 0, guessed: false };
let pid: number | null = null;
let starts = 0;
const joined = Promise.withResolvers<void>();
let heard = 0;

const link = openHubLink({
  settings: task.settings,
  clock: {
    now: clock,
    atLeast: () => {},
    hubSays: async () => {},
  },
  log: {
    ...logger,
    info(message) {
      if (message.startsWith("this device is")) joined.resolve();
      write(message);
    },
  },
  state: async () => runningOf("7", "ab".repeat(32) as never),
  start() {
    const env = linkEnvironment(process.env);
    const started = spawnChild([...task.program], { stdin: "pipe", stdout: "pipe", stderr: "pipe", env });
    if (!started.ok) return err(explainSys(started.error));
    const child = started.value;
    pid = child.pid;
    starts += 1;
    void child.stderr.pipeTo(
      new WritableStream({ write: (bytes) => write(new TextDecoder().decode(bytes).slice(0, 300)) }),
    );
    return ok({
      output: child.stdout,
      say(text) {
        child.stdin.write(text);
        child.stdin.flush();
      },
      ended: child.exited.then((code) => `ended with ${child.signalCode ?? code}`),
      hangUp: () => void child.stdin.end(),
      kill: () => child.kill("SIGKILL"),
    });
  },
  begun: () => {},
  metadata: {
    hear(message) {
      heard += 1;
      link.say({ kind: "userMeta", sequence: message.sequence, kept: true });
    },
  },
  hear(message) {
    heard += 1;
    if (message.kind === "command") link.say({ kind: "result", id: message.id, code: "done", text: "", logs: null });
  },
  now: () => performance.now(),
  setTimer(ms, fire) {
    const timer = setTimeout(fire, ms);
    return () => clearTimeout(timer);
  },
});
link.start();
await joined.promise;

/** Pages that are nobody else's (proc_pid_smaps(5)). */
function anonymousBytes(of: number | "self"): number {
  try {
    return Number(/^Anonymous:\s+(\d+)/m.exec(readFileSync(`/proc/${of}/smaps_rollup`, "latin1"))?.[1] ?? 0) * 1024;
  } catch {
    return 0; // it has ended
  }
}

Bun.gc(true);
const before = anonymousBytes("self");
const cpuBefore = process.cpuUsage();
const peak = { own: before, link: 0 };
const lateMs: number[] = [];
let dueMs = performance.now() + TICK_MS;
const tick = (): void => {
  const now = performance.now();
  lateMs.push(Math.max(0, now - dueMs));
  dueMs = now + TICK_MS;
  timer = setTimeout(tick, TICK_MS);
};
let timer = setTimeout(tick, TICK_MS);
const looking = setInterval(() => {
  peak.own = Math.max(peak.own, anonymousBytes("self"));
  if (pid !== null) peak.link = Math.max(peak.link, anonymousBytes(pid));
}, LOOK_MS);
await Bun.sleep(task.seconds * 1000);
clearTimeout(timer);
clearInterval(looking);
lateMs.sort((a, b) => a - b);
const cpu = process.cpuUsage(cpuBefore);
const figures: Figures = {
  ownBeforeBytes: before,
  ownPeakBytes: peak.own,
  linkPeakBytes: peak.link,
  lateMs: {
    middle: lateMs[lateMs.length >> 1] ?? Number.NaN,
    most99: lateMs[Math.floor(lateMs.length * 0.99)] ?? Number.NaN,
    most: lateMs.at(-1) ?? Number.NaN,
  },
  cpuShare: (cpu.user + cpu.system) / (task.seconds * 1e6),
  starts,
  heard,
  log,
};
console.log(JSON.stringify(figures));
if (pid !== null) process.kill(pid, "SIGKILL");
process.exit(0);
