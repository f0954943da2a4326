import { expect, test } from "bun:test";
import { join } from "node:path";
import { inNamespace, privileged } from "../linux/on-host.ts";

if (privileged) {
  test("real containers start, exit, are killed, frozen, stopped; every end arrives by event, nothing is left open", async () => {
    const { output } = await inNamespace(join(import.meta.dir, "containers.ts"));
    const bySignal = { kind: "signal", signal: "SIGKILL", number: 9, coreDumped: false };
    expect(JSON.parse(output)).toEqual({
      ended: [null, { kind: "exit", container: "unread", status: { kind: "exit", code: 3 } }],
      environment: ["A=1", "B=2"],
      cleared: [],
      exits: { kind: "exit", container: "exits", status: { kind: "exit", code: 3 } },
      running: { monitorIsParent: true, running: true, state: "RUNNING" },
      frozen: "FROZEN",
      killed: { kind: "exit", container: "killed", status: bySignal },
      after: { pid: null, running: false, state: "STOPPED" },
      halted: { kind: "exit", container: "halted", status: bySignal },
      failed: null,
      failure:
        'container failed: start() failed (error 1): No such file or directory - Failed to exec "/does/not/exist"',
      loadedCommand: "/does/not/exist",
      nonsense: "lxc",
      leakedFds: 0,
    });
  }, 60_000);
}
