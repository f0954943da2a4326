import { afterEach, describe, expect, test } from "bun:test";
import {
  openSession,
  type Session,
  type SessionEnd,
  type SessionPorts,
  type SessionSpec,
  untilSubscribed,
} from "../../../runtime/fleet/session/index.ts";
import { removeFolders } from "../../store/world.ts";
import { newAuthority } from "../authority.ts";
import { type Broker, startBroker } from "../broker.ts";

const hub = newAuthority();
const brokers: Broker[] = [];
const sessions: Session[] = [];

afterEach(async () => {
  for (const session of sessions.splice(0)) session.drop();
  for (const broker of brokers.splice(0)) await broker.stop();
  removeFolders();
});

async function broker(...more: readonly string[]): Promise<Broker> {
  const started = await startBroker(hub, more);
  brokers.push(started);
  return started;
}

/** What a session told, as promises. */
interface Heard {
  readonly session: Session;
  readonly online: Promise<void>;
  readonly closed: Promise<SessionEnd>;
  /** The next message. */
  message(): Promise<readonly [topic: string, text: string]>;
  readonly tickets: Uint8Array[];
}

function open(
  { port }: Pick<Broker, "port">,
  changes: Partial<SessionSpec> = {},
  id = "device",
  reading = async (): Promise<void> => {},
  ports: Pick<SessionPorts, "came" | "late"> = {},
): Heard {
  const { certificate, key } = hub.client(id);
  const online = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<SessionEnd>();
  const messages: (readonly [string, string])[] = [];
  let waiting: ((message: readonly [string, string]) => void) | null = null;
  const tickets: Uint8Array[] = [];
  const session = openSession(
    {
      host: "localhost",
      port,
      authority: hub.servers,
      certificate,
      key,
      id,
      protocol: 5,
      keepaliveS: 60,
      expiryS: 3600,
      packetBytesMax: 20_000,
      receiveMax: 4,
      will: { topic: `c/f/${id}/u/l`, bytes: Uint8Array.of(0), delayS: 0 },
      topics: `c/f/${id}/n/#`,
      ticket: null,
      ...changes,
    },
    {
      online: online.resolve,
      async message(topic, bytes) {
        const message = [topic, new TextDecoder().decode(bytes)] as const;
        if (waiting === null) messages.push(message);
        else waiting(message);
        waiting = null;
        await reading();
      },
      ticket: (bytes) => void tickets.push(bytes),
      closed: closed.resolve,
      ...ports,
    },
  );
  sessions.push(session);
  const message = (): Promise<readonly [string, string]> => {
    const first = messages.shift();
    return first === undefined ? new Promise((resolve) => (waiting = resolve)) : Promise.resolve(first);
  };
  return { session, online: online.promise, closed: closed.promise, tickets, message };
}

const text = (topic: string, content: string, retain = false) =>
  ({ topic, bytes: new TextEncoder().encode(content), qos: 1, retain, expiryS: null }) as const;

