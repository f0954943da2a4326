/**
 * `make demo-fleet`: a hub, its Mosquitto and three devices in QEMU, of two architectures: they enrol, get a first revision, one that
 * differs by a line, one in the middle of which the network goes away, and one that is no good. Everything is in a network namespace of its
 * own, each device behind QEMU's own address translation. Exits with 0 only when all was seen.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { startApart } from "../link/apart.ts";
import { allGoalsReached, whenContainers } from "./ctl.ts";
import { authorOf, LARGE_BYTES, type Made, make, releaseNames } from "./demo/fleet-author.ts";
import { type FleetDevice, type Hub, startHub } from "./demo/fleet-hub.ts";
import { desk } from "./desk.ts";
import { carried, network } from "./fleet/fleet.ts";
import { type Arch, buildFolder, locked } from "./host.ts";
import { boot, type Device } from "./machine.ts";

const say = (text: string): void => console.log(text);
const heading = (text: string): void => say(`\n=== ${text}`);
const folder = join(buildFolder, "demo-fleet");

interface Board {
  readonly name: string;
  readonly arch: Arch;
  /** Without one an operator lets it in. */
  readonly token: boolean;
}

const boards: readonly Board[] = [
  { name: "gate", arch: "x86_64", token: true },
  { name: "pump", arch: "x86_64", token: true },
  { name: "mast", arch: "aarch64", token: false },
];

/** With the network of this machine: what is downloaded and built is there afterwards. */
async function prepare(): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  heading("A hub in an empty folder: an authority, a database, an API, and a Mosquitto");
  const hub = await startHub(folder, say);
  await hub.stop();
  heading("What the devices are to run, for both architectures");
  for (const arch of ["x86_64", "aarch64"] as const) await make(arch, folder, say);
}

async function demo(): Promise<void> {
  Bun.spawnSync(["ip", "link", "set", "lo", "up"]);
  heading(
    "The same hub again, and an author's desk: what the devices run is sent there first, for patches to be made from",
  );
  await using hub = await startHub(folder, say);
  const cairn = await desk(folder, say);
  const made = { x86_64: await authorOf("x86_64", folder), aarch64: await authorOf("aarch64", folder) };
  const ids: Record<Arch, Record<string, string>> = { x86_64: {}, aarch64: {} };
  for (const arch of ["x86_64", "aarch64"] as const) {
    for (const name of releaseNames) ids[arch][name] = await made[arch].post(cairn, name);
  }

  heading("Three devices in QEMU");
  const running: { readonly board: Board; readonly device: Device }[] = [];
  try {
    await Promise.all(
      boards.map(async (board) =>
        running.push({ board, device: await boot(bootOptions(board, made[board.arch], hub)) }),
      ),
    );
    await Promise.all(
      running.map(async ({ board, device }) => {
        await device.must("true", 600_000);
        await whenContainers(device, `${board.name}: every goal`, allGoalsReached, 300_000);
        await device.must(network);
        say(`${board.name} (${board.arch}) runs`);
      }),
    );
    const by = (name: string): Device => {
      const found = running.find(({ board }) => board.name === name);
      if (found === undefined) throw new Error(`there is no device ${name}`);
      return found.device;
    };
    await live(hub, by, ids, cairn);
  } finally {
    await Promise.all(running.map(({ device }) => device[Symbol.asyncDispose]()));
  }
  heading("All of it was seen.");
}

const bootOptions = ({ name, arch, token }: Board, { factory }: Made, hub: Hub) =>
  ({
    name: `demo-fleet-${name}`,
    arch,
    revision: factory,
    append: [
      ...["PV_HUB_HOST=10.0.2.2", `PV_HUB_PORT=${hub.port}`, ...(token ? [`PV_HUB_TOKEN=${hub.joinToken}`] : [])],
      ...["PV_UPDATER_COMMIT_DELAY=4", "PH_UPDATER_NETWORK_TIMEOUT=300"],
    ],
  }) as const;

