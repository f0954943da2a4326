import { expect, test } from "bun:test";
import { type DatagramFetch, fetchDatagrams } from "../../../runtime/fleet/datagrams/index.ts";
import { BLOCK_BYTES, OVERHEAD_BYTES } from "../../../runtime/fleet/sealed/index.ts";

/** A parcel of which nothing is there, from a hub that says nothing by itself. */
const fetched = (more: Pick<DatagramFetch, "signal" | "room"> & Partial<DatagramFetch>) =>
  fetchDatagrams({
    ...{ host: "hub", port: 1, key: new Uint8Array(16), parcelBytes: 50_000, from: 0, bytes: 50_000 },
    early: { find: async () => new Map(), keep: async () => {} },
    now: () => 0,
    setTimer: () => () => {},
    alive: async () => true,
    carried() {},
    awaits: async () => {},
    open: async () => ({ headerBytes: 28, send() {}, close() {} }),
    ...more,
  });

test("what nobody has asked for ends it when nothing of the budget is left", async () => {
  let [roomBytes, came, closed] = [20_000, 0, false];
  const parts = fetched({
    signal: AbortSignal.timeout(2_000),
    carried(bytes) {
      roomBytes -= bytes;
    },
    room: () => roomBytes,
    async open(_, heard) {
      const spam = setInterval(() => {
        came += 1;
        heard(new Uint8Array(1_472));
      }, 1);
      return {
        headerBytes: 28,
        send() {},
        close() {
          clearInterval(spam);
          closed = true;
        },
      };
    },
  });
  await expect(Array.fromAsync(parts)).rejects.toThrow("there is no room in the budget");
  expect([closed, came]).toEqual([true, Math.ceil(20_000 / 1_500)]);
});

test("what is late has its place in the budget when more is asked for", async () => {
  let nowMs = 0;
  const blockBytes = BLOCK_BYTES + OVERHEAD_BYTES + 28;
  const awaited: number[] = [];
  const aborter = new AbortController();
  const parts = fetched({
    signal: aborter.signal,
    now: () => nowMs,
    setTimer(ms, fire) {
      nowMs += ms;
      const timer = setTimeout(fire, 0);
      return () => clearTimeout(timer);
    },
    room: () => 200 + 10 * blockBytes,
    async awaits(bytes) {
      awaited.push(bytes);
      if (awaited.length === 2) aborter.abort();
    },
  });
  await expect(Array.fromAsync(parts)).rejects.toThrow("nobody wants it any more");
  const [first = 0, second = 0] = awaited;
  // Eight were asked for, and none has come: two more have room beside them.
  expect((first - second) / blockBytes).toBe(8 - 2);
});
