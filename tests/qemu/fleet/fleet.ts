/** A hub on this machine for a device in QEMU, which it reaches under the address that QEMU's own network has for its host. */
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { parseHost } from "../../../runtime/certificates/index.ts";
import { type HubWorld, hubWorld } from "../../hub/hub-world.ts";
import { must } from "../../store/world.ts";
import { sha256, sha256OfFile } from "../host.ts";
import type { Device as Machine } from "../machine.ts";
import type { Revision } from "../revision.ts";

/** Whoever reads this can be this hub: it is for tests, and always the same, so that the base system is. */
const authority = import.meta.dir;

/** The network of the machine as QEMU's own has it, without asking. */
export const network =
  "modprobe virtio_net && ip link set eth0 up && ip address add 10.0.2.15/24 dev eth0 && ip route add default via 10.0.2.2";

/** What the base system of a device needs that knows the hub. */
export const knowsHub: Readonly<Record<string, string>> = {
  "/etc/cairn/hub.crt": readFileSync(join(authority, "authority.crt"), "utf8"),
};

export const fleetHub = (): Promise<HubWorld> =>
  hubWorld({ hosts: [must(parseHost("10.0.2.2")), must(parseHost("127.0.0.1"))] }, (folder) => {
    mkdirSync(join(folder, "authority"), { mode: 0o700 });
    for (const name of ["authority.key", "authority.crt"])
      cpSync(join(authority, name), join(folder, "authority", name));
  });

/** The kernel's command line of a device that joins it. */
export const joins = (hub: HubWorld): readonly string[] => [
  "PV_HUB_HOST=10.0.2.2",
  `PV_HUB_PORT=${new URL(hub.hub.url).port}`,
  `PV_HUB_TOKEN=${hub.tokens.join}`,
];

const Device = v.object({
  id: v.string(),
  status: v.string(),
  report: v.nullable(
    v.object({
      at: v.string(),
      state: v.looseObject({ running: v.string(), bytes: v.object({ day: v.number(), month: v.number() }) }),
    }),
  ),
  desired: v.optional(
    v.nullable(
      v.object({
        sequence: v.number(),
        rev: v.number(),
        progress: v.nullable(v.object({ phase: v.string(), percent: v.number(), reason: v.nullable(v.string()) })),
      }),
    ),
  ),
});
export type SeenDevice = v.InferOutput<typeof Device>;

async function devices(hub: HubWorld): Promise<readonly SeenDevice[]> {
  const { body } = await hub.ask("GET", "/devices", { token: "operator" });
  const { devices } = v.parse(v.object({ devices: v.array(v.object({ id: v.string() })) }), body);
  return Promise.all(
    devices.map(async ({ id }) =>
      v.parse(Device, (await hub.ask("GET", `/devices/${id}`, { token: "operator" })).body),
    ),
  );
}

/** The one device of the fleet, once it is as wanted. */
export async function whenDevice(hub: HubWorld, fits: (device: SeenDevice) => boolean): Promise<SeenDevice> {
  for (;;) {
    const all = await devices(hub);
    if (all.length > 1) throw new Error("there is more than one device");
    const [only] = all;
    if (only !== undefined && fits(only)) return only;
    await Bun.sleep(500);
  }
}

/** Sends what the hub lacks of a revision; the value is its id there. */
export async function post(hub: HubWorld, { parts, state }: Revision): Promise<string> {
  const objects = new Map<string, () => Promise<Uint8Array>>();
  for (const part of parts.values()) {
    if ("file" in part) objects.set(await sha256OfFile(part.file), () => Bun.file(part.file).bytes());
    else if ("bytes" in part) objects.set(sha256(part.bytes), async () => Buffer.from(part.bytes));
  }
  const token = "operator";
  const asked = await hub.ask("POST", "/objects/missing", {
    token,
    body: JSON.stringify({ digests: [...objects.keys()] }),
  });
  const { missing } = v.parse(v.object({ missing: v.array(v.string()) }), asked.body);
  for (const digest of missing) {
    const bytes = await objects.get(digest)?.();
    const put = bytes === undefined ? null : await hub.ask("PUT", `/objects/${digest}`, { token, body: bytes });
    if (put?.status !== 201) throw new Error(`object ${digest}: ${JSON.stringify(put)}`);
  }
  const added = await hub.ask("POST", "/revisions", { token, body: state });
  if (added.status !== 201) throw new Error(JSON.stringify(added));
  return v.parse(v.object({ revision: v.string() }), added.body).revision;
}

/** To every device there is. */
export async function release(hub: HubWorld, revision: string): Promise<void> {
  const released = await hub.ask("POST", "/releases", {
    token: "operator",
    body: JSON.stringify({ revision, tag: "all" }),
  });
  if (released.status !== 201) throw new Error(JSON.stringify(released));
}

/** Bytes of IP and up that have gone either way, as the kernel counts them; an Ethernet header has 14. */
export async function carried(device: Machine): Promise<number> {
  const counters = ["rx_bytes", "tx_bytes", "rx_packets", "tx_packets"];
  const read = await device.must(`cd /sys/class/net/eth0/statistics && cat ${counters.join(" ")}`);
  const [received = 0, sent = 0, packetsIn = 0, packetsOut = 0] = read.trim().split("\n").map(Number);
  return received + sent - 14 * (packetsIn + packetsOut);
}
