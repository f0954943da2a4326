import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { makeContainer } from "../../../../runtime/author/app/template/index.ts";
import { type ContainerName, canonical, type Json } from "../../../../runtime/state/index.ts";
import { type Members, made, source } from "./samples.ts";

const vectors = new URL("../../../state/vectors/", import.meta.url);

describe("what pvr made of the same src.json", () => {
  test.each([
    ["state-1.json", "nginx"],
    ["awconnect.json", "awconnect"],
    ["vaultwarden.json", "vaultwarden"],
  ])("%s: run.json of %s", (file, name) => {
    const state: Record<string, Json> = JSON.parse(readFileSync(new URL(file, vectors), "utf8"));
    const container = makeContainer({
      name: name as ContainerName,
      source: source(state[`${name}/src.json`] as Members),
      root: { image: "root.squashfs", layer: "root.ovl.squashfs" },
      groups: [],
    });
    expect(container.ok && canonical(container.value.runJson)).toBe(canonical(state[`${name}/run.json`] ?? null));
  });
});

test("the example of the reference", () => {
  const { runJson, lxcConfig } = made({
    args: { PV_GROUP: "app", PV_STATUS_GOAL: "READY", PV_DRIVERS_REQUIRED: ["wifi"] },
    docker_config: {
      Entrypoint: ["/start.sh"],
      Cmd: ["-c", "echo hello"],
      Env: ["PATH=/usr/bin:/bin"],
      Volumes: { "/data/": {} },
      WorkingDir: "/srv",
    },
    persistence: { "/var/lib": "revision@ssd" },
  });
  expect(canonical(runJson)).toBe(
    '{"#spec":"service-manifest-run@1","config":"lxc.container.conf","drivers":{"manual":[],"optional":[],"required":["wifi"]},' +
      '"group":"app","name":"web","root-volume":"root.erofs","status_goal":"READY","storage":{"docker--data":{"persistence":"permanent"},' +
      '"docker--var-lib":{"disk":"ssd","persistence":"revision"},"lxc-overlay":{"persistence":"boot"}},"type":"lxc","volumes":[]}',
  );
  expect(lxcConfig).toBe(`lxc.tty.max = 8
lxc.pty.max = 1024
lxc.cgroup.devices.allow = a
lxc.rootfs.path = overlayfs:/volumes/web/root.erofs:/volumes/web/lxc-overlay/upper
lxc.init.cmd = /start.sh "-c" "echo hello"
lxc.init.cwd = /srv
lxc.signal.halt = SIGTERM
lxc.environment = PATH=/usr/bin:/bin
lxc.namespace.keep = user net ipc
lxc.mount.auto = proc sys:rw cgroup
lxc.mount.entry = /etc/resolv.conf etc/resolv.conf none bind,rw,create=file 0 0
lxc.mount.entry = tmpfs run tmpfs rw,nodev,relatime,create=dir,mode=755 0 0
lxc.mount.entry = /volumes/web/docker--data data none bind,rw,create=dir 0 0
lxc.mount.entry = /volumes/web/docker--var-lib var/lib none bind,rw,create=dir 0 0
`);
});

