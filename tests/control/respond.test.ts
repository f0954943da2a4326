import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Caller, type Device, respond } from "../../runtime/control/index.ts";
import { base, fakeDevice, web } from "./device.ts";

const host: Caller = { kind: "host" };
const manager: Caller = { kind: "container", name: "web", roles: ["mgmt"] };
const nobody: Caller = { kind: "container", name: "base", roles: ["nobody"] };

const ask = (method: string, target: string, body = "", caller: Caller = host, device: Device = fakeDevice()) =>
  respond(caller, { method, target, body }, device);
const refusal = (status: number, why: string) => ({
  status,
  contentType: "application/json" as const,
  body: JSON.stringify({ Error: why }),
});
const done = { status: 200, contentType: "application/json" as const, body: "" };

describe("GET /containers", () => {
  test("has the original's members in their order, then pid and memory", () => {
    expect(ask("GET", "/containers").body).toBe(
      '[{"name":"base","group":"root","status":"STARTED","status_goal":"STARTED","restart_policy":"system","roles":[],' +
        '"pid":null,"memory":null},' +
        '{"name":"web","group":"app","status":"STARTED","status_goal":"STARTED","restart_policy":"container","roles":["mgmt"],' +
        '"auto_recovery":{"policy":"on-failure","max_retries":5,"current_retries":0,"stable_timeout":30,' +
        '"is_stable":"true","backoff_policy":"reboot"},"user_stopped":"false","pid":123,"memory":4096}]',
    );
  });

  test("leaves auto_recovery out when the policy is no", () => {
    const off = { ...web, autoRecovery: web.autoRecovery && { ...web.autoRecovery, policy: "no" as const } };
    const device = fakeDevice({ containers: () => [off] });
    expect(JSON.parse(ask("GET", "/containers", "", host, device).body)[0]).not.toHaveProperty("auto_recovery");
  });

  test.each([
    [30, "30s"],
    [60, "1min"],
    [90, "90s"],
    [600, "10min"],
    [3600, "1h"],
    [5400, "90min"],
    [7200, "2h"],
  ])("prints a pause of %d s as %s", (seconds, text) => {
    const backoffPolicy = { kind: "wait" as const, ms: seconds * 1000 };
    const device = fakeDevice({
      containers: () => [{ ...web, autoRecovery: web.autoRecovery && { ...web.autoRecovery, backoffPolicy } }],
    });
    expect(JSON.parse(ask("GET", "/containers", "", host, device).body)[0].auto_recovery.backoff_policy).toBe(text);
  });
});

test("GET /groups has the original's members in their order", () => {
  const recovery = {
    policy: "on-failure",
    maxRetries: 5,
    stableTimeoutMs: 30_000,
    backoffPolicy: { kind: "never" },
  } as const;
  const group = { statusGoal: "STARTED", restartPolicy: "system", status: "READY" } as const;
  const device = fakeDevice({
    groups: () => [
      { ...group, name: "root", autoRecovery: null },
      { ...group, name: "app", autoRecovery: recovery },
    ],
  });
  expect(ask("GET", "/groups", "", host, device).body).toBe(
    '[{"name":"root","status_goal":"STARTED","restart_policy":"system","status":"READY"},' +
      '{"name":"app","status_goal":"STARTED","restart_policy":"system","status":"READY",' +
      '"auto_recovery":{"max_retries":5,"stable_timeout":30,"backoff_policy":"never"}}]',
  );
});

test("GET /config2 and GET /buildinfo", () => {
  expect(ask("GET", "/config2").body).toBe('[{"key":"PV_LOG_LEVEL","value":"4","modified":"pv conf file"}]');
  expect(ask("GET", "/buildinfo")).toEqual({ status: 200, contentType: "text/plain", body: "cairn: 1.2.3\n" });
});

