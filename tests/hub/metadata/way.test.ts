/** Metadata between a hub and a device, whatever gets lost in between. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LinkMetadata, openLinkMetadata } from "../../../runtime/fleet/agent/metadata.ts";
import type { FromLink } from "../../../runtime/fleet/pipe/index.ts";
import { isMetaKey } from "../../../runtime/fleet/terms/index.ts";
import { type DeviceState, decodeDeviceMeta, leaves } from "../../../runtime/fleet/wire/index.ts";
import { type HubDatabase, openSqlite } from "../../../runtime/hub/database/index.ts";
import { explainMeta, type Metadata, openMetadata } from "../../../runtime/hub/metadata/index.ts";
import { isKey } from "../../../runtime/metadata/key.ts";
import { realDisk } from "../../../runtime/store/index.ts";
import { device, fleet } from "../../fleet/wire/samples.ts";
import { drained, virtualClock } from "../../sim/clock.ts";
import { must } from "../../store/world.ts";
import { orderKey, testSigner } from "../fixtures.ts";

const keys = new Map([[1, orderKey(1).publicKey]]);
const start = 1_795_000_000_000;

let folder = "";
let database: HubDatabase;
let hub: Metadata;
let clock = virtualClock();
/** What the hub published and nobody has delivered yet. */
let air: Uint8Array[] = [];
/** What the device told, likewise. */
let told: Uint8Array[] = [];
let link: LinkMetadata;
/** The device's own. */
let userMeta = new Map<string, string>();
let warned: string[] = [];
/** Of whom the hub has ended the session. */
let ended: string[] = [];
let room = Number.POSITIVE_INFINITY;
let storageIsFull = false;

const openHub = (): void => {
  hub = openMetadata({
    fleet,
    records: database.metadata,
    signer: testSigner(database),
    publish: async (_, bytes) => air.push(bytes) > 0,
    wanted: () => {},
    endSession: (device) => void ended.push(device),
    now: () => start + clock.now(),
  });
};
const openLink = async (): Promise<void> => {
  link = must(
    await openLinkMetadata({
      disk: realDisk,
      folder,
      keys,
      tell: keep,
      post: (bytes) => void told.push(bytes),
      changed: () => {},
      room: () => room,
      now: clock.now,
      setTimer: clock.set,
      warn: (message) => void warned.push(message),
    }),
  );
};
function keep(message: FromLink): void {
  if (message.kind !== "userMeta") return;
  if (!storageIsFull) {
    for (const key of message.remove) userMeta.delete(key);
    for (const [key, value] of message.set) userMeta.set(key, value);
  }
  link.hear({ kind: "userMeta", sequence: message.sequence, kept: !storageIsFull });
}
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "cairn-meta-"));
  database = must(openSqlite(join(folder, "hub.db")));
  await database.addDevice(
    { id: device, key: Buffer.from("x"), status: "accepted", code: "abc234" },
    { who: "x", atMs: 1 },
  );
  clock = virtualClock();
  [air, told, userMeta, warned, ended] = [[], [], new Map(), [], []];
  [room, storageIsFull] = [Number.POSITIVE_INFINITY, false];
  openHub();
  await openLink();
});
afterEach(async () => {
  link.leave();
  await database.close();
  rmSync(folder, { recursive: true });
});

const wants = async (set: Record<string, string>, remove: readonly string[] = []): Promise<void> => {
  must(await hub.change(device, { set: new Map(Object.entries(set)), remove }, "jane"));
  await hub.run();
};
/** What is in the air reaches the device. */
const delivered = async (messages = air.splice(0)): Promise<void> => {
  for (const bytes of messages) await link.take({ fleet, device, leaf: "n/u" }, bytes);
};
const later = async (ms: number): Promise<void> => {
  const end = clock.now() + ms;
  clock.set(ms, () => {});
  while (clock.now() < end && clock.next()) await drained();
  await drained();
};
const reports = async (): Promise<void> => {
  await later(20_000);
  await hub.state(device, { ...link.said } as DeviceState);
  await hub.run();
};
/** What the device has told reaches the hub; the value: how many bytes of payload that were. */
async function heard(): Promise<number> {
  let bytes = 0;
  for (let message = told.shift(); message !== undefined; message = told.shift()) {
    bytes += message.length;
    expect(message.length).toBeLessThanOrEqual(leaves["u/d"].bytesMax);
    expect(await hub.told(device, must(decodeDeviceMeta(message)))).toBe(true);
    await link.arrived();
  }
  return bytes;
}
const is = (entries: Record<string, string>): void =>
  link.hear({ kind: "deviceMeta", entries: Object.entries(entries) });
const here = async () => Object.fromEntries((await hub.view(device)).device);

