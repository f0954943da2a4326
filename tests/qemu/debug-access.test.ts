/** A shell for a time, ordered over the link: nobody gets in before, the key does then, and its session ends with the time. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { fleetHub, joins, knowsHub, network, whenDevice } from "./fleet/fleet.ts";
import { repository, run } from "./host.ts";
import { probeContainer, revision, testArch, withDevice } from "./index.ts";

const arch = testArch();
const folder = mkdtempSync(join(tmpdir(), "cairn-debug-"));
afterAll(() => rmSync(folder, { recursive: true }));

const Commands = v.object({
  commands: v.array(v.object({ answer: v.nullable(v.object({ code: v.string(), text: v.string() })) })),
});

test("debug access is ordered over the link, lets a key in, and takes its session away when its time is over", async () => {
  const key = join(folder, "key");
  await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]);
  await using hub = await fleetHub();
  const made = await revision({
    arch,
    containers: [await probeContainer(arch)],
    base: { cairn: join(repository, "dist", `cairn-${arch}`), files: knowsHub, ssh: true },
  });
  const options = { name: `debug-access-${arch}`, arch, revision: made, append: joins(hub), forward: [8222] };
  await withDevice(options, async (device) => {
    await device.console(/goals reached: .*root reached/, 120_000);
    await device.must(network);
    const { id } = await whenDevice(hub, ({ report }) => report !== null);

    async function ordered(seconds: number): Promise<v.InferOutput<typeof Commands>["commands"][number]["answer"]> {
      const body = JSON.stringify({ operation: "debugAccess", argument: String(seconds) });
      expect((await hub.ask("POST", `/devices/${id}/commands`, { token: "operator", body })).status).toBe(201);
      for (;;) {
        const asked = await hub.ask("GET", `/devices/${id}/commands`, { token: "operator" });
        const [newest] = v.parse(Commands, asked.body).commands;
        if (newest?.answer != null) return newest.answer;
        await Bun.sleep(500);
      }
    }
    const port = await device.forwarded(8222);
    const ssh = (command: string) =>
      Bun.spawn(
        [
          ..."ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o IdentitiesOnly=yes".split(" "),
          ...["-o", `UserKnownHostsFile=${folder}/known_hosts`, "-i", key, "-p", `${port}`, "root@127.0.0.1", command],
        ],
        { stdout: "pipe", stderr: "ignore" },
      );

    expect(await ordered(60)).toMatchObject({ code: "refused", text: expect.stringContaining("no key is known") });
    expect(await ssh("true").exited).toBe(255);

    const body = JSON.stringify({ set: { "pvr-sdk.authorized_keys": readFileSync(`${key}.pub`, "utf8").trim() } });
    expect((await hub.ask("PATCH", `/devices/${id}/meta`, { token: "operator", body })).status).toBe(200);
    await device.must("until [ -s /storage/cache/meta/pvr-sdk.authorized_keys ]; do sleep 1; done");
    expect(await ordered(60)).toMatchObject({ code: "done", text: expect.stringMatching(/^SSH on port 8222 until 2/) });

    const session = ssh("echo $$ here; cat /proc/self/cgroup; exec sleep 1000");
    const reader = session.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let said = "";
    while (!said.includes("0::")) said += (await reader.read()).value ?? "";
    expect(said).toContain("0::/cairn-debug");
    const [pid = ""] = /^\d+/.exec(said) ?? [];
    expect(await device.must("cairn ctl doctor || true")).toMatch(
      /debug +warn +root may log in by SSH on port 8222 until 2/,
    );
    expect((await device.must("stat -c '%a' /storage/cache/dropbear/dropbear_ed25519_host_key")).trim()).toBe("600");

    expect(await session.exited).toBe(255);
    expect((await device.run(`kill -0 ${pid}`)).code).not.toBe(0);
    expect(await device.must("ls /sys/fs/cgroup")).not.toContain("cairn-debug");
    expect(await device.must("cat /proc/mounts")).not.toMatch(/ \/root tmpfs /);
    expect(await ssh("true").exited).toBe(255);
    expect(await device.must("cairn ctl doctor || true")).not.toContain("SSH");

    expect((await device.run("cairn ctl cmd enable-ssh")).code).toBe(0);
    expect(await ssh("true").exited).toBe(0);
    expect(await ordered(0)).toEqual({ code: "done", text: "debug access is closed" });
    expect(await ssh("true").exited).toBe(255);
  });
}, 500_000);

test("a shell on the console, where the base system is made for it: at ENTER, with job control, and another when it ends", async () => {
  const files = { "/etc/pantavisor.config": "PV_DEBUG_SHELL=1\n" };
  const base = { cairn: join(repository, "dist", `cairn-${arch}`), files };
  const made = await revision({ arch, containers: [await probeContainer(arch)], base });
  await withDevice({ name: `debug-shell-${arch}`, arch, revision: made }, async (device) => {
    await device.console([/Press ENTER for a shell of root/, /goals reached: .*root reached/], 120_000);
    device.type("echo $((6 * 7)) before\n"); // it is the ENTER that counts
    device.type("echo $((6 * 7)) after\n");
    await device.console(/^42 after/m);
    expect(device.log).not.toMatch(/^42 before/m);
    device.type("cat /proc/self/cgroup; sleep 1000\n");
    await device.console(/^0::\/cairn-debug-shell/m);
    await Bun.sleep(1_000);
    device.type("\x03");
    device.type("echo $((6 * 7)) interrupted\n");
    await device.console(/^42 interrupted/m);
    device.type("exit\n");
    await device.console(/Press ENTER for a shell of root/);
    expect(await device.must("cairn ctl containers ls")).toContain("STARTED");
  });
}, 300_000);
