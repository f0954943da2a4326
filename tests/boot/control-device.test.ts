import { expect, test } from "bun:test";
import { controlDevice } from "../../runtime/boot/control-device.ts";
import type { EventWithoutTime, Running } from "../../runtime/boot/running.ts";
import type { Containers } from "../../runtime/containers/index.ts";
import { type ContainerAction, respond } from "../../runtime/control/index.ts";
import { openStore, realDisk } from "../../runtime/store/index.ts";
import { plan, type SupervisionEvent, step, supervision } from "../../runtime/supervise/index.ts";
import { fakeDevice } from "../control/device.ts";
import { container, parsed } from "../state/samples.ts";
import { revision } from "../store/world.ts";

const state = parsed({
  ...container("web", { group: "app", restart_policy: "container", status_goal: "READY" }),
  ...container("base", { group: "root", restart_policy: "system" }),
});

/** A device whose containers do nothing: each effect stays unanswered until the test says what came of it. */
function device() {
  let now = supervision(plan(state, { goalsTimeoutMs: 1_000, stopGraceMs: 1_000 }));
  const sent: EventWithoutTime[] = [];
  const running: Running = {
    view: () => now,
    send(event) {
      sent.push(event);
      [now] = step(now, { ...event, atMs: sent.length } as SupervisionEvent);
    },
    replace: () => {},
    revisionsInUse: () => new Set(),
    monitorEvent: () => {},
    childReaped: () => {},
  };
  const nothing = () => expect.unreachable("the control API starts nothing by itself");
  const containers: Containers = {
    mount: nothing,
    start: nothing,
    halt: nothing,
    kill: nothing,
    release: nothing,
    memoryBytes: ({ name }) => (name === "web" ? 4096 : null),
  };
  const power = () => ({ kind: "accepted" }) as const;
  const control = controlDevice({
    current: () => ({ state, containers }),
    name: () => revision("0"),
    running,
    config: [],
    buildinfo: "",
    power,
    store: openStore(realDisk, "/nowhere"),
    reservedPercent: 0,
    metadata: {
      ...fakeDevice().metadata,
      userMeta: () => "",
      merge: nothing,
      show: nothing,
      onDeviceMeta: nothing,
      statusIs: nothing,
      debugAccessIs: nothing,
    },
    debugAccess: { open: nothing, close: nothing, view: nothing },
    updates: { put: nothing, command: nothing, collectGarbage: nothing },
  });
  return { sent, running, control };
}

const put = (control: ReturnType<typeof device>["control"], name: string, action: ContainerAction) =>
  respond(
    { kind: "host" },
    { method: "PUT", target: `/containers/${name}`, body: JSON.stringify({ action }) },
    control,
  );

test("what supervision refuses is refused with its sentence, and nothing is sent", async () => {
  const { control, running, sent } = device();
  const answers = await Promise.all((["nobody", "base", "web"] as const).map((name) => put(control, name, "start")));
  expect(answers.map(({ status }) => status)).toEqual([404, 403, 400]);
  expect(answers.map(({ body }) => JSON.parse(String(body)).Error)).toEqual([
    'this revision has no container "nobody": see "cairn ctl containers ls"',
    'container base has restart_policy "system": only a new revision or a reboot starts or stops it',
    "container web is NONE: it can be started or restarted from STARTING on, or when it is down",
  ]);
  expect(sent).toEqual([]);

  running.send({ kind: "shutdown" });
  expect(await put(control, "web", "stop")).toMatchObject({ status: 503, retryAfterSeconds: 60 });
  expect(sent).toEqual([{ kind: "shutdown" }]);
});

test("a request that is accepted reaches supervision once", async () => {
  const { control, running, sent } = device();
  running.send({ kind: "begin" });
  expect((await put(control, "web", "stop")).status).toBe(200);
  expect(sent.slice(1)).toMatchObject([{ kind: "request", name: "web", action: "stop" }]);
  expect(control.containers().find(({ name }) => name === "web")).toMatchObject({ userStopped: true });
});

test("only a container that supervision waits for is heard as ready", () => {
  const { control, running, sent } = device();
  expect([control.signalReady("web"), control.signalReady("base"), control.signalReady("nobody")]).toEqual([
    false,
    false,
    false,
  ]);
  expect(sent).toEqual([]);

  running.send({ kind: "begin" });
  for (const { name } of state.containers.toReversed()) {
    running.send({ kind: "mounted", name });
    if (name === "base") running.send({ kind: "started", name, pid: 7 });
  }
  expect(control.signalReady("web")).toBe(true);
  expect(sent.at(-1)).toMatchObject({ kind: "ready", name: "web" });
});

test("the memory of a container that does not exist is not known", () => {
  const { control } = device();
  expect([control.memoryBytes("web"), control.memoryBytes("base"), control.memoryBytes("nobody")]).toEqual([
    4096,
    null,
    null,
  ]);
});
