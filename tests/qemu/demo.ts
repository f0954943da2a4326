/** `make demo`: builds a device and revisions of it with `cairn` itself, signs them, boots it before one's eyes through its boot loader,
 *  shows that it lives, and changes it: by revisions that are good and by some that are not. Exits with 0 only when all was seen.
 *  Environment: ARCH x86_64 or aarch64, this machine's unless told; KEEP=1 stays with the running device at a prompt. */
import { join } from "node:path";
import { allGoalsReached, type ContainerStatus, containers, powerOff, whenContainers } from "./ctl.ts";
import { author, type ReleaseName } from "./demo/authoring.ts";
import { bringAlong, incoming } from "./export.ts";
import { type Arch, arches, buildFolder, hostArch, locked } from "./host.ts";
import type { Json } from "./json.ts";
import { type BootOptions, type Device, withDevice } from "./machine.ts";
import { defaultGroups } from "./revision.ts";

const say = (text: string): void => console.log(text);
const heading = (text: string): void => say(`\n=== ${text}`);
const arch = chosenArch();

async function demo(): Promise<void> {
  heading(`Building a device for ${arch}, and revisions of it`);
  const device: Json = { groups: defaultGroups.map(impatient) };
  const { folder, factory, releases } = await author(arch, device, { heading, say });
  heading("Booting it in QEMU (software emulation; the device's console has a bar in front)");
  const options: BootOptions = {
    name: `demo-${arch}`,
    arch,
    revision: factory,
    forward: [80, 1883],
    watchdog: true,
    loader: "real",
    reboots: true,
    disk: { storageMib: 1024, prepare: bringAlong(releases, factory) },
    append: ["PV_LOG_SERVER_OUTPUTS=filetree,stdout", "PV_UPDATER_COMMIT_DELAY=5"],
    echo: (line) => say(`  | ${line}`),
  };
  await withDevice(options, show);
  heading("All of it was seen.");
  say(`The author's desk stays where it is: cd ${folder}/device`);
}

async function show(device: Device): Promise<void> {
  await device.must("true", 120_000); // the probe container runs, so the device does
  await whenContainers(device, "every container to reach its goal", allGoalsReached, 120_000);
  heading("Every container has reached its goal");
  say(await device.must("cairn ctl containers ls"));
  say(await device.must("cairn ctl groups ls"));

  const url = `http://127.0.0.1:${await device.forwarded(80)}/`;
  heading(`A page from the web container, through ${url}`);
  say(await page(url));
  if (process.env["KEEP"] === "1") await prompt(device, url);

  heading("SIGKILL for the web container's first process; its group's auto_recovery is to bring it back");
  const before = find(await containers(device), "web");
  await device.must(`kill -9 ${before.pid}`);
  const recovered = (list: readonly ContainerStatus[]): boolean => {
    const now = find(list, "web");
    return now.status === "STARTED" && now.pid !== before.pid;
  };
  const after = find(await whenContainers(device, "web to be recovered", recovered, 60_000), "web");
  say(`web had process ${before.pid}, now ${after.pid}; retries: ${after.auto_recovery?.current_retries ?? "unknown"}`);
  say(`the page is there again: ${(await page(url)).length} bytes`);

  await liveAndDie(device, url);

  heading("Power-off");
  const reason = await powerOff(device);
  if (reason !== "guest-shutdown") throw new Error(`the device did not switch itself off: ${reason}`);
  const check = await device.fsck();
  if (!check.clean) throw new Error(`the storage was not left clean:\n${check.text}`);
  heading("It switched itself off; the storage partition is clean");
}

/** The default groups, which would have one wait for minutes. */
function impatient(group: Json): Json {
  const { auto_recovery: recovery, ...rest } = group as Record<string, Json>;
  const quick = { ...(recovery as Record<string, Json>), stable_timeout: 5 };
  return { ...rest, timeout: 20, ...(recovery === undefined ? {} : { auto_recovery: quick }) };
}

