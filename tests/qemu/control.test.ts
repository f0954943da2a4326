/** Sixteen containers at once, the control API by role, start, stop and restart by the user, and drivers, in one boot. */
import { expect } from "bun:test";
import { allGoalsReached, type ContainerStatus, containers, whenContainers } from "./ctl.ts";
import { asks, idleContainer, inside, logged, mustInside, named, statusOf } from "./idle.ts";
import { type Device, type Json, probeContainer, revision, testArch } from "./index.ts";
import { sharedDevice } from "./shared-device.ts";

const arch = testArch();
const many = Array.from({ length: 16 }, (_, i) => `app${i + 1}`);

const device = {
  groups: [
    { name: "root", status_goal: "STARTED", restart_policy: "system", timeout: 60 },
    { name: "many", status_goal: "STARTED", restart_policy: "container", timeout: 120 },
    {
      name: "driven",
      status_goal: "STARTED",
      restart_policy: "container",
      timeout: 5,
      auto_recovery: { policy: "on-failure", max_retries: 1, backoff_policy: "never" },
    },
  ],
};

const drivers: Json = {
  "#spec": "driver-aliases@1",
  all: { pair: ["dummy numdummies=2"], nowhere: ["no_such_module"], half: ["dummy", "no_such_module"] },
};

const driven = (name: string, wanted: Record<string, Json>) =>
  idleContainer(arch, name, "driven", {
    command: ["/idle", "ls /sys/class/net >/run/seen-first"],
    args: wanted,
  });

const behaviour = sharedDevice(async () => ({
  name: `control-${arch}`,
  arch,
  revision: await revision({
    arch,
    device,
    containers: [
      await probeContainer(arch),
      await idleContainer(arch, "fixed", "root", { args: { PV_RESTART_POLICY: "system", PV_ROLES: ["nobody"] } }),
      await idleContainer(arch, "manager", "root", { args: { PV_ROLES: ["mgmt"] } }),
      ...(await Promise.all(many.map((name) => idleContainer(arch, name, "many")))),
      await driven("undefined", { PV_DRIVERS_REQUIRED: ["unheard-of"] }),
      await driven("absent", { PV_DRIVERS_REQUIRED: ["nowhere"] }),
      await driven("optional", { PV_DRIVERS_OPTIONAL: ["nowhere", "unheard-of"] }),
      await driven("pair", { PV_DRIVERS_REQUIRED: ["pair"] }),
    ],
    parts: { "bsp/drivers.json": { json: drivers } },
  }),
  append: ["loglevel=3"],
}));

const without = (list: readonly ContainerStatus[], ...names: readonly string[]) =>
  list.filter(({ name }) => !names.includes(name)).map(({ name, pid, status }) => ({ name, pid, status }));

const ctl = (device: Device, action: string, name: string) => device.run(`cairn ctl containers ${action} ${name}`);

behaviour("sixteen containers start at once and reach their goals", async (device) => {
  await logged(device, /many reached/);
  const list = (await containers(device)).filter(({ group }) => group === "many");
  expect(list.map(({ name }) => name).toSorted()).toEqual(many.toSorted());
  expect(allGoalsReached(list)).toBe(true);
  expect(new Set(list.map(({ pid }) => pid)).size).toBe(16);
  // At once: all have begun before the first one runs.
  const begun = [...device.log.matchAll(/app\d+: BLOCKED → INSTALLED/g)];
  expect(begun).toHaveLength(16);
  expect(begun.at(-1)?.index).toBeLessThan(device.log.search(/app\d+: STARTING → STARTED/));
});

behaviour("the control API answers a container with role mgmt, and refuses one without", async (device) => {
  expect(await asks(device, "manager", "GET", "/containers")).toBe(200);
  expect(await asks(device, "app1", "GET", "/containers")).toBe(403);
  expect(await asks(device, "fixed", "GET", "/containers")).toBe(403);
  expect(await asks(device, "app1", "PUT", "/containers/app2", '{"action":"stop"}')).toBe(403);
  expect(await asks(device, "app1", "POST", "/commands", '{"op":"REBOOT_DEVICE","payload":""}')).toBe(403);
  const answer = await mustInside(device, "manager", "ask GET /containers");
  expect(answer).toContain('"name":"app16","group":"many","status":"STARTED"');
  expect((await statusOf(device, "app2")).status).toBe("STARTED");
});

