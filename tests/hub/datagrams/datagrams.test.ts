import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { parseHost } from "../../../runtime/certificates/index.ts";
import { type EarlyBlocks, fetchDatagrams, openDatagramSocket } from "../../../runtime/fleet/datagrams/index.ts";
import {
  BLOCK_BYTES,
  blockDatagram,
  cookieDatagram,
  keysOf,
  readBlock,
  readCookie,
  requestDatagram,
} from "../../../runtime/fleet/sealed/index.ts";
import { type Datagrams, openDatagrams } from "../../../runtime/hub/datagrams/index.ts";
import type { Parcel } from "../../../runtime/hub/parcels/index.ts";
import { realDisk } from "../../../runtime/store/index.ts";
import { freePort } from "../../free-port.ts";
import { unwrap } from "../../signatures/signed-state.ts";
import { newRng } from "../../sim/rng.ts";
import { emptyFolder, removeFolders } from "../../store/world.ts";

setDefaultTimeout(60_000);

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
  removeFolders();
});

const rng = newRng(41);
const key = rng.bytes(16);
const keys = keysOf(key);

interface Served {
  readonly port: number;
  readonly content: Uint8Array;
  readonly hub: Datagrams;
}

async function served(bytes: number): Promise<Served> {
  const content = rng.bytes(bytes);
  const path = `${emptyFolder()}/parcel`;
  writeFileSync(path, content);
  const parcel = { path, bytes, key } as unknown as Parcel;
  const port = await freePort();
  const hub = await openDatagrams({
    host: unwrap(parseHost("127.0.0.1")),
    port,
    disk: realDisk,
    database: { parcels: { list: async () => [parcel] } as never },
    parcels: { byKey: async (one) => (Buffer.from(one).equals(key) ? parcel : null) },
    now: Date.now,
    log: (line) => {
      throw new Error(line);
    },
  });
  closing.push(() => hub.stop());
  return { port, content, hub };
}

const setTimer = (ms: number, fire: () => void): (() => void) => {
  const timer = setTimeout(fire, ms);
  return () => clearTimeout(timer);
};

const noEarlyBlocks: EarlyBlocks = { find: async () => new Map(), keep: async () => {} };

function fetched(
  port: number,
  parcelBytes: number,
  from: number,
  bytes: number,
  more: { key?: Uint8Array; roomBytes?: number; early?: EarlyBlocks } = {},
) {
  const used = { bytes: 0 };
  const aborter = new AbortController();
  closing.push(() => aborter.abort());
  const parts = fetchDatagrams({
    host: "127.0.0.1",
    port,
    key: more.key ?? key,
    parcelBytes,
    from,
    bytes,
    signal: aborter.signal,
    // Twenty times as fast.
    now: () => performance.now() * 20,
    setTimer: (ms, fire) => setTimer(ms / 20, fire),
    carried: (count) => {
      used.bytes += count;
    },
    alive: async () => true,
    room: () => (more.roomBytes ?? Number.POSITIVE_INFINITY) - used.bytes,
    awaits: async () => {},
    early: more.early ?? noEarlyBlocks,
    open: openDatagramSocket,
  });
  return { parts, used, abort: () => aborter.abort() };
}

async function all(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of parts) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Between device and hub: each datagram goes on or not. */
async function relay(to: number, passes: (datagram: Uint8Array) => boolean): Promise<number> {
  const port = await freePort();
  let device: { port: number; address: string } | null = null;
  const inner = await Bun.udpSocket({
    connect: { hostname: "127.0.0.1", port: to },
    socket: {
      data(_, datagram) {
        if (device !== null && passes(datagram)) outer.send(datagram, device.port, device.address);
      },
    },
  });
  const outer = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(_, datagram, from, address) {
        device = { port: from, address };
        if (passes(datagram)) inner.send(datagram);
      },
    },
  });
  closing.push(() => {
    inner.close();
    outer.close();
  });
  return port;
}

/** One datagram and what comes for it within a moment. */
async function answersTo(port: number, datagram: Uint8Array): Promise<readonly Uint8Array[]> {
  const came: Uint8Array[] = [];
  const socket = await Bun.udpSocket({
    connect: { hostname: "127.0.0.1", port },
    socket: { data: (_, answer) => void came.push(new Uint8Array(answer)) },
  });
  socket.send(datagram);
  await Bun.sleep(150);
  socket.close();
  return came;
}