describe("user-meta", () => {
  test("reaches the device, change by change, and the hub knows that it has", async () => {
    await wants({ a: "1", "web.colour": "grün" });
    expect(air[0]?.length).toBeLessThan(130);
    await delivered();
    await wants({ b: "2" }, ["a", "never"]);
    await delivered();
    expect(Object.fromEntries(userMeta)).toEqual({ "web.colour": "grün", b: "2" });
    expect((await hub.view(device)).taken).toBe(false);
    await reports();
    expect(await hub.view(device)).toMatchObject({
      taken: true,
      user: new Map([
        ["b", "2"],
        ["web.colour", "grün"],
      ]),
    });
    expect(air).toEqual([]);
  });

  test("of what is there already, no byte goes out", async () => {
    await wants({ a: "1" });
    await delivered();
    await reports();
    await wants({ a: "1" }, ["b"]);
    expect(air).toEqual([]);
    expect((await database.listDeeds(9)).map(({ what, about, who }) => [what, about, who])).toContainEqual([
      "meta",
      `${device} a`,
      "jane",
    ]);
  });

  test("keys that somebody set on the device stay as they are", async () => {
    userMeta.set("own", "x");
    await wants({ a: "1" });
    await delivered();
    expect(Object.fromEntries(userMeta)).toEqual({ own: "x", a: "1" });
  });

  test("that was lost comes with the next report, in one message, however much it was", async () => {
    await wants({ a: "1", b: "2" });
    await wants({ a: "3" });
    await wants({ c: "4" }, ["b"]);
    air = [];
    await reports();
    expect(air).toHaveLength(1);
    await delivered();
    expect(Object.fromEntries(userMeta)).toEqual({ a: "3", c: "4" });
  });

  test("that never comes to a device that reports makes it connect again, once a day", async () => {
    await wants({ a: "1" });
    for (let minutes = 0; minutes < 55; minutes += 5) {
      air = [];
      await later(5 * 60_000);
      await reports();
    }
    expect(ended).toEqual([]);
    for (let hours = 0; hours < 24; hours += 1) {
      air = [];
      await later(3_600_000);
      await reports();
    }
    expect(ended).toEqual([device]);
    for (let hours = 0; hours < 24; hours += 1) {
      air = [];
      await later(3_600_000);
      await reports();
    }
    expect(ended).toEqual([device, device]);
    await delivered();
    await reports();
    expect(userMeta).toEqual(new Map([["a", "1"]]));
    await wants({ a: "2" });
    air = [];
    await later(48 * 3_600_000);
    await reports();
    expect(ended).toHaveLength(2);
  });

  test("of which one message was lost and the next one comes is not applied over the gap", async () => {
    await wants({ a: "1" });
    await delivered();
    await reports();
    await wants({ a: "2" });
    air = [];
    await reports();
    await delivered();
    await reports();
    const { standing } = database.metadata;
    expect((await standing(device)).taken).toBe(2);
    // A message that begins where the device is not yet.
    await wants({ b: "1" });
    await delivered();
    await reports();
    await wants({ c: "1" });
    const early = air.splice(0);
    rmSync(join(folder, "user-meta"));
    await openLink();
    await delivered(early);
    expect(userMeta.has("c")).toBe(false);
    await reports();
    await delivered();
    expect(Object.fromEntries(userMeta)).toEqual({ a: "2", b: "1", c: "1" });
  });

  test("replayed changes nothing, and a signature by anybody else neither", async () => {
    await wants({ a: "1" });
    const [old] = air;
    await delivered();
    await wants({ a: "2" });
    await delivered();
    await delivered([old ?? Uint8Array.of()]);
    expect(userMeta.get("a")).toBe("2");
    const forged = Uint8Array.from(old ?? []);
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    await delivered([forged]);
    expect(warned).toEqual([expect.stringMatching(/signature/)]);
  });

  test("is not asked for again at once by a device that reports while it is on its way", async () => {
    await wants({ a: "1" });
    await hub.state(device, { ...link.said } as DeviceState);
    await hub.run();
    expect(air).toHaveLength(1);
  });

  test("that a full disk does not take comes again, and is not taken for done", async () => {
    storageIsFull = true;
    await wants({ a: "1" });
    await delivered();
    expect(link.said.userMeta).toBeNull();
    storageIsFull = false;
    await reports();
    await delivered();
    expect(userMeta.get("a")).toBe("1");
  });

  test("of a hub that was brought back from an old copy reaches devices that are ahead of it", async () => {
    for (let times = 0; times < 5; times += 1) await wants({ a: String(times) });
    await delivered();
    await database.close();
    rmSync(join(folder, "hub.db"));
    database = must(openSqlite(join(folder, "hub.db")));
    const by = { who: "x", atMs: 1 };
    await database.addDevice({ id: device, key: Buffer.from("x"), status: "accepted", code: "abc234" }, by);
    openHub();
    await wants({ a: "old copy" });
    await delivered();
    expect(userMeta.get("a")).toBe("4");
    await reports();
    await delivered();
    expect(userMeta.get("a")).toBe("old copy");
    await reports();
    expect((await hub.view(device)).taken).toBe(true);
  });

  test("that takes several messages arrives whole", async () => {
    const large = Object.fromEntries(Array.from({ length: 14 }, (_, at) => [`key${at}`, "x".repeat(4_000)]));
    await wants(large);
    expect(air).toHaveLength(14);
    await delivered();
    expect(Object.fromEntries(userMeta)).toEqual(large);
  });

  test("has bounds, and what is refused changes nothing", async () => {
    const refusal = async (set: Record<string, string>, remove: readonly string[] = []): Promise<string> => {
      const done = await hub.change(device, { set: new Map(Object.entries(set)), remove }, "jane");
      return done.ok ? "" : explainMeta(done.error);
    };
    expect(await refusal({ "../x": "1" })).toMatch(/is no key/);
    expect(await refusal({}, [".x"])).toMatch(/is no key/);
    expect(await refusal({ a: "x".repeat(4097) })).toMatch(/more than 4096 bytes/);
    const many = (count: number, value: string) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`key${at}`, value]));
    expect(await refusal(many(129, ""))).toMatch(/at most 128 keys/);
    expect(await refusal(many(17, "x".repeat(4_000)))).toMatch(/64 KiB/);
    expect(Object.fromEntries((await hub.view(device)).user)).toEqual({});
    for (const key of ["a", "A.b:c@d+e~f-1", "_", "x".repeat(128)])
      expect([isMetaKey(key), isKey(key)]).toEqual([true, true]);
    for (const key of ["", ".a", "-a", "a/b", "a b", "ä", "x".repeat(129)]) {
      expect([isMetaKey(key), isKey(key)]).toEqual([false, false]);
    }
  });
});

