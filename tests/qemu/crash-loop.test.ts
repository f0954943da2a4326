/** A committed revision that keeps crashing: first the one before it, then a safe mode that carries the link and waits. */
import { expect } from "bun:test";
import {
  allGoalsReached,
  bringAlong,
  containers,
  incoming,
  type Json,
  probeContainer,
  revision,
  scriptContainer,
  sharedDevice,
  testArch,
  whenContainers,
} from "./index.ts";

const arch = testArch();
const fuse = "/var/lib/fuse";

/** No recovery, so that a container that ends takes the device down. */
const groups: Json = {
  groups: ["root", "app"].map((name) => ({ name, restart_policy: "container", status_goal: "STARTED", timeout: 20 })),
};

/** Its container ends at once as soon as somebody has made the file `lit` for it. */
async function device(lit: string) {
  const script = `[ -e ${fuse}/${lit} ] && exit 7\ntrap 'exit 0' TERM PWR\nwhile :; do sleep 1000 & wait; done\n`;
  const spec = { args: { PV_GROUP: "app" }, persistence: { [fuse]: "permanent" } } as const;
  return revision({
    arch,
    device: groups,
    containers: [await probeContainer(arch), await scriptContainer(arch, "fuse", script, { spec })],
  });
}

const test = sharedDevice(async () => {
  const factory = await device("first");
  return {
    name: `crash-loop-${arch}`,
    arch,
    revision: factory,
    loader: "real",
    reboots: true,
    watchdog: true,
    append: ["PV_UPDATER_COMMIT_DELAY=2"],
    disk: { prepare: bringAlong({ second: await device("second") }, factory) },
  };
});

const light = (lit: string): string => `touch /storage/disks/perm/fuse/docker--var-lib-fuse/${lit}; sync`;
/** Asked when the runtime has said on the console that it is there. */
const boots = 4;

test("after four boots in a row that ended early, the revision before it is committed again", async (device) => {
  await device.must("true", 180_000);
  await whenContainers(device, "the factory's goals", allGoalsReached, 120_000);
  await device.must(`cairn ctl install ${incoming("second")} --name locals/second --run`, 120_000);
  await device.must(light("second"));
  await device.run("cairn ctl containers restart fuse");
  const crashes = Array.from({ length: boots }, () => /fuse exited with code 7 and is not recovered/);
  await device.console(
    [...crashes, /revision 0 is committed in the place/, /cairn: revision 0/, /goals reached/],
    290_000,
  );
  device.reconnected();
  expect((await device.must("readlink /storage/trails/current", 60_000)).trim()).toBe("0");
  const record = JSON.parse(await device.must("cairn ctl steps show-progress locals/second --json"));
  expect(record).toMatchObject({ status: "ERROR", evidence: { reason: "crashLoop" } });
});

test("when there is none before it, only what carries the link is started, and the device waits", async (device) => {
  await device.must(light("first"));
  await device.run("cairn ctl containers restart fuse");
  const crashes = Array.from({ length: boots }, () => /fuse exited with code 7 and is not recovered/);
  await device.console([...crashes, /safe mode/, /goals reached/], 290_000);
  device.reconnected();
  const running = await containers(device);
  expect(running.map(({ name, status }) => `${name} ${status}`)).toEqual(["probe STARTED"]);
});
