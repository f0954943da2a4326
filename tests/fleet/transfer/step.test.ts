import { describe, expect, test } from "bun:test";
import {
  deadline,
  fraction,
  type KeptParcel,
  type Now,
  newPace,
  newTransfer,
  receiveBytesFor,
  step,
  type Transfer,
  type TransferEffect,
  type TransferEvent,
  transferLimits,
  underWay,
} from "../../../runtime/fleet/transfer/index.ts";
import type { Block, BlockRange, Parcel } from "../../../runtime/fleet/wire/index.ts";
import type { Digest } from "../../../runtime/state/index.ts";

const digest = (byte: string) => byte.repeat(32) as Digest;
const [object, near, far] = [digest("0b"), digest("ba"), digest("bb")];
const KIB = 1024;

test.each([
  [null, null],
  [0, 8 * KIB],
  [1_000, 8 * KIB],
  [2_000, 12_000],
  [8 * KIB - 1, 6 * (8 * KIB - 1)],
  [8 * KIB, null],
  [10_000_000, null],
])("on a link of %p bytes per second %p are on their way at most", (bytesPerS, bytes) => {
  expect(receiveBytesFor({ bytesPerS })).toBe(bytes);
});

/** A transfer, its clock and its budget, and what it asked for. */
class Scene {
  atMs = 1_000;
  /** A block takes so long. */
  blockMs = 200;
  roomBytes = Number.POSITIVE_INFINITY;
  moreRoomAtMs = 50_000_000;
  transfer: Transfer;
  readonly effects: TransferEffect[] = [];

  constructor(
    found: { readonly parcel: KeptParcel; readonly keptBytes: number } | null = null,
    whole = false,
    https = false,
    bases: readonly Digest[] = [near, far],
    datagrams = false,
    bytesPerS: number | null = null,
  ) {
    this.transfer = newTransfer({ object, bases, whole, https, datagrams }, found, 7, newPace(0, bytesPerS), 0);
  }
  get now(): Now {
    const { atMs, roomBytes, moreRoomAtMs } = this;
    return { atMs, roomBytes, moreRoomAtMs };
  }
  send(...events: readonly TransferEvent[]): this {
    for (const event of events) {
      const [after, effects] = step(this.transfer, event, this.now);
      this.transfer = after;
      this.effects.push(...effects);
    }
    return this;
  }
  after(ms: number, ...events: readonly TransferEvent[]): this {
    this.atMs += ms;
    return this.send(...events);
  }
  took(): readonly TransferEffect[] {
    return this.effects.splice(0);
  }
  /** What was asked for since last time. */
  asked(): readonly (readonly BlockRange[])[] {
    return this.took().flatMap((effect) => (effect.kind === "ask" ? [effect.request.missing] : []));
  }
  /** Blocks of a parcel arrive, as they should be. */
  blocks(parcel: Parcel, ...indices: readonly number[]): this {
    for (const index of indices) this.after(this.blockMs, blockOf(this.transfer, parcel, index));
    return this;
  }
}

const online: TransferEvent = { kind: "online" };
const tick: TransferEvent = { kind: "tick" };
const parcelOf = (bytes: number, more: Partial<Parcel> = {}): Parcel => ({
  digest: digest("dd"),
  bytes,
  objectBytes: 100_000,
  base: 0,
  key: null,
  ...more,
});
const kept = (parcel: Parcel): KeptParcel => ({ ...parcel, base: parcel.base === null ? null : near });

function blockOf(
  { id, blockBytes }: Transfer,
  parcel: Parcel,
  index: number,
  more: Partial<Block> = {},
): TransferEvent {
  const bytes = new Uint8Array(Math.max(0, Math.min(blockBytes, parcel.bytes - index * blockBytes))).fill(index);
  return { kind: "block", block: { transfer: id, index, bytes, parcel: index === 0 ? parcel : null, ...more } };
}

const begun = (parcel: Parcel, indices: readonly number[] = [0]): Scene => {
  const scene = new Scene().send(online).blocks(parcel, ...indices);
  scene.send({ kind: "opened" });
  return scene;
};
const keptBytes = (effects: readonly TransferEffect[]): number =>
  effects.reduce((sum, effect) => sum + (effect.kind === "keep" ? effect.bytes.length : 0), 0);
const kinds = (effects: readonly TransferEffect[]) => effects.map(({ kind }) => kind);