type Cairn = Awaited<ReturnType<typeof desk>>;

async function live(
  hub: Hub,
  by: (name: string) => Device,
  ids: Record<Arch, Record<string, string>>,
  cairn: Cairn,
): Promise<void> {
  heading("Two have a join token and enrol by themselves; the third waits for an operator, who compares its code");
  const [, code = ""] =
    (await by("mast").console(/waits to be accepted by the hub: id \S+, code (\S+)/, 300_000))[0] ?? [];
  say(`(on the console of mast: code ${code})`);
  say(await cairn(["fleet", "accept", code]));
  const all = await hub.when(
    "three devices that report",
    (devices) => devices.filter(reports).length === boards.length,
  );
  const arm = await idOf(by("mast"));
  for (const { id } of all) say(await cairn(["fleet", "tag", id, id === arm ? "aarch64" : "x86_64"]));
  say(await cairn(["fleet", "devices"]));

  const one = by("gate");
  const gate = await idOf(one);
  const release = async (arch: Arch, name: string): Promise<void> =>
    say(await cairn(["fleet", "release", (ids[arch][name] ?? "").slice(0, 12), "--tag", arch]));

  heading("A revision that differs by one line, for all of them");
  const before = await carried(one);
  for (const arch of ["x86_64", "aarch64"] as const) await release(arch, "second");
  await hub.when("all three done", (devices) => devices.filter(ended("done", 1)).length === boards.length);
  const cost = (await carried(one)) - before;
  say(await cairn(["fleet", "releases"]));
  say(`from the release to "committed", gate has carried ${cost} bytes of IP and up, both directions together`);
  say(await one.must("cat /storage/logs/current/changes/lxc/console.log"));

  heading("Eight megabytes that no packer makes smaller; the network goes away in the middle, for half a minute");
  const payload = await carried(one);
  await release("x86_64", "large");
  const part = await hub.when("gate to have a part of it", (devices) =>
    devices.some((device) => device.id === gate && under(device, 2) && (device.desired?.progress?.percent ?? 0) >= 10),
  );
  await one.qmp("set_link", { name: "net", up: false });
  say(`gate's network is away; it had ${part.find(({ id }) => id === gate)?.desired?.progress?.percent} %`);
  await Bun.sleep(30_000);
  await one.qmp("set_link", { name: "net", up: true });
  say("gate's network is there again");
  await hub.when("both done", (devices) => devices.filter(ended("done", 2)).length === 2);
  say(`gate has carried ${(((await carried(one)) - payload) / LARGE_BYTES).toFixed(3)} of the payload`);

  heading("A revision whose container never says that it is ready: taken back, and the hub knows why");
  await release("x86_64", "silent");
  await hub.when("both failed", (devices) => devices.filter(ended("error", 3)).length === 2);
  say(await cairn(["fleet", "releases"]));
  say(await cairn(["fleet", "show", gate]));
  await whenContainers(one, "what ran before", allGoalsReached, 300_000);
  say(await one.must("cairn ctl steps ls"));
}

const idOf = async (device: Device): Promise<string> => {
  const found =
    /this device is ([a-z2-7]{13}) in fleet/.exec(device.log) ??
    (await device.console(/this device is ([a-z2-7]{13}) in fleet/, 300_000))[0];
  return found?.[1] ?? "";
};

const reports = ({ report }: FleetDevice): boolean => report !== null;
const under = ({ desired }: FleetDevice, sequence: number): boolean => desired?.sequence === sequence;
const ended =
  (phase: string, sequence: number) =>
  (device: FleetDevice): boolean =>
    under(device, sequence) && device.desired?.progress?.phase === phase;

if (process.env["CAIRN_APART"] !== "1") await locked(join(buildFolder, "locks", "demo-fleet"), prepare);
if (!(await startApart())) await demo();
