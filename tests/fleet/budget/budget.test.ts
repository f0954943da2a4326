import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  type Account,
  type Caps,
  carried,
  type Ledger,
  ledgerText,
  needed,
  newLedger,
  open,
  parseLedger,
  room,
  settled,
  unlimited,
  usage,
} from "../../../runtime/fleet/budget/index.ts";

const noon = Date.UTC(2026, 10, 25, 12);
const hours = (count: number): number => count * 3600_000;
const caps: Caps = { dayBytes: 50_000, monthBytes: 1_000_000 };
const fresh = (of: Caps = caps): Account => open(of, newLedger(noon), noon);

describe("room", () => {
  test("is what is left of the day, or of the month when that is less", () => {
    expect(room(fresh(), noon)).toBe(50_000);
    expect(room(carried(fresh(), 49_000, noon), noon)).toBe(1_000);
    expect(room(carried(fresh({ ...caps, monthBytes: 30_000 }), 29_000, noon), noon)).toBe(1_000);
    expect(room(carried(fresh(), 70_000, noon), noon)).toBe(0);
    expect(room(carried(fresh(unlimited), 2 ** 40, noon), noon)).toBe(Number.POSITIVE_INFINITY);
  });

  test("is that of one more day and month while the caps are lifted, and all is counted all the same", () => {
    const spent = carried(fresh(), 70_000, noon);
    expect([room(spent, noon, true), room(spent, noon, false)]).toEqual([30_000, 0]);
    expect(room(carried(spent, 30_000, noon), noon, true)).toBe(0);
    expect(room(carried(fresh({ ...caps, monthBytes: 60_000 }), 70_000, noon), noon, true)).toBe(30_000);
    expect(room(carried(fresh({ dayBytes: null, monthBytes: 60_000 }), 70_000, noon), noon, true)).toBe(50_000);
    expect(room(fresh(unlimited), noon, true)).toBe(Number.POSITIVE_INFINITY);
    expect(usage(spent, noon).dayBytes).toBe(70_000);
  });

  test("comes back with the next day, and what the month has had stays counted", () => {
    const spent = carried(fresh({ dayBytes: 50_000, monthBytes: 80_000 }), 50_000, noon);
    expect(room(spent, noon + hours(11.9))).toBe(0);
    expect(room(spent, noon + hours(12))).toBe(30_000);
    expect(room(carried(spent, 30_000, noon + hours(12)), noon + hours(48))).toBe(0);
    const december = Date.UTC(2026, 11, 1);
    expect(room(spent, december)).toBe(50_000);
  });

  test("does not come back when the clock goes back", () => {
    const spent = carried(fresh(), 50_000, noon);
    for (const atMs of [0, noon - hours(24), noon - hours(24 * 40)]) expect(room(spent, atMs)).toBe(0);
    expect(room(carried(spent, 1, 0), noon + hours(24))).toBe(50_000);
  });
});

describe("the disk", () => {
  test("is written before bytes go, a part of the allowance ahead, so that it is written some dozens of times", () => {
    let account = fresh();
    let writes = 0;
    for (let gone = 0; gone < 50_000; gone += 100) {
      const ledger = needed(account, 100, noon);
      if (ledger !== null) {
        writes += 1;
        account = settled(account, ledger);
      }
      expect(needed(account, 100, noon)).toBeNull();
      account = carried(account, 100, noon);
    }
    expect(writes).toBeGreaterThan(20);
    expect(writes).toBeLessThan(60);
  });

  test("gives back what was written, and refuses everything else", () => {
    const ledger = carried(fresh(), 12_345, noon).used;
    expect(parseLedger(ledgerText(ledger))).toEqual(ledger);
    for (const text of ["", "{}", "null", ledgerText(ledger).replace("12345", "-1"), `${ledgerText(ledger)}x`, "1e999"])
      expect(parseLedger(text)).toBeNull();
    expect(parseLedger(JSON.stringify({ ...ledger, more: 1 }))).toBeNull();
  });
});

/** A link that keeps to the rules: it asks for room, writes ahead, and is cut off whenever it pleases the test. */
const life = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant("send" as const), bytes: fc.integer({ min: 1, max: 4096 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant("receive" as const), bytes: fc.integer({ min: 1, max: 4096 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: hours(9) }) }),
    },
    { weight: 2, arbitrary: fc.constant({ kind: "cut" as const }) },
  ),
  { maxLength: 200 },
);
const BLOCK = 4096;

test("whatever happens, no day and no month has more than its share and one block", () => {
  fc.assert(
    fc.property(
      life,
      fc.integer({ min: 1000, max: 40_000 }),
      fc.integer({ min: 2000, max: 200_000 }),
      (steps, day, month) => {
        const limits: Caps = { dayBytes: day, monthBytes: month };
        let atMs = noon;
        let disk: Ledger = newLedger(atMs);
        let account = open(limits, disk, atMs);
        const [days, months] = [new Map<string, number>(), new Map<string, number>()];
        const count = (bytes: number): void => {
          account = carried(account, bytes, atMs);
          const date = new Date(atMs).toISOString();
          for (const [sums, key] of [[days, date.slice(0, 10)] as const, [months, date.slice(0, 7)] as const])
            sums.set(key, (sums.get(key) ?? 0) + bytes);
        };
        for (const step of steps) {
          if (step.kind === "wait") atMs += step.ms;
          if (step.kind === "cut") account = open(limits, disk, atMs);
          if (step.kind !== "send" && step.kind !== "receive") continue;
          // Nothing goes either way without room: a link that has none is closed. What is received is known when it is there.
          const asked = step.kind === "send" ? step.bytes : BLOCK;
          if (room(account, atMs) < (step.kind === "send" ? step.bytes : 1)) continue;
          const ledger = needed(account, asked, atMs);
          if (ledger !== null) {
            disk = ledger;
            account = settled(account, ledger);
          }
          count(step.bytes);
        }
        for (const bytes of days.values()) expect(bytes).toBeLessThan(day + BLOCK);
        for (const bytes of months.values()) expect(bytes).toBeLessThan(month + BLOCK);
        const shown = usage(account, atMs);
        expect(shown.dayBytes).toBeGreaterThanOrEqual(days.get(new Date(atMs).toISOString().slice(0, 10)) ?? 0);
      },
    ),
    { numRuns: 2000 },
  );
});
