import { afterEach, test } from "bun:test";
import { openConnection, PACKET_BYTES_MAX } from "../../../runtime/fleet/agent/connection.ts";
import { openMeter } from "../../../runtime/fleet/agent/meter.ts";
import { type Datagrams, streamed } from "../../../runtime/fleet/agent/streams.ts";
import type { Caps } from "../../../runtime/fleet/budget/index.ts";
import { fetchDatagrams, openDatagramWay } from "../../../runtime/fleet/datagrams/index.ts";
import { usual } from "../../../runtime/fleet/link/index.ts";
import { openOutbox } from "../../../runtime/fleet/outbox/index.ts";
import { earlyBlocks } from "../../../runtime/fleet/parcels/early.ts";
import type { KeptParcel } from "../../../runtime/fleet/transfer/index.ts";
import type { Digest } from "../../../runtime/state/index.ts";
import { mustHold, type Story, seeds } from "../../sim/campaign.ts";
import { drained, virtualClock } from "../../sim/clock.ts";
import { simulatedDisk } from "../../sim/disk.ts";
import { CUT } from "../../sim/power.ts";
import { removeFolders } from "../../store/world.ts";
import { type DatagramMalice, hostileDatagrams } from "./hostile-datagrams.ts";
import { hostileSession, type Malice } from "./hostile-hub.ts";

afterEach(removeFolders);

const DAY_MS = 24 * 3600_000;
const START_MS = Date.UTC(2026, 10, 25, 7);

/** Days of a device with a budget whose power goes now and then, at a hub that wants to ruin it. */
const ruin: Story = async ({ rng, power }) => {
  const caps: Caps = { dayBytes: 50_000, monthBytes: 400_000 };
  const [days, months] = [new Map<string, number>(), new Map<string, number>()];
  const storage = simulatedDisk(rng.fork("disk"), power, { at: "/storage" });
  const draw = rng.fork("life");
  const malice: Malice = {
    refuses: draw.below(100) / 200,
    floods: draw.below(100) / 100,
    babbles: draw.below(100) / 100,
    forgets: draw.below(100) / 200,
    hangsUp: draw.below(100) / 100,
  };
  const parcel = { key: rng.fork("parcel").bytes(16), bytes: 300_000 };
  const drawn = rng.fork("datagrams");
  const datagramMalice: DatagramMalice = {
    loses: drawn.below(100) / 200,
    cookies: drawn.chance(0.5) ? drawn.below(100) / 200 : 0,
    repeats: drawn.below(100) / 100,
    forges: drawn.below(100) / 200,
    spams: drawn.below(100) / 100,
  };
  let keptBytes = 0;
  let agoMs = 0;
  for (let boot = 0; boot < 4; boot += 1) {
    const clock = virtualClock();
    const wallMs = (): number => START_MS + agoMs + clock.now();
    let dead = false;
    const count = (bytes: number): void => {
      if (dead) return;
      const date = new Date(wallMs()).toISOString();
      for (const [sums, key] of [[days, date.slice(0, 10)] as const, [months, date.slice(0, 7)] as const])
        sums.set(key, (sums.get(key) ?? 0) + bytes);
    };
    const disk = storage.mount();
    const ended = await power.run(async () => {
      const [outbox, meter] = [
        await openOutbox(disk, "/storage"),
        await openMeter(disk, "/storage/ledger", caps, wallMs),
      ];
      if (!outbox.ok || !meter.ok) return;
      const connection = openConnection({
        settings: { mode: draw.chance(0.5) ? { kind: "always" } : { kind: "wake", everyMs: 6 * 3600_000 }, ...usual },
        outbox: outbox.value,
        meter: meter.value,
        now: clock.now,
        wallMs,
        random: () => draw.below(1 << 30) / (1 << 30),
        setTimer: clock.set,
        connect: hostileSession(rng.fork(`hub ${boot}`), clock, malice, count),
        greet: () =>
          void outbox.value
            .put({ leaf: "u/s", bytes: new Uint8Array(150), lasting: false })
            .then(() => connection.news()),
        message: async () => {},
        offline: () => stopFetch.abort(),
        busy: () => false,
        arrived: async () => {},
        publication: ({ leaf, bytes }) => ({ topic: leaf, bytes, qos: 1, retain: true, expiryS: null }),
        ticket: () => {},
        contact: () => {},
        warn: () => {},
      });
      let stopFetch = new AbortController();
      const fetchSome = async (): Promise<void> => {
        stopFetch = new AbortController();
        const { signal } = stopFetch;
        const bytes = Math.min(parcel.bytes - keptBytes, Math.floor((meter.value.room() - 2_000) / 1.08));
        const online = connection.view.phase.at === "online";
        const ports = {
          meter: meter.value,
          probe: () => connection.probe(),
          download: () => {
            throw new Error("not over HTTPS");
          },
          datagrams: openDatagramWay<Datagrams>(
            (what) =>
              fetchDatagrams({
                host: "hub",
                port: 1,
                now: clock.now,
                setTimer: clock.set,
                open: hostileDatagrams(drawn, clock, datagramMalice, parcel, count),
                ...what,
              }),
            clock.now,
          ),
        };
        const kept: KeptParcel = { ...parcel, digest: "ab".repeat(32) as Digest, objectBytes: 0, base: null };
        if (online && bytes > 0)
          try {
            for await (const piece of streamed(ports, "datagrams", {
              ...{ parcel: kept, from: keptBytes, bytes, signal },
              early: earlyBlocks(disk, "/storage/early", kept.digest, "ruin"),
            }))
              keptBytes += piece.length;
          } catch {
            // It goes on from there, later.
          }
        if (keptBytes === parcel.bytes) keptBytes = 0;
        clock.set(drawn.below(3_600_000), () => void fetchSome());
      };
      void fetchSome();
      const untilMs = draw.below(4 * DAY_MS);
      for (let say = 0; say < 6; say += 1)
        clock.set(draw.below(untilMs + 1), () => {
          outbox.value
            .put({ leaf: "u/g", bytes: new Uint8Array(draw.below(8_000)), lasting: true })
            .then(() => connection.news());
        });
      while (!dead && clock.now() < untilMs) {
        await drained();
        if (!clock.next()) break;
      }
      connection.stop();
    });
    dead = true;
    if (ended !== CUT) power.cut();
    agoMs += clock.now();
  }
  for (const [sums, cap] of [[days, caps.dayBytes] as const, [months, caps.monthBytes] as const])
    for (const [when, bytes] of sums)
      if (bytes > (cap ?? 0) + PACKET_BYTES_MAX) throw new Error(`${when} has had ${bytes} bytes of ${cap}`);
};

test("no day and no month has more than its budget and one message, whatever the hub does and wherever the power goes", async () => {
  await mustHold("budget", ruin, { cut: 0.01, noSpace: 0.005, io: 0.005 }, seeds(1_000));
}, 120_000);
