import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Caller, type Device, oneAtATime, respond } from "../../runtime/control/index.ts";
import { operations } from "../../runtime/control/ports.ts";
import { ok } from "../../runtime/result.ts";
import { base, DIGEST, fakeDevice, web } from "./device.ts";

const host: Caller = { kind: "host" };
const manager: Caller = { kind: "container", name: "web", roles: ["mgmt"] };
const nobody: Caller = { kind: "container", name: "base", roles: ["nobody"] };

/** The answer; a body of bytes or of a stream as text. */
async function ask(method: string, target: string, body = "", caller: Caller = host, device: Device = fakeDevice()) {
  const { body: answer, ...rest } = await respond(caller, { method, target, body }, device);
  if (typeof answer === "string") return { ...rest, body: answer };
  if (answer instanceof Uint8Array) return { ...rest, body: Buffer.from(answer).toString() };
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.chunks) chunks.push(chunk);
  return { ...rest, body: Buffer.concat(chunks).toString() };
}
const refusal = (status: number, why: string) => ({
  status,
  contentType: "application/json" as const,
  body: JSON.stringify({ Error: why }),
});
const done = { status: 200, contentType: "application/json" as const, body: "" };

describe("GET /containers", () => {
  test("has the original's members in their order, then pid and memory", async () => {
    expect((await ask("GET", "/containers")).body).toBe(
      '[{"name":"base","group":"root","status":"STARTED","status_goal":"STARTED","restart_policy":"system","roles":[],' +
        '"pid":null,"memory":null},' +
        '{"name":"web","group":"app","status":"STARTED","status_goal":"STARTED","restart_policy":"container","roles":["mgmt"],' +
        '"auto_recovery":{"policy":"on-failure","max_retries":5,"current_retries":0,"stable_timeout":30,' +
        '"is_stable":"true","backoff_policy":"reboot"},"user_stopped":"false","pid":123,"memory":4096}]',
    );
  });

  test("leaves auto_recovery out when the policy is no", async () => {
    const off = { ...web, autoRecovery: web.autoRecovery && { ...web.autoRecovery, policy: "no" as const } };
    const device = fakeDevice({ containers: () => [off] });
    expect(JSON.parse((await ask("GET", "/containers", "", host, device)).body)[0]).not.toHaveProperty("auto_recovery");
  });

  test.each([
    [30, "30s"],
    [60, "1min"],
    [90, "90s"],
    [600, "10min"],
    [3600, "1h"],
    [5400, "90min"],
    [7200, "2h"],
  ])("prints a pause of %d s as %s", async (seconds, text) => {
    const backoffPolicy = { kind: "wait" as const, ms: seconds * 1000 };
    const device = fakeDevice({
      containers: () => [{ ...web, autoRecovery: web.autoRecovery && { ...web.autoRecovery, backoffPolicy } }],
    });
    expect(JSON.parse((await ask("GET", "/containers", "", host, device)).body)[0].auto_recovery.backoff_policy).toBe(
      text,
    );
  });
});

test("GET /groups has the original's members in their order", async () => {
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
  expect((await ask("GET", "/groups", "", host, device)).body).toBe(
    '[{"name":"root","status_goal":"STARTED","restart_policy":"system","status":"READY"},' +
      '{"name":"app","status_goal":"STARTED","restart_policy":"system","status":"READY",' +
      '"auto_recovery":{"max_retries":5,"stable_timeout":30,"backoff_policy":"never"}}]',
  );
});

test("GET /config, /config2 and /buildinfo", async () => {
  expect((await ask("GET", "/config2")).body).toBe('[{"key":"PV_LOG_LEVEL","value":"4","modified":"pv conf file"}]');
  const entry = { key: "PV_OEM_NAME", value: "(null)", modified: "default", legacy: null };
  const config = () => [...fakeDevice().config(), entry];
  expect((await ask("GET", "/config", "", host, fakeDevice({ config }))).body).toBe('{"log.level":4}');
  expect(await ask("GET", "/buildinfo")).toEqual({ status: 200, contentType: "text/plain", body: "cairn: 1.2.3\n" });
});