describe("messages", () => {
  test("go both ways, and what was sent while the device was away comes when it is back", async () => {
    const server = await broker();
    const [device, other] = [open(server), open(server, {}, "hub")];
    await Promise.all([device.online, other.online]);
    expect(await other.session.publish(text("c/f/device/n/d", "wanted"))).toBe(true);
    expect(await device.message()).toEqual(["c/f/device/n/d", "wanted"]);
    await device.session.publish(text("c/f/device/u/s", "by now the message is acknowledged"));
    device.session.end();
    expect(await device.closed).toEqual({ kind: "ended" });
    expect(await other.session.publish(text("c/f/device/n/c", "while away"))).toBe(true);
    const again = open(server);
    expect(await again.message()).toEqual(["c/f/device/n/c", "while away"]);
  });

  test("a retained message comes with a new subscription, and not again with a session that is kept", async () => {
    const server = await broker();
    const other = open(server, {}, "hub");
    await other.online;
    await other.session.publish(text("c/f/device/n/t", "kept", true));
    const first = open(server);
    expect(await first.message()).toEqual(["c/f/device/n/t", "kept"]);
    await first.session.publish(text("c/f/device/u/s", "by now the message is acknowledged"));
    first.session.end();
    await first.closed;
    const second = open(server);
    await second.online;
    await other.session.publish(text("c/f/device/n/d", "new"));
    expect(await second.message()).toEqual(["c/f/device/n/d", "new"]);
  });

  test("topics that a session is kept without are heard by who subscribes surely", async () => {
    const server = await broker();
    const first = open(server, { topics: "none" });
    await first.online;
    first.session.end();
    await first.closed;
    const again = open(server, { surely: true });
    await again.online;
    const other = open(server, {}, "hub");
    await other.online;
    await other.session.publish(text("c/f/device/n/d", "new"));
    expect(await again.message()).toEqual(["c/f/device/n/d", "new"]);
  });

  test("each session subscribes until one has lasted as long as brokers take to write it down, and after the broker has forgotten it", () => {
    const surely: unknown[] = [];
    let ports: SessionPorts | undefined;
    let nowMs = 0;
    const next = untilSubscribed(
      (spec: { surely?: boolean }, given): Session => {
        surely.push(spec.surely);
        ports = given;
        return {
          publish: async () => true,
          probe: async () => true,
          widen() {},
          end() {},
          drop() {},
          usedBytes: () => 0,
        };
      },
      () => nowMs,
    );
    const heard: string[] = [];
    const life = (said: readonly ("online" | "forgotten")[], ms: number): void => {
      next(
        {},
        {
          online: () => heard.push("online"),
          forgotten: () => heard.push("forgotten"),
          message: async () => {},
          ticket: () => {},
          closed: () => heard.push("closed"),
        },
      );
      for (const event of said) ports?.[event]?.();
      nowMs += ms;
      ports?.closed({ kind: "ended" });
    };
    const halfAnHour = 30 * 60_000;
    life([], halfAnHour);
    life(["online"], halfAnHour - 1);
    life(["online"], halfAnHour);
    life(["online"], 1);
    life(["forgotten", "online"], halfAnHour - 1);
    life(["online"], 2 * halfAnHour);
    life([], 0);
    expect(surely).toEqual([true, true, true, false, false, true, false]);
    expect(heard.filter((word) => word === "closed")).toHaveLength(7);
    expect(heard.filter((word) => word === "online")).toHaveLength(5);
  });

  test("who says farewell before the broker has let him in is gone at once", async () => {
    const { session, closed } = open(await broker(), { keepaliveS: 3600 });
    session.end();
    expect(await closed).toEqual({ kind: "ended" });
  });

  test("a device that is cut off is reported by its will, one that said farewell is not", async () => {
    const server = await broker();
    const other = open(server, { topics: "c/f/+/u/#" }, "hub");
    await other.online;
    for (const name of ["polite", "cut"]) {
      const device = open(server, {}, name);
      await device.online;
      if (name === "polite") device.session.end();
      else device.session.drop();
      await device.closed;
    }
    expect((await other.message())[0]).toBe("c/f/cut/u/l");
  });

  test("MQTT 3.1.1 will do, too", async () => {
    const server = await broker();
    const [device, other] = [open(server, { protocol: 4 }), open(server, {}, "hub")];
    await Promise.all([device.online, other.online]);
    expect(await device.session.publish(text("c/f/device/u/s", "state"))).toBe(true);
    await other.session.publish(text("c/f/device/n/d", "wanted"));
    expect(await device.message()).toEqual(["c/f/device/n/d", "wanted"]);
  });

  test("a broker that sends more than a device takes at once is left, though 3.1.1 cannot tell it how much that is", async () => {
    const server = await broker();
    const [device, other] = [open(server, { protocol: 4 }), open(server, {}, "hub")];
    await Promise.all([device.online, other.online]);
    await other.session.publish(text("c/f/device/n/o", "x".repeat(20_000)));
    expect(await device.closed).toEqual({ kind: "lost", problem: "the broker sends more than 20000 bytes at once" });
  });

  test.each([
    [5, [0x20, 0x03, 0x00, 0x84, 0x00], 0x84], // MQTT 5 section 3.2: unsupported protocol version
    [5, [0x20, 0x02, 0x00, 0x01], 1], // MQTT 3.1.1 table 3.1, as an old broker answers
    [4, [0x20, 0x02, 0x00, 0x05], 5],
  ] as const)("a broker that refuses MQTT %d is told with its reason", async (protocol, answer, code) => {
    const { certificate, key } = hub.server("localhost");
    using refusing = Bun.listen<undefined>({
      hostname: "127.0.0.1",
      port: 0,
      tls: { cert: certificate, key, ca: hub.devices, requestCert: true, rejectUnauthorized: true },
      socket: { data: (socket) => void socket.write(Uint8Array.from(answer)) },
    });
    expect(await open(refusing, { protocol }).closed).toEqual({ kind: "refused", code });
  });
});

