/** Groups in order, goals, their timeouts, and the READY signal, in one boot. */
import { expect } from "bun:test";
import { allGoalsReached, containers, whenContainers } from "./ctl.ts";
import { asks, idleContainer, logged, mustInside, named, statusOf } from "./idle.ts";
import { probeContainer, revision, squashfs, testArch } from "./index.ts";
import { sharedDevice } from "./shared-device.ts";

const arch = testArch();
const crash = ["/bin/sh", "-c", "exit 3"];

/** `third` and `fifth` never reach their goals: one stays silent, the other crashes again and again. */
const device = {
  groups: [
    { name: "data", status_goal: "MOUNTED", restart_policy: "system" },
    { name: "root", status_goal: "STARTED", restart_policy: "system", timeout: 60 },
    { name: "first", status_goal: "READY", restart_policy: "container", timeout: 240 },
    { name: "second", status_goal: "STARTED", restart_policy: "container", timeout: 60 },
    { name: "third", status_goal: "READY", restart_policy: "container", timeout: 4 },
    { name: "fourth", status_goal: "STARTED", restart_policy: "container", timeout: 60 },
    { name: "fifth", status_goal: "READY", restart_policy: "container", timeout: 8 },
    { name: "sixth", status_goal: "STARTED", restart_policy: "container", timeout: 60 },
  ],
};
const later = ["follower", "silent", "patient", "crasher", "last"];

const behaviour = sharedDevice(async () => ({
  name: `groups-${arch}`,
  arch,
  revision: await revision({
    arch,
    device,
    containers: [
      {
        name: "content",
        root: await squashfs(`content-${arch}`, { arch, files: { "/text": "content\n" } }),
        args: { PV_GROUP: "data" },
        manifest: { status_goal: "MOUNTED" },
      },
      await probeContainer(arch),
      await idleContainer(arch, "announcer", "first"),
      await idleContainer(arch, "follower", "second"),
      await idleContainer(arch, "silent", "third"),
      await idleContainer(arch, "patient", "fourth"),
      await idleContainer(arch, "crasher", "fifth", {
        command: crash,
        manifest: { auto_recovery: { policy: "always", retry_delay: 1 } },
      }),
      await idleContainer(arch, "last", "sixth"),
    ],
  }),
  append: ["loglevel=3"],
}));

behaviour("a later group is not begun while an earlier one has not reached its goal", async (device) => {
  await logged(device, /announcer: STARTING → STARTED/);
  const list = await containers(device);
  expect(named(list, "content").status).toBe("MOUNTED");
  expect(named(list, "probe").status).toBe("STARTED");
  expect(named(list, "announcer").status).toBe("STARTED");
  expect(later.map((name) => named(list, name).status)).toEqual(later.map(() => "BLOCKED"));
  expect(await device.must("ls /volumes")).toBe("announcer\nbsp\ncontent\nprobe\n");
});

behaviour(
  "a READY signal from the host, or from a container with another goal, or of another type is refused",
  async (device) => {
    const host = await device.run("cairn ctl signal ready");
    expect(host.code).toBe(255);
    expect(host.stderr).toContain("Signal not expected from this platform");
    const probe = await device.run("cairn ctl -s /run/cairn/containers/probe/pv-ctrl signal ready");
    expect(probe.stderr).toContain("Signal not expected from this platform");
    expect(await asks(device, "announcer", "POST", "/signal", '{"type":"alive","payload":""}')).toBe(500);
    expect((await statusOf(device, "announcer")).status).toBe("STARTED");
  },
);

behaviour(
  "a READY signal from the container's own socket reaches its goal, and the next group begins",
  async (device) => {
    expect(device.log).not.toMatch(/follower: .* → STARTING/);
    const from = device.log.length;
    expect(await asks(device, "announcer", "POST", "/signal", '{"type":"ready","payload":""}')).toBe(200);
    const ready = await logged(device, /announcer: STARTED → READY/, from);
    await logged(device, /follower: STARTING → STARTED/, ready.end);
  },
);

behaviour("a goal's timeout is told, lets the next group begin, and stops nothing", async (device) => {
  const begun = await logged(device, /(\d+) .*silent: BLOCKED → INSTALLED/);
  const next = await logged(device, /(\d+) .*patient: BLOCKED → INSTALLED/, begun.end);
  expect(Number(next[1]) - Number(begun[1])).toBeGreaterThanOrEqual(3); // of 4, seen in whole seconds
  const goals = await logged(device, /goals (\w+): .*second reached, third (\w+), fourth pending/, next.end);
  expect(goals.slice(1)).toEqual(["missed", "missed"]);
  await logged(device, /patient: STARTING → STARTED/, next.end);
  expect((await statusOf(device, "silent")).status).toBe("STARTED");
});

behaviour("a container that crashes again and again holds later groups until its goal's timeout", async (device) => {
  const begun = await logged(device, /(\d+) .*crasher: BLOCKED → INSTALLED/);
  const next = await logged(device, /(\d+) .*last: BLOCKED → INSTALLED/, begun.end);
  expect(Number(next[1]) - Number(begun[1])).toBeGreaterThanOrEqual(7); // of 8
  const held = device.log.slice(begun.end, next.end);
  expect(held.match(/crasher exited with code 3; retry \d+ in 1000 ms/g)?.length).toBeGreaterThanOrEqual(2);
  expect(held).not.toMatch(/fifth (reached|missed)/);
  await logged(device, /fifth missed, sixth pending/, next.end);
  await logged(device, /last: STARTING → STARTED/, next.end);
});

behaviour("a goal that is reached after its timeout counts", async (device) => {
  expect(await asks(device, "silent", "POST", "/signal", '{"type":"ready","payload":""}')).toBe(200);
  const list = await whenContainers(device, "all but the crashing one to be there", (all) =>
    allGoalsReached(all.filter(({ name }) => name !== "crasher")),
  );
  expect(named(list, "silent").status).toBe("READY");
  expect(await mustInside(device, "silent", "echo still there")).toBe("still there\n");
});
