import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  type Access,
  type AccessEvent,
  CLOSED,
  lookAgainInMs,
  step,
} from "../../../runtime/boot/debug-access/access.ts";

const open = (end: number | null): Access => ({ kind: "open", end });
const ordered = (end: number | null): AccessEvent => ({ kind: "ordered", end });

test.each([
  ["an order opens it", CLOSED, ordered(100), open(100), "serve"],
  ["a later order prolongs it", open(100), ordered(200), open(200), "serve"],
  ["a shorter one takes nothing back", open(100), ordered(60), open(100), "serve"],
  ["one without an end takes it away", open(100), ordered(null), open(null), "serve"],
  ["and gives none back", open(null), ordered(100), open(null), "serve"],
  ["its time is over", open(50), { kind: "looked" }, CLOSED, "end"],
  ["its time is not over", open(51), { kind: "looked" }, open(51), "serve"],
  ["it has no end", open(null), { kind: "looked" }, open(null), "serve"],
  ["it is closed by hand", open(100), { kind: "endOrdered" }, CLOSED, "end"],
  ["it was closed", CLOSED, { kind: "endOrdered" }, CLOSED, "nothing"],
  ["nothing serves it", open(100), { kind: "notServed" }, CLOSED, "end"],
  ["a late timer", CLOSED, { kind: "looked" }, CLOSED, "nothing"],
] as const)("%s", (_what, access, event, next, act) => {
  expect(step(access, event, 50)).toEqual([next, act]);
});

test("whatever happens, it is closed at the end of the longest order, and somebody looks by then", () => {
  const event = fc.oneof(
    fc.record({ kind: fc.constant("ordered" as const), end: fc.integer({ min: 1, max: 100_000 }) }),
    fc.constant<AccessEvent>({ kind: "looked" }),
    fc.constant<AccessEvent>({ kind: "endOrdered" }),
    fc.constant<AccessEvent>({ kind: "notServed" }),
  );
  fc.assert(
    fc.property(fc.array(event, { minLength: 1 }), fc.boolean(), (events, serving) => {
      let access: Access = CLOSED;
      for (const one of events) [access] = step(access, one, 0);
      const longest = Math.max(0, ...events.flatMap((one) => (one.kind === "ordered" ? [one.end ?? 0] : [])));
      const waitMs = lookAgainInMs(access, serving, 0);
      expect(waitMs === null).toBe(access.kind === "closed");
      expect(waitMs ?? 0).toBeLessThanOrEqual(longest);
      expect(step(access, { kind: "looked" }, longest)[0]).toEqual(CLOSED);
    }),
  );
});

test("a server that is gone is looked after before the end", () => {
  expect(lookAgainInMs(open(100_000), true, 1_000)).toBe(99_000);
  expect(lookAgainInMs(open(100_000), false, 1_000)).toBe(5_000);
  expect(lookAgainInMs(open(3_000), false, 1_000)).toBe(2_000);
  expect(lookAgainInMs(open(500), true, 1_000)).toBe(0);
  expect(lookAgainInMs(open(null), true, 0)).toBeNull();
  expect(lookAgainInMs(open(null), false, 0)).toBe(5_000);
});