behaviour("stop stops one container, and the others keep their processes", async (device) => {
  const before = await containers(device);
  const from = device.log.length;
  expect((await ctl(device, "stop", "app1")).code).toBe(0);
  await logged(device, /app1: STARTED → STOPPING[\s\S]*app1: STOPPING → STOPPED/, from);
  const after = await containers(device);
  expect(named(after, "app1")).toMatchObject({ status: "STOPPED", pid: null, user_stopped: "true" });
  expect(without(after, "app1", "undefined", "absent")).toEqual(without(before, "app1", "undefined", "absent"));
  const process = await device.run(`kill -0 ${named(before, "app1").pid}`);
  expect(process.code).not.toBe(0);
  expect((await ctl(device, "stop", "app1")).code).toBe(0); // nothing to do is no fault
});

behaviour("start starts it again with a new process", async (device) => {
  const before = await containers(device);
  const from = device.log.length;
  expect((await ctl(device, "start", "app1")).code).toBe(0);
  await logged(device, /app1: STARTING → STARTED/, from);
  const after = await containers(device);
  expect(named(after, "app1")).toMatchObject({ status: "STARTED", user_stopped: "false" });
  expect(without(after, "app1")).toEqual(without(before, "app1"));
  await ctl(device, "start", "app1");
  expect((await statusOf(device, "app1")).pid).toBe(named(after, "app1").pid); // it runs already
});

behaviour("restart gives a container another process, and only that one", async (device) => {
  const before = await containers(device);
  const from = device.log.length;
  expect((await ctl(device, "restart", "app16")).code).toBe(0);
  await logged(device, /app16: STOPPING → [\s\S]*app16: STARTING → STARTED/, from);
  const after = await containers(device);
  expect(named(after, "app16").status).toBe("STARTED");
  expect(named(after, "app16").pid).not.toBe(named(before, "app16").pid);
  expect(without(after, "app16")).toEqual(without(before, "app16"));
  expect(device.log.slice(from)).not.toMatch(/app16 .*retry/); // no failure that is recovered
});

behaviour("a container with restart_policy system is not started, stopped or restarted by anybody", async (device) => {
  const before = await statusOf(device, "fixed");
  for (const action of ["start", "stop", "restart"]) {
    const { code, stderr } = await ctl(device, action, "fixed");
    expect(code).toBe(255);
    expect(stderr).toMatch(/restart_policy/);
  }
  expect(await asks(device, "manager", "PUT", "/containers/fixed", '{"action":"stop"}')).toBe(403);
  expect(await asks(device, "manager", "PUT", "/containers/nobody", '{"action":"stop"}')).toBe(404);
  expect(await statusOf(device, "fixed")).toEqual(before);
});

behaviour("required modules are loaded, with their options, before the container starts", async (device) => {
  await logged(device, /pair: STARTING → STARTED/);
  expect((await mustInside(device, "pair", "cat /run/seen-first")).split("\n")).toEqual(
    expect.arrayContaining(["dummy0", "dummy1"]),
  );
});

behaviour(
  "a required driver that no file defines, or the kernel does not have, fails the start in clear words",
  async (device) => {
    await logged(device, /undefined: required driver "unheard-of" is not defined in bsp\/drivers\.json/);
    await logged(device, /absent: required driver "nowhere" cannot be loaded: .*no_such_module/);
    await logged(device, /undefined .*1 retries are used up/);
    const list = await whenContainers(device, "both to be given up", (all) =>
      ["undefined", "absent"].every((name) => named(all, name).status === "STOPPED"),
    );
    expect(named(list, "undefined").pid).toBeNull();
    await logged(device, /goals missed: .*driven missed/);
  },
);

behaviour("an optional driver that is missing is a warning", async (device) => {
  await logged(device, /WARN.*optional: optional driver "nowhere" is not loaded/);
  await logged(device, /WARN.*optional: optional driver "unheard-of" is not loaded/);
  expect((await statusOf(device, "optional")).status).toBe("STARTED");
  expect((await inside(device, "optional", "true")).code).toBe(0);
});