test("every argument there is", () => {
  const { runJson, lxcConfig, remarks } = made({
    args: {
      LXC_MOUNT_AUTO_GROUP: "cgroup:ro",
      LXC_MOUNT_AUTO_PROC: "proc:rw",
      LXC_MOUNT_AUTO_SYS: "sys:ro",
      LXC_PTY_MAX: 16,
      LXC_TTY_MAX: "4",
      PV_AUTOMODFW: "no",
      PV_CONDITIONS: '[{"path":"x"}]',
      PV_DEBUG_MODE: true,
      PV_DISABLE_AUTODEV: "yes",
      PV_DRIVERS_MANUAL: ["gadget"],
      PV_DRIVERS_OPTIONAL: "bluetooth",
      PV_EXTRA_VOLUMES: "maps.squashfs, voices.squashfs",
      PV_FILEIMPORTS: "os/run/bus:/run/bus,net/etc/dns:etc/dns",
      PV_GROUP: "root",
      PV_IMPORT_CONFIGVOLUMES: "settings:/etc/settings",
      PV_LXC_CAP_DROP: ["SYS_ADMIN"],
      PV_LXC_CAP_KEEP: ["NET_RAW net_admin"],
      PV_LXC_DISABLE_CONSOLE: "1",
      PV_LXC_EXTRA_CONF: "lxc.cgroup2.memory.max = 64M\nlxc.apparmor.profile = unconfined\n",
      PV_LXC_EXTRA_ENV: ["A=1", "B=2"],
      PV_LXC_NAMESPACE_KEEP: "user net",
      PV_LXC_NETWORK_IPV4_ADDRESS: "10.0.3.9/24",
      PV_LXC_NETWORK_TYPE: "veth",
      PV_NETWORK_HOSTNAME: "www",
      PV_NETWORK_POOL: "internal",
      PV_RESOLV_CONF_PATH: "/run/resolv.conf",
      PV_RESTART_POLICY: "system",
      PV_ROLES: ["mgmt"],
      PV_RUN_TMPFS_PATH: "var/run",
      PV_SECURITY_FULLDEV: "yes",
      PV_SECURITY_WITH_HOST: "yes",
      PV_SECURITY_WITH_HOSTPROC: "yes",
      PV_SECURITY_WITH_STORAGE: "yes",
      PV_VOLUME_IMPORTS: ["os:/pvrun/dbus:/var/run/dbus", "os:sub@/data/:/mine:ro"],
      PV_VOLUME_MOUNTS: "maps.squashfs:/srv/maps,sounds.squashfs:/srv/sounds",
      PVR_LXC_CGROUP_DEVICES_WHITE: ["c 1:3 rwm", "c 4:* rw"],
      PVR_LXC_CGROUP_V1: ["memory.limit_in_bytes = 64M"],
    },
    dm_enabled: { "root.erofs": true },
    exports: ["/run/bus"],
    logs: [{ file: "/var/log/web.log" }],
  });
  expect(remarks).toEqual([]);
  expect(runJson).toEqual({
    "#spec": "service-manifest-run@1",
    name: "web",
    config: "lxc.container.conf",
    conditions: [{ path: "x" }],
    drivers: { manual: ["gadget"], required: [], optional: ["bluetooth"] },
    group: "root",
    restart_policy: "system",
    storage: { "lxc-overlay": { persistence: "boot" } },
    exports: ["/run/bus"],
    logs: [{ file: "/var/log/web.log" }],
    type: "lxc",
    roles: ["mgmt"],
    "root-volume": "dm:root.erofs",
    volumes: ["maps.squashfs", "voices.squashfs", "sounds.squashfs"],
    automodfw: "no",
    network: { pool: "internal", hostname: "www" },
  });
  expect(lxcConfig).toBe(`lxc.tty.max = 4
lxc.pty.max = 16
lxc.log.file = /pv/logs/web.log
lxc.cgroup.devices.deny = a
lxc.cgroup.devices.allow = c 1:3 rwm
lxc.cgroup.devices.allow = c 4:* rw
lxc.cgroup.memory.limit_in_bytes = 64M
lxc.rootfs.path = overlayfs:/volumes/web/root.erofs:/volumes/web/lxc-overlay/upper
lxc.init.cmd = /sbin/init
lxc.environment = A=1
lxc.environment = B=2
lxc.namespace.keep = user
lxc.console.path = none
lxc.mount.auto = proc:rw sys:ro cgroup:ro
lxc.autodev = 0
lxc.mount.entry = /dev/ dev none bind,rw,create=dir 0 0
lxc.mount.entry = / host none bind,rw,create=dir 0 0
lxc.mount.entry = /proc host/proc none bind,rw,create=dir 0 0
lxc.mount.entry = /storage storage none bind,rw,create=dir 0 0
lxc.mount.entry = /etc/resolv.conf run/resolv.conf none bind,rw,create=file 0 0
lxc.mount.entry = tmpfs var/run tmpfs rw,nodev,relatime,create=dir,mode=755 0 0
lxc.cap.drop = sys_admin
lxc.cap.keep = net_raw net_admin
lxc.net.0.type = veth
lxc.net.0.link = lxcbr0
lxc.net.0.flags = up
lxc.net.0.ipv4.address = 10.0.3.9/24
lxc.net.0.ipv4.gateway = auto
lxc.cgroup2.memory.max = 64M
lxc.apparmor.profile = unconfined
lxc.mount.entry = /exports/os/run/bus run/bus none bind,rw,create=file 0 0
lxc.mount.entry = /exports/net/etc/dns etc/dns none bind,rw,create=file 0 0
lxc.mount.entry = /volumes/settings/web etc/settings none bind,rw,create=dir,optional,noexec 0 0
lxc.mount.entry = /volumes/web/maps.squashfs srv/maps none bind,rw,create=dir 0 0
lxc.mount.entry = /volumes/web/sounds.squashfs srv/sounds none bind,rw,create=dir 0 0
lxc.mount.entry = /volumes/os/docker--pvrun-dbus var/run/dbus none bind,rw,create=dir 0 0
lxc.mount.entry = /volumes/os/docker--data/sub mine none bind,ro,create=dir 0 0
`);
});
