/** What happens to containers that end by themselves, in one machine that also reboots for it. */
import { expect } from "bun:test";
import { containers, whenContainers } from "./ctl.ts";
import { eventually, idleContainer, logged, named, signal, statusOf } from "./idle.ts";
import { type Device, type Json, probeContainer, revision, testArch } from "./index.ts";
import { sharedDevice } from "./shared-device.ts";

const arch = testArch();
const crash = ["/bin/sh", "-c", "cut -d ' ' -f 1 /proc/uptime; exit 3"];
const never = { policy: "on-failure", backoff_policy: "never" };

const own = (name: string, recovery: Record<string, Json>, command?: readonly string[]) =>
  idleContainer(arch, name, "plain", {
    ...(command === undefined ? {} : { command }),
    manifest: { auto_recovery: recovery },
  });

const behaviour = sharedDevice(async () => ({
  name: `recovery-${arch}`,
  arch,
  revision: await revision({
    arch,
    device: {
      groups: [
        { name: "root", status_goal: "STARTED", restart_policy: "system", timeout: 60 },
        {
          name: "guarded",
          status_goal: "STARTED",
          restart_policy: "container",
          timeout: 60,
          auto_recovery: { policy: "always", retry_delay: 0 },
        },
        { name: "plain", status_goal: "STARTED", restart_policy: "container", timeout: 60 },
      ],
    },
    containers: [
      await probeContainer(arch),
      await idleContainer(arch, "inherits", "guarded"),
      await idleContainer(arch, "optout", "guarded", { manifest: { auto_recovery: { policy: "no" } } }),
      await own("three", { policy: "on-failure" }),
      await own("done", { policy: "on-failure" }, ["/bin/sh", "-c", "exit 0"]),
      await own("always", { policy: "always", retry_delay: 0 }),
      await own("unless", { policy: "unless-stopped" }),
      await own("grows", { ...never, max_retries: 3, retry_delay: 1, backoff_factor: 2 }, crash),
      await own("pauses", { policy: "on-failure", max_retries: 1, backoff_policy: "3s" }, crash),
      await own("settles", { policy: "always", stable_timeout: 5 }),
      await own("reboots", { policy: "on-failure", max_retries: 1, backoff_policy: "reboot" }),
    ],
  }),
  append: ["loglevel=3"],
  reboots: true,
}));

/** Waits for another process of a container that runs. */
const restarted = async (device: Device, name: string, before: number): Promise<void> => {
  const list = await whenContainers(device, `${name} to run again`, (all) => {
    const { status, pid } = named(all, name);
    return status === "STARTED" && pid !== before;
  });
  expect(named(list, name).auto_recovery?.current_retries).toBeGreaterThanOrEqual(1);
};

behaviour("a container killed by SIGKILL runs again, with another process; the others keep theirs", async (device) => {
  await logged(device, /reboots: STARTING → STARTED/);
  const others = ["inherits", "optout", "always", "unless", "settles", "reboots", "probe"];
  const pids = (list: Awaited<ReturnType<typeof containers>>) => others.map((name) => named(list, name).pid);
  const before = pids(await containers(device));
  const from = device.log.length;
  const killed = await signal(device, "three", "KILL");
  await logged(device, /three was killed by signal 9; retry 1 in 0 ms/, from);
  await restarted(device, "three", killed);
  expect(pids(await containers(device))).toEqual(before);
});

behaviour("on-failure: exit code 3 is recovered, and the log names the code", async (device) => {
  const from = device.log.length;
  const ended = await signal(device, "three", "USR2");
  await logged(device, /three exited with code 3; retry \d+ in 0 ms/, from);
  await restarted(device, "three", ended);
});

behaviour(
  "on-failure: exit code 0 is a job that is done; it stays stopped, has its goal, and nothing failed",
  async (device) => {
    await logged(device, /done has done its job/);
    await logged(device, /done: STOPPING → STOPPED/);
    expect((await statusOf(device, "done")).status).toBe("STOPPED");
    expect(device.log).not.toMatch(/done (exited|was killed)|done: STOPPED → /);
    expect(await device.must("cairn ctl groups ls --json")).toContain('"name":"plain","status_goal":"STARTED"');
  },
);

behaviour("always: exit code 0 is recovered, too", async (device) => {
  const from = device.log.length;
  const ended = await signal(device, "always", "USR1");
  await logged(device, /always exited with code 0; retry 1 in 0 ms/, from);
  await restarted(device, "always", ended);
});

