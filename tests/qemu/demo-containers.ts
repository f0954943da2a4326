/** The demo's containers: one for each kind of thing that people run, from Debian's packages. */
import type { ContainerSpec } from "./container.ts";
import type { Arch } from "./host.ts";
import { probeContainer } from "./probe.ts";
import { squashfs, type TreeSpec } from "./tree.ts";

/** The web container as later revisions have it. */
export interface WebVersion {
  /** What it says of itself in a header of its answers. */
  readonly version?: string;
  /** Its goal is READY, and nothing in it ever says so. */
  readonly silent?: boolean;
}

/** All of them, with the probe that lets the harness look inside. */
export const demoContainers = async (arch: Arch, version: WebVersion = {}): Promise<readonly ContainerSpec[]> =>
  Promise.all([app(arch), broker(arch), data(arch), network(arch), probeContainer(arch), web(arch, version)]);

// liblxc asks with SIGPWR unless told; a first process that does not know it would run on until it is killed.
const endsWell = "lxc.signal.halt = SIGTERM";
// Mount points that pvr makes sure of in every root.
const folders = ["dev", "proc", "sys", "run", "tmp", "var/tmp", "etc"];
const accounts = {
  "/etc/passwd": "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
  "/etc/group": "root:x:0:\nnogroup:x:65534:\n",
};

/** A container whose only process is a shell script; `more` adds to its tree and to its description. */
export async function scriptContainer(
  arch: Arch,
  name: string,
  script: string,
  more: { readonly tree?: Partial<TreeSpec>; readonly spec?: Partial<ContainerSpec> } = {},
): Promise<ContainerSpec> {
  const { files, ...tree } = more.tree ?? {};
  const root = await squashfs(
    `script-${arch}`,
    { arch, busybox: true, folders, ...tree, files: { ...accounts, ...files, "/init": `#!/bin/sh\n${script}` } },
    { level: 3 },
  );
  return { name, root, command: ["/init"], args: { PV_GROUP: "app" }, ...more.spec };
}

/** Content for others: no process, its goal is MOUNTED. */
const data = async (arch: Arch): Promise<ContainerSpec> => ({
  name: "data",
  root: await squashfs(`data-${arch}`, {
    arch,
    files: {
      "/site/index.html": "<!doctype html>\n<title>Cairn</title>\n<p>Served from a container on a Cairn device.\n",
    },
  }),
  args: { PV_GROUP: "data", PV_STATUS_GOAL: "MOUNTED" },
});

/** Connectivity: the device's Ethernet by DHCP. The network namespace is the device's own. */
const network = (arch: Arch): Promise<ContainerSpec> =>
  scriptContainer(
    arch,
    "network",
    ["export PATH=/bin:/sbin", "ip link set lo up", "ip link set eth0 up", "exec udhcpc -f -i eth0 -s /lease", ""].join(
      "\n",
    ),
    {
      tree: {
        files: {
          // udhcpc calls it with what happened in $1 and the lease in the environment.
          "/lease": `#!/bin/sh
case $1 in
deconfig) ip address flush dev "$interface" ;;
bound | renew)
	ip address replace "$ip/$mask" dev "$interface"
	for gateway in $router; do ip route replace default via "$gateway" dev "$interface"; done
	for server in $dns; do echo "nameserver $server"; done >/etc/resolv.conf
	;;
esac
`,
        },
      },
      spec: {
        args: {
          PV_GROUP: "root",
          PV_DRIVERS_REQUIRED: ["ethernet"],
          PV_ROLES: ["nobody"],
          PV_LXC_EXTRA_CONF: endsWell,
        },
      },
    },
  );

/** A real web server: its page comes from the data container, its logs outlive it. */
const web = async (arch: Arch, { version = "1", silent = false }: WebVersion): Promise<ContainerSpec> => ({
  name: "web",
  root: await squashfs(`web-${arch}`, {
    arch,
    packages: ["nginx"],
    pick: ["/usr/sbin/nginx", "/etc/nginx/mime.types"],
    folders: [...folders, "var/lib/nginx", "var/log/nginx", "srv/site"],
    files: {
      ...accounts,
      "/etc/nginx/nginx.conf": `user root;
worker_processes 1;
pid /run/nginx.pid;
events {}
http {
	include mime.types;
	server {
		listen 80;
		add_header X-Web-Version ${version};
		root /srv/site;
	}
}
`,
    },
  }),
  command: ["/usr/sbin/nginx", "-g", "daemon off;"],
  persistence: { "/var/log/nginx": "permanent" },
  args: {
    PV_GROUP: "app",
    ...(silent ? { PV_STATUS_GOAL: "READY" } : {}),
    PV_ROLES: ["nobody"],
    PV_LXC_EXTRA_CONF: `lxc.mount.entry = /volumes/data/root.squashfs/site srv/site none bind,ro,create=dir 0 0\n${endsWell}`,
  },
});

/** A real MQTT broker. */
const broker = async (arch: Arch): Promise<ContainerSpec> => ({
  name: "broker",
  root: await squashfs(`broker-${arch}`, {
    arch,
    packages: ["mosquitto"],
    pick: ["/usr/sbin/mosquitto"],
    folders: [...folders, "var/lib/mosquitto"],
    files: {
      ...accounts,
      "/etc/mosquitto.conf":
        "listener 1883\nallow_anonymous true\nuser root\npersistence true\npersistence_location /var/lib/mosquitto/\n",
    },
  }),
  command: ["/usr/sbin/mosquitto", "-c", "/etc/mosquitto.conf"],
  persistence: { "/var/lib/mosquitto": "revision" },
  args: { PV_GROUP: "platform", PV_ROLES: ["nobody"], PV_LXC_EXTRA_CONF: endsWell },
});

/** An application that says itself when it is ready; until then its goal is not reached. */
const app = (arch: Arch): Promise<ContainerSpec> =>
  scriptContainer(
    arch,
    "app",
    [
      "export PATH=/bin",
      "trap 'exit 0' PWR TERM",
      "echo 'app: warming up'",
      "sleep 3",
      `body='{"type":"ready","payload":""}'`,
      `printf 'POST /signal HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\nContent-Length: %s\\r\\n\\r\\n%s' "\${#body}" "$body" |`,
      "\tnc.openbsd -w 10 -U /pantavisor/pv-ctrl",
      "echo 'app: ready was said'",
      "while :; do sleep 3600 & wait $!; done",
      "",
    ].join("\n"),
    {
      tree: { packages: ["netcat-openbsd"], pick: ["/usr/bin/nc.openbsd"] },
      spec: { args: { PV_GROUP: "app", PV_STATUS_GOAL: "READY", PV_ROLES: ["nobody"] } },
    },
  );
