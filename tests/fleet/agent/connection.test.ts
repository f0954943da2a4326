import { afterEach, describe, expect, test } from "bun:test";
import { type Connection, openConnection } from "../../../runtime/fleet/agent/connection.ts";
import { openMeter } from "../../../runtime/fleet/agent/meter.ts";
import type { Caps } from "../../../runtime/fleet/budget/index.ts";
import { type Mode, usual } from "../../../runtime/fleet/link/index.ts";
import { openOutbox } from "../../../runtime/fleet/outbox/index.ts";
import { drained, virtualClock } from "../../sim/clock.ts";
import { simulatedDisk } from "../../sim/disk.ts";
import { calm, Power } from "../../sim/power.ts";
import { newRng } from "../../sim/rng.ts";
import { must, removeFolders } from "../../store/world.ts";
import { hostileSession, type Malice } from "./hostile-hub.ts";

afterEach(removeFolders);

const DAY_MS = 24 * 3600_000;
const START_MS = Date.UTC(2026, 10, 25, 7);
const kind: Malice = { refuses: 0, floods: 0, babbles: 0, forgets: 0, hangsUp: 0 };

interface World {
  readonly seed?: number;
  readonly mode?: Mode;
  readonly caps?: Caps;
  readonly malice?: Partial<Malice>;
}

/** A device that reports on each connection, for some days. */
async function device({
  seed = 1,
  mode = { kind: "always" },
  caps = { dayBytes: null, monthBytes: null },
  malice = {},
}: World) {
  const rng = newRng(seed);
  const clock = virtualClock();
  const days = new Map<number, number>();
  const count = (bytes: number): void => {
    const day = Math.floor((START_MS + clock.now()) / DAY_MS);
    days.set(day, (days.get(day) ?? 0) + bytes);
  };
  const disk = simulatedDisk(rng.fork("disk"), new Power(rng.fork("power"), calm), { at: "/storage" }).mount();
  const wallMs = (): number => START_MS + clock.now();
  const outbox = must(await openOutbox(disk, "/storage"));
  const meter = must(await openMeter(disk, "/storage/ledger", caps, wallMs));
  let contacts = 0;
  const warnings: string[] = [];
  const state = (): void =>
    void outbox.put({ leaf: "u/s", bytes: new Uint8Array(150), lasting: false }).then(() => connection?.news());
  let connection: Connection | null = null;
  connection = openConnection({
    settings: { mode, ...usual },
    outbox,
    meter,
    now: clock.now,
    wallMs,
    random: () => rng.below(1 << 30) / (1 << 30),
    setTimer: clock.set,
    connect: hostileSession(rng.fork("hub"), clock, { ...kind, ...malice }, count),
    greet: state,
    message: async () => {},
    offline: () => {},
    busy: () => false,
    arrived: async () => {},
    publication: ({ leaf, bytes }) => ({ topic: leaf, bytes, qos: 1, retain: true, expiryS: null }),
    ticket: () => {},
    contact() {
      contacts += 1;
    },
    warn: (message) => void warnings.push(message),
  });
  return {
    clock,
    connection,
    outbox,
    meter,
    days,
    warnings,
    contacts: () => contacts,
    async until(ms: number): Promise<void> {
      clock.set(ms - clock.now(), () => {});
      for (;;) {
        await drained();
        if (clock.now() >= ms || !clock.next()) return;
      }
    },
  };
}

const total = (days: ReadonlyMap<number, number>): number => [...days.values()].reduce((sum, bytes) => sum + bytes, 0);

describe("a friendly hub", () => {
  test("has the state soon, and a device that stays costs what its pings cost", async () => {
    const { until, outbox, days, connection } = await device({});
    await until(30_000);
    expect(outbox.empty).toBe(true);
    expect(connection.view).toMatchObject({ phase: { at: "online" }, busy: false, failures: 0 });
    await until(10 * DAY_MS);
    expect(total(days) / 10).toBeLessThan(12_000);
  });

  test("a device that wakes once a day reports each day, and costs a connection and a message", async () => {
    const { until, days, outbox } = await device({ mode: { kind: "wake", everyMs: DAY_MS } });
    await until(20 * DAY_MS);
    expect(outbox.empty).toBe(true);
    expect(total(days) / 20).toBeLessThan(5_000);
    expect(total(days) / 20).toBeGreaterThan(2_500);
  });

  test("hears of a trial at once, or when it is there", async () => {
    const { until, connection, contacts } = await device({});
    connection.trial(true);
    await until(30_000);
    expect(contacts()).toBe(1);
  });
});

test("a connection that is asked and says nothing for minutes is given up, and one from which something comes is not", async () => {
  const MINUTE_MS = 60_000;
  for (const [floods, dropped] of [
    [0, true],
    [1, false],
  ] as const) {
    const { until, connection, clock } = await device({ malice: { forgets: 1, floods } });
    await until(MINUTE_MS);
    expect(connection.view.phase.at).toBe("online");
    const answers: boolean[] = [];
    void connection.probe().then((answered) => answers.push(answered));
    await until(clock.now() + 5 * MINUTE_MS);
    expect(answers).toEqual([]);
    await until(clock.now() + 2 * MINUTE_MS);
    expect(answers).toEqual(dropped ? [false] : []);
  }
});

test("a message that waited for the budget goes when a new day has brought some", async () => {
  const { until, connection, outbox, meter } = await device({ caps: { dayBytes: 20_000, monthBytes: null } });
  await until(10 * 3600_000);
  expect(meter.room()).toBeLessThan(15_000);
  must(await outbox.put({ leaf: "u/g", bytes: new Uint8Array(15_000), lasting: true }));
  connection.news({ urgent: true });
  await until(16.9 * 3600_000);
  expect(outbox.empty).toBe(false);
  await until(18 * 3600_000);
  expect(outbox.empty).toBe(true);
});
