/** The demo's containers, one for each kind of thing that people run, from Debian's packages: images, and what `cairn app add` is told. */
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Arch, accounts, mountPoints, ociImage, treeFolder } from "../index.ts";

/** Puts root file systems and images into `folder`, where {@link containers} has them from. */
export async function layImages(arch: Arch, folder: string): Promise<void> {
  const made: Readonly<Record<string, string>> = {
    "data-root": await dataRoot(arch),
    "network-root": await networkRoot(arch),
    "app-root": await appRoot(arch),
    broker: await brokerImage(arch),
    web: await webImage(arch, "1"),
    "web-2": await webImage(arch, "2"),
  };
  for (const [name, from] of Object.entries(made))
    await cp(from, join(folder, name), { recursive: true, verbatimSymlinks: true });
  // A root file system does not say what is to be started in it.
  await writeFile(join(folder, "start.json"), '{"Cmd":["/start"]}\n');
}

/** What `cairn app add` is told, in a folder beside that of the images. */
export const containers: readonly (readonly string[])[] = [
  ["data", "--type", "rootfs", "--from", "../images/data-root", "--group", "data", "--status-goal", "MOUNTED"],
  [
    ...["network", "--type", "rootfs", "--from", "../images/network-root", "--config-json", "../images/start.json"],
    ...["--group", "root", "--arg", "PV_DRIVERS_REQUIRED=ethernet", "--arg", "PV_ROLES=nobody"],
  ],
  [
    ...["broker", "--from", "oci:../images/broker", "--group", "platform"],
    ...["--volume", "/var/lib/mosquitto:revision", "--arg", "PV_ROLES=nobody"],
  ],
  [
    ...["app", "--type", "rootfs", "--from", "../images/app-root", "--config-json", "../images/start.json"],
    ...["--group", "app", "--status-goal", "READY", "--arg", "PV_ROLES=nobody"],
  ],
  [
    ...["web", "--from", "oci:../images/web", "--group", "app", "--volume", "/var/log/nginx:permanent"],
    ...["--arg", "PV_ROLES=nobody", "--arg"],
    // Its page is in the data container.
    "PV_LXC_EXTRA_CONF=lxc.mount.entry = /volumes/data/root.erofs/site srv/site none bind,ro,create=dir 0 0",
  ],
];

/** Content for others: no process, its goal is MOUNTED. */
const dataRoot = (arch: Arch): Promise<string> =>
  treeFolder(`data-${arch}`, {
    arch,
    files: {
      "/site/index.html": "<!doctype html>\n<title>Cairn</title>\n<p>Served from a container on a Cairn device.\n",
    },
  });

/** Connectivity: the device's Ethernet by DHCP. The network namespace is the device's own. */
const networkRoot = (arch: Arch): Promise<string> =>
  treeFolder(`network-${arch}`, {
    arch,
    busybox: true,
    folders: mountPoints,
    files: {
      ...accounts,
      "/start": `#!/bin/sh
export PATH=/bin:/sbin
ip link set lo up
ip link set eth0 up
exec udhcpc -f -i eth0 -s /lease
`,
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
  });

/** An application that says itself when it is ready; until then its goal is not reached. */
const appRoot = (arch: Arch): Promise<string> =>
  treeFolder(`app-${arch}`, {
    arch,
    busybox: true,
    packages: ["netcat-openbsd"],
    pick: ["/usr/bin/nc.openbsd"],
    folders: mountPoints,
    files: {
      ...accounts,
      "/start": `#!/bin/sh
export PATH=/bin
trap 'exit 0' TERM
echo 'app: warming up'
sleep 3
body='{"type":"ready","payload":""}'
printf 'POST /signal HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\nContent-Length: %s\\r\\n\\r\\n%s' "\${#body}" "$body" |
	nc.openbsd -w 10 -U /pantavisor/pv-ctrl
echo 'app: ready was said'
while :; do sleep 3600 & wait $!; done
`,
    },
  });

/** A real MQTT broker. */
const brokerImage = (arch: Arch): Promise<string> =>
  ociImage(`broker-${arch}`, {
    tree: {
      arch,
      packages: ["mosquitto"],
      pick: ["/usr/sbin/mosquitto"],
      folders: [...mountPoints, "var/lib/mosquitto"],
      files: {
        ...accounts,
        "/etc/mosquitto.conf":
          "listener 1883\nallow_anonymous true\nuser root\npersistence true\npersistence_location /var/lib/mosquitto/\n",
      },
    },
    entrypoint: ["/usr/sbin/mosquitto", "-c", "/etc/mosquitto.conf"],
    ports: ["1883/tcp"],
  });

/** A real web server, which says its version in a header of its answers; its logs outlive it. */
const webImage = (arch: Arch, version: string): Promise<string> =>
  ociImage(`web-${arch}`, {
    tree: {
      arch,
      packages: ["nginx"],
      pick: ["/usr/sbin/nginx", "/etc/nginx/mime.types"],
      folders: [...mountPoints, "var/lib/nginx", "var/log/nginx", "srv/site"],
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
    },
    entrypoint: ["/usr/sbin/nginx"],
    cmd: ["-g", "daemon off;"],
    ports: ["80/tcp"],
  });