test("a packet that says it is longer than agreed ends the connection before it comes", async () => {
  const { certificate, key } = hub.server("localhost");
  const connackAndMore = Uint8Array.of(0x20, 0x03, 0x01, 0x00, 0x00, 0x30, 0xff, 0xff, 0xff, 0x7f, 0x00);
  using server = Bun.listen<undefined>({
    hostname: "127.0.0.1",
    port: 0,
    tls: { cert: certificate, key, ca: hub.devices, requestCert: true, rejectUnauthorized: true },
    socket: { data: (socket) => void socket.write(connackAndMore) },
  });
  const problem = "the broker sends more than 20000 bytes at once";
  expect(await open(server).closed).toEqual({ kind: "lost", problem });
});

test("what comes before the handshake is over is told as it comes, and what came after the end is told then", async () => {
  const { certificate, key } = hub.server("localhost");
  const connackAndMore = Uint8Array.of(0x20, 0x03, 0x01, 0x00, 0x00, 0x30, 0xff, 0xff, 0xff, 0x7f);
  const flood = (socket: Bun.Socket<undefined>): void => {
    while (socket.write(new Uint8Array(50_000)) > 0);
  };
  using server = Bun.listen<undefined>({
    hostname: "127.0.0.1",
    port: 0,
    tls: { cert: certificate, key, ca: hub.devices, requestCert: true, rejectUnauthorized: true },
    socket: {
      // CONNECT
      data(socket) {
        readByThen ??= reads;
        socket.write(connackAndMore);
        flood(socket);
      },
      drain: flood,
    },
  });
  const late = Promise.withResolvers<number>();
  let reads = 0;
  let readByThen: number | undefined;
  const { closed, session } = open(server, { unreadBytesMax: 5_000 }, "device", undefined, {
    came: async () => {
      reads += 1;
    },
    late: late.resolve,
  });
  expect(await closed).toMatchObject({ kind: "lost", problem: "the broker sends more than 20000 bytes at once" });
  expect(readByThen).toBeGreaterThan(0);
  const bytes = session.usedBytes();
  expect(bytes).toBeGreaterThan(1_800);
  const more = await late.promise;
  expect(more).toBeGreaterThan(1_000);
  expect(bytes + more).toBeLessThan(4_000 + 4 * 5_000 + 2_000);
});

test("who reads slowly slows the sender down", async () => {
  const server = await broker();
  const other = open(server, {}, "hub");
  await other.online;
  const gate = Promise.withResolvers<void>();
  let read = 0;
  const device = open(server, {}, "device", async () => {
    read += 1;
    await gate.promise;
  });
  await device.online;
  for (let count = 0; count < 20; count += 1)
    await other.session.publish({ ...text("c/f/device/n/o", "x".repeat(1_000)), qos: count % 2 === 0 ? 0 : 1 });
  await other.session.publish(text("c/f/hub/n/d", "all sent"));
  await other.message();
  while (read < 1) await Bun.sleep(5);
  expect(read).toBe(1);
  gate.resolve();
  while (read < 20) await Bun.sleep(5);
});

test("a message that cannot be taken is not acknowledged, and comes again with the next connection", async () => {
  const server = await broker();
  const [device, other] = [
    open(server, {}, "device", () => Promise.reject(new Error("full"))),
    open(server, {}, "hub"),
  ];
  await Promise.all([device.online, other.online]);
  await other.session.publish(text("c/f/device/n/c", "take me"));
  expect(await device.closed).toEqual({ kind: "lost", problem: "a message could not be taken: Error: full" });
  expect(await open(server).message()).toEqual(["c/f/device/n/c", "take me"]);
});

