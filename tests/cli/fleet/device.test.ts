import { expect, test } from "bun:test";
import * as v from "valibot";
import { Device, devicesTable, deviceText } from "../../../runtime/cli/fleet/device.ts";
import { changeIn } from "../../../runtime/cli/fleet/meta.ts";

const waiting = {
  id: "abcdefghijklm",
  status: "waiting",
  code: "k7q2mz",
  tags: [],
  first: "2026-11-26T04:00:00.000Z",
  changed: "2026-11-26T04:00:00.000Z",
  asked: "2026-11-26T04:00:30.000Z",
  report: null,
};
const state = {
  running: "7",
  status: "TESTING",
  containers: { web: { status: "READY", goalReached: true }, db: { status: "STARTING", goalReached: false } },
  bytes: { day: 4_210, month: 91_000 },
  flags: { clockUnknown: false, safeMode: false, local: false },
  version: "0.1.0",
};
const running = {
  ...waiting,
  status: "accepted",
  code: undefined,
  tags: ["lab"],
  report: { at: "2026-11-26T05:00:00.000Z", state },
};
const read = (device: unknown) => v.parse(Device, JSON.parse(JSON.stringify(device)));

test("a list says who waits with which code, and what the others run", () => {
  const lines = devicesTable([read(waiting), read(running)]).split("\n");
  expect(lines.map((line) => line.split(/ {2,}/))).toEqual([
    ["ID", "STATUS", "CODE", "RUNS", "REPORTED", "TAGS"],
    ["abcdefghijklm", "waiting", "k7q2mz", "-", "-", "-"],
    ["abcdefghijklm", "accepted", "-", "7 TESTING", "2026-11-26T05:00:00.000Z", "lab"],
  ]);
});

test("one device is shown with its containers, what it costs, and what is odd about it", () => {
  const text = deviceText(read(running));
  for (const part of [
    /^runs +7 TESTING$/m,
    /^ +web +READY$/m,
    /^ +db +STARTING, not at its goal$/m,
    /^bytes +4210 today, 91000 this month$/m,
  ])
    expect(text).toMatch(part);
  expect(text).not.toContain("note");
  const odd = { ...state, flags: { clockUnknown: true, safeMode: true, local: true } };
  expect(deviceText(read({ ...running, report: { ...running.report, state: odd } })).match(/^note/gm)).toHaveLength(3);
  expect(deviceText(read(waiting))).toMatch(/^code +k7q2mz$/m);
  expect(deviceText(read(waiting))).toMatch(/^reported +-$/m);
});

test("why a device failed is shown with it, and steers no terminal", () => {
  const text = JSON.stringify({
    reason: "containerFailed",
    message: "web ended",
    container: "web",
    exit: { code: 127 },
    lines: ["sh: no\u001b[2J such file"],
  });
  const at = "2026-11-26T05:00:00.000Z";
  const shown = deviceText(read({ ...running, evidence: { at, text } }));
  expect(shown).toMatch(
    /^why +container web: containerFailed: web ended: exit code 127\n +\| sh: no\?\[2J such file$/m,
  );
  for (const odd of ["", "[]", '{"lines":[1]}', '{"reason":7,"exit":"x"}'])
    expect(deviceText(read({ ...running, evidence: { at, text: odd } }))).not.toMatch(/\| /);
});

test("one device is shown with what it tells of itself, which cannot steer a terminal", () => {
  const text = deviceText(read({ ...running, deviceMeta: { "pantavisor.arch": "x86_64/64/EL", a: "\u001b[2J" } }));
  expect(text).toMatch(/^pantavisor\.arch +x86_64\/64\/EL$/m);
  expect(text).toMatch(/^a +\?\[2J$/m);
});

test("changes of metadata are told apart", () => {
  expect(changeIn([])).toEqual({ set: {}, remove: [] });
  expect(changeIn(["set", "a=1", "b=x=y", "c="])).toEqual({ set: { a: "1", b: "x=y", c: "" }, remove: [] });
  expect(changeIn(["rm", "a", "b"])).toEqual({ set: {}, remove: ["a", "b"] });
  for (const wrong of [["set"], ["rm"], ["set", "a"], ["set", "=1"], ["a=1"]]) expect(changeIn(wrong)).toBeNull();
});
