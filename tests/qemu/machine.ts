/** Boots a device in QEMU (software emulation) and lets a test talk to it. */
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Socket, Subprocess } from "bun";
import { checkStorage, type DiskSpec, makeDisk, readBootFile, readStorageFile, type StorageCheck } from "./disk.ts";
import { type Arch, buildFolder, repository, run } from "./host.ts";
import { builtImages } from "./images.ts";
import { uBoot } from "./loaders.ts";
import { type Outcome, Probe } from "./probe.ts";
import { connectQmp, type Qmp } from "./qmp.ts";
import type { Revision } from "./revision.ts";
import { Transcript } from "./transcript.ts";

export interface BootOptions {
  /** Names the folder below build/failures that a failure leaves; file-name characters only. */
  readonly name: string;
  readonly arch: Arch;
  /** Revision 0 and what else the disk carries. */
  readonly revision: Revision;
  readonly disk?: Omit<DiskSpec, "arch" | "loaderWords" | "revisions"> & {
    readonly revisions?: Readonly<Record<string, Revision>>;
  };
  /** This disk instead of a new one, as it is; it stays when the machine is gone. */
  readonly image?: string;
  /** Records every write and flush of the disk in this file (QEMU's blklogwrites); nothing is flushed on this machine then. */
  readonly writeLog?: string;
  /** "direct": QEMU starts revision 0's kernel, whatever the disk says. "real": the boot loader on the disk chooses. */
  readonly loader?: "direct" | "real";
  /** Variables of U-Boot, as a board's configuration of it would set them. */
  readonly uBootVariables?: Readonly<Record<string, string>>;
  readonly memoryMib?: number;
  readonly cpus?: number;
  /** Kernel command line after the usual words; a later word wins over an earlier one. */
  readonly append?: readonly string[];
  /** TCP ports of the device that get a port on this machine's loopback. */
  readonly forward?: readonly number[];
  /** Intel 6300ESB; when it fires, the machine resets. */
  readonly watchdog?: boolean;
  /** A reset boots again; otherwise it ends the machine, and {@link Device.ended} says how. */
  readonly reboots?: boolean;
  /** Counts instructions instead of time, e.g. "shift=0": one instruction is 1 ns. */
  readonly icount?: string;
  /** Further arguments for QEMU. */
  readonly devices?: readonly string[];
  /** Hears every line of the serial console. */
  readonly echo?: (line: string) => void;
}

const machines: Readonly<
  Record<Arch, { readonly program: string; readonly board: readonly string[]; readonly console: string }>
> = {
  x86_64: { program: "qemu-system-x86_64", board: ["-M", "q35", "-cpu", "max"], console: "ttyS0" },
  aarch64: { program: "qemu-system-aarch64", board: ["-M", "virt", "-cpu", "cortex-a72"], console: "ttyAMA0" },
};

/** The loaders of `loaders.ts`, as the runtime calls them. */
const loaderTypes: Readonly<Record<Arch, string>> = { x86_64: "grub", aarch64: "uboot" };

/** Why a machine ended, in QEMU's words: "guest-shutdown" (power-off), "guest-reset", "guest-panic", "host-qmp-quit", … */
export type EndReason = string;

/** Makes the disk and starts the machine; the kernel runs when this returns. */
export async function boot(options: BootOptions): Promise<Device> {
  const folder = await runFolder(options.name);
  const disk = options.image ?? join(folder, "disk.img");
  if (options.image === undefined) await makeDeviceDisk(options, disk, join(folder, "storage"));
  if (options.writeLog !== undefined) await writeFile(options.writeLog, "");
  return start(options, { folder, disk, command: qemuCommand(options, disk, await firmware(options)) });
}

/** A new folder for one machine's files, which go with the machine. */
export async function runFolder(name: string): Promise<string> {
  await mkdir(join(buildFolder, "run"), { recursive: true });
  return mkdtemp(join(buildFolder, "run", `${name}-`));
}