describe("who may ask", () => {
  const all = [
    ["GET", "/containers", ""],
    ["PUT", "/containers/web", '{"action":"stop"}'],
    ["GET", "/groups", ""],
    ["POST", "/commands", '{"op":"REBOOT_DEVICE","payload":""}'],
    ["GET", "/config2", ""],
    ["GET", "/buildinfo", ""],
  ] as const;
  test.each(all)("%s %s is for mgmt and the host alone", (method, target, body) => {
    const device = fakeDevice();
    expect(ask(method, target, body, nobody, device)).toEqual(refusal(403, "Request not sent from a mgmt platform"));
    expect(device.asked).toEqual([]);
    expect(ask(method, target, body, manager).status).toBe(200);
    expect(ask(method, target, body, host).status).toBe(200);
  });

  test("a container without roles may only signal", () => {
    const device = fakeDevice();
    const caller: Caller = { kind: "container", name: "base", roles: [] };
    expect(ask("POST", "/signal", '{"type":"ready","payload":""}', caller, device)).toEqual(done);
    expect(device.asked).toEqual(["ready base"]);
  });
});

describe("POST /signal", () => {
  test("is heard as coming from the container whose socket it came by, whatever it says", () => {
    const device = fakeDevice();
    expect(ask("POST", "/signal", '{"type":"ready","container":"web","name":"web"}', nobody, device)).toEqual(done);
    expect(device.asked).toEqual(["ready base"]);
  });

  const unexpected = refusal(500, "Signal not expected from this platform");
  test.each([
    ["from the host", host, '{"type":"ready"}', unexpected],
    ["of another type", nobody, '{"type":"alive","payload":""}', unexpected],
    ["without type", nobody, '{"payload":""}', refusal(400, "Signal has bad format")],
    ["with a payload that is no text", nobody, '{"type":"ready","payload":1}', refusal(400, "Signal has bad format")],
    ["that is no JSON", nobody, "ready", refusal(400, "Signal has bad format")],
    ["without body", nobody, "", refusal(400, "Signal has bad format")],
  ] as const)("%s is refused and does nothing", (_what, caller, body, answer) => {
    const device = fakeDevice();
    expect(ask("POST", "/signal", body, caller, device)).toEqual(answer);
    expect(device.asked).toEqual([]);
  });

  test("that nobody waits for is refused", () => {
    expect(ask("POST", "/signal", '{"type":"ready"}', nobody, fakeDevice({ signalReady: () => false }))).toEqual(
      unexpected,
    );
  });
});

describe("PUT /containers/{name}", () => {
  const put = (name: string, body: string, device: Device) => ask("PUT", `/containers/${name}`, body, host, device);

  test.each(["start", "stop", "restart"])("%s is passed on", (action) => {
    const device = fakeDevice();
    expect(put("web", JSON.stringify({ action }), device)).toEqual(done);
    expect(device.asked).toEqual([`${action} web`]);
  });

  test.each([
    ["nobody", '{"action":"start"}', 404, "no container nobody"],
    ["%ff", '{"action":"start"}', 400, "unknown endpoint: /containers/%ff"],
    ["web", "", 400, 'Wants a body like {"action":"start"}, "stop" or "restart"'],
    ["web", "{", 400, 'Wants a body like {"action":"start"}, "stop" or "restart"'],
    ["web", "{}", 400, 'Wants a body like {"action":"start"}, "stop" or "restart"'],
    ["web", '{"action":"explode"}', 400, 'Wants a body like {"action":"start"}, "stop" or "restart"'],
  ])("%s with %s is refused", (name, body, status, why) => {
    const device = fakeDevice();
    expect(put(name, body, device)).toEqual(refusal(status, why));
    expect(device.asked).toEqual([]);
  });

  test.each([
    ["unknownContainer", 404],
    ["notControllable", 403],
    ["wrongStatus", 400],
  ] as const)("what the device refuses as %s is %d, in the device's words", (kind, status) => {
    const device = fakeDevice({ request: () => ({ kind, why: "because" }) });
    expect(put("web", '{"action":"start"}', device)).toEqual(refusal(status, "because"));
  });

  test("a device that goes down says when to ask again", () => {
    const device = fakeDevice({ request: () => ({ kind: "shuttingDown", why: "going down" }) });
    expect(put("web", '{"action":"stop"}', device)).toEqual({ ...refusal(503, "going down"), retryAfterSeconds: 60 });
  });

  test("a name in percent encoding is decoded once", () => {
    const names: string[] = [];
    const device = fakeDevice({
      request(name) {
        names.push(name);
        return null;
      },
    });
    expect(put("a%2541b", '{"action":"stop"}', device)).toEqual(done);
    expect(names).toEqual(["a%41b"]);
  });
});