describe("asking", () => {
  test("waits for a connection, and then names what there is", () => {
    const scene = new Scene();
    expect(scene.send(tick).took()).toEqual([]);
    expect(scene.send(online).took()).toEqual([
      {
        kind: "ask",
        request: {
          transfer: 7,
          object,
          blockBytes: 4 * KIB,
          candidates: [near, far],
          missing: [{ from: 0, count: 16 }],
          parcel: null,
        },
      },
    ]);
  });

  test("a parcel of one block is asked for once, kept, finished", () => {
    const parcel = parcelOf(1_300);
    const scene = new Scene().send(online);
    scene.took();
    expect(scene.blocks(parcel, 0).took()).toEqual([{ kind: "open", parcel: kept(parcel) }]);
    const effects = scene.send({ kind: "opened" }).took();
    expect(effects).toEqual([
      { kind: "keep", bytes: new Uint8Array(1_300) },
      { kind: "finish", parcel: kept(parcel) },
    ]);
    expect(scene.send({ kind: "finished", how: "stored" }).took()).toEqual([{ kind: "done" }]);
    expect(scene.transfer.phase).toBe("over");
  });

  test("the next window is asked for when half of the last is there", () => {
    const parcel = parcelOf(400 * KIB);
    const scene = begun(parcel);
    scene.took();
    expect(scene.blocks(parcel, 1, 2, 3, 4, 5, 6).asked()).toEqual([]);
    expect(scene.blocks(parcel, 7).asked()).toEqual([[{ from: 16, count: 8 }]]);
    expect(scene.blocks(parcel, 8, 9, 10, 11, 12, 13, 14).asked()).toEqual([]);
    expect(scene.blocks(parcel, 15).asked()).toEqual([[{ from: 24, count: 8 }]]);
  });

  test("never for more than the parcel has, or the budget", () => {
    const small = begun(parcelOf(18 * KIB));
    expect(small.transfer.asked.size).toBe(15);
    expect(
      small
        .blocks(parcelOf(18 * KIB), 1, 2, 3, 4)
        .took()
        .at(-1)?.kind,
    ).toBe("finish");
    const poor = new Scene();
    poor.roomBytes = 3 * (4 * KIB + transferLimits.blockOverheadBytes) + transferLimits.reserveBytes;
    expect(poor.send(online).asked()).toEqual([[{ from: 0, count: 3 }]]);
  });

  test("with a small budget in smaller blocks; with none it waits for the next day", () => {
    const scene = new Scene();
    scene.roomBytes = 4_000;
    const [effect] = scene.send(online).took();
    expect(effect).toMatchObject({ kind: "ask", request: { blockBytes: KIB, missing: [{ from: 0, count: 1 }] } });
    const broke = new Scene();
    broke.roomBytes = 2_000;
    expect(broke.send(online, tick).took()).toEqual([]);
    expect(deadline(broke.transfer, broke.now)).toBe(50_000_000);
    expect(underWay(broke.transfer)).toBe(false);
    broke.roomBytes = 1e6;
    expect(broke.after(50_000_000, tick).asked()).toHaveLength(1);
  });

  test("a stall asks again for what is lacking, later each time, and up to some hours", () => {
    const parcel = parcelOf(60 * KIB);
    const scene = begun(parcel, [0, 1, 2]);
    expect(scene.took().length).toBeGreaterThan(0);
    const stall = () => (deadline(scene.transfer, scene.now) ?? 0) - scene.atMs;
    expect(stall()).toBe(60_000);
    expect(scene.after(59_000, tick).asked()).toEqual([]);
    expect(scene.after(1_000, tick).asked()).toEqual([[{ from: 3, count: 12 }]]);
    expect(stall()).toBe(120_000);
    for (let more = 0; more < 20; more += 1) expect(scene.after(stall(), tick).asked()).toHaveLength(1);
    expect(stall()).toBe(transferLimits.stallMaxMs);
    expect(underWay(scene.transfer)).toBe(false);
    scene.blocks(parcel, 3);
    expect(stall()).toBe(60_000);
    expect(underWay(scene.transfer)).toBe(true);
  });

  test("a connection that is lost goes on with what is lacking, and a restart with what is kept", () => {
    const parcel = parcelOf(60 * KIB);
    const scene = begun(parcel, [0, 1, 2, 5]);
    scene.send({ kind: "offline" }).took();
    expect(deadline(scene.transfer, scene.now)).toBeNull();
    expect(scene.send(tick).took()).toEqual([]);
    expect(scene.send(online).asked()).toEqual([
      [
        { from: 3, count: 2 },
        { from: 6, count: 9 },
      ],
    ]);
    const restarted = new Scene({ parcel: kept(parcel), keptBytes: 12 * KIB + 100 }).send(online);
    expect(restarted.took()).toEqual([
      expect.objectContaining({
        request: expect.objectContaining({ missing: [{ from: 3, count: 12 }], parcel: parcel.digest.slice(0, 16) }),
      }),
    ]);
    // The part of a block that is there already is not kept twice.
    expect(keptBytes(restarted.blocks(parcel, 3).took())).toBe(4 * KIB - 100);
  });

  test("what was skipped is lost, and is asked for with the next window", () => {
    const parcel = parcelOf(400 * KIB);
    const scene = begun(parcel, [0, 1, 2]);
    scene.took();
    expect(scene.blocks(parcel, 4, 5, 6).asked()).toEqual([]);
    expect(scene.blocks(parcel, 7).asked()).toEqual([
      [
        { from: 3, count: 1 },
        { from: 16, count: 3 },
      ],
    ]);
    const effects = scene.blocks(parcel, 3).took();
    expect(keptBytes(effects)).toBe(5 * 4 * KIB);
  });

  test("on a fast link in large blocks, with another number, when what was asked for is there", () => {
    const parcel = parcelOf(4_000 * KIB);
    const scene = begun(parcel);
    scene.blockMs = 10;
    let index = 1;
    for (; scene.transfer.blockBytes === 4 * KIB && index < 200; index += 1) {
      scene.blocks(parcel, index);
    }
    const ask = scene.took().at(-1);
    expect(ask).toMatchObject({ kind: "ask", request: { transfer: 8, blockBytes: 16 * KIB } });
    expect(scene.transfer.keptBytes).toBe(index * 4 * KIB);
    // What is left of the old ones is not taken for new ones.
    const before = scene.transfer;
    scene.send({
      kind: "block",
      block: { transfer: 7, index: Math.ceil(index / 4), bytes: new Uint8Array(16 * KIB), parcel: null },
    });
    expect(scene.transfer).toEqual(before);
  });
});