describe("trust", () => {
  const problem = async ({ closed }: Heard): Promise<string> => {
    const end = await closed;
    return end.kind === "lost" ? end.problem : end.kind;
  };

  test("a server of another authority, or under another name, is not talked to", async () => {
    const server = await broker();
    const foreign = newAuthority().servers;
    expect(await problem(open(server, { authority: foreign }))).toMatch(/certificate|issuer/i);
    const address = open(server, { host: "127.0.0.1" });
    await address.online;
    const misnamed = await startBroker({ ...hub, server: () => hub.server("elsewhere.example") });
    brokers.push(misnamed);
    expect(await problem(open(misnamed))).toMatch(/altname|does not match/i);
  });

  test("without a certificate of the hub's authority a device is not let in", async () => {
    const server = await broker();
    const { certificate, key } = newAuthority().client("device");
    expect(await problem(open(server, { certificate, key }))).not.toBe("ended");
    expect(server.log()).not.toContain("New client connected");
  });
});

test("a probe ends when all that was sent before has come, and tells when the connection is gone", async () => {
  const server = await broker();
  const [device, other] = [open(server), open(server, { topics: "none", will: null }, "hub")];
  await Promise.all([device.online, other.online]);
  for (const number of ["1", "2", "3"]) await other.session.publish(text("c/f/device/n/o", number));
  const came: string[] = [];
  void (async () => {
    for (;;) came.push((await device.message())[1]);
  })();
  expect(await device.session.probe()).toBe(true);
  expect(came).toEqual(["1", "2", "3"]);
  const late = device.session.probe();
  device.session.drop();
  expect(await Promise.all([late, device.session.probe()])).toContain(false);
});

describe("bytes", () => {
  test("are those of IP, and the second connection resumes and costs less", async () => {
    const server = await broker();
    const costs: number[] = [];
    let ticket: Uint8Array | null = null;
    for (let round = 0; round < 2; round += 1) {
      const device = open(server, { ticket });
      await device.online;
      costs.push(device.session.usedBytes());
      ticket = device.tickets.at(-1) ?? null;
      device.session.end();
      await device.closed;
      expect(device.session.usedBytes()).toBeGreaterThanOrEqual(costs.at(-1) ?? 0);
    }
    const [full = 0, resumed = 0] = costs;
    console.log(`a connection costs ${full} bytes, resumed ${resumed}`);
    expect(full).toBeGreaterThan(1_800);
    expect(full).toBeLessThan(3_000);
    expect(resumed).toBeLessThan(1_700);
  });

  test("a message costs what it has and some hundred bytes more", async () => {
    const server = await broker();
    const device = open(server);
    await device.online;
    const before = device.session.usedBytes();
    await device.session.publish(text("c/f/device/u/s", "x".repeat(100)));
    const cost = device.session.usedBytes() - before;
    expect(cost).toBeGreaterThan(200);
    expect(cost).toBeLessThan(450);
  });
});

test("what a handshake costs that comes to nothing is counted", async () => {
  const server = await broker();
  const device = open(server, { authority: newAuthority().servers });
  await device.closed;
  expect(device.session.usedBytes()).toBeGreaterThan(1_200);
});

describe("the end", () => {
  test("of a broker is noticed, and what was not acknowledged is told as such", async () => {
    const server = await broker();
    const device = open(server);
    await device.online;
    await server.stop();
    expect((await device.closed).kind).toBe("lost");
    expect(await device.session.publish(text("c/f/device/u/s", "too late"))).toBe(false);
  });

  test("before CONNECT was answered is another one than that of a connection", async () => {
    const { certificate, key } = hub.server("localhost");
    using silent = Bun.listen<undefined>({
      hostname: "127.0.0.1",
      port: 0,
      tls: { cert: certificate, key, ca: hub.devices, requestCert: true, rejectUnauthorized: true },
      socket: { data: (socket) => void socket.end() },
    });
    expect((await open(silent).closed).kind).toBe("unanswered");
  });

  test("of an attempt that finds nobody", async () => {
    const server = await broker();
    await server.stop();
    expect(await open(server).closed).toMatchObject({ kind: "lost", problem: expect.stringMatching(/refused/i) });
  });

  test("is told once, also when it is dropped twice", async () => {
    const server = await broker();
    const device = open(server);
    device.session.drop();
    device.session.drop();
    device.session.end();
    expect((await device.closed).kind).not.toBe("refused");
  });
});