describe("who may ask", () => {
  const all = [
    ["GET", "/containers", ""],
    ["PUT", "/containers/web", '{"action":"stop"}'],
    ["GET", "/groups", ""],
    ["POST", "/commands", '{"op":"REBOOT_DEVICE","payload":""}'],
    ["GET", "/config2", ""],
    ["GET", "/buildinfo", ""],
    ["GET", "/steps", ""],
    ["GET", "/steps/7", ""],
    ["GET", "/steps/7/progress", ""],
    ["GET", "/steps/7/commitmsg", ""],
    ["PUT", "/steps/7/commitmsg", "text"],
    ["PUT", "/steps/locals/new", "{}"],
    ["PUT", "/steps/locals/new/commitmsg", "text"],
    ["GET", "/objects", ""],
    ["GET", `/objects/${DIGEST}`, ""],
    ["PUT", `/objects/${DIGEST}`, "bytes"],
    ["GET", "/device-meta", ""],
    ["GET", "/user-meta/a.b", ""],
    ["PUT", "/user-meta/key", "value"],
    ["DELETE", "/device-meta/a.b", ""],
    ["POST", "/storage/gc", ""],
    ["GET", "/config", ""],
    ["GET", "/daemons", ""],
    ["GET", "/drivers", ""],
    ["GET", "/xconnect-graph", ""],
  ] as const;
  test.each(all)("%s %s is for mgmt and the host alone", async (method, target, body) => {
    const device = fakeDevice();
    expect(await ask(method, target, body, nobody, device)).toEqual(
      refusal(403, "Request not sent from a mgmt platform"),
    );
    expect(device.asked).toEqual([]);
    expect((await ask(method, target, body, manager)).status).toBe(200);
    expect((await ask(method, target, body, host)).status).toBe(200);
  });

  test("a container without roles may only signal", async () => {
    const device = fakeDevice();
    const caller: Caller = { kind: "container", name: "base", roles: [] };
    expect(await ask("POST", "/signal", '{"type":"ready","payload":""}', caller, device)).toEqual(done);
    expect(device.asked).toEqual(["ready base"]);
  });
});

describe("POST /signal", () => {
  test("is heard as coming from the container whose socket it came by, whatever it says", async () => {
    const device = fakeDevice();
    expect(await ask("POST", "/signal", '{"type":"ready","container":"web","name":"web"}', nobody, device)).toEqual(
      done,
    );
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
  ] as const)("%s is refused and does nothing", async (_what, caller, body, answer) => {
    const device = fakeDevice();
    expect(await ask("POST", "/signal", body, caller, device)).toEqual(answer);
    expect(device.asked).toEqual([]);
  });

  test("that nobody waits for is refused", async () => {
    expect(await ask("POST", "/signal", '{"type":"ready"}', nobody, fakeDevice({ signalReady: () => false }))).toEqual(
      unexpected,
    );
  });
});

describe("PUT /containers/{name}", () => {
  const put = (name: string, body: string, device: Device) => ask("PUT", `/containers/${name}`, body, host, device);

  test.each(["start", "stop", "restart"])("%s is passed on", async (action) => {
    const device = fakeDevice();
    expect(await put("web", JSON.stringify({ action }), device)).toEqual(done);
    expect(device.asked).toEqual([`${action} web`]);
  });

  test.each([
    ["nobody", '{"action":"start"}', 404, "no container nobody"],
    ["%ff", '{"action":"start"}', 400, "unknown endpoint: /containers/%ff"],
    ["web", "", 400, 'Wants a body like {"action":"start"}, "stop" or "restart"'],
    ["web", "{", 400, 'Wants a body like {"action":"start"}, "stop" or "restart"'],
    ["web", "{}", 400, 'Wants a body like {"action":"start"}, "stop" or "restart"'],
    ["web", '{"action":"explode"}', 400, 'Wants a body like {"action":"start"}, "stop" or "restart"'],
  ])("%s with %s is refused", async (name, body, status, why) => {
    const device = fakeDevice();
    expect(await put(name, body, device)).toEqual(refusal(status, why));
    expect(device.asked).toEqual([]);
  });

  test.each([
    ["unknownContainer", 404],
    ["notControllable", 403],
    ["wrongStatus", 400],
  ] as const)("what the device refuses as %s is %d, in the device's words", async (kind, status) => {
    const device = fakeDevice({ request: () => ({ kind, why: "because" }) });
    expect(await put("web", '{"action":"start"}', device)).toEqual(refusal(status, "because"));
  });

  test("a device that goes down says when to ask again", async () => {
    const device = fakeDevice({ request: () => ({ kind: "shuttingDown", why: "going down" }) });
    expect(await put("web", '{"action":"stop"}', device)).toEqual({
      ...refusal(503, "going down"),
      retryAfterSeconds: 60,
    });
  });

  test("a name in percent encoding is decoded once", async () => {
    const names: string[] = [];
    const device = fakeDevice({
      request(name) {
        names.push(name);
        return null;
      },
    });
    expect(await put("a%2541b", '{"action":"stop"}', device)).toEqual(done);
    expect(names).toEqual(["a%41b"]);
  });
});

