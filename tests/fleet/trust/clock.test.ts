import { describe, expect, test } from "bun:test";
import type { FromLink } from "../../../runtime/fleet/pipe/index.ts";
import { beginningOf, LinkClock } from "../../../runtime/fleet/trust/index.ts";
import { drained, virtualClock } from "../../sim/clock.ts";
import { newAuthority } from "../authority.ts";

function world({ wallMs = 0, floorMs = 0, guessed = false } = {}) {
  const timers = virtualClock();
  const told: FromLink[] = [];
  const is = { wallMs };
  const clock = new LinkClock(
    { floorMs, guessed },
    { tell: (message) => void told.push(message), wallMs: () => is.wallMs, setTimer: timers.set },
  );
  return { clock, told, is, timers };
}
const known = Date.UTC(2026, 0, 1);

test("a clock is known when it shows this decade and was not put there by a guess", () => {
  expect(world({ wallMs: known }).clock.known).toBe(true);
  expect(world().clock.known).toBe(false);
  expect(world({ wallMs: known, floorMs: known, guessed: true }).clock.known).toBe(false);
  const { clock } = world({ wallMs: known, guessed: true });
  clock.is({ floorMs: known, guessed: false });
  expect([clock.known, clock.floorMs]).toEqual([true, known]);
});

describe("who needs the machine's clock to be somewhere", () => {
  test("goes on at once when it is there", async () => {
    const { clock, told } = world({ wallMs: known });
    await clock.atLeast(known);
    expect(told).toEqual([]);
  });

  test.each(["answer", "time"] as const)("asks for that, and waits for an %s", async (what) => {
    const { clock, told, timers } = world();
    let done = false;
    void clock.atLeast(known).then(() => {
      done = true;
    });
    await drained();
    expect([told, done]).toEqual([[{ kind: "clock", atMs: known, signed: false }], false]);
    if (what === "answer") clock.is({ floorMs: known, guessed: true });
    else timers.next();
    await drained();
    expect(done).toBe(true);
    expect(timers.next()).toBe(false);
  });
});

test("an authority begins with its certificate, and what is none at no time", () => {
  expect(Math.abs(beginningOf(newAuthority().servers) - Date.now())).toBeLessThan(120_000);
  for (const none of ["", "x"]) expect(beginningOf(none)).toBe(0);
});
