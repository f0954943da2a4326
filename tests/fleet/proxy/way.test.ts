/** Everything between a device and its hub leads through a proxy, and TLS goes from end to end. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type EnrolFault, enrol, explainEnrol } from "../../../runtime/fleet/enrol/index.ts";
import { download } from "../../../runtime/fleet/parcels/index.ts";
import { openSession, type Session, type SessionEnd } from "../../../runtime/fleet/session/index.ts";
import type { DeviceId } from "../../../runtime/fleet/terms/index.ts";
import { sha256 } from "../../store/world.ts";
import { closeAll, device, hub, running } from "../agent/world.ts";
import { newAuthority } from "../authority.ts";
import { badProxies, startProxy, type TestProxy } from "../proxy.ts";

setDefaultTimeout(60_000);

const closing: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await closeAll();
});
async function proxyThat(...how: Parameters<typeof startProxy>): Promise<TestProxy> {
  const proxy = await startProxy(...how);
  closing.push(proxy.stop);
  return proxy;
}
const addressOf = ({ host, port }: TestProxy) => ({ host, port });

test("a device enrols, reports and gets an order through a proxy, and counts what it carries", async () => {
  const at = await hub();
  const proxy = await proxyThat("on");
  const link = device(at);
  link.begin({ proxy: addressOf(proxy) });
  link.say(running("7", "DONE", sha256("old")));
  const { id } = await link.heard("joined");
  expect(await at.state()).toMatchObject({ running: "7" });
  const state = await at.want(id, '{"#spec":"pantavisor-service-system@1"}');
  expect(await link.heard("desired")).toEqual({ kind: "desired", rev: "8", state });
  expect(proxy.asked).toEqual([`localhost:${at.port}`, `localhost:${at.broker.port}`]);
  link.say(running("8"));
  let report = await at.state();
  while (report.running !== "8") report = await at.state();
  // The enquiry is counted as 8 KiB, the connection as what it was: no less than the proxy has seen of it.
  expect(report.bytes.day).toBeGreaterThan(8_192 + 4_000);
  expect(report.bytes.day).toBeLessThan(8_192 + 20_000);
});

/** A hub that is asked and connected to through a proxy, by a device that believes `authority`. */
function through(proxy: TestProxy, authority: string, host = "hub.example") {
  const own = newAuthority().client("aaaaaaaaaaaaa");
  const address = { host, port: 8443, proxy: addressOf(proxy), authority };
  const sessionEnd = (begun: (session: Session) => void = () => {}): Promise<SessionEnd> =>
    new Promise((resolve) => {
      const session = openSession(
        {
          ...address,
          ...own,
          id: "aaaaaaaaaaaaa",
          protocol: 5,
          keepaliveS: 60,
          expiryS: 60,
          packetBytesMax: 20_000,
          receiveMax: 4,
          will: null,
          topics: "c/f/aaaaaaaaaaaaa/n/#",
          ticket: null,
        },
        { online: () => {}, message: async () => {}, ticket: () => {}, closed: resolve },
      );
      begun(session);
    });
  const enrolFault = async (): Promise<EnrolFault> => {
    const id = "aaaaaaaaaaaaa" as DeviceId;
    const answer = await enrol({ ...address, id, request: new Uint8Array(10), token: null });
    if (answer.ok) throw new Error("enrolled");
    return answer.error;
  };
  return { address, sessionEnd, enrolFault };
}

describe("what the proxy says is told to people by both", () => {
  test.each(badProxies)("one that %s", async (name, act, said) => {
    const { sessionEnd, enrolFault } = through(await proxyThat(act), newAuthority().servers);
    const end = await sessionEnd();
    expect(end.kind === "lost" ? end.problem : end.kind).toMatch(said);
    // Bun's own words for garbage are several.
    const known = name === "sends garbage" ? /through the proxy 127\.0\.0\.1:|what is no HTTP/ : said;
    expect(explainEnrol(await enrolFault())).toMatch(known);
  });

  test("one that is not there", async () => {
    const proxy = await proxyThat("on");
    await proxy.stop();
    const { sessionEnd, enrolFault } = through(proxy, newAuthority().servers);
    const end = await sessionEnd();
    expect(end.kind === "lost" ? end.problem : end.kind).toMatch(/^the proxy .* cannot be reached/);
    expect(explainEnrol(await enrolFault())).toMatch(/the proxy .* cannot be reached/);
  });
});

test("a proxy that says nothing is left when the link has waited enough", async () => {
  const asked = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const proxy = await proxyThat((socket) => {
    socket.on("close", () => gone.resolve());
    asked.resolve();
  });
  const opened = Promise.withResolvers<Session>();
  const end = through(proxy, newAuthority().servers).sessionEnd(opened.resolve);
  await asked.promise;
  const session = await opened.promise;
  expect([
    await session.publish({ topic: "x", bytes: new Uint8Array(), qos: 1, retain: false, expiryS: null }),
  ]).toEqual([false]);
  expect(await session.probe()).toBe(false);
  session.drop();
  expect(await end).toEqual({ kind: "lost", problem: "the connection was closed" });
  await gone.promise;
});

test("a farewell before the proxy has answered is the end", async () => {
  const proxy = await proxyThat(() => {});
  const end = through(proxy, newAuthority().servers).sessionEnd((session) => session.end());
  expect(await end).toEqual({ kind: "ended" });
});

describe("who is behind the proxy needs a certificate of the hub's authority", () => {
  const [ours, foreign] = [newAuthority(), newAuthority()];
  test.each([
    ["of another authority", foreign.server("hub.example"), "hub.example"],
    ["of another name", ours.server("other.example"), "hub.example"],
    ["of another address", ours.server("192.0.2.2"), "192.0.2.1"],
  ])("%s is not enough", async (_, { certificate, key }, host) => {
    let heard = 0;
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      tls: { cert: certificate, key },
      fetch() {
        heard += 1;
        return Response.json({ id: "aaaaaaaaaaaaa", status: "waiting", code: "k7q2mz" }, { status: 202 });
      },
    });
    closing.push(() => server.stop(true));
    const { address, sessionEnd, enrolFault } = through(await proxyThat(server.port ?? 0), ours.servers, host);
    expect((await enrolFault()).kind).toBe("unreachable");
    const end = await sessionEnd();
    expect(end).toMatchObject({ kind: "lost", problem: expect.stringMatching(/certificate|issuer|altname|match/i) });
    const what = { key: new Uint8Array(8), digest: "ab", from: 0, bytes: 1, signal: AbortSignal.timeout(30_000) };
    const parts = download({ ...address, ...what, setTimer: () => () => {} });
    expect(await parts.next().catch(() => "refused")).toBe("refused");
    expect(heard).toBe(0);
  });
});

test("ranges of a parcel come through the proxy", async () => {
  const authority = newAuthority();
  const { certificate, key } = authority.server("hub.example");
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: { cert: certificate, key },
    fetch: () => new Response("cde", { status: 206, headers: { "content-range": "bytes 2-4/9" } }),
  });
  closing.push(() => server.stop(true));
  const proxy = await proxyThat(server.port ?? 0);
  const { address } = through(proxy, authority.servers);
  const what = { key: new Uint8Array(8), digest: "ab", from: 2, bytes: 3, signal: AbortSignal.timeout(30_000) };
  let text = "";
  for await (const part of download({ ...address, ...what, setTimer: () => () => {} })) text += Buffer.from(part);
  expect(text).toBe("cde");
  expect(proxy.asked).toEqual(["hub.example:8443"]);
});