test.each([1, BLOCK_BYTES, BLOCK_BYTES + 1, 100_000])("a parcel of %d bytes comes whole", async (bytes) => {
  const { port, content } = await served(bytes);
  const { parts, used } = fetched(port, bytes, 0, bytes);
  expect((await all(parts)).equals(content)).toBe(true);
  // Each block has 44 bytes of its own, and each four of them a request of 61; a cookie is asked for first.
  const blocks = Math.ceil(bytes / BLOCK_BYTES);
  expect(used.bytes).toBeLessThanOrEqual(bytes + 44 * blocks + 70 * Math.ceil(blocks / 4) + 200);
});

test.each([
  [0, 5_000],
  [1, 1],
  [4_096, 8_192],
  [BLOCK_BYTES * 3, BLOCK_BYTES],
  [19_999, 1],
])("from byte %d on %d bytes come, and no others", async (from, bytes) => {
  const { port, content } = await served(20_000);
  const { parts } = fetched(port, 20_000, from, bytes);
  expect((await all(parts)).equals(content.subarray(from, from + bytes))).toBe(true);
});

test("of datagrams that are lost, a few come once more", async () => {
  const { port, content } = await served(150_000);
  const luck = newRng(7);
  const { parts, used } = fetched(await relay(port, () => !luck.chance(0.1)), 150_000, 0, 150_000);
  expect((await all(parts)).equals(content)).toBe(true);
  expect(used.bytes / content.length).toBeLessThan(1.12);
});

test("what came before its turn is kept when nothing comes any more, and not asked for again", async () => {
  const { port, content } = await served(40_000);
  const kept: ReadonlyMap<number, Uint8Array>[] = [];
  const keeping: EarlyBlocks = {
    find: async () => new Map(),
    keep: async (blocks) => void kept.push(new Map(blocks)),
  };
  const lossy = await relay(port, (datagram) => readBlock(keys, datagram)?.index !== 2);
  const first = fetched(lossy, 40_000, 0, 40_000, { early: keeping });
  const parts: Uint8Array[] = [];
  const ended = (async () => {
    for await (const part of first.parts) parts.push(part);
  })();
  while (kept.length === 0) await Bun.sleep(20);
  first.abort();
  await expect(ended).rejects.toThrow("nobody wants it any more");
  expect(Buffer.concat(parts).equals(content.subarray(0, 2 * BLOCK_BYTES))).toBe(true);
  const early = kept.at(-1) ?? new Map();
  expect([...early.keys()].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 15 }, (_, at) => at + 3));

  const found: EarlyBlocks = { ...noEarlyBlocks, find: async () => early };
  const from = 2 * BLOCK_BYTES;
  const second = fetched(port, 40_000, from, 40_000 - from, { early: found });
  expect((await all(second.parts)).equals(content.subarray(from))).toBe(true);
  // Blocks 2 and from 18 on.
  expect(second.used.bytes).toBeLessThan(40_000 - 17 * BLOCK_BYTES + 1_500);
});

test("of what is kept, nothing of another length, out of reach or behind the end is taken", async () => {
  const { port, content } = await served(4 * BLOCK_BYTES + 10);
  const wrong = new Map([
    [0, new Uint8Array(5)],
    [4, new Uint8Array(BLOCK_BYTES)],
    [5, new Uint8Array(BLOCK_BYTES)],
    [70_000, new Uint8Array(BLOCK_BYTES)],
  ]);
  const { parts } = fetched(port, content.length, 0, content.length, {
    early: { ...noEarlyBlocks, find: async () => wrong },
  });
  expect((await all(parts)).equals(content)).toBe(true);
});

test.each([1_500, 10_000, 30_000])(
  "of a budget of %d bytes nothing is left for what is on its way",
  async (roomBytes) => {
    const { port } = await served(100_000);
    const { parts, used } = fetched(port, 100_000, 0, 100_000, { roomBytes });
    await expect(all(parts)).rejects.toThrow("there is no room in the budget");
    await Bun.sleep(50);
    expect(used.bytes).toBeLessThanOrEqual(roomBytes);
    expect(used.bytes).toBeGreaterThan(roomBytes - 3_200);
  },
);

