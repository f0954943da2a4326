import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Listener, listen, openTransfers } from "../../runtime/control/index.ts";
import { fakeDevice } from "../control/device.ts";

const folder = mkdtempSync(join(tmpdir(), "cairn-cli-"));
const socket = join(folder, "pv-ctrl");
const device = fakeDevice({
  groups: () => [
    { name: "app", statusGoal: "STARTED", restartPolicy: "container", status: "READY", autoRecovery: null },
  ],
  config: () => [{ key: "PV_LOG_LEVEL", value: "4", modified: "pv conf file", legacy: null }],
  memoryBytes: () => 12_900_000,
  request: (name, action) => {
    if (name === "base") return { kind: "notControllable", why: "only a reboot stops it" };
    if (name !== "web") return { kind: "unknownContainer", why: "no such container" };
    device.asked.push(`${action} ${name}`);
    return null;
  },
  commands: {
    command: async (operation, payload) => {
      device.asked.push(`${operation} ${payload}`);
      return operation === "POWEROFF_DEVICE"
        ? { kind: "accepted" }
        : { kind: "busy", why: "An update runs", retryAfterSeconds: 600 };
    },
  },
});
const containerSocket = join(folder, "web");
const listeners: Listener[] = [];
beforeAll(() => {
  for (const [path, caller] of [
    [socket, { kind: "host" }],
    [containerSocket, { kind: "container", name: "web", roles: [] }],
  ] as const) {
    const transfers = openTransfers();
    const result = listen({ path, caller, device, transfers, onBug: (error) => expect.unreachable(String(error)) });
    if (!result.ok) throw new Error(result.error.why);
    listeners.push(result.value);
  }
});
afterAll(() => {
  for (const listener of listeners) listener.close();
  rmSync(folder, { recursive: true });
});

const main = join(import.meta.dir, "../../runtime/main.ts");
async function cairn(...words: string[]): Promise<{ exit: number; out: string; err: string }> {
  const child = Bun.spawn([process.execPath, main, ...words], { stdout: "pipe", stderr: "pipe" });
  const [exit, out, err] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
  return { exit, out, err };
}
const ctl = (...words: string[]) => cairn("ctl", "-s", socket, ...words);

describe("cairn", () => {
  test("without words shows its help on stderr and exits 2", async () => {
    const { exit, out, err } = await cairn();
    expect([exit, out]).toEqual([2, ""]);
    expect(err).toMatch(/^ {2}ctl +Talk to the device runtime/m);
  });

  test("--help goes to stdout and exits 0", async () => {
    const { exit, out, err } = await cairn("ctl", "containers", "stop", "--help");
    expect([exit, err]).toEqual([0, ""]);
    expect(out).toContain("example:\n  cairn ctl containers stop web");
  });

  test("--version names version, sources, Bun and architecture", async () => {
    const { exit, out } = await cairn("--version");
    expect(exit).toBe(0);
    expect(out).toMatch(/^cairn: \S+\nsources: \S+\nbun: \d+\.\d+\.\d+\narchitecture: (x86_64|aarch64)\n$/);
  });

  test("runtime outside process 1 says what it is for, touches nothing and exits 2", async () => {
    expect(await cairn("runtime")).toEqual({ exit: 2, out: "", err: expect.stringContaining("process 1 only") });
  });

  test("a slip of the finger is named, with what was meant, and exits 2", async () => {
    expect(await cairn("ctl", "contaners", "ls")).toEqual({
      exit: 2,
      out: "",
      err: 'cairn ctl: unknown command "contaners": did you mean "containers"?\n"cairn ctl --help" says what it takes\n',
    });
  });
});

describe("cairn ctl", () => {
  test("containers ls is a table for people", async () => {
    const { exit, out } = await ctl("containers", "ls");
    expect(exit).toBe(0);
    expect(out).toBe(
      [
        "NAME  GROUP  STATUS   GOAL     PID  MEMORY",
        "base  root   STARTED  STARTED  -    12.3 MiB",
        "web   app    STARTED  STARTED  123  12.3 MiB",
        "",
      ].join("\n"),
    );
    expect((await ctl("ls")).out).toBe(out);
  });

  test("--json is the answer of the API as it is", async () => {
    const { out } = await ctl("containers", "ls", "--json");
    expect(JSON.parse(out)).toHaveLength(2);
    expect(JSON.parse(out)[1]).toMatchObject({ name: "web", user_stopped: "false", pid: 123 });
  });

  test("groups, configuration and build are listed", async () => {
    const [groups, config, conf, build] = await Promise.all([
      ctl("groups", "ls"),
      ctl("config", "ls"),
      ctl("conf", "ls"),
      ctl("buildinfo"),
    ]);
    expect(groups.out).toBe("NAME  STATUS  GOAL     RESTART\napp   READY   STARTED  container\n");
    expect(config.out).toBe("KEY           VALUE  MODIFIED\nPV_LOG_LEVEL  4      pv conf file\n");
    expect(conf).toEqual(config);
    expect(build.out).toBe("cairn: 1.2.3\n");
  });

  test("what is asked arrives", async () => {
    device.asked.length = 0;
    expect(await ctl("containers", "restart", "web")).toEqual({ exit: 0, out: "", err: "" });
    expect(await ctl("cmd", "poweroff", "new battery")).toEqual({ exit: 0, out: "", err: "" });
    expect((await cairn("ctl", "signal", "ready", "-s", containerSocket)).exit).toBe(0);
    expect(device.asked).toEqual(["restart web", "POWEROFF_DEVICE new battery", "ready web"]);
  });

  test("a refusal goes to stderr and exits 255, a busy device exits 75", async () => {
    const [forbidden, unknown, busy] = await Promise.all([
      ctl("containers", "stop", "base"),
      ctl("containers", "stop", "a b/../c"),
      ctl("cmd", "reboot"),
    ]);
    expect(forbidden).toEqual({ exit: 255, out: "", err: '{"Error":"only a reboot stops it"}\n' });
    expect([unknown.exit, unknown.err]).toEqual([255, '{"Error":"no such container"}\n']);
    expect([busy.exit, busy.err]).toEqual([75, '{"Error":"An update runs"}\n']);
  });

  test("a reader that stops early is no error", async () => {
    const path = join(folder, "long");
    const config = Array.from({ length: 50_000 }, () => ({
      key: "KEY",
      value: "x".repeat(50),
      modified: "default",
      legacy: null,
    }));
    const result = listen({
      path,
      caller: { kind: "host" },
      device: fakeDevice({ config: () => config }),
      transfers: openTransfers(),
      onBug: (error) => expect.unreachable(String(error)),
    });
    if (!result.ok) throw new Error(result.error.why);
    listeners.push(result.value);
    const pipeline = `"${process.execPath}" "${main}" ctl -s "${path}" config ls | head -n 1`;
    const child = Bun.spawn(["sh", "-c", pipeline], { stdout: "pipe", stderr: "pipe" });
    expect(await child.stdout.text()).toStartWith("KEY  VALUE");
    expect(await child.stderr.text()).toBe("");
  });

  test("no runtime behind the socket: it says so and exits 255", async () => {
    const { exit, err } = await cairn("ctl", "-s", join(folder, "none"), "ls");
    expect(exit).toBe(255);
    expect(err).toStartWith(`no answer from ${join(folder, "none")} (`);
  });
});
