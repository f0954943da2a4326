import { strict as assert } from "node:assert";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import * as linux from "../../../runtime/linux/index.ts";
import { childrenOfSelf } from "../../../runtime/linux/reaper.ts";
import type { Result } from "../../../runtime/result.ts";
import { verityImage } from "./verity-image.ts";

/** Checks against the running kernel, for a host or a device, either architecture: they show that layouts, numbers and flags are
 *  right by what the kernel does. Each leaves nothing behind; a failed one throws. */
export type Check = () => void | Promise<void>;

export function must<T>(result: Result<T, linux.LinuxError>): T {
  assert(result.ok, result.ok ? "" : linux.explainLinux(result.error));
  return result.value;
}

export function code(result: Result<unknown, linux.LinuxError>): string {
  if (result.ok) return "no error";
  return result.error.kind === "sys" ? result.error.code : result.error.kind;
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const giveUpAtMs = performance.now() + 20_000;
  while (!condition()) {
    assert(performance.now() < giveUpAtMs, `not within 20 s: ${what}`);
    await Bun.sleep(10);
  }
}

async function inFolder(use: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync("/tmp/cairn-check-");
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const mounted = (target: string) => must(linux.readMountinfo()).filter((entry) => entry.target === target);

const mounts: Check = () =>
  inFolder((folder) => {
    const [first, second] = [`${folder}/a b\\c`, `${folder}/second`];
    for (const path of [first, second]) mkdirSync(path);
    must(linux.mount({ source: "t", target: first, type: "tmpfs", flags: ["nosuid"], options: "size=64k,mode=700" }));
    const [entry] = mounted(first);
    assert.equal(entry?.type, "tmpfs");
    assert(entry.options.includes("nosuid") && entry.superOptions.includes("size=64k"));
    assert.equal(must(linux.fileSystemSpace(first)).sizeBytes, 65536);
    writeFileSync(`${first}/file`, "x");

    must(linux.bindMount({ source: first, target: second, flags: ["ro"] }));
    assert.throws(() => writeFileSync(`${second}/file`, "y"), { code: "EROFS" });
    assert.equal(code(linux.umount(first)), "no error");
    must(linux.umount(second));

    must(linux.mount({ source: "t", target: first, type: "tmpfs" }));
    must(linux.setPropagation(first, "private", { recursive: true }));
    must(linux.moveMount(first, second));
    assert.equal(mounted(first).length, 0);
    must(linux.remountReadOnly(second));
    assert.throws(() => writeFileSync(`${second}/file`, "y"), { code: "EROFS" });
    symlinkSync(second, `${folder}/link`);
    assert.equal(code(linux.umount(`${folder}/link`)), "EINVAL", "a link is not followed");
    must(linux.umount(second, { lazy: true }));
    assert.equal(code(linux.umount(second)), "EINVAL");
    assert.equal(code(linux.mount({ source: "t", target: `${folder}/none`, type: "tmpfs" })), "ENOENT");
  });

const foreignMounts: Check = () =>
  inFolder(async (folder) => {
    const [theirs, ours] = [`${folder}/theirs`, `${folder}/ours`];
    for (const path of [theirs, ours]) mkdirSync(path);
    // Another mount namespace with a shared mount that this one cannot see.
    const script = `mount -t tmpfs t ${theirs} && mount --make-shared ${theirs} && mkdir ${theirs}/below && echo ready && read go &&
      mount -t tmpfs t ${theirs}/below && touch ${theirs}/below/later && echo done && read go`;
    const other = Bun.spawn(["unshare", "--mount", "--propagation", "private", "sh", "-c", script], {
      stdin: "pipe",
      stdout: "pipe",
    });
    const reader = other.stdout.getReader();
    const heard = async () => new TextDecoder().decode((await reader.read()).value);
    try {
      assert.equal(await heard(), "ready\n");
      assert(!existsSync(`${theirs}/below`));
      must(linux.bindForeignMount({ pid: other.pid, path: theirs }, ours));
      assert(existsSync(`${ours}/below`) && !existsSync(`${theirs}/below`), "we are back in our own namespace");
      other.stdin.write("go\n");
      assert.equal(await heard(), "done\n");
      assert(existsSync(`${ours}/below/later`), "what is mounted there later is seen here");
      assert.equal(code(linux.bindForeignMount({ pid: other.pid, path: `${theirs}/none` }, ours)), "ENOENT");
      assert(!existsSync(`${theirs}/below`), "a failure leads back, too");
    } finally {
      other.kill("SIGKILL");
      await other.exited;
      linux.umount(`${ours}/below`, { lazy: true });
      linux.umount(ours, { lazy: true });
    }
  });

const loops: Check = () =>
  inFolder(async (folder) => {
    const file = `${folder}/image`;
    const bytes = crypto.getRandomValues(new Uint8Array(65536));
    writeFileSync(file, bytes);
    const shown = () => must(linux.listLoops()).filter((loop) => loop.backingFile === file);
    const first = must(linux.attachLoop({ file, readOnly: true }));
    const second = must(linux.attachLoop({ file, readOnly: false, directIo: false }));
    assert.notEqual(first.index, second.index);
    assert.deepEqual(new Uint8Array(readFileSync(first.path)), bytes);
    assert.throws(() => writeFileSync(first.path, "x", { flag: "r+" }));
    assert.equal(second.directIo, false);
    assert.deepEqual(
      shown().map((loop) => loop.autoclear),
      [true, true],
    );
    for (const loop of [first, second]) loop.release();
    await until("released loop devices detach by themselves", () => shown().length === 0);
    assert.equal(code(linux.detachLoop(first.path)), "ENXIO");
    assert.equal(code(linux.attachLoop({ file: `${folder}/none`, readOnly: true })), "ENOENT");
  });

const loopRace: Check = () =>
  inFolder(async (folder) => {
    const file = `${folder}/image`;
    writeFileSync(file, new Uint8Array(65536));
    const workers = Array.from({ length: 4 }, () =>
      Bun.spawn([...selfCommand(), "attach-ten", file], { stdout: "pipe", stderr: "inherit" }),
    );
    const answers = await Promise.all(workers.map((worker) => new Response(worker.stdout).text()));
    for (const answer of answers) assert.equal(answer, "10 of 10\n");
  });

/** How this very program was started, compiled or not, up to its own arguments. */
const selfCommand = (): string[] =>
  Bun.main.startsWith("/$bunfs/") ? [process.execPath] : [process.execPath, Bun.main];

/** One of the processes of {@link loopRace}: holds ten devices at once. */
export function attachTen(file: string): void {
  const held = Array.from({ length: 10 }, () => must(linux.attachLoop({ file, readOnly: true })));
  console.log(`${new Set(held.map((loop) => loop.index)).size} of 10`);
  for (const loop of held) loop.release();
}

const verity: Check = () =>
  inFolder(async (folder) => {
    const data = crypto.getRandomValues(new Uint8Array(16 * 4096));
    const { hashImage, rootHash } = verityImage(data, Buffer.from("a0b1c2d3", "hex"));
    const damaged = data.slice();
    damaged[5 * 4096] = (damaged[5 * 4096] ?? 0) ^ 1;
    writeFileSync(`${folder}/hash`, hashImage);
    const superblock = must(linux.readVeritySuperblock(`${folder}/hash`));
    const name = `cairn-check-${process.pid}`;
    for (const [bytes, root, readable] of [
      [data, rootHash, 16],
      [damaged, rootHash, 5],
      [data, "00".repeat(32), 0],
    ] as const) {
      writeFileSync(`${folder}/data`, bytes);
      const [dataLoop, hashLoop] = ["data", "hash"].map((file) =>
        must(linux.attachLoop({ file: `${folder}/${file}`, readOnly: true })),
      );
      assert(dataLoop !== undefined && hashLoop !== undefined);
      const params = { superblock, rootHash: root };
      const spec = { name, dataDevice: dataLoop.path, hashDevice: hashLoop.path, params };
      const device = must(linux.openVerity(spec));
      assert.equal(code(linux.openVerity(spec)), "EBUSY");
      assert(must(linux.listMappings()).includes(name) && existsSync(`/dev/mapper/${name}`));
      for (const loop of [dataLoop, hashLoop]) loop.release(); // the mapping holds them
      assert.equal(readableBlocks(device), readable);
      must(linux.closeVerity(name));
      assert(!existsSync(`/dev/mapper/${name}`));
      await until("the loop devices detach", () =>
        must(linux.listLoops()).every((loop) => !loop.backingFile.startsWith(folder)),
      );
    }
    assert.equal(code(linux.closeVerity(name)), "ENXIO");
  });

/** How many blocks can be read from the start on. */
function readableBlocks(device: string): number {
  for (let count = 0; ; count++) {
    const read = Bun.spawnSync(["dd", `if=${device}`, "of=/dev/null", "bs=4096", "count=1", `skip=${count}`]);
    if (read.exitCode !== 0 || count === 16) return count;
  }
}

const cgroups: Check = async () => {
  const root = must(linux.readMountinfo()).find((entry) => entry.type === "cgroup2")?.target;
  assert(root !== undefined, "cgroup v2 is mounted");
  const group = `${root}/cairn-check-${process.pid}`;
  must(linux.createCgroup(group));
  must(linux.createCgroup(`${group}/a`));
  must(linux.createCgroup(`${group}/a/b`));
  const child = Bun.spawn(["sleep", "1000"]);
  must(linux.joinCgroup(`${group}/a/b`, child.pid));
  assert.deepEqual(must(linux.cgroupMembers(`${group}/a/b`)), [child.pid]);
  assert(must(linux.readCgroupPath(child.pid)).endsWith("/a/b"));
  assert.deepEqual(must(linux.listCgroups(group)), [`${group}/a/b`, `${group}/a`]);
  assert.equal(code(linux.removeCgroup(group)), "EBUSY");
  must(linux.killCgroup(group));
  await child.exited;
  assert.equal(child.signalCode, "SIGKILL");
  await until("an empty cgroup can be removed", () => linux.removeCgroup(group).ok);
  must(linux.removeCgroup(group));
  assert.deepEqual(must(linux.enableControllers(root, ["no-such-controller"])), []);
};

const loopback: Check = () => {
  must(linux.bringUp("lo"));
  assert(networkInterfaces()["lo"] !== undefined);
  assert.equal(code(linux.bringUp("none0")), "ENODEV");
};

/** A thousand quick orphans among fifty children of our own: nobody stays a zombie, no exit is stolen, none is counted twice. */
const reaping: Check = async () => {
  must(linux.becomeSubreaper());
  const reaped: number[] = [];
  const reaper = linux.startReaper(({ pid }) => reaped.push(pid));
  const orphans = 'i=0; while [ $i -lt 100 ]; do (sh -c "exit 7" & exit 0); i=$((i+1)); done';
  const makers = Array.from({ length: 10 }, () => must(linux.spawnChild(["sh", "-c", orphans], {})));
  const own = Array.from({ length: 50 }, (_, at) => must(linux.spawnChild(["sh", "-c", `exit ${at}`], {})));
  const codes = await Promise.all(own.map((child) => child.exited));
  assert.deepEqual(codes, [...own.keys()]);
  assert.deepEqual(await Promise.all(makers.map((maker) => maker.exited)), Array(10).fill(0));
  await until("a thousand orphans are reaped", () => reaped.length >= 1000);
  await until("no child is left", () => childrenOfSelf().length === 0);
  assert.equal(reaped.length, 1000);
  assert.equal(code(linux.spawnChild(["/no/such/program"], {})), "ENOENT");
  reaper.stop();
};

const identity: Check = () => {
  must(linux.setProcessName("cairn-check"));
  assert.equal(must(linux.readPidStat("self")).comm, "cairn-check");
  must(linux.setDumpable(true));
  assert.equal(code(linux.kill(0, "SIGTERM")), "EINVAL");
  assert(must(linux.readProcessMemory("self")).pssBytes > 0);
  assert(must(linux.readMeminfo()).totalBytes > 0);
};

const modules: Check = () => {
  const index = must(linux.readModuleIndex());
  must(linux.loadModule(index, { module: "dummy", options: "numdummies=2" }));
  assert(linux.isModuleLoaded("dummy") && existsSync("/sys/class/net/dummy1"));
  must(linux.loadModule(index, { module: "dummy" }));
  must(linux.unloadModule("dummy"));
  assert(!linux.isModuleLoaded("dummy"));
  assert.equal(code(linux.unloadModule("dummy")), "ENOENT");
  must(linux.loadModule(index, { module: "dm-verity" })); // with what it needs: dm-mod, dm-bufio, reed-solomon
  assert.equal(code(linux.loadModule(index, { module: "no-such" })), "moduleNotFound");
};

const watchdog: Check = () => {
  must(linux.loadModule(must(linux.readModuleIndex()), { module: "softdog" }));
  const dog = must(linux.openWatchdog("/dev/watchdog0", 29_500));
  assert.deepEqual([dog.identity, dog.timeoutMs, dog.canDisarm], ["Software Watchdog", 30_000, true]);
  must(dog.kick());
  assert.equal(code(linux.openWatchdog("/dev/watchdog0", 1000)), "EBUSY");
  must(dog.disarm());
  must(linux.unloadModule("softdog")); // EWOULDBLOCK if it were still armed
};

/** Wants a disk with an ext4 labelled "cairn-check". */
const disk: Check = async () => {
  const selector = linux.parseDeviceSelector("LABEL=cairn-check");
  const device = must(await linux.waitForBlockDevice(selector, 5000));
  const uuid = linux.readSuperblock(device)?.uuid ?? "";
  assert.equal(linux.findBlockDevice({ by: "UUID", value: uuid.toUpperCase() }), device);
  const partition = /\d$/.test(device) && linux.findBlockDevice({ by: "PARTLABEL", value: "cairn-part" });
  assert.equal(partition, device);
  const partUuid = "0fc63daf-8483-4772-8e79-3d69d8477de4";
  assert.equal(linux.findBlockDevice({ by: "PARTUUID", value: partUuid }), device);
  await inFolder((folder) => {
    must(linux.mount({ source: device, target: folder, type: "ext4" }));
    assert.equal(must(linux.fileSystemSpace(folder)).magic, 0xef53);
    must(linux.freeze(folder));
    assert.equal(code(linux.freeze(folder)), "EBUSY");
    must(linux.thaw(folder));
    assert.equal(code(linux.thaw(folder)), "EINVAL");
    writeFileSync(`${folder}/x`, "x");
    must(linux.remountReadOnly(folder));
    must(linux.umount(folder));
  });
};

/** In a pid namespace of its own, reboot(2) ends PID 1 by SIGHUP for a restart and by SIGINT for a halt (pid_namespaces(7)). */
const restarting: Check = async () => {
  for (const [how, ends] of [
    ["tryboot", "SIGHUP"],
    ["plain", "SIGHUP"],
    ["halt", "SIGINT"],
  ] as const) {
    const child = Bun.spawn(["unshare", "--pid", "--fork", ...selfCommand(), "end-namespace", how], { stdout: "pipe" });
    const output = await new Response(child.stdout).text();
    await child.exited;
    assert.deepEqual([child.signalCode, output], [ends, ""], how);
  }
};

/** The machine's own clock: an hour on, and back. */
const clock: Check = () => {
  const beforeMs = Date.now();
  must(linux.setSystemClock(beforeMs + 3600_000));
  const aheadMs = Date.now() - beforeMs;
  must(linux.setSystemClock(Date.now() - 3600_000));
  assert(aheadMs >= 3600_000 && aheadMs < 3660_000, `an hour on is ${aheadMs} ms`);
  assert(Math.abs(Date.now() - beforeMs) < 60_000, "not back");
};

/** Only as PID 1 of a namespace, never on the machine itself. */
export function endNamespace(how: string): void {
  assert(process.pid === 1 && process.ppid === 0 && how !== "", "not PID 1 of a namespace");
  const done =
    how === "halt"
      ? linux.rebootMachine("halt")
      : linux.rebootMachine("restart", how === "tryboot" ? "0 tryboot" : null);
  console.log(code(done));
}

/** By name, in the order to run them. `modules`, `verity`, `watchdog` and `disk` want a device with modules of its kernel, `clock` one whose clock may be set. */
export const checks = {
  identity,
  mounts,
  foreignMounts,
  loops,
  loopRace,
  cgroups,
  loopback,
  reaping,
  restarting,
  modules,
  verity,
  watchdog,
  disk,
  clock,
} as const;
export type CheckName = keyof typeof checks;