test("who has no cookie of his address gets one, and it is shorter than what he sent", async () => {
  const { port } = await served(20_000);
  const runs = [{ from: 0, count: 2 }];
  for (const cookie of [null, rng.bytes(4)]) {
    const asked = requestDatagram(keys, { cookie, runs });
    const answers = await answersTo(port, asked);
    expect(answers.map((answer) => readCookie(keys, answer)?.length ?? null)).toEqual([4]);
    expect(answers[0]?.length).toBeLessThan(asked.length);
  }
});

test("who does not know the key gets nothing at all", async () => {
  const { port } = await served(20_000);
  const request = requestDatagram(keys, { cookie: null, runs: [{ from: 0, count: 2 }] });
  const changed = new Uint8Array(request);
  changed[request.length - 1] = (changed[request.length - 1] ?? 0) ^ 1;
  const stranger = requestDatagram(keysOf(rng.bytes(16)), { cookie: null, runs: [{ from: 0, count: 2 }] });
  for (const bad of [changed, stranger, request.subarray(0, 20), new Uint8Array(0), rng.bytes(1_400)])
    expect(await answersTo(port, bad)).toEqual([]);
});

test("what others send to a device changes nothing", () => {
  const block = blockDatagram(keys, 3, new Uint8Array(BLOCK_BYTES));
  expect(readBlock(keys, block)?.index).toBe(3);
  for (let at = 0; at < block.length; at += 97) {
    const changed = new Uint8Array(block);
    changed[at] = (changed[at] ?? 0) ^ 0x10;
    expect(readBlock(keys, changed)).toBeNull();
  }
  expect(readBlock(keysOf(rng.bytes(16)), block)).toBeNull();
});

describe("where nobody answers", () => {
  /** A fetch from nobody, on a clock that goes as it waits: how long it took, and how often it asked whether the link is there. */
  async function inVain(answers: boolean, untilMs: number): Promise<{ atMs: number; asked: number; why: string }> {
    const nobody = await freePort();
    const aborter = new AbortController();
    const said = { atMs: 0, asked: 0, why: "" };
    const parts = fetchDatagrams({
      ...{ host: "127.0.0.1", port: nobody, key, parcelBytes: 9_000, from: 0, bytes: 9_000 },
      signal: aborter.signal,
      now: () => said.atMs,
      setTimer: (ms, fire) => {
        said.atMs += ms;
        if (said.atMs > untilMs) aborter.abort();
        return setTimer(0, fire);
      },
      alive: async () => {
        said.asked += 1;
        return answers;
      },
      carried() {},
      room: () => Number.POSITIVE_INFINITY,
      awaits: async () => {},
      early: noEarlyBlocks,
      open: openDatagramSocket,
    });
    said.why = await all(parts).then(
      () => "it came",
      (problem: Error) => problem.message,
    );
    return said;
  }

  test("although the link is there, it ends soon, and says so", async () => {
    const { atMs, asked, why } = await inVain(true, 3600_000);
    expect(why).toStartWith("no datagram comes from 127.0.0.1:");
    expect(atMs).toBeLessThan(120_000);
    expect(asked).toBeLessThanOrEqual(5);
  });

  test("nor is the link there, it goes on", async () => {
    const { atMs, why } = await inVain(false, 3600_000);
    expect(why).toBe("nobody wants it any more");
    expect(atMs).toBeGreaterThan(3600_000);
  });
});

test("who gives cookies and takes none of them is asked four times", async () => {
  const port = await freePort();
  let requests = 0;
  const hub = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(socket, _, from, address) {
        requests += 1;
        socket.send(cookieDatagram(keys, rng.bytes(4)), from, address);
      },
    },
  });
  closing.push(() => hub.close());
  await expect(all(fetched(port, 9_000, 0, 9_000).parts)).rejects.toThrow("takes none of the cookies");
  expect(requests).toBe(4);
});

test("who stops it waits for nothing", async () => {
  const { parts, abort } = fetched(await freePort(), 9_000, 0, 9_000);
  setTimeout(abort, 50);
  await expect(all(parts)).rejects.toThrow("nobody wants it");
});
