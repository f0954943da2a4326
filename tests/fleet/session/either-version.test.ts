/** A device's sessions at brokers that know nothing newer than MQTT 3.1.1; a real one is behind them. */
import { afterEach, expect, test } from "bun:test";
import { eitherVersion, type SessionEnd } from "../../../runtime/fleet/session/index.ts";
import { removeFolders } from "../../store/world.ts";
import { newAuthority } from "../authority.ts";
import { startBroker } from "../broker.ts";
import { type answers, oldBroker } from "../old-broker.ts";

const hub = newAuthority();
const closing: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  removeFolders();
});

async function world(answer: keyof typeof answers) {
  const broker = await startBroker(hub);
  closing.push(broker.stop);
  const old = await oldBroker(hub, broker, answer);
  closing.push(old.stop);
  const kept: (number | null)[] = [];
  const clock = { aheadMs: 0 };
  const open = eitherVersion({ untilMs: null, keep: (ms) => kept.push(ms), wallMs: () => Date.now() + clock.aheadMs });
  /** How one attempt ends. */
  const attempt = async (): Promise<"online" | SessionEnd["kind"]> => {
    const ended = Promise.withResolvers<"online" | SessionEnd["kind"]>();
    const closed = Promise.withResolvers<void>();
    const { certificate, key } = hub.client("device");
    const session = open(
      {
        host: "localhost",
        port: old.port,
        authority: hub.servers,
        certificate,
        key,
        id: "device",
        keepaliveS: 60,
        expiryS: 3600,
        packetBytesMax: 20_000,
        receiveMax: 4,
        will: { topic: "c/f/device/u/l", bytes: Uint8Array.of(0), delayS: 120 },
        topics: "c/f/device/n/#",
        ticket: null,
      },
      {
        online: () => ended.resolve("online"),
        message: async () => {},
        ticket: () => {},
        closed(end) {
          ended.resolve(end.kind);
          closed.resolve();
        },
      },
    );
    const how = await ended.promise;
    if (how === "online") session.end();
    await closed.promise;
    return how;
  };
  return { old, kept, clock, attempt };
}

test.each(["of 3.1.1", "of 5"] as const)("a refusal %s leads to 3.1.1 with the next attempt", async (answer) => {
  const { old, kept, clock, attempt } = await world(answer);
  expect([await attempt(), await attempt(), await attempt()]).toEqual(["refused", "online", "online"]);
  expect(old.asked).toEqual([5, 4, 4]);
  expect(kept).toHaveLength(1);
  // A week later it may have learned.
  old.learn();
  clock.aheadMs = 7 * 24 * 3600_000;
  expect(await attempt()).toBe("online");
  expect(old.asked).toEqual([5, 4, 4, 5]);
  expect(kept).toEqual([expect.any(Number), null]);
});

test("a broker that hangs up without a word is asked in 3.1.1 after three attempts", async () => {
  const { old, attempt } = await world("none");
  const how = [await attempt(), await attempt(), await attempt(), await attempt()];
  expect(how).toEqual(["unanswered", "unanswered", "unanswered", "online"]);
  expect(old.asked).toEqual([5, 5, 5, 4]);
});