describe("blocks", () => {
  const parcel = parcelOf(60 * KIB);

  test.each([
    ["of another transfer", (scene: Scene) => blockOf({ ...scene.transfer, id: 6 }, parcel, 3)],
    ["that is there", (scene: Scene) => blockOf(scene.transfer, parcel, 1)],
    ["that waits for its turn", (scene: Scene) => blockOf(scene.transfer, parcel, 5)],
    ["beyond the window", (scene: Scene) => blockOf(scene.transfer, parcelOf(900 * KIB), 19)],
    ["beyond the parcel", (scene: Scene) => blockOf(scene.transfer, parcelOf(900 * KIB), 15)],
    ["that is too short", (scene: Scene) => blockOf(scene.transfer, parcel, 3, { bytes: new Uint8Array(5) })],
    ["that is too long", (scene: Scene) => blockOf(scene.transfer, parcel, 3, { bytes: new Uint8Array(4 * KIB + 1) })],
  ])("one %s changes nothing", (_, event) => {
    const scene = begun(parcel, [0, 1, 2, 5]);
    const before = scene.transfer;
    scene.took();
    expect(scene.send(event(scene)).took()).toEqual([]);
    expect(scene.transfer).toEqual(before);
  });

  test("of a window are held in memory, and no others", () => {
    const large = parcelOf(900 * KIB);
    const scene = begun(large, [0, 1, 2]);
    scene.blocks(large, 3 + transferLimits.windowBlocks);
    expect(scene.transfer.early.size).toBe(0);
    scene.blocks(large, 2 + transferLimits.windowBlocks);
    expect(scene.transfer.early.size).toBe(1);
  });

  test("that are on their way have their part of the budget", () => {
    const large = parcelOf(900 * KIB);
    const scene = new Scene();
    scene.roomBytes = 20 * (4 * KIB + transferLimits.blockOverheadBytes) + transferLimits.reserveBytes;
    scene.send(online).blocks(large, 0).send({ kind: "opened" }).took();
    // Of the 20, 16 were asked for; eight are there and have been counted.
    scene.roomBytes -= 8 * (4 * KIB + transferLimits.blockOverheadBytes);
    expect(scene.blocks(large, 1, 2, 3, 4, 5, 6, 7).asked()).toEqual([[{ from: 16, count: 4 }]]);
  });

  test("out of order are kept in order", () => {
    const scene = begun(parcel, [3, 1, 0, 2]);
    const keeps = scene.took().flatMap((effect) => (effect.kind === "keep" ? [effect.bytes[0]] : []));
    expect(keeps).toEqual([0, 1, 2, 3]);
  });

  test("of a length that nobody could know yet are looked at when the parcel is known", () => {
    const scene = new Scene().send(online).blocks(parcelOf(400 * KIB), 14);
    const short = parcelOf(57 * KIB);
    scene.blocks(short, 0).send({ kind: "opened" }).took();
    scene.blocks(short, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13);
    expect(scene.transfer.phase).toBe("moving");
    expect(scene.blocks(short, 14).took().at(-1)?.kind).toBe("finish");
  });

  test("how much is there is a fraction", () => {
    expect(fraction(new Scene().transfer)).toBe(0);
    expect(fraction(begun(parcelOf(40 * KIB), [0, 1, 2]).transfer)).toBeCloseTo(0.3);
  });
});

