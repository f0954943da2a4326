/** What a container sees and keeps: storage, configuration, /pantavisor by role, logs, in one machine that reboots once. */
import { expect } from "bun:test";
import { allGoalsReached, containers } from "./ctl.ts";
import { eventually, idleContainer, inside, logged, mustInside, statusOf } from "./idle.ts";
import { type Device, probeContainer, revision, testArch } from "./index.ts";
import { sharedDevice } from "./shared-device.ts";

const arch = testArch();
const folders = ["/mnt/permanent", "/mnt/revision", "/mnt/boot"];

const behaviour = sharedDevice(async () => ({
  name: `contents-${arch}`,
  arch,
  revision: await revision({
    arch,
    containers: [
      await probeContainer(arch),
      await idleContainer(arch, "keeper", "app", {
        persistence: { "/mnt/permanent": "permanent", "/mnt/revision": "revision", "/mnt/boot": "boot" },
      }),
      await idleContainer(arch, "configured", "app", {
        persistence: { "lxc-overlay": "permanent" },
        config: { "/etc/app.conf": "of the revision\n", "/etc/more/new.json": '{"b":1,"a":2}' },
      }),
      await idleContainer(arch, "plain", "app"),
      await idleContainer(arch, "exporter", "root", {
        command: ["/idle", "echo offered >/srv/offered/text"],
        manifest: { exports: ["/srv/offered"] },
      }),
      await idleContainer(arch, "importer", "app", {
        args: { PV_LXC_EXTRA_CONF: "lxc.mount.entry = /exports/exporter/srv/offered srv none rbind,create=dir 0 0" },
      }),
      await idleContainer(arch, "manager", "app", { args: { PV_ROLES: ["mgmt"] } }),
      await idleContainer(arch, "talker", "app", {
        command: ["/idle", "echo to the console; echo into its file >>/var/log/app.log"],
        manifest: { logs: [{ file: "/var/log/app.log", maxsize: 65536, truncate: "true", name: "app" }] },
      }),
    ],
  }),
  append: ["loglevel=3"],
  reboots: true,
}));

async function restart(device: Device, name: string): Promise<void> {
  const from = device.log.length;
  await device.must(`cairn ctl containers restart ${name}`);
  await logged(device, new RegExp(`${name}: STARTING → STARTED`), from);
}

const mark = (device: Device, text: string) =>
  mustInside(device, "keeper", folders.map((folder) => `echo ${text} >>${folder}/marks`).join(" && "));
const marks = async (device: Device): Promise<readonly string[]> => {
  const said = await mustInside(device, "keeper", `for f in ${folders.join(" ")}; do echo $(cat $f/marks 2>&1); done`);
  return said.trimEnd().split("\n");
};
const nothing = expect.stringContaining("No such file");

behaviour("a boot starts every group, and every container reaches its goal", async (device) => {
  await logged(device, /goals reached: data reached, root reached, platform reached, app reached/);
  await logged(device, /status READY/);
  expect(allGoalsReached(await containers(device))).toBe(true);
  const groups: readonly { name: string; status: string }[] = JSON.parse(
    await device.must("cairn ctl groups ls --json"),
  );
  expect(groups.map(({ name, status }) => `${name} ${status}`)).toEqual(
    ["data", "root", "platform", "app"].map((name) => `${name} READY`),
  );
});

behaviour(
  "after a restart of the container, permanent and revision storage is there, boot storage is empty",
  async (device) => {
    await logged(device, /goals reached/);
    await mark(device, "first");
    expect(await marks(device)).toEqual(["first", "first", "first"]);
    await restart(device, "keeper");
    expect(await marks(device)).toEqual(["first", "first", nothing]);
  },
);

behaviour(
  "permanent storage lies below disks/perm, that of a revision below disks/rev/<rev>, that of a boot nowhere",
  async (device) => {
    await mark(device, "second");
    const found = await device.must("cd /storage && grep -rl second disks | sort");
    expect(found).toBe(
      "disks/perm/keeper/docker--mnt-permanent/marks\ndisks/rev/0/keeper/docker--mnt-revision/marks\n",
    );
  },
);

