import { expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  type VersionEvent,
  type Versions,
  versionsAfter,
  versionsFrom,
} from "../../../runtime/fleet/session/version.ts";

const DAY_MS = 24 * 3600_000;
const now = Date.UTC(2026, 0, 1);
const begin = { kind: "begin" } as const;
const online = { kind: "online" } as const;
const unanswered = { kind: "unanswered" } as const;
const refused = (code: number) => ({ kind: "refused", code }) as const;
const after = (events: readonly VersionEvent[], from = versionsFrom(null, now), atMs = now): Versions =>
  events.reduce((versions, event) => versionsAfter(versions, event, atMs), from);

test("a broker is asked in MQTT 5 first", () => {
  expect(after([begin]).next).toBe(5);
  expect(after([begin, online, begin]).next).toBe(5);
});

test.each([0x01, 0x84])("one that refuses the version with %d is asked in 3.1.1 at once, and for a week", (code) => {
  expect(after([begin, refused(code), begin])).toMatchObject({ next: 4, untilMs: null });
  const good = after([begin, refused(code), begin, online]);
  expect(good).toMatchObject({ next: 4, untilMs: now + 7 * DAY_MS });
  expect(after([begin], good, now + 7 * DAY_MS - 1).next).toBe(4);
  expect(after([begin], good, now + 7 * DAY_MS).next).toBe(5);
  expect(after([online, begin, online], good, now + DAY_MS).untilMs).toBe(now + 7 * DAY_MS); // not put off
});

test("one that refuses for another reason is asked the same again", () => {
  for (const code of [2, 3, 4, 5, 0x87, 0x88]) expect(after([begin, refused(code), begin]).next).toBe(5);
});

test("one that hangs up three times in a row is asked the other way, and believed for a day", () => {
  expect(after([unanswered, unanswered]).next).toBe(5);
  expect(after([unanswered, unanswered, online, unanswered]).next).toBe(5);
  const guessed = after([unanswered, unanswered, unanswered, begin, online]);
  expect(guessed).toMatchObject({ next: 4, untilMs: now + DAY_MS });
  expect(after([unanswered, unanswered, unanswered], guessed)).toMatchObject({ next: 5, untilMs: null });
});

test("what is kept holds across restarts, for a week at most whatever the clock said then", () => {
  expect(versionsFrom(now + 1, now).next).toBe(4);
  expect(versionsFrom(now, now).next).toBe(5);
  expect(versionsFrom(now + 8 * DAY_MS, now).next).toBe(5);
  expect(versionsFrom(Number.NaN, now).next).toBe(5);
});

test("whatever a broker does, 3.1.1 is never spoken for more than a week without asking in 5", () => {
  const event = fc.oneof(
    fc.constantFrom<VersionEvent>(online, unanswered),
    fc.integer({ min: 0, max: 255 }).map(refused),
  );
  const steps = fc.array(fc.tuple(event, fc.integer({ min: 0, max: 3 * DAY_MS })));
  fc.assert(
    fc.property(steps, (told) => {
      let [versions, atMs, five] = [versionsFrom(null, now), now, now];
      for (const [what, ms] of told) {
        versions = versionsAfter(versions, begin, atMs);
        if (versions.next === 5) five = atMs;
        else expect(atMs - five).toBeLessThanOrEqual(7 * DAY_MS);
        if (versions.untilMs !== null) expect(versions.untilMs).toBeLessThanOrEqual(atMs + 7 * DAY_MS);
        versions = versionsAfter(versions, what, atMs);
        atMs += ms;
      }
    }),
  );
});