describe("device-meta", () => {
  const facts = { "pantavisor.arch": "aarch64/64/EL", "pantavisor.version": "0.1.0" };

  test("is told once, and later only what has changed", async () => {
    is(facts);
    await later(11_000);
    expect(await heard()).toBeLessThan(90);
    expect(await here()).toEqual(facts);
    is({ ...facts, "web.state": "on" });
    await later(30_000);
    expect(await heard()).toBeLessThan(32);
    is({ "pantavisor.arch": "aarch64/64/EL", "web.state": "on" });
    await later(60_000);
    await heard();
    expect(await here()).toEqual({ "pantavisor.arch": "aarch64/64/EL", "web.state": "on" });
  });

  test("that has not changed costs nothing when the link starts again", async () => {
    is(facts);
    await later(11_000);
    await heard();
    await openLink();
    is(facts);
    await later(3600_000);
    expect(told).toEqual([]);
  });

  test("that changes all the time is told often for a while, and then once an hour", async () => {
    let messages = 0;
    for (let second = 0; second < 24 * 3600; second += 60) {
      is({ noise: String(second) });
      await later(60_000);
      messages += told.length;
      await heard();
    }
    expect(messages).toBeGreaterThan(50);
    expect(messages).toBeLessThan(58);
    expect(await here()).toHaveProperty("noise");
  }, 60_000);

  test("waits while the day's bytes are for something else", async () => {
    room = 1_000;
    is(facts);
    await later(2 * 3600_000);
    expect(told).toEqual([]);
    room = 100_000;
    await later(3600_000);
    expect(told).toHaveLength(1);
  });

  test("that the hub has lost is asked for, and told again; not more than once a day", async () => {
    is(facts);
    await later(11_000);
    await heard();
    await reports();
    expect(air).toEqual([]);
    const lose = () =>
      database.metadata.changeDevice(
        device,
        { set: new Map(), remove: [], whole: true },
        { keysMax: 9, bytesMax: 999 },
      );
    await lose();
    await reports();
    expect(air).toHaveLength(1);
    await delivered();
    await later(60_000);
    await heard();
    expect(await here()).toEqual(facts);
    await lose();
    await reports();
    expect(air).toEqual([]);
    await later(86_400_000);
    await reports();
    expect(air).toHaveLength(1);
    await delivered();
    await reports();
    expect((await hub.view(device)).taken).toBe(true);
  });

  test("of more than a message holds comes in several, and is whole then", async () => {
    const large = Object.fromEntries(Array.from({ length: 5 }, (_, at) => [`key${at}`, String(at).repeat(4_000)]));
    is(large);
    await later(11_000);
    await heard();
    await later(3600_000);
    await heard();
    expect(await here()).toEqual(large);
    await reports();
    expect(air).toEqual([]);
  });

  test("beyond its bound is not kept, wholly", async () => {
    const entry = (at: number) => [`key${at}`, "x".repeat(4_000)] as const;
    const say = (from: number, count: number) =>
      hub.told(device, {
        set: new Map(Array.from({ length: count }, (_, at) => entry(from + at))),
        remove: [],
        how: { whole: false },
      });
    expect([await say(0, 16), await say(16, 1)]).toEqual([true, false]);
    expect(Object.keys(await here())).toHaveLength(16);
    expect(await hub.told("aaaaaaaaaaaaa" as never, { set: new Map(), remove: [], how: { whole: false } })).toBe(false);
  });
});