describe("a parcel", () => {
  const parcel = parcelOf(60 * KIB);

  test("another one half way begins anew, under another number, and old blocks are not mixed in", () => {
    const scene = begun(parcel, [0, 1, 2, 3]);
    scene.took();
    const other = parcelOf(30 * KIB, { digest: digest("ee"), base: 1 });
    const [open] = scene.blocks(other, 0).took();
    expect(open).toEqual({ kind: "open", parcel: { ...other, base: far } });
    expect(scene.transfer.id).toBe(8);
    scene.send({ kind: "block", block: { transfer: 7, index: 1, bytes: new Uint8Array(4 * KIB), parcel: null } });
    expect(scene.transfer.early.size).toBe(1);
    expect(scene.send({ kind: "opened" }).asked()).toEqual([[{ from: 1, count: 7 }]]);
    scene.blocks(other, 1, 2, 3, 4, 5, 6, 7);
    expect(scene.took().at(-1)).toEqual({ kind: "finish", parcel: { ...other, base: far } });
  });

  test("and again another one, without end, is given up", () => {
    const scene = begun(parcel);
    for (let at = 0; scene.transfer.phase !== "over" && at < 20; at += 1) {
      scene.blocks(parcelOf(30 * KIB, { digest: digest(String(10 + at)) }), 0).send({ kind: "opened" });
    }
    expect(scene.took().at(-1)).toMatchObject({ kind: "fail", failure: { reason: "badObject" } });
  });

  test("that is kept for a base that is gone is not gone on with", () => {
    const gone = { parcel: { ...kept(parcel), base: digest("99") }, keptBytes: 4 * KIB };
    expect(new Scene(gone).send(online).asked()).toEqual([[{ from: 0, count: 16 }]]);
  });

  test.each([
    ["of nothing", parcelOf(0)],
    ["for a base that was not offered", parcelOf(100, { base: 2 })],
    ["with a first block of another length", { ...parcelOf(100_000), bytes: 200 }],
    ["of more blocks than there may be", parcelOf(2 ** 40)],
  ])("%s makes no sense", (_, bad) => {
    const scene = new Scene().send(online);
    scene.took();
    const bytes = new Uint8Array(bad.bytes === 200 ? 4 * KIB : Math.min(bad.bytes, 4 * KIB));
    scene.send({ kind: "block", block: { transfer: 7, index: 0, bytes, parcel: bad } });
    expect(scene.took()).toEqual([{ kind: "fail", failure: { reason: "badObject", message: expect.any(String) } }]);
  });

  test("none, and no bytes: the hub has not got the object", () => {
    const scene = new Scene().send(online);
    scene.took();
    scene.send({ kind: "block", block: { transfer: 7, index: 0, bytes: new Uint8Array(), parcel: null } });
    expect(scene.took()).toMatchObject([{ kind: "fail", failure: { reason: "objectMissing" } }]);
    expect(scene.send(online, tick).took()).toEqual([]);
  });

  test("with wrong bytes is got anew, and given up in the end", () => {
    const scene = new Scene().send(online);
    for (let at = 1; at < transferLimits.spoiltMax; at += 1) {
      scene.blocks(parcelOf(100), 0).send({ kind: "opened" }, { kind: "finished", how: "wrongParcel" });
      expect(scene.took().at(-1)).toMatchObject({
        kind: "ask",
        request: { missing: [{ from: 0, count: 1 }], parcel: null },
      });
    }
    scene.blocks(parcelOf(100), 0).send({ kind: "opened" }, { kind: "finished", how: "wrongParcel" });
    expect(scene.took().at(-1)).toMatchObject({ kind: "fail", failure: { reason: "badObject" } });
  });
});