describe("POST /commands", () => {
  const command = (body: string, device: Device = fakeDevice()) => ask("POST", "/commands", body, host, device);

  test("powers off and reboots with the caller's message", () => {
    const device = fakeDevice();
    expect(command('{"op":"POWEROFF_DEVICE","payload":"moving"}', device)).toEqual(done);
    expect(command('{"op":"REBOOT_DEVICE","payload":""}', device)).toEqual(done);
    expect(device.asked).toEqual(["poweroff moving", "reboot "]);
  });

  test("says when to try again while the device is busy", () => {
    const busy = { kind: "busy", why: "A command is already in progress. Try again", retryAfterSeconds: 120 } as const;
    const device = fakeDevice({ power: () => busy });
    expect(command('{"op":"REBOOT_DEVICE","payload":""}', device)).toEqual({
      ...refusal(503, busy.why),
      retryAfterSeconds: 120,
    });
  });

  test.each([
    ['{"op":"REBOOT_DEVICE"}', "Command has bad format"],
    ['{"payload":""}', "Command has bad format"],
    ['{"op":1,"payload":""}', "Command has bad format"],
    ["", "Command has bad format"],
    ['{"op":"RUN_GC","payload":""}', "Command RUN_GC is not there yet"],
    ['{"op":"EXPLODE","payload":""}', "Command EXPLODE is unknown"],
    ['{"op":"REBOOT","payload":""}', "Command REBOOT is unknown"],
  ])("%s is refused", (body, why) => {
    const device = fakeDevice();
    expect(command(body, device)).toEqual(refusal(400, why));
    expect(device.asked).toEqual([]);
  });
});

describe("what is not served", () => {
  test.each([
    ["GET", "/", "unknown endpoint: /"],
    ["GET", "/nothing", "unknown endpoint: /nothing"],
    ["GET", "/containers/", "unknown endpoint: /containers/"],
    ["PUT", "/containers/a/b", "unknown endpoint: /containers/a/b"],
    ["GET", "/steps", "endpoint is not there yet: /steps"],
    ["PUT", "/objects/abc", "endpoint is not there yet: /objects/abc"],
    ["GET", "/config", "endpoint is not there yet: /config"],
    ["DELETE", "/containers", "Method not supported for this endpoint"],
    ["GET", "/commands", "Method not supported for this endpoint"],
  ])("%s %s is 400 and says why", (method, target, why) => {
    expect(ask(method, target)).toEqual(refusal(400, why));
  });

  test("a query does not change what is asked for", () => {
    expect(ask("GET", "/buildinfo?x=1").status).toBe(200);
  });
});

test("no request makes it throw, and every refusal is JSON", () => {
  const methods = fc.constantFrom("GET", "PUT", "POST", "DELETE", "BREW");
  const targets = fc.oneof(
    fc.constantFrom("/containers", "/containers/web", "/signal", "/commands", "/groups"),
    fc.string().map((s) => `/${s}`),
    fc.string({ unit: "binary" }).map((s) => `/containers/${s}`),
  );
  const bodies = fc.oneof(fc.string(), fc.json());
  fc.assert(
    fc.property(methods, targets, bodies, fc.constantFrom(host, manager, nobody), (method, target, body, caller) => {
      const answer = ask(method, target, body, caller, fakeDevice({ containers: () => [base, web] }));
      if (answer.status !== 200) expect(Object.keys(JSON.parse(answer.body))).toEqual(["Error"]);
    }),
    { numRuns: 1000 },
  );
});
