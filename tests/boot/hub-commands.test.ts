import { expect, test } from "bun:test";
import { type HubCommandsPorts, openHubCommands } from "../../runtime/boot/hub-commands.ts";
import type { CommandAnswer, ContainerView } from "../../runtime/control/index.ts";
import { type Command, LINE_BYTES_MAX, readLine, ToLink, writtenLine } from "../../runtime/fleet/pipe/index.ts";
import { err, ok } from "../../runtime/result.ts";
import type { RevisionName } from "../../runtime/state/index.ts";
import { drained, virtualClock } from "../sim/clock.ts";
import { must } from "../store/world.ts";

function world(more: Partial<HubCommandsPorts> = {}) {
  const clock = virtualClock();
  const [said, did]: [ToLink[], string[]] = [[], []];
  const ports: HubCommandsPorts = {
    control: {
      containers: () => [{ name: "web" } as ContainerView],
      request(container, action) {
        did.push(`${action} ${container}`);
        return container === "web" ? null : { kind: "unknownContainer", why: `there is no ${container}` };
      },
      commands: {
        async command(operation): Promise<CommandAnswer> {
          did.push(operation);
          return { kind: "accepted" };
        },
      },
      storage: {
        async collectGarbage() {
          did.push("gc");
          return ok(4096);
        },
      },
    },
    debugAccess: {
      async open(ms) {
        did.push(`open for ${ms}`);
        return ok("SSH on port 8222");
      },
      async close() {
        did.push("close");
        return did.length > 1;
      },
    },
    log: { info: () => {}, warn: (message) => void did.push(message) },
    restartRefusal: () => null,
    lastLines: (container, source, count) => [`${container}/${source}`, `the last ${count}`],
    running: () => "7" as RevisionName,
    say: (message) => void said.push(message),
    setTimer: clock.set,
    ...more,
  };
  const commands = openHubCommands(ports);
  return {
    clock,
    said,
    did,
    commands,
    order(operation: Command["operation"], argument = "", again = false, id = 5) {
      commands.hear({ kind: "command", id, operation, argument, again });
      return drained();
    },
  };
}

const result = (code: string, text: unknown, logs: unknown = null) => ({ kind: "result", id: 5, code, text, logs });

test("a restart waits until its answer is kept, and is then carried out", async () => {
  const { order, said, did, commands } = world();
  await order("reboot");
  expect([said, did]).toEqual([[result("done", "the device restarts")] as never, []]);
  commands.hear({ kind: "resultKept", id: 4 });
  await drained();
  expect(did).toEqual([]);
  commands.hear({ kind: "resultKept", id: 5 });
  await drained();
  expect(did).toEqual(["REBOOT_DEVICE"]);
});

test("a device whose link does not answer restarts all the same", async () => {
  const { order, did, clock } = world();
  await order("reboot");
  expect(did).toEqual([]);
  clock.next();
  await drained();
  expect(clock.now()).toBe(10_000);
  expect(did).toEqual(["REBOOT_DEVICE"]);
});

test("a device that is busy with an update does not restart, and says why", async () => {
  const busy = { kind: "busy", why: "An update is under way: trying", retryAfterSeconds: 600 } as const;
  const { order, said, did } = world({ restartRefusal: () => busy });
  await order("reboot");
  expect([said, did]).toEqual([[result("busy", busy.why)] as never, []]);
});

test.each([
  ["restartContainer", "web", result("done", "container web restarts"), ["restart web"]],
  ["restartContainer", "nobody", result("refused", "there is no nobody"), ["restart nobody"]],
  ["gc", "", result("done", "4096 bytes came free"), ["gc"]],
  ["debugAccess", "600", result("done", "SSH on port 8222"), ["open for 600000"]],
  ["debugAccess", "0", result("done", "it was closed"), ["close"]],
  ...["", "-1", "1h", "86401", "1e3"].map(
    (seconds) => ["debugAccess", seconds, result("refused", expect.stringContaining("seconds")), []] as const,
  ),
  ["logs", "20", result("done", "", { revision: "7", lines: ["pantavisor/pantavisor.log", "the last 20"] }), []],
  ["logs", "web 3", result("done", "", { revision: "7", lines: ["web/lxc/console.log", "the last 3"] }), []],
] as const)("%s %s is answered", async (operation, argument, answer, done) => {
  const { order, said, did } = world();
  await order(operation, argument);
  expect([said, did]).toEqual([[answer] as never, [...done]]);
});

test.each(["", "x", "0", "1001", "-1", "web", "web x", "../../etc 5", "nobody 5", "pantavisor 5", "web 5 5"])(
  "for lines of %p there are none",
  async (argument) => {
    const { order, said } = world({
      lastLines: () => {
        throw new Error("nothing is read");
      },
    });
    await order("logs", argument);
    expect(said).toEqual([result("refused", expect.any(String))] as never);
  },
);

test.each(["refused", "failed"] as const)("debug access that is %s is answered so", async (kind) => {
  const { order, said } = world({
    debugAccess: { open: async () => err({ kind, why: "no key is known" }), close: async () => false },
  });
  await order("debugAccess", "600");
  expect(said).toEqual([result(kind, "no key is known")] as never);
});

test("debug access that was ordered before the device restarted is not opened again", async () => {
  const { order, said, did } = world();
  await order("debugAccess", "600", true);
  expect([said, did]).toEqual([[result("failed", "the device restarted meanwhile")] as never, []]);
});

test("a failure is told as one", async () => {
  const full = { storage: { collectGarbage: async () => err({ status: 507 as const, why: "disk" }) } };
  const { order, said } = world({ control: { ...full } as never });
  await order("gc");
  expect(said).toEqual([result("failed", "disk")] as never);
});

test("what is handed on again by a link that has started again is done once, and answered as before", async () => {
  const { order, said, did } = world();
  await order("restartContainer", "web");
  await order("restartContainer", "web", true);
  expect(did).toEqual(["restart web"]);
  expect(said).toEqual([result("done", "container web restarts"), result("done", "container web restarts")] as never);
});

test("what is still under way then is answered when it is done", async () => {
  const collecting = Promise.withResolvers<ReturnType<typeof ok<number>>>();
  const { order, said } = world({ control: { storage: { collectGarbage: () => collecting.promise } } as never });
  await order("gc");
  await order("gc", "", true);
  expect(said).toEqual([]);
  collecting.resolve(ok(1));
  await drained();
  expect(said).toEqual([result("done", "1 bytes came free")] as never);
});

test("what an earlier boot was told is not done; to have restarted was the wish itself", async () => {
  for (const [operation, code] of [["reboot", "done"] as const, ["gc", "failed"] as const]) {
    const { order, said, did } = world();
    await order(operation, "", true);
    expect(said).toEqual([result(code, expect.stringContaining("restarted"))] as never);
    expect(did).toEqual([]);
  }
});

test("lines that are as odd as can be fit into a line to the link", async () => {
  for (const line of ["\\".repeat(4096), '"', "\\", "\ud83d\ude00".repeat(900)]) {
    const lines = Array.from({ length: 100_000 }, () => line);
    const { order, said } = world({ lastLines: () => lines });
    await order("logs", "1000");
    const written = writtenLine(said[0]);
    expect(Buffer.byteLength(written)).toBeLessThanOrEqual(LINE_BYTES_MAX);
    expect(must(readLine(ToLink, written.trimEnd()))).toEqual(said[0] as never);
  }
});
