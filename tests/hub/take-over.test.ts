import { afterEach, expect, test } from "bun:test";
import { openSession, type SessionEnd } from "../../runtime/fleet/session/index.ts";
import { takeOver } from "../../runtime/hub/broker/take-over.ts";
import { newAuthority } from "../fleet/authority.ts";
import { startBroker } from "../fleet/broker.ts";
import { oldBroker } from "../fleet/old-broker.ts";
import { removeFolders } from "../store/world.ts";

afterEach(removeFolders);

test.each(["of 3.1.1", "of 5", "none"] as const)(
  "a session ends also at a broker that knows no MQTT 5, and says so with an answer %s",
  async (answer) => {
    const hub = newAuthority();
    const broker = await startBroker(hub);
    const old = await oldBroker(hub, broker, answer);
    const { certificate, key } = hub.client("device");
    const [online, closed] = [Promise.withResolvers<void>(), Promise.withResolvers<SessionEnd>()];
    openSession(
      {
        host: "localhost",
        port: old.port,
        authority: hub.servers,
        certificate,
        key,
        id: "device",
        protocol: 4,
        keepaliveS: 60,
        expiryS: 60,
        packetBytesMax: 20_000,
        receiveMax: 4,
        will: null,
        topics: "c/f/device/n/#",
        ticket: null,
      },
      { online: online.resolve, message: async () => {}, ticket: () => {}, closed: closed.resolve },
    );
    await online.promise;
    const by = {
      host: "localhost",
      serverName: "localhost",
      port: old.port,
      authority: hub.servers,
      ...hub.client("device"),
    };
    expect(await takeOver({ ...by, clientId: "device" })).toEqual({ ok: true, value: undefined });
    expect(await closed.promise).toMatchObject({ kind: "lost" });
    expect(old.asked).toEqual([4, 5, 4]);
    await old.stop();
    await broker.stop();
  },
);
