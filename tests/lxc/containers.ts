/** Runs real containers that share this machine's root, in a namespace of their own, and prints what happened as one JSON line.
 *  The test beside it starts it; it works on a device too. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import * as linux from "../../runtime/linux/index.ts";
import {
  type Container,
  explainLxc,
  type MonitorEvent,
  monitorFifoPath,
  openLxc,
  openMonitor,
  startContainer,
} from "../../runtime/lxc/index.ts";

const folder = mkdtempSync("/tmp/cairn-lxc-");
const lxcPath = `${folder}/lxc`;
mkdirSync(lxcPath);
writeFileSync(`${folder}/exit3`, "#!/bin/sh\nexit 3\n", { mode: 0o755 });

function must<T>(result: { ok: true; value: T } | { ok: false; error: Parameters<typeof explainLxc>[0] }): T {
  if (!result.ok) throw new Error(explainLxc(result.error));
  return result.value;
}

const events: MonitorEvent[] = [];
let troubles = 0;
const lxc = must(openLxc(lxcPath));
must(linux.becomeSubreaper());
const reaped: number[] = [];
const reaper = linux.startReaper(({ pid }) => reaped.push(pid));
const monitor = must(openMonitor(lxcPath, { onEvent: (event) => events.push(event), onTrouble: () => troubles++ }));

function configured(name: string, command: string): Container {
  const container = must(lxc.container(name));
  const items = [
    ["lxc.rootfs.path", "dir:/"],
    ["lxc.init.cmd", command],
    ["lxc.net.0.type", "none"],
    ["lxc.apparmor.profile", "unconfined"],
    ["lxc.namespace.keep", "user net"],
    ["lxc.log.file", `${folder}/${name}.log`],
    ["lxc.log.level", "ERROR"],
    ["lxc.environment", "A=1"],
    ["lxc.environment", "B=2"],
  ] as const;
  for (const [key, value] of items) must(container.setItem(key, value));
  return container;
}

const start = (container: Container) => {
  const home = `${lxcPath}/${container.name}`;
  mkdirSync(home, { recursive: true });
  must(container.saveConfig(`${home}/config`));
  return startContainer({
    name: container.name,
    lxcPath,
    command: null,
    folder,
    logFile: `${folder}/${container.name}.log`,
    signal: new AbortController().signal,
  });
};

async function until(condition: () => boolean): Promise<void> {
  for (const giveUpAtMs = performance.now() + 20_000; !condition(); await Bun.sleep(5)) {
    if (performance.now() > giveUpAtMs)
      throw new Error(`not within 20 s: ${condition}; events: ${JSON.stringify(events)}`);
  }
}
const stopped = (name: string) => () =>
  events.some((event) => event.container === name && event.kind === "state" && event.state === "STOPPED");
const exitOf = (name: string) => events.find((event) => event.container === name && event.kind === "exit");
const openFds = () => readdirSync("/proc/self/fd").length;

const fdsBefore = openFds();
const exits = configured("exits", `${folder}/exit3`);
const environment = exits.getItems("lxc.environment");
must(exits.clearItem("lxc.environment"));
const cleared = exits.getItems("lxc.environment");
must(await start(exits));
await until(stopped("exits"));

// As if it had ended, and its monitor had taken the file with the pid away, before that was read.
const unread = configured("unread", `${folder}/exit3`);
mkdirSync(`${lxcPath}/unread`);
// null(4): what is written there is not read again.
const nothing = linux.makeNode(`${lxcPath}/unread/pid`, { type: "char", major: 1, minor: 3, mode: 0o600 });
if (!nothing.ok) throw new Error(linux.explainSys(nothing.error));
const nobody = must(await start(unread));
await until(stopped("unread"));

const killed = configured("killed", "/bin/sleep 1000");
const monitorPid = must(await start(killed));
const pid = killed.initPid() ?? 0;
const stat = linux.readPidStat(pid);
const running = {
  monitorIsParent: stat.ok && stat.value.ppid === monitorPid,
  running: killed.isRunning(),
  state: killed.state(),
};
must(killed.freeze());
const frozen = killed.state();
must(killed.unfreeze());
linux.kill(pid, "SIGKILL");
await until(stopped("killed"));
const after = { pid: killed.initPid() ?? null, running: killed.isRunning(), state: killed.state() };

const halted = configured("halted", "/bin/sleep 1000");
must(await start(halted));
must(halted.stop());
await until(stopped("halted"));

const failed = configured("failed", "/does/not/exist");
const failure = await start(failed);
await until(stopped("failed"));
must(failed.saveConfig(`${folder}/saved`));
const copy = must(lxc.container("copy"));
must(copy.loadConfig(`${folder}/saved`));
const loadedCommand = copy.getItem("lxc.init.cmd");
const nonsense = copy.setItem("lxc.nonsense", "1");

for (const container of [exits, unread, killed, halted, failed, copy]) container.free();
await until(() => reaped.length === 5);
const leakedFds = openFds() - fdsBefore;

writeFileSync(monitorFifoPath(lxcPath), new Uint8Array(264).fill(1), { flag: "r+" });
await until(() => troubles === 1);
const record = Buffer.alloc(264);
record.write("again", 4);
writeFileSync(monitorFifoPath(lxcPath), record, { flag: "r+" });
await until(stopped("again"));
monitor.close();
reaper.stop();
for (const made of [folder, dirname(monitorFifoPath(lxcPath)), `/run/lxc/lock/${lxcPath}`]) {
  rmSync(made, { recursive: true, force: true });
}
console.log(
  JSON.stringify({
    ended: [nobody, exitOf("unread")],
    environment,
    cleared,
    exits: exitOf("exits"),
    running,
    frozen,
    killed: exitOf("killed"),
    after,
    halted: exitOf("halted"),
    failed: exitOf("failed") ?? null,
    failure: failure.ok ? "started" : explainLxc(failure.error),
    loadedCommand,
    nonsense: nonsense.ok ? "set" : nonsense.error.kind,
    leakedFds,
  }),
);
