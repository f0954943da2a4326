import { afterEach, describe, expect, test } from "bun:test";
import { type Enquiry, enrol, explainEnrol, nameOfHub } from "../../../runtime/fleet/enrol/index.ts";
import type { DeviceId } from "../../../runtime/fleet/terms/index.ts";
import { must, mustFail } from "../../store/world.ts";
import { newAuthority } from "../authority.ts";

const hub = newAuthority();
const servers: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

/** A hub that answers whatever the test wants. */
function serve(answer: (request: Request) => Response | Promise<Response>, name = "localhost"): Enquiry {
  const { certificate, key } = hub.server(name);
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, tls: { cert: certificate, key }, fetch: answer });
  servers.push({ stop: () => server.stop(true) });
  return {
    host: "localhost",
    port: server.port ?? 0,
    authority: hub.servers,
    id: "abcdefghijklm" as DeviceId,
    request: Uint8Array.of(1, 2, 3),
    token: null,
  };
}

const accepted = {
  status: "accepted",
  id: "abcdefghijklm",
  fleet: "lab",
  certificate: "-----BEGIN CERTIFICATE-----\n…",
  authority: "…",
  mqtt: { host: "hub.example", port: 8883 },
  order: { epoch: 3, key: Buffer.alloc(32, 7).toString("base64") },
};
const said = async (answer: unknown, status = 200) => enrol(serve(() => Response.json(answer, { status })));
const why = async (answer: unknown, status = 200): Promise<string> =>
  explainEnrol(mustFail(await said(answer, status)));

describe("an answer", () => {
  test("that makes it one of the fleet tells all that it needs", async () => {
    const enquiry = serve(() => Response.json(accepted));
    expect(must(await enrol(enquiry))).toEqual({
      kind: "enrolled",
      membership: {
        id: "abcdefghijklm" as never,
        fleet: "lab" as never,
        hub: nameOfHub(enquiry),
        certificate: accepted.certificate,
        renewed: null,
        broker: { host: "hub.example", port: 8883 },
        orderKeys: new Map([[3, new Uint8Array(32).fill(7)]]),
      },
    });
  });

  test("that makes it wait has the code for the operator", async () => {
    expect(must(await said({ status: "waiting", id: "abcdefghijklm", code: "k7q2mz" }, 202))).toEqual({
      kind: "waiting",
      code: "k7q2mz",
    });
  });

  test("that refuses is told in the hub's own words, and drives no terminal", async () => {
    expect(await why({ kind: "token", error: "the token is not one of this fleet" }, 403)).toBe(
      'the hub refuses this device: "the token is not one of this fleet"',
    );
    expect(await why({ error: "\u001b[2J" }, 403)).not.toContain("\u001b");
    expect(await why("not found", 404)).toContain("status 404");
  });

  test.each([
    [{ ...accepted, id: "../../etc" }, /id of a device/],
    [{ ...accepted, id: "mlkjihgfedcba" }, /for device mlkjihgfedcba/],
    [{ ...accepted, fleet: "a/b" }, /name of a fleet/],
    [{ ...accepted, certificate: "-----BEGIN PRIVATE KEY-----" }, /certificate/],
    [{ ...accepted, mqtt: { host: "x", port: 0 } }, /port/],
    [{ ...accepted, order: { epoch: 1, key: "AAAA" } }, /Ed25519/],
    [{ ...accepted, order: { epoch: -1, key: accepted.order.key } }, /epoch/],
    [{ status: "waiting", code: "" }, /code/],
    [{ status: "something new" }, /status/],
    [[], /./],
    ["x".repeat(70_000), /more than 65536 bytes/],
  ])("that is none is told: %#", async (answer, text) => {
    expect(await why(answer)).toMatch(/not what this version knows/);
    expect(await why(answer)).toMatch(text);
  });
});

describe("what is asked", () => {
  test("is the request as it is, with the token where there is one", async () => {
    const asked: unknown[] = [];
    const enquiry = serve(async (request) => {
      const body = new Uint8Array(await request.arrayBuffer());
      asked.push([request.method, new URL(request.url).pathname, request.headers.get("authorization"), [...body]]);
      return Response.json(accepted);
    });
    must(await enrol(enquiry));
    must(await enrol({ ...enquiry, token: "cairn-secret" }));
    expect(asked).toEqual([
      ["POST", "/enrol", null, [1, 2, 3]],
      ["POST", "/enrol", "Bearer cairn-secret", [1, 2, 3]],
    ]);
  });

  test("is told to nobody but the hub", async () => {
    let asked = 0;
    const answer = () => {
      asked += 1;
      return Response.json(accepted);
    };
    const enquiry = { ...serve(answer), token: "cairn-secret" };
    expect(mustFail(await enrol({ ...enquiry, authority: newAuthority().servers })).kind).toBe("unreachable");
    expect(mustFail(await enrol({ ...serve(answer, "elsewhere.example"), token: "cairn-secret" })).kind).toBe(
      "unreachable",
    );
    const elsewhere = serve(answer);
    const redirecting = serve(() => Response.redirect(`https://localhost:${elsewhere.port}/enrol`, 307));
    expect(mustFail(await enrol({ ...redirecting, token: "cairn-secret" })).kind).toBe("unreachable");
    expect(asked).toBe(0);
  });

  test("of a hub that is not there fails", async () => {
    const enquiry = serve(() => Response.json(accepted));
    await servers.pop()?.stop();
    expect(explainEnrol(mustFail(await enrol(enquiry)))).toMatch(/^the hub cannot be reached: /);
  });
});