behaviour("unless-stopped: exit code 0 is recovered, a stop by the user is not", async (device) => {
  const from = device.log.length;
  const ended = await signal(device, "unless", "USR1");
  await logged(device, /unless exited with code 0; retry 1 in 0 ms/, from);
  await restarted(device, "unless", ended);
  const stopped = device.log.length;
  await device.must("cairn ctl containers stop unless");
  await logged(device, /unless: STOPPING → STOPPED/, stopped);
  expect(device.log.slice(stopped)).not.toMatch(/unless .*retry/);
  expect(await statusOf(device, "unless")).toMatchObject({ status: "STOPPED", user_stopped: "true", pid: null });
});

behaviour("a member without a block of its own is recovered as its group says", async (device) => {
  const from = device.log.length;
  const ended = await signal(device, "inherits", "USR2");
  await logged(device, /inherits exited with code 3; retry 1 in 0 ms/, from);
  await restarted(device, "inherits", ended);
});

behaviour("delays grow by the factor; after the last retry, never leaves the container stopped", async (device) => {
  await logged(device, /grows exited with code 3, 3 retries are used up/);
  await logged(device, /grows: STOPPING → STOPPED/);
  const told = [...device.log.matchAll(/grows exited with code 3; retry (\d) in (\d+) ms/g)];
  expect(told.map(([, retry, delay]) => [Number(retry), Number(delay)])).toEqual([
    [1, 1000],
    [2, 2000],
    [3, 4000],
  ]);
  // The container's own clock says the same.
  const log = await eventually(device, "cat /storage/logs/0/grows/lxc/console.log");
  const runs = log.trim().split("\n").map(Number);
  const pauses = runs.slice(1).map((atSec, index) => atSec - (runs[index] ?? 0));
  expect(runs).toHaveLength(4);
  for (const [index, atLeast] of [1, 2, 4].entries()) expect(pauses[index]).toBeGreaterThanOrEqual(atLeast);
  expect((await statusOf(device, "grows")).status).toBe("STOPPED");
});

behaviour("after the last retry, a duration pauses that long and starts over with new retries", async (device) => {
  const first = await logged(device, /(\d+) .*pauses exited with code 3, 1 retries are used up/);
  const again = await logged(device, /(\d+) .*pauses: STARTING → STARTED/, first.end);
  expect(Number(again[1]) - Number(first[1])).toBeGreaterThanOrEqual(2); // of 3, seen in whole seconds
  await logged(device, /pauses exited with code 3; retry 1 in 0 ms/, again.end);
  await logged(device, /pauses exited with code 3, 1 retries are used up/, again.end);
});

behaviour("a container is stable a while after it reached its goal; a restart begins anew", async (device) => {
  const stable = (list: Awaited<ReturnType<typeof containers>>) => named(list, "settles").auto_recovery?.is_stable;
  await whenContainers(device, "settles to be stable", (list) => stable(list) === "true");
  const from = device.log.length;
  const killed = await signal(device, "settles", "KILL");
  const again = await logged(device, /(\d+) .*settles: STARTING → STARTED/, from);
  const list = await containers(device);
  expect([named(list, "settles").status, stable(list)]).toEqual(["STARTED", "false"]);
  expect(named(list, "settles").pid).not.toBe(killed);
  const told = await logged(device, /(\d+) .*settles is stable/, again.end);
  expect(Number(told[1]) - Number(again[1])).toBeGreaterThanOrEqual(4); // of 5
  expect(stable(await containers(device))).toBe("true");
});

behaviour(
  'policy "no" opts out of the group\'s recovery: the end fails the revision, and the device reboots',
  async (device) => {
    const from = device.log.length;
    await signal(device, "optout", "KILL");
    const failed = await logged(
      device,
      /optout was killed by signal 9 and is not recovered: the revision has failed/,
      from,
    );
    const down = await logged(device, /rebooting/, failed.end);
    expect(device.log.slice(from, down.end)).not.toMatch(/optout .*retry/);
    await logged(device, /optout: STARTING → STARTED/, down.end);
    expect(device.events).toContain("RESET");
  },
);

behaviour("after the last retry, reboot reboots the device", async (device) => {
  const resets = () => device.events.filter((event) => event === "RESET").length;
  const before = resets();
  const booted = device.log.lastIndexOf("rebooting");
  await logged(device, /reboots: STARTING → STARTED/, booted);
  const first = await signal(device, "reboots", "USR2");
  await logged(device, /reboots exited with code 3; retry 1 in 0 ms/, booted);
  await restarted(device, "reboots", first);
  const from = device.log.length;
  await signal(device, "reboots", "USR2");
  await logged(device, /reboots exited with code 3 and is not recovered: the revision has failed/, from);
  await logged(device, /cairn \d/, from);
  expect(resets()).toBeGreaterThan(before); // the kernel asks more than once
});