/** Five revisions, three of which are no good. */
async function liveAndDie(device: Device, url: string): Promise<void> {
  heading("A revision whose web container is not what was signed: refused");
  const log = await device.must("cat /storage/logs/0/pantavisor/pantavisor.log");
  say(/signatures: strict.*/.exec(log)?.[0] ?? fail("the device does not insist on signatures"));
  const refused = await install(device, "unsigned", "--run", 70);
  if (!refused.includes("was changed after it was signed")) fail(`refused for another reason: ${refused}`);
  say(refused);

  heading(
    "A new revision of the web container, installed on the device: no reboot, its neighbours keep their processes",
  );
  const before = await containers(device);
  say(await install(device, "web2", "--run", 0));
  const after = await containers(device);
  for (const { name, pid } of before) {
    const now = find(after, name).pid;
    if ((name === "web") === (now === pid)) throw new Error(`${name} had process ${pid}, now ${now}`);
    say(`${name.padEnd(8)} process ${pid} → ${now}`);
  }
  say(`the page comes from web ${await version(url)} now`);

  heading("A new base system: a reboot through the boot loader, on trial, then committed");
  await device.run(installing("base2", "--run --no-wait"));
  await device.console([/trying revision locals\/base2/, /revision locals\/base2: DONE/], 300_000);
  device.reconnected();
  say(`/etc/motd: ${await device.must("cat /etc/motd", 60_000)}`);

  heading("A revision whose web container never gets ready: taken back");
  say(await install(device, "silent", "--run", 1));
  await whenContainers(device, "the revision before it", allGoalsReached, 60_000);
  say(`the page comes from web ${await version(url)} again`);

  heading("A revision whose base system has no good process 1: the kernel panics, the boot loader goes back");
  await device.run(installing("dying", "--run --no-wait"));
  const shown = [/trying revision locals\/dying/, /Kernel panic/, /locals\/dying was not committed/, /goals reached/];
  await device.console(shown, 300_000);
  device.reconnected();
  await device.must("true", 60_000);
  say(`the page comes from web ${await version(url)} again`);

  heading("What became of each revision, and why");
  say(await device.must("cairn ctl steps ls"));
  say(await device.must("cairn ctl doctor || true"));
  const runs = (await device.must("readlink /storage/trails/current")).trim();
  if (runs !== "locals/base2") throw new Error(`revision ${runs} runs, not the last good one`);
}

function installing(step: ReleaseName, flags: string): string {
  const command = `cairn ctl install ${incoming(step)} --name locals/${step} ${flags}`;
  say(`# ${command}`);
  return command;
}

async function install(device: Device, step: ReleaseName, flags: string, wanted: number): Promise<string> {
  const { code, stdout, stderr } = await device.run(installing(step, flags), 240_000);
  if (code !== wanted) throw new Error(`installing ${step} ended with ${code}, not ${wanted}:\n${stdout}${stderr}`);
  return `${stdout}${stderr}`.trim();
}

/** What the web server says of itself. */
async function version(url: string): Promise<string> {
  await page(url, 60_000);
  return (await fetch(url)).headers.get("X-Web-Version") ?? "unknown";
}

/** The page, as soon as it is served: STARTED says that the server's process runs, not that it listens already. */
async function page(url: string, withinMs = 20_000): Promise<string> {
  const untilMs = performance.now() + withinMs;
  for (;;) {
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(withinMs) });
      const text = await answer.text();
      if (!answer.ok || !text.includes("Cairn device")) throw new Error(`${answer.status}: ${text}`);
      return text;
    } catch (cause) {
      if (performance.now() > untilMs) throw new Error(`${url} is not served: ${cause}`, { cause });
      await Bun.sleep(200);
    }
  }
}

function fail(why: string): never {
  throw new Error(why);
}

function find(list: readonly ContainerStatus[], name: string): ContainerStatus {
  const found = list.find((container) => container.name === name);
  if (found === undefined) throw new Error(`the device knows no container ${name}`);
  return found;
}

/** Commands for the running device, one a line, until the end of the input. */
async function prompt(device: Device, url: string): Promise<void> {
  heading(`The device keeps running. Web page: ${url}  MQTT: 127.0.0.1:${await device.forwarded(1883)}`);
  say('Type commands for its shell, e.g. "cairn ctl containers ls"; Ctrl-D goes on to the end of the demo.');
  const ask = (): boolean => process.stdout.write(`${arch}# `);
  ask();
  for await (const line of console) {
    if (line.trim() !== "") {
      const { stdout, stderr, code } = await device.run(line, 600_000);
      process.stdout.write(stdout + stderr);
      if (code !== 0) say(`(exit code ${code})`);
    }
    ask();
  }
}

function chosenArch(): Arch {
  const wanted = process.env["ARCH"] ?? hostArch();
  const found = arches.find((known) => known === wanted);
  if (found === undefined) throw new Error(`ARCH is ${arches.join(" or ")}, not ${wanted}`);
  return found;
}

try {
  // The desk is one for each architecture, so that it can be looked at afterwards.
  await locked(join(buildFolder, "locks", `demo-${arch}`), demo);
} catch (cause) {
  heading(`FAILED: ${cause instanceof Error ? cause.message : String(cause)}`);
  process.exit(1);
}