describe("a patch that gives wrong bytes", () => {
  const bad = (scene: Scene, parcel: Parcel): Scene =>
    scene.blocks(parcel, 0).send({ kind: "opened" }, { kind: "finished", how: "badPatch" });

  test("makes way for one from another base, which is asked for with care", () => {
    const scene = bad(new Scene().send(online), parcelOf(100));
    expect(scene.took().at(-1)).toMatchObject({
      kind: "ask",
      request: { candidates: [far], missing: [{ from: 0, count: 1 }], transfer: 8 },
    });
    bad(scene, parcelOf(100));
    expect(scene.took().at(-1)).toMatchObject({ kind: "fail", failure: { reason: "badPatch" } });
  });

  test("is not followed by the whole object, which the hub offers instead", () => {
    const scene = bad(new Scene().send(online), parcelOf(100)).blocks(parcelOf(100, { base: null }), 0);
    expect(kinds(scene.took()).at(-1)).toBe("fail");
    expect(scene.transfer.phase).toBe("over");
  });

  test("unless that is allowed", () => {
    const scene = bad(new Scene(null, true, false, [near]).send(online), parcelOf(100));
    expect(scene.took().at(-1)).toMatchObject({ kind: "ask", request: { candidates: [] } });
    scene.blocks(parcelOf(100, { base: null }), 0).send({ kind: "opened" });
    expect(scene.took().at(-1)?.kind).toBe("finish");
    expect(scene.send({ kind: "finished", how: "badPatch" }).took()).toMatchObject([
      { kind: "fail", failure: { reason: "badObject" } },
    ]);
  });

  test("an object that is not patched may be whole from the beginning", () => {
    const scene = new Scene()
      .send(online)
      .blocks(parcelOf(100, { base: null }), 0)
      .send({ kind: "opened" });
    expect(scene.took().at(-1)?.kind).toBe("finish");
  });
});

describe("on a link that is known to be thin", () => {
  const parcel = parcelOf(100 * KIB, { key: new Uint8Array(16) });
  const thin = (bytesPerS: number | null = 900, https = false, datagrams = true): Scene =>
    new Scene(null, false, https, [near, far], datagrams, bytesPerS);
  const streams = (effects: readonly TransferEffect[]) =>
    effects.flatMap((effect) => (effect.kind === "stream" ? [[effect.by, effect.from, effect.bytes]] : []));

  test("one block is asked for, and the rest comes in datagrams", () => {
    const scene = thin().send(online);
    expect(scene.asked()).toEqual([[{ from: 0, count: 1 }]]);
    scene.blocks(parcel, 0).send({ kind: "opened" });
    expect(streams(scene.took())).toEqual([["datagrams", 4 * KIB, 96 * KIB]]);
  });

  test.each([
    ["is another one", 900_000, false, true],
    ["is not known", null, false, true],
    ["has no way for them", 900, false, false],
  ])("datagrams do not come where the link %s", (_, bytesPerS, https, datagrams) => {
    const scene = thin(bytesPerS, https, datagrams).send(online).blocks(parcel, 0).send({ kind: "opened" });
    expect(streams(scene.took())).toEqual([]);
  });

  test("they are taken rather than a stream over HTTPS", () => {
    const large = parcelOf(1_000 * KIB, { key: new Uint8Array(16) });
    const scene = thin(900, true).send(online).blocks(large, 0).send({ kind: "opened" });
    expect(streams(scene.took()).map(([by]) => by)).toEqual(["datagrams"]);
  });

  test("no more comes than has room in the budget, and what is small comes in blocks", () => {
    const scene = thin().send(online).blocks(parcel, 0);
    scene.roomBytes = 50_000;
    const [[, , bytes = 0] = []] = streams(scene.send({ kind: "opened" }).took());
    expect(bytes).toBeGreaterThan(40_000);
    expect(bytes).toBeLessThan(46_000);
    const small = parcelOf(15 * KIB, { key: new Uint8Array(16) });
    const other = thin().send(online).blocks(small, 0).send({ kind: "opened" });
    expect(streams(other.took())).toEqual([]);
  });

  test("of a large one that breaks off near its end the rest comes so, too", () => {
    const scene = thin().send(online).blocks(parcel, 0).send({ kind: "opened" });
    scene.took();
    scene.after(100_000, { kind: "streamed", bytes: new Uint8Array(90 * KIB) });
    expect(streams(scene.send({ kind: "streamEnded" }).took())).toEqual([["datagrams", 94 * KIB, 6 * KIB]]);
  });

  test("where they do not come, blocks do, and each connection tries them once more", () => {
    const scene = thin().send(online).blocks(parcel, 0).send({ kind: "opened" });
    scene.took();
    for (let tries = 0; tries < 2; tries += 1)
      expect(streams(scene.send({ kind: "streamEnded" }).took()).length).toBe(1);
    expect(scene.send({ kind: "streamEnded" }).asked()).toEqual([[{ from: 1, count: 8 }]]);
    scene.send({ kind: "offline" });
    expect(streams(scene.send(online).took()).length).toBe(1);
    expect(streams(scene.send({ kind: "streamEnded" }).took()).length).toBe(0);
  });
});

