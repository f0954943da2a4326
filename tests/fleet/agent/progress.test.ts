import { describe, expect, test } from "bun:test";
import { PHASE_MS, ProgressReport } from "../../../runtime/fleet/agent/progress.ts";
import { decodeProgress } from "../../../runtime/fleet/wire/index.ts";
import { virtualClock } from "../../sim/clock.ts";
import { must } from "../../store/world.ts";

function scene() {
  const clock = virtualClock();
  const said: string[] = [];
  const report = new ProgressReport({
    async send(bytes, lasting) {
      const { sequence, phase, percent, reason } = must(decodeProgress(bytes));
      said.push([sequence, phase, percent, reason, lasting].join(" "));
    },
    setTimer: clock.set,
  });
  /** So long nothing happens. */
  const wait = (ms: number): void => {
    let over = false;
    clock.set(ms, () => {
      over = true;
    });
    while (!over) clock.next();
  };
  return { report, said, wait };
}

describe("the hub hears", () => {
  test("of a phase that lasts, and not of one that is over soon", () => {
    const { report, said, wait } = scene();
    report.at(3, "queued", 0);
    wait(PHASE_MS - 1);
    report.at(3, "installing", 100);
    wait(PHASE_MS - 1);
    expect(said).toEqual([]);
    wait(1);
    expect(said).toEqual(["3 installing 100  false"]);
    report.at(3, "installing", 100);
    wait(10 * PHASE_MS);
    expect(said).toHaveLength(1);
  });

  test("of each tenth of a download, with what it is by then", () => {
    const { report, said, wait } = scene();
    for (let percent = 0; percent <= 100; percent += 1) {
      report.at(3, "downloading", percent);
      wait(PHASE_MS / 2);
    }
    expect(said.map((one) => Number(one.split(" ")[2]))).toEqual([1, 12, 23, 34, 45, 56, 67, 78, 89, 100]);
  });

  test("of a verdict at once and for certain, and of nothing after it", () => {
    const { report, said, wait } = scene();
    report.at(3, "testing", 100);
    report.verdict(3, "error", "goalMissed");
    wait(10 * PHASE_MS);
    expect(said).toEqual(["3 error 100 goalMissed true"]);
  });

  test("of what was not worth a message when it is asked for", () => {
    const { report, said, wait } = scene();
    expect(report.flush()).toBe(false);
    report.at(3, "testing", 100);
    expect(report.flush()).toBe(true);
    expect(report.flush()).toBe(false);
    wait(10 * PHASE_MS);
    expect(said).toEqual(["3 testing 100  false"]);
  });

  test("of another revision's phases as such", () => {
    const { report, said, wait } = scene();
    report.at(3, "downloading", 90);
    wait(PHASE_MS);
    report.at(4, "downloading", 0);
    wait(PHASE_MS);
    expect(said).toEqual(["3 downloading 90  false", "4 downloading 0  false"]);
  });
});
