/** Commands and evidence through a device's link, with a real broker. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { inflatedText } from "../../../runtime/fleet/logs/index.ts";
import { must } from "../../store/world.ts";
import { closeAll, device, hub, running } from "./world.ts";

setDefaultTimeout(60_000);
afterEach(closeAll);

const command = (id: number, operation: "gc" | "logs" | "reboot", argument = "") =>
  ({ id, operation, arguments: argument, expiry: Math.floor(Date.now() / 1000) + 3600 }) as const;

test("a command reaches the runtime, and what it came to and the lines it brought reach the hub", async () => {
  const at = await hub();
  const link = device(at);
  link.begin();
  const { id } = await link.heard("joined");
  link.say(running("7"));
  await at.state();
  await at.order(id, command(1, "logs", "2"));
  const handedOn = { kind: "command", operation: "logs", argument: "2", again: false } as const;
  expect(await link.heard("command")).toEqual({ ...handedOn, id: 1 });
  const logs = { revision: "7", lines: ["first", "second"] };
  link.say({ kind: "result", id: 1, code: "done", text: "", logs });
  expect(await link.heard("resultKept")).toEqual({ kind: "resultKept", id: 1 });
  expect(await at.result()).toEqual({ id: 1, code: "done", text: "2 lines" });
  const batch = await at.logs();
  expect(batch).toMatchObject({ kind: "requested", command: 1, revision: "7" });
  expect(must(inflatedText(batch.deflated))).toBe("first\nsecond\n");
});

test("a command that was taken before the link ended is handed on again by the next, and one that comes twice is not", async () => {
  const at = await hub();
  const link = device(at);
  link.begin();
  const { id } = await link.heard("joined");
  link.say(running("7"));
  await at.state();
  await at.order(id, command(1, "reboot"));
  await link.heard("command");
  link.hangUp();
  await link.ended;
  const next = device(at, link.folder);
  next.begin();
  expect(await next.heard("command")).toMatchObject({ id: 1, operation: "reboot", again: true });
  next.say(running("7"));
  await at.order(id, command(1, "reboot"));
  await at.order(id, command(2, "gc"));
  expect(await next.heard("command")).toMatchObject({ id: 2 });
  next.say({ kind: "result", id: 1, code: "done", text: "the device has restarted", logs: null });
  expect(await at.result()).toMatchObject({ id: 1, code: "done" });
});

test("a verdict brings the evidence of the failure with it", async () => {
  const at = await hub();
  const link = device(at);
  link.begin();
  const { id } = await link.heard("joined");
  link.say(running("7"));
  await at.state();
  await at.want(id, "{}");
  await link.heard("desired");
  const evidence = '{"reason":"containerFailed","container":"web","lines":["no such file"]}';
  link.say({ kind: "progress", rev: "8", phase: "error", reason: "containerFailed", message: "web ended", evidence });
  const batch = await at.logs();
  expect(batch).toMatchObject({ kind: "evidence", revision: "8", command: null });
  expect(must(inflatedText(batch.deflated))).toBe(evidence);
});

test("a command, its answer and a report cost at most 1,200 bytes of IP and up", async () => {
  const at = await hub();
  const link = device(at);
  link.begin();
  const { id } = await link.heard("joined");
  const costAt = async (rev: string): Promise<number> => {
    link.say(running(rev));
    for (;;) {
      const report = await at.state();
      if (report.running === rev) return report.bytes.day;
    }
  };
  await costAt("7"); // of which its own bytes are not known yet
  const before = await costAt("8");
  await at.order(id, command(1, "gc"));
  await link.heard("command");
  link.say({ kind: "result", id: 1, code: "done", text: "4096 bytes came free", logs: null });
  await at.result();
  expect((await costAt("9")) - before).toBeLessThanOrEqual(1_200);
});