/** Starts any machine: `command` is the whole of QEMU's, but for the lines to us (character devices `console` and `probe`). */
export async function start(
  options: Pick<BootOptions, "name" | "echo">,
  { folder, disk, files = [], command }: Pick<Parts, "folder" | "disk" | "command"> & Partial<Pick<Parts, "files">>,
): Promise<Device> {
  const sockets = await mkdtemp(join(tmpdir(), "cairn-qemu-")); // a socket's path is at most 107 bytes long
  const live = [
    ...command,
    ...["-S", "-qmp", `unix:${sockets}/qmp,server=on,wait=off`],
    ...["-chardev", `socket,id=console,path=${sockets}/console,server=on,wait=off`],
    ...["-chardev", `socket,id=probe,path=${sockets}/probe,server=on,wait=off`],
  ];
  // The kernel ends QEMU with us, whatever ends us.
  const qemu = Bun.spawn(["setpriv", "--pdeathsig", "KILL", ...live], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const device = new Device(options, { folder, sockets, disk, files, command, qemu });
  try {
    await device.connect();
  } catch (cause) {
    await device[Symbol.asyncDispose]();
    throw new Error(`QEMU does not start: ${await qemu.stderr.text()}`, { cause });
  }
  return device;
}

/** Makes the disk that {@link boot} would make; `scratch` as in {@link makeDisk}. */
export async function makeDeviceDisk(options: BootOptions, path: string, scratch: string): Promise<void> {
  const { arch, loader = "direct" } = options;
  const revisions = { "0": options.revision, ...options.disk?.revisions };
  const loaderWords = loader === "real" ? { loaderWords: words(options) } : {};
  await makeDisk(path, scratch, { ...options.disk, ...loaderWords, arch, revisions });
}

/** Boots, runs `body`, always ends the machine; when `body` throws, everything to look at is kept and the error names it. */
export async function withDevice<T>(options: BootOptions, body: (device: Device) => Promise<T>): Promise<T> {
  return attended(await boot(options), body);
}

/** The same for a machine that runs already. */
export async function attended<T>(device: Device, body: (device: Device) => Promise<T>): Promise<T> {
  try {
    return await body(device);
  } catch (cause) {
    const kept = await device.keep();
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${message}\nkept: ${kept}\nrepeat: ${join(kept, "repro.sh")}`, { cause });
  } finally {
    await device[Symbol.asyncDispose]();
  }
}

/** The kernel's words, but for those that a boot loader adds. */
const words = (options: BootOptions): readonly string[] => [
  ...[`console=${machines[options.arch].console}`, "apparmor=0", "PV_STORAGE_DEVICE=LABEL=pvdata"],
  // What the runtime has to say is evidence: it belongs on the console, besides its files.
  ...["PV_LOG_LEVEL=3", "PV_LOG_SERVER_OUTPUTS=filetree,stdout.pantavisor"],
  `PV_BOOTLOADER_TYPE=${options.loader === "real" ? loaderTypes[options.arch] : "none"}`,
  ...(options.append ?? []),
];

/** What starts first: the kernel itself, a PC's BIOS (which QEMU brings along), or U-Boot as the board's firmware. */
async function firmware(options: BootOptions): Promise<readonly string[]> {
  if (options.loader !== "real") {
    const append = ["panic=2", "pv_rev=0", ...words(options)].join(" ");
    return ["-kernel", options.revision.directKernel, "-initrd", options.revision.initramfs, "-append", append];
  }
  if (options.arch === "x86_64") return [];
  const built = builtImages(options.arch)?.uBoot;
  if (typeof built === "string") return ["-bios", built];
  const { program, flash } = await uBoot(options.uBootVariables);
  return ["-bios", program, "-drive", `if=pflash,unit=1,format=raw,readonly=on,file=${flash}`];
}

/** Everything but the sockets, so that the same command can be given to a person. */
function qemuCommand(options: BootOptions, disk: string, first: readonly string[]): readonly string[] {
  const { program, board } = machines[options.arch];
  const forwards = (options.forward ?? []).map((port) => `,hostfwd=tcp:127.0.0.1:0-:${port}`).join("");
  return [
    ...[program, "-nodefaults", "-display", "none", ...board],
    ...["-accel", "tcg", "-m", String(options.memoryMib ?? 512), "-smp", String(options.cpus ?? 1)],
    ...(options.icount === undefined ? [] : ["-icount", options.icount]),
    ...(options.reboots === true ? [] : ["-no-reboot"]),
    ...first,
    ...diskArguments(disk, options.writeLog),
    ...["-netdev", `user,id=net${forwards}`, "-device", "virtio-net-pci,netdev=net,romfile="],
    ...["-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng"],
    ...["-serial", "chardev:console", "-device", "virtio-serial-pci"],
    ...["-device", "virtserialport,chardev=probe,name=cairn.probe"],
    ...(options.watchdog === true ? ["-device", "i6300esb", "-action", "watchdog=reset"] : []),
    ...(options.devices ?? []),
  ];
}

/** The disk, and the log in front of it. That one takes no zeroing and no discards: their entries may come apart (QEMU 7.2). */
function diskArguments(disk: string, writeLog: string | undefined): readonly string[] {
  if (writeLog === undefined)
    return ["-drive", `if=none,id=disk,format=raw,file=${disk}`, "-device", "virtio-blk-pci,drive=disk,romfile="];
  const file = (name: string, path: string) => `${name}.driver=file,${name}.filename=${path},${name}.cache.no-flush=on`;
  return [
    ...["-blockdev", `driver=blklogwrites,node-name=disk,${file("file", disk)},${file("log", writeLog)}`],
    ...["-device", "virtio-blk-pci,drive=disk,romfile=,discard=off,write-zeroes=off"],
  ];
}

interface Parts {
  readonly folder: string;
  readonly sockets: string;
  readonly disk: string;
  /** What else in the command goes with the folder. */
  readonly files: readonly string[];
  readonly command: readonly string[];
  readonly qemu: Subprocess<"ignore", "ignore", "pipe">;
}

/** A running machine. Disposing of it kills QEMU and removes its files. */
export class Device implements AsyncDisposable {
  readonly #options: Pick<BootOptions, "name" | "echo">;
  readonly #parts: Parts;
  readonly #serial: Transcript;
  readonly #ended = Promise.withResolvers<EndReason>();
  readonly #sockets: Socket[] = [];
  #qmp: Qmp | null = null;
  #probe: Probe | null = null;
  #consoleSocket: Socket | null = null;
  #endedWith: EndReason | null = null;
  readonly #events: string[] = [];

  constructor(options: Pick<BootOptions, "name" | "echo">, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
    this.#serial = new Transcript(options.echo);
    parts.qemu.exited.then(() => this.#end("QEMU ended"));
  }

  /** Resolves with the reason when the machine has ended by itself or by us. */
  get ended(): Promise<EndReason> {
    return this.#ended.promise;
  }

  /** Why it has ended; null while it runs. */
  get endedWith(): EndReason | null {
    return this.#endedWith;
  }

  /** QEMU's events so far, by name: RESET, SHUTDOWN, WATCHDOG, … (QEMU: qapi/run-state.json) */
  get events(): readonly string[] {
    return this.#events;
  }

  /** Everything the serial console said. */
  get log(): string {
    return this.#serial.text;
  }

  /** For the harness: connects the lines, then lets the machine run. */
  async connect(): Promise<void> {
    const { sockets, qemu } = this.#parts;
    for (let left = 100; !existsSync(join(sockets, "probe")) || !existsSync(join(sockets, "qmp")); left -= 1) {
      if (left === 0 || qemu.exitCode !== null) throw new Error("QEMU opened no sockets");
      await Bun.sleep(50);
    }
    const lines = async (name: string, data: (bytes: Uint8Array) => void): Promise<Socket> => {
      const socket = await Bun.connect({ unix: join(sockets, name), socket: { data: (_, bytes) => data(bytes) } });
      this.#sockets.push(socket);
      return socket;
    };
    this.#qmp = await connectQmp(join(sockets, "qmp"), (event, reason) => {
      this.#events.push(event);
      if (event === "SHUTDOWN") this.#end(reason);
    });
    this.#consoleSocket = await lines("console", (bytes) => this.#serial.feed(bytes));
    const heard = new Transcript();
    const toProbe = await lines("probe", (bytes) => heard.feed(bytes));
    this.#probe = new Probe(heard, (text) => void toProbe.write(text));
    await this.#qmp.execute("cont");
  }

  /** Waits until the console has shown the patterns, one after the other, and after what was waited for before.
   *  @param withinMs for all of them together; throws with the last lines when it is over or the machine ended */
  async console(patterns: RegExp | readonly RegExp[], withinMs = 60_000): Promise<readonly RegExpMatchArray[]> {
    const until = performance.now() + withinMs;
    const matches: RegExpMatchArray[] = [];
    for (const pattern of [patterns].flat())
      matches.push(
        await this.#before(until - performance.now(), `the console to show ${pattern}`, this.#serial.next(pattern)),
      );
    return matches;
  }

  /** For after a reboot that the console has shown: {@link run} waits for the device to be there again. */
  reconnected(): void {
    this.#probe?.restarted();
  }

  /** Like {@link run}, for a machine that may reboot at any time: asks again until it is answered. Only for what may be done twice. */
  async ask(command: string, withinMs: number, onceMs = 20_000): Promise<Outcome> {
    const untilMs = performance.now() + withinMs;
    for (;;) {
      try {
        return await this.run(command, onceMs);
      } catch (cause) {
        if (performance.now() > untilMs || this.endedWith !== null) throw cause;
        this.#probe?.abandoned();
      }
    }
  }

  /** Types on the serial console. */
  type(text: string): void {
    this.#consoleSocket?.write(text);
  }

  /** Runs a shell command on the device, seen as process 1 sees it. Needs the container that probe.ts makes. */
  async run(command: string, withinMs = 60_000): Promise<Outcome> {
    if (this.#probe === null) throw new Error("this machine is not connected");
    return this.#before(withinMs, `the device to run: ${command}`, this.#probe.run(command));
  }

  /** Like {@link run}, but a non-zero exit code throws; gives standard output. */
  async must(command: string, withinMs = 60_000): Promise<string> {
    const { code, stdout, stderr } = await this.run(command, withinMs);
    if (code !== 0) throw new Error(`on the device, ${command}: exit code ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  /** One command of QEMU's machine protocol, such as "device_add"; throws QEMU's refusal. */
  async qmp(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    if (this.#qmp === null) throw new Error("this machine is not connected");
    return this.#qmp.execute(command, args);
  }

  /** The loopback port of this machine that leads to `port` of the device. */
  async forwarded(port: number): Promise<number> {
    const table = String(await this.#qmp?.execute("human-monitor-command", { "command-line": "info usernet" }));
    const row = table
      .split("\n")
      .find((line) => line.includes("HOST_FORWARD") && new RegExp(`\\s${port}\\s`).test(line));
    const found = /127\.0\.0\.1\s+(\d+)/.exec(row ?? "")?.[1];
    if (found === undefined) throw new Error(`port ${port} is not forwarded:\n${table}`);
    return Number(found);
  }

  /** Waits for the machine to end by itself. */
  async end(withinMs = 60_000): Promise<EndReason> {
    const reason = await this.#before(withinMs, "the machine to end", this.ended, false);
    await this.#parts.qemu.exited;
    return reason;
  }

  /** Cuts the power: nothing is flushed in the device. */
  async cutPower(): Promise<void> {
    this.#parts.qemu.kill("SIGKILL");
    await this.#parts.qemu.exited;
  }

  /** Checks the storage partition; after {@link end} or {@link cutPower}. */
  fsck(): Promise<StorageCheck> {
    return checkStorage(this.#stopped());
  }

  /** Text of a file on the storage partition, path without /storage; null when it is not there. After the end. */
  file(path: string): Promise<string | null> {
    return readStorageFile(this.#stopped(), path);
  }

  /** Text of a file on the boot partition; null when it is not there. After the end. */
  bootFile(path: string): Promise<string | null> {
    return readBootFile(this.#stopped(), path);
  }

  /** Keeps serial log, disk and a script that boots it again below build/failures; gives the folder. */
  async keep(): Promise<string> {
    const folder = join(repository, "build", "failures", this.#options.name);
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "serial.log"), this.#serial.text);
    await this.cutPower();
    const { disk, files, command } = this.#parts;
    const kept = new Map([
      [disk, join(folder, "disk.img")],
      ...files.map((file) => [file, join(folder, basename(file))] as const),
    ]);
    for (const [file, copy] of kept) await run(["cp", "--sparse=always", file, copy]);
    const moved = (word: string): string => [...kept].reduce((text, [file, copy]) => text.replaceAll(file, copy), word);
    const quoted = command.map((word) => `'${moved(word)}'`);
    const lines = "-chardev stdio,id=console,mux=on,signal=off -chardev null,id=probe";
    await writeFile(
      join(folder, "repro.sh"),
      `#!/bin/sh\n# Boots a copy-on-write view of the disk; end it with Ctrl-A X.\nexec ${quoted.join(" ")} ${lines} -snapshot\n`,
    );
    await chmod(join(folder, "repro.sh"), 0o755);
    return folder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cutPower();
    for (const socket of this.#sockets) socket.end();
    this.#qmp?.close();
    await rm(this.#parts.folder, { recursive: true, force: true });
    await rm(this.#parts.sockets, { recursive: true, force: true });
  }

  /** The first reason counts: QEMU's process ends after every other. */
  #end(reason: EndReason): void {
    this.#endedWith ??= reason;
    this.#ended.resolve(this.#endedWith);
  }

  #stopped(): string {
    if (this.#parts.qemu.exitCode === null && this.#parts.qemu.signalCode === null)
      throw new Error("the machine still uses its disk");
    return this.#parts.disk;
  }

  /** `event`, unless time is over or (where that matters) the machine ends first. */
  async #before<T>(withinMs: number, what: string, event: Promise<T>, endMatters = true): Promise<T> {
    const { promise: failed, reject } = Promise.withResolvers<never>();
    const fail = (why: string): void =>
      reject(new Error(`waited for ${what}: ${why}; the console's end:\n${this.#serial.tail(60)}`));
    const timer = setTimeout(() => fail(`not within ${(withinMs / 1000).toFixed(0)} s`), Math.max(0, withinMs));
    // What was said just before the end still counts: give it a moment to arrive.
    if (endMatters) this.ended.then((reason) => setTimeout(() => fail(`the machine ended (${reason})`), 500));
    try {
      return await Promise.race([event, failed]);
    } finally {
      clearTimeout(timer);
    }
  }
}
