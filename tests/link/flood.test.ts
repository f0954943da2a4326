/** What a hub that means no good cannot do to a device: the real link under process 1's own supervision, over real TLS. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import * as v from "valibot";
import { linkBounds } from "../../runtime/boot/link-bounds.ts";
import { PACKET_BYTES_MAX } from "../../runtime/fleet/agent/connection.ts";
import { unreadBytesMax } from "../../runtime/fleet/budget/index.ts";
import { maliceNames } from "./flood/malice.ts";
import { Outcome } from "./flood/run.ts";

/** Process 1 reads a bounded line at a time, and its heap breathes. */
const GROWTH_BYTES_MAX = 8 << 20;
const DAY_BYTES = 50_000;
/** Payload of a packet with 1,500 bytes, its headers, and the packet that acknowledges it. */
const [PAYLOAD_BYTES, PACKET_COSTS_BYTES] = [1_448, 52 + 52];

const Line = v.pipe(v.string(), v.parseJson(), v.object({ malice: v.picklist(maliceNames), ...Outcome.entries }));

async function campaign(...args: readonly string[]): Promise<readonly v.InferOutput<typeof Line>[]> {
  const main = join(import.meta.dir, "flood/campaign.main.ts");
  const run = Bun.spawn(["unshare", "--map-root-user", "--net", "--kill-child", process.execPath, main, ...args], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, problems, code] = await Promise.all([run.stdout.text(), run.stderr.text(), run.exited]);
  if (code !== 0) throw new Error(`${out}${problems}\nneeds unshare and ip`);
  return out
    .trim()
    .split("\n")
    .map((line) => v.parse(Line, line));
}

describe("whatever a hub does", () => {
  test("the link keeps to its memory, process 1 does not grow, and the log stays short", async () => {
    const outcomes = await campaign("3");
    expect(outcomes.map(({ malice }) => malice)).toEqual([...maliceNames]);
    expect(Math.max(...outcomes.map(({ carriedBytes }) => carriedBytes))).toBeGreaterThan(1 << 20); // floods did flow
    for (const { malice, linkPeakBytes, ownBeforeBytes, ownPeakBytes, log, starts } of outcomes) {
      expect([malice, linkPeakBytes < linkBounds.memoryBytes]).toEqual([malice, true]);
      expect([malice, ownPeakBytes - ownBeforeBytes < GROWTH_BYTES_MAX]).toEqual([malice, true]);
      expect([malice, log.lines < 50]).toEqual([malice, true]);
      expect([malice, starts]).toEqual([malice, 1]);
    }
  }, 600_000);

  test("a day costs its budget, and one message of the largest size more at most", async () => {
    const unread = 2 * unreadBytesMax({ dayBytes: DAY_BYTES, monthBytes: null }, PACKET_BYTES_MAX); // the kernel doubles it
    // What has come when the last read that leaves room is counted, and what comes in its place with the next one.
    const beyond = unread + unread;
    expect(beyond).toBe(PACKET_BYTES_MAX);
    const most = DAY_BYTES + beyond + Math.ceil(beyond / PAYLOAD_BYTES) * PACKET_COSTS_BYTES;
    const outcomes = await campaign("3", String(DAY_BYTES));
    expect(outcomes.map(({ malice }) => malice)).toEqual([...maliceNames]);
    for (const { malice, carriedBytes } of outcomes)
      expect([malice, carriedBytes <= most, carriedBytes]).toEqual([malice, true, carriedBytes]);
    console.log(`# a day of ${DAY_BYTES} bytes costs ${Math.max(...outcomes.map((one) => one.carriedBytes))} at most`);
  }, 600_000);
});