describe("POST /commands", () => {
  const command = (op: string, payload: string, commands?: Device["commands"]["command"]) => {
    const overrides = commands === undefined ? {} : { commands: { command: commands } };
    return ask("POST", "/commands", JSON.stringify({ op, payload }), host, fakeDevice(overrides));
  };

  test.each([...operations])("%s is passed on with its payload", async (op) => {
    const device = fakeDevice();
    expect(await ask("POST", "/commands", JSON.stringify({ op, payload: "why" }), host, device)).toEqual(done);
    expect(device.asked).toEqual([`${op} why`]);
  });

  test("what is so already is 204, a refusal has the device's code and words", async () => {
    expect(await command("UNCLAIM", "", async () => ({ kind: "nothingToDo" }))).toMatchObject({
      status: 204,
      body: "",
    });
    const refused = { kind: "refused", status: 409, why: "Cannot do this in local mode" } as const;
    expect(await command("UPDATE_METADATA", "{}", async () => refused)).toEqual(refusal(409, refused.why));
    const busy = { kind: "busy", why: "An update runs", retryAfterSeconds: 600 } as const;
    expect(await command("REBOOT_DEVICE", "", async () => busy)).toEqual({
      ...refusal(503, busy.why),
      retryAfterSeconds: 600,
    });
  });

  test("a second one before the first was taken up is told to come again, whatever became of the first", async () => {
    const waiting: (() => void)[] = [];
    const device = fakeDevice({
      commands: oneAtATime({
        command: () =>
          new Promise((resolve, reject) =>
            waiting.push(waiting.length === 0 ? () => reject(new Error("bug")) : () => resolve({ kind: "accepted" })),
          ),
      }),
    });
    const send = () => ask("POST", "/commands", '{"op":"RUN_GC","payload":""}', host, device);
    const first = send().catch(String);
    expect(await send()).toEqual({
      ...refusal(503, "A command is already in progress. Try again"),
      retryAfterSeconds: 120,
    });
    waiting[0]?.();
    expect(await first).toBe("Error: bug");
    const third = send();
    await Promise.resolve();
    waiting[1]?.();
    expect((await third).status).toBe(200);
  });

  test.each([
    ['{"op":"REBOOT_DEVICE"}', "Command has bad format"],
    ['{"payload":""}', "Command has bad format"],
    ['{"op":1,"payload":""}', "Command has bad format"],
    ["", "Command has bad format"],
    ['{"op":"TRY_ONCE","payload":""}', "Command TRY_ONCE is unknown"],
    ['{"op":"EXPLODE","payload":""}', "Command EXPLODE is unknown"],
    ['{"op":"REBOOT","payload":""}', "Command REBOOT is unknown"],
  ])("%s is refused", async (body, why) => {
    const device = fakeDevice();
    expect(await ask("POST", "/commands", body, host, device)).toEqual(refusal(400, why));
    expect(device.asked).toEqual([]);
  });
});