behaviour(
  "files of _config lie over the image's; what the container writes wins, and the revision's stay as they are",
  async (device) => {
    expect(await mustInside(device, "plain", "cat /etc/app.conf")).toBe("of the image\n");
    expect(await mustInside(device, "configured", "cat /etc/app.conf")).toBe("of the revision\n");
    expect(await mustInside(device, "configured", "cat /etc/more/new.json")).toBe('{"a":2,"b":1}');
    await mustInside(device, "configured", "echo its own >/etc/app.conf");
    expect(await mustInside(device, "configured", "cat /etc/app.conf")).toBe("its own\n");
    await restart(device, "configured");
    expect(await mustInside(device, "configured", "cat /etc/app.conf")).toBe("its own\n");
    expect(await device.must("cat /storage/trails/0/_config/configured/etc/app.conf")).toBe("of the revision\n");
  },
);

behaviour(
  "without role mgmt, /pantavisor shows a container its own socket, logs and metadata, and no more",
  async (device) => {
    expect(await mustInside(device, "plain", "cd /pantavisor && ls && ls logs logs/0")).toBe(
      "device-meta\nlogs\npv-ctrl\nuser-meta\nlogs:\n0\n\nlogs/0:\nplain\n",
    );
    expect(await mustInside(device, "plain", "cat /pantavisor/logs/0/plain/lxc/console.log")).toContain("here since");
    for (const folder of ["logs/0/plain", "user-meta", "device-meta"]) {
      const written = await inside(device, "plain", `echo x >/pantavisor/${folder}/new`);
      expect(written.stderr).toContain("Read-only file system");
    }
  },
);

behaviour(
  "with role mgmt, /pantavisor shows a container the run folder, read-only, with a socket of its own",
  async (device) => {
    const seen = (await mustInside(device, "manager", "ls /pantavisor")).trim().split("\n");
    const there = (await device.must("ls /run/pantavisor/pv")).trim().split("\n");
    expect(seen).toEqual(there);
    expect(seen).toContain("pv-ctrl");
    const socket = await mustInside(device, "manager", "stat -c %i /pantavisor/pv-ctrl");
    expect(await device.must("stat -c %i /run/cairn/containers/manager/pv-ctrl")).toBe(socket);
    expect((await inside(device, "manager", "echo x >/pantavisor/new")).stderr).toContain("Read-only file system");
  },
);

behaviour(
  "what one container exports, another imports: both see what either writes or mounts there",
  async (device) => {
    expect(await mustInside(device, "importer", "cat /srv/text")).toBe("offered\n");
    await mustInside(device, "importer", "echo answer >/srv/answer");
    expect(await mustInside(device, "exporter", "cat /srv/offered/answer")).toBe("answer\n");
    await mustInside(device, "exporter", "cd /srv/offered && mkdir m && mount -t tmpfs m m && touch m/x");
    expect(await mustInside(device, "importer", "ls /srv/m")).toBe("x\n");
    expect(await mustInside(device, "plain", "ls /srv")).toBe("");
  },
);

behaviour(
  "what a container says on its console, and writes into a log file, arrives in the device's logs",
  async (device) => {
    const logs = "/storage/logs/0/talker";
    expect(await eventually(device, `grep 'to the console' ${logs}/lxc/console.log`)).toContain("to the console");
    expect(await eventually(device, `grep 'into its file' ${logs}/var/log/app.log`)).toContain("into its file");
    await mustInside(device, "talker", "echo later >>/var/log/app.log");
    await eventually(device, `grep later ${logs}/var/log/app.log`);
    expect(await device.must(`test -e ${logs}/lxc/lxc.log && readlink /storage/logs/current`)).toContain("0");
  },
);

behaviour(
  "after a reboot, permanent and revision storage is there, boot storage is empty, and logs go on",
  async (device) => {
    const from = device.log.length;
    // In the background, so that the probe answers before it is stopped.
    await device.must("(sleep 1; cairn ctl cmd reboot 'to look again') >/dev/null 2>&1 &");
    const down = await logged(device, /rebooting/, from);
    await logged(device, /goals reached/, down.end);
    expect(await marks(device)).toEqual(["first second", "first second", nothing]);
    expect(await mustInside(device, "configured", "cat /etc/app.conf")).toBe("its own\n");
    expect((await device.must("grep -c 'to the console' /storage/logs/0/talker/lxc/console.log")).trim()).toBe("2");
    expect((await statusOf(device, "keeper")).status).toBe("STARTED");
  },
);