describe("a large parcel that may come as a stream", () => {
  const parcel = parcelOf(1_000 * KIB, { key: new Uint8Array(16) });
  const streaming = (): Scene => {
    const scene = new Scene(null, false, true).send(online).blocks(parcel, 0).send({ kind: "opened" });
    scene.took();
    return scene.blocks(parcel, ...Array.from({ length: 15 }, (_, at) => at + 1));
  };

  test("comes so when the blocks that were asked for are there, from where they end", () => {
    const scene = streaming();
    expect(scene.took().at(-1)).toEqual({
      kind: "stream",
      by: "https",
      parcel: kept(parcel),
      from: 64 * KIB,
      bytes: 936 * KIB,
    });
    expect(deadline(scene.transfer, scene.now)).toBeNull();
    expect(underWay(scene.transfer)).toBe(true);
    expect(scene.send({ kind: "streamed", bytes: new Uint8Array(1_000) }).took()).toEqual([
      { kind: "keep", bytes: new Uint8Array(1_000) },
    ]);
    expect(
      scene
        .send({ kind: "streamed", bytes: new Uint8Array(936 * KIB - 1_000) })
        .took()
        .at(-1)?.kind,
    ).toBe("finish");
    expect(scene.send({ kind: "streamEnded" }).took()).toEqual([]);
  });

  test("is tried again from where it ended, and in blocks when that leads to nothing", () => {
    const scene = streaming();
    scene.send({ kind: "streamed", bytes: new Uint8Array(1_000) }).took();
    for (let attempt = 0; attempt < transferLimits.streamsFailedMax; attempt += 1) {
      expect(scene.send({ kind: "streamEnded" }).took()).toMatchObject([{ kind: "stream", from: 64 * KIB + 1_000 }]);
    }
    expect(scene.send({ kind: "streamEnded" }).took()).toMatchObject([{ kind: "ask" }]);
  });

  test("takes no blocks meanwhile, and no more bytes than it has", () => {
    const scene = streaming();
    const before = scene.transfer;
    scene.blocks(parcel, 16).send({ kind: "streamed", bytes: new Uint8Array(936 * KIB + 1) });
    expect(scene.transfer).toEqual(before);
  });

  test("of a budget's room only", () => {
    const scene = new Scene(null, false, true);
    scene.roomBytes = 400_000;
    scene.send(online).blocks(parcel, 0).send({ kind: "opened" });
    scene.blocks(parcel, ...Array.from({ length: 15 }, (_, at) => at + 1));
    expect(scene.took().at(-1)).toMatchObject({ kind: "stream", bytes: Math.floor((400_000 - 9_500) / 1.06) });
  });

  test.each([
    ["without a key", parcelOf(1_000 * KIB), true],
    ["without leave", parcel, false],
    ["that is small", parcelOf(100 * KIB, { key: new Uint8Array(16) }), true],
  ])("%s comes in blocks", (_, other, https) => {
    const scene = new Scene(null, false, https).send(online).blocks(other, 0).send({ kind: "opened" });
    scene.blocks(other, 1, 2, 3, 4, 5, 6, 7, 8);
    expect(kinds(scene.took())).not.toContain("stream");
    expect(scene.transfer.asked.size).toBeGreaterThan(8);
  });
});

test("what the device cannot do ends it with that", () => {
  const failure = { reason: "noSpace", message: "full" } as const;
  const scene = begun(parcelOf(60 * KIB));
  scene.took();
  expect(scene.send({ kind: "failed", failure }).took()).toEqual([{ kind: "fail", failure }]);
  expect(scene.send(online, tick, { kind: "opened" }, { kind: "finished", how: "stored" }).took()).toEqual([]);
});