describe("what is not served", () => {
  test.each([
    ["GET", "/", "unknown endpoint: /"],
    ["GET", "/nothing", "unknown endpoint: /nothing"],
    ["GET", "/containers/", "unknown endpoint: /containers/"],
    ["PUT", "/containers/a/b", "unknown endpoint: /containers/a/b"],
    ["GET", "/steps/", "unknown endpoint: /steps/"],
    ["GET", "/steps/7/logs", "unknown endpoint: /steps/7/logs"],
    ["PUT", "/steps/7", "Method not supported for this endpoint"],
    ["PUT", "/steps/locals/x/progress", "Method not supported for this endpoint"],
    ["DELETE", "/objects/abc", "Method not supported for this endpoint"],
    ["PUT", "/user-meta", "Method not supported for this endpoint"],
    ["GET", "/storage/gc", "Method not supported for this endpoint"],
    ["GET", "/wakelocks", "endpoint is not there yet: /wakelocks"],
    ["PUT", "/drivers/load", "endpoint is not there yet: /drivers"],
    ["PUT", "/drivers/wifi/unload", "endpoint is not there yet: /drivers"],
    ["DELETE", "/containers", "Method not supported for this endpoint"],
    ["GET", "/commands", "Method not supported for this endpoint"],
  ])("%s %s is 400 and says why", async (method, target, why) => {
    expect(await ask(method, target)).toEqual(refusal(400, why));
  });

  test("a query does not change what is asked for", async () => {
    expect((await ask("GET", "/buildinfo?x=1")).status).toBe(200);
  });
});

test("no request makes it throw, and every refusal is JSON", async () => {
  const methods = fc.constantFrom("GET", "PUT", "POST", "DELETE", "BREW");
  const targets = fc.oneof(
    fc.constantFrom(
      "/containers",
      "/containers/web",
      "/signal",
      "/commands",
      "/groups",
      "/steps/7",
      "/steps/locals/x",
      "/objects/x",
      "/user-meta/x",
    ),
    fc.string().map((s) => `/${s}`),
    fc.string({ unit: "binary" }).map((s) => `/containers/${s}`),
    fc.string({ unit: "binary" }).map((s) => `/steps/${s}`),
  );
  const bodies = fc.oneof(fc.string(), fc.json());
  await fc.assert(
    fc.asyncProperty(
      methods,
      targets,
      bodies,
      fc.constantFrom(host, manager, nobody),
      async (method, target, body, caller) => {
        const answer = await ask(method, target, body, caller, fakeDevice({ containers: () => [base, web] }));
        if (answer.status !== 200) expect(Object.keys(JSON.parse(answer.body))).toEqual(["Error"]);
      },
    ),
    { numRuns: 1000 },
  );
});

describe("steps", () => {
  test("the list has the original's members, and the progress record as it is", async () => {
    const steps = {
      ...fakeDevice().steps,
      list: async () =>
        ok([
          {
            name: "locals/a",
            storedAtMs: Date.UTC(2026, 1, 3, 4, 5, 6, 789),
            commitMessage: 'say "hi"',
            progress: '{"status":"ERROR","evidence":{"container":"web"}}',
          },
          { name: "0", storedAtMs: null, commitMessage: "", progress: null },
        ]),
    };
    expect((await ask("GET", "/steps", "", host, fakeDevice({ steps }))).body).toBe(
      '[{"name":"locals/a","date":"2026-02-03T04:05:06Z","commitmsg":"say \\"hi\\"",' +
        '"progress":{"status":"ERROR","evidence":{"container":"web"}}},' +
        '{"name":"0","date":"","commitmsg":"","progress":{}}]',
    );
  });

  test.each([
    ["/steps/7", 200, '{"#spec":"…"}'],
    ["/steps/7/progress", 200, '{"status":"DONE"}'],
    ["/steps/7/commitmsg", 200, "why"],
    ["/steps/8", 404, '{"Error":"does not exist"}'],
    ["/steps/locals/7", 404, '{"Error":"does not exist"}'],
    ["/steps/locals/progress", 404, '{"Error":"does not exist"}'],
    ["/steps/locals/7/progress", 404, '{"Error":"does not exist"}'],
  ])("GET %s is %d", async (target, status, body) => {
    expect(await ask("GET", target)).toMatchObject({ status, body });
  });

  test("states and messages are put under the name in the path", async () => {
    const device = fakeDevice();
    for (const [target, body] of [
      ["/steps/locals/new", "{}"],
      ["/steps/locals/commitmsg", "{}"],
      ["/steps/locals/new/commitmsg", "first"],
      ["/steps/12/commitmsg", "second"],
    ] as const) {
      expect(await ask("PUT", target, body, host, device)).toEqual(done);
    }
    expect(device.asked).toEqual([
      "step locals/new {}",
      "step locals/commitmsg {}",
      "message locals/new first",
      "message 12 second",
    ]);
  });
});

