import { afterEach, expect, test } from "bun:test";
import { join } from "node:path";
import { openKnownBroker } from "../../../runtime/fleet/agent/known-broker.ts";
import { openMeter } from "../../../runtime/fleet/agent/meter.ts";
import { type Broker, ENQUIRY_BYTES } from "../../../runtime/fleet/enrol/index.ts";
import { err, ok } from "../../../runtime/result.ts";
import { realDisk } from "../../../runtime/store/index.ts";
import { emptyFolder, must, removeFolders } from "../../store/world.ts";

afterEach(removeFolders);

const HOUR_MS = 3600_000;
const first: Broker = { host: "old.example", port: 8883 };
const second: Broker = { host: "new.example", port: 8883, authority: "another" };

async function scene(answers: Broker | "nobody" | "waiting", { dayBytes = 1_000_000 } = {}) {
  const said = { nowMs: 0, asked: 0, kept: [] as Broker[], warnings: [] as string[] };
  const meter = must(await openMeter(realDisk, join(emptyFolder(), "ledger"), { dayBytes, monthBytes: null }, () => 0));
  const broker = openKnownBroker({
    first,
    meter,
    now: () => said.nowMs,
    async ask() {
      said.asked += 1;
      if (answers === "nobody") return err({ kind: "unreachable", why: "no way" });
      if (answers === "waiting") return ok({ kind: "waiting", code: "k7q2mz" });
      return ok({ kind: "enrolled", membership: { broker: answers } as never });
    },
    async keep(one) {
      said.kept.push(one);
      return ok(undefined);
    },
    warn: (message) => void said.warnings.push(message),
  });
  /** Nobody is there for so long, and it tries each ten minutes. */
  async function away(hours: number): Promise<void> {
    for (const end = said.nowMs + hours * HOUR_MS; said.nowMs < end; ) {
      said.nowMs += HOUR_MS / 6;
      await broker.missed();
    }
  }
  return { broker, said, meter, away };
}

test("who met nobody for a day asks the hub where its broker is, and goes there from then on", async () => {
  const { broker, said, away } = await scene(second);
  await away(23);
  expect([said.asked, broker.current]).toEqual([0, first]);
  await away(2);
  expect([said.asked, broker.current, said.kept]).toEqual([1, second, [second]]);
  broker.met();
  await away(23);
  expect(said.asked).toBe(1);
});

test("the hub is asked once a day, and what it said before is not kept again", async () => {
  for (const answers of [first, "nobody", "waiting"] as const) {
    const { broker, said, away } = await scene(answers);
    await away(24 * 4 + 1);
    expect([said.asked, broker.current, said.kept]).toEqual([4, first, []]);
    expect(said.warnings.length).toBe(answers === "nobody" ? 4 : 0);
  }
});

test("nobody is asked where the budget has no room for it", async () => {
  const { said, meter, away } = await scene(second, { dayBytes: 2 * ENQUIRY_BYTES });
  meter.carried(1);
  await away(49);
  expect(said.asked).toBe(0);
  meter.carried(-1);
  await away(24);
  expect(said.asked).toBe(1);
});
