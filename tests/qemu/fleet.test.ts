/** A device and its hub: process 1 starts the link, bounds it, and starts it again; the hub sees what runs. */
import { expect, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { parseHost } from "../../runtime/certificates/index.ts";
import { hubWorld } from "../hub/hub-world.ts";
import { must } from "../store/world.ts";
import { repository } from "./host.ts";
import { probeContainer, revision, testArch, withDevice } from "./index.ts";

const arch = testArch();
/** Whoever reads this can be this hub: it is for tests, and always the same, so that the base system is. */
const authority = join(import.meta.dir, "fleet");

/** The network of the machine as QEMU's own has it, without asking. */
const network =
  "modprobe virtio_net && ip link set eth0 up && ip address add 10.0.2.15/24 dev eth0 && ip route add default via 10.0.2.2";

const Devices = v.object({
  devices: v.array(
    v.object({
      id: v.string(),
      status: v.string(),
      report: v.nullable(v.object({ at: v.string(), state: v.unknown() })),
    }),
  ),
});

test("a device joins the fleet, shows what it runs, and loses nothing but the link when the link is killed", async () => {
  const [address, here] = [must(parseHost("10.0.2.2")), must(parseHost("127.0.0.1"))];
  await using hub = await hubWorld({ hosts: [address, here] }, (folder) => {
    mkdirSync(join(folder, "authority"), { mode: 0o700 });
    for (const name of ["authority.key", "authority.crt"])
      cpSync(join(authority, name), join(folder, "authority", name));
  });
  const made = await revision({
    arch,
    containers: [await probeContainer(arch)],
    base: {
      cairn: join(repository, "dist", `cairn-${arch}`),
      files: { "/etc/cairn/hub.crt": readFileSync(join(authority, "authority.crt"), "utf8") },
    },
  });
  const append = [
    "PV_HUB_HOST=10.0.2.2",
    `PV_HUB_PORT=${new URL(hub.hub.url).port}`,
    `PV_HUB_TOKEN=${hub.tokens.join}`,
    "PV_LINK_DAY_BYTES=1000000",
  ];
  await withDevice({ name: `fleet-${arch}`, arch, revision: made, append }, async (device) => {
    const devices = async () =>
      v.parse(Devices, (await hub.ask("GET", "/devices", { token: "operator" })).body).devices;
    const reported = async (since: string): Promise<Awaited<ReturnType<typeof devices>>[number]> => {
      for (;;) {
        const [only] = await devices();
        if (only?.report !== null && only !== undefined && only.report.at > since) return only;
        await Bun.sleep(500);
      }
    };
    await device.console(/goals reached: .*root reached/, 120_000);
    await device.must(network);
    await device.console(/this device is [a-z2-7]{13} in fleet lab/, 120_000);
    const first = await reported("");
    expect(first).toMatchObject({ status: "accepted" });
    expect(device.log).toContain(`this device is ${first.id} in fleet lab`);
    expect(first.report?.state).toMatchObject({ running: "0", flags: { safeMode: false, local: false } });

    const group = "/sys/fs/cgroup/cairn-link";
    expect((await device.must(`cat ${group}/memory.max`)).trim()).toBe(String(96 << 20));
    const pid = (await device.must(`cat ${group}/cgroup.procs`)).trim();
    expect(pid).toMatch(/^\d+$/);
    const used = Number((await device.must(`cat ${group}/memory.peak`)).trim());
    console.log(`the link has used ${(used / 2 ** 20).toFixed(1)} MiB at most`);
    expect(used).toBeLessThan(96 << 20);
    const kept = await device.must("cd /storage/config/cairn && stat -c '%a %n' key.pem membership.json ledger");
    expect(kept.trim().split("\n")).toEqual(["600 key.pem", "644 membership.json", "644 ledger"]);

    await device.must(`kill -9 ${pid}`);
    await device.console(/the link to the hub was killed by SIGKILL; it starts again in 1 s/);
    const second = await reported(first.report?.at ?? "");
    expect(second).toMatchObject({ id: first.id });
    expect((await devices()).length).toBe(1);
    expect((await device.must(`cat ${group}/cgroup.procs`)).trim()).not.toBe(pid);
  });
}, 400_000);