test("objects are listed with sizes as texts, and come and go as bytes", async () => {
  const device = fakeDevice();
  expect((await ask("GET", "/objects")).body).toBe(`[{"sha256":"${DIGEST}","size":"123"}]`);
  expect(await ask("GET", `/objects/${DIGEST}`)).toEqual({
    status: 200,
    contentType: "application/octet-stream",
    body: "ok",
  });
  expect((await ask("GET", "/objects/other")).status).toBe(404);
  expect(await ask("PUT", `/objects/${DIGEST}`, "bytes", host, device)).toEqual(done);
  expect(device.asked).toEqual(["object aaaa 5 of 5"]);
});

describe.each(["device-meta", "user-meta"])("%s", (kind) => {
  test("is a flat object, read and written by key", async () => {
    const device = fakeDevice();
    expect((await ask("GET", `/${kind}`)).body).toBe('{"a.b":"1"}');
    expect(await ask("GET", `/${kind}/a.b`)).toEqual({ status: 200, contentType: "text/plain", body: "1" });
    expect((await ask("GET", `/${kind}/other`)).status).toBe(404);
    expect(await ask("PUT", `/${kind}/a%20key`, "ü", host, device)).toEqual(done);
    expect(await ask("DELETE", `/${kind}/a.b`, "", host, device)).toEqual(done);
    expect((await ask("DELETE", `/${kind}/other`, "", host, device)).status).toBe(404);
    expect(device.asked).toEqual([`${kind} a key=ü`, `${kind} without a.b`]);
  });

  test("a key like __proto__ is a key like any other", async () => {
    const metadata = { ...fakeDevice().metadata, entries: async () => new Map([["__proto__", "1"]]) };
    expect((await ask("GET", `/${kind}`, "", host, fakeDevice({ metadata }))).body).toBe('{"__proto__":"1"}');
  });

  test("a value that is not UTF-8 is refused", async () => {
    const request = { method: "PUT", target: `/${kind}/key`, body: Buffer.from([0xff]) };
    const device = fakeDevice();
    expect(await respond(host, request, device)).toEqual(refusal(400, "Body is not UTF-8 text"));
    expect(device.asked).toEqual([]);
  });
});

test.each([
  ["POST", "/commands", 4096],
  ["POST", "/signal", 4096],
  ["PUT", "/containers/web", 4096],
  ["PUT", "/user-meta/key", 4096],
  ["PUT", "/device-meta/key", 4096],
  ["PUT", "/steps/7/commitmsg", 256],
  ["PUT", "/steps/locals/new", 1 << 20],
])("%s %s takes %d bytes and no more", async (method, target, bytesMax) => {
  const device = fakeDevice();
  expect((await ask(method, target, "x".repeat(bytesMax), host, device)).status).not.toBe(413);
  device.asked.length = 0;
  expect(await ask(method, target, "x".repeat(bytesMax + 1), host, device)).toEqual(
    refusal(413, `Request is larger than ${bytesMax} bytes`),
  );
  expect(device.asked).toEqual([]);
});

test("garbage collection says how many bytes it gave back, beyond 2 GiB too", async () => {
  expect((await ask("POST", "/storage/gc")).body).toBe('{"reclaimed":5000000000}');
});

describe("what is not there yet answers empty only where that is true", () => {
  const busy = fakeDevice({ usesMesh: () => true, hasManualDrivers: () => true });
  test.each([
    ["/daemons", "[]", 200],
    ["/xconnect-graph", "[]", 400],
    ["/drivers", "{}", 400],
  ])("GET %s", async (target, body, otherwise) => {
    expect(await ask("GET", target, "", manager)).toMatchObject({ status: 200, body });
    expect((await ask("GET", target, "", manager, busy)).status).toBe(otherwise);
  });

  test("a daemon that is not there cannot be started", async () => {
    expect(await ask("PUT", "/daemons/dbus", '{"action":"stop"}')).toEqual(refusal(404, "Daemon not found"));
  });
});
