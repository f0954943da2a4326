import { expect, test } from "bun:test";
import type { DeviceId, Phase } from "../../../runtime/fleet/terms/index.ts";
import type { KeptOrder, Release, Standing } from "../../../runtime/hub/database/index.ts";
import { decide } from "../../../runtime/hub/releases/index.ts";
import type { Digest } from "../../../runtime/state/index.ts";

const device = "abcdefghijklm" as DeviceId;
const [a, b] = ["a".repeat(64), "b".repeat(64)] as [Digest, Digest];
const release = (number: number, revision: Digest, tag: string, expiryMs: number | null = null): Release => ({
  number,
  revision,
  tag,
  policy: { security: false, https: false, whole: false },
  expiryMs,
  who: "jane",
  atMs: 0,
});
const order = (revision: Digest, sequence: number, rev: number, of: number): KeptOrder => ({
  device,
  sequence,
  rev,
  revision,
  release: of,
  policy: { security: false, https: false, whole: false },
  expiryMs: null,
  atMs: 0,
  publishedMs: null,
  takenMs: null,
  progress: null,
});
const standing = (more: Partial<Standing> = {}): Standing => ({
  device,
  tags: ["lab"],
  report: null,
  last: null,
  ...more,
});
const said = (sequence: number, running: string): string => JSON.stringify({ sequence, running });

test("a device that was told nothing gets the newest release of its tags, and all is one of them", () => {
  expect(decide([release(1, a, "lab"), release(2, b, "yard")], standing(), 0)).toMatchObject({
    kind: "give",
    sequence: 1,
    rev: 1,
    release: { number: 1 },
  });
  expect(decide([release(1, a, "lab"), release(2, b, "all")], standing(), 0)).toMatchObject({ release: { number: 2 } });
  expect(decide([release(2, a, "lab"), release(1, b, "all")], standing(), 0)).toMatchObject({ release: { number: 2 } });
  expect(decide([release(1, a, "yard")], standing(), 0)).toEqual({ kind: "keep" });
  expect(decide([], standing(), 0)).toEqual({ kind: "keep" });
});

test("another state gets the next sequence, and a number above all that the device has had", () => {
  const newest = [release(7, b, "lab")];
  for (const [last, report, sequence, rev] of [
    [order(a, 3, 9, 1), null, 4, 10],
    [order(a, 3, 9, 1), said(3, "12"), 4, 13],
    [order(a, 3, 9, 1), said(40, "2"), 41, 10],
    [null, said(5, "locals/mine"), 6, 1],
    [null, said(5, "7"), 6, 8],
    [null, JSON.stringify({ sequence: "x", running: 1.5 }), 1, 1],
  ] as const) {
    expect(decide(newest, standing({ last, report }), 0)).toMatchObject({ kind: "give", sequence, rev });
  }
});

test("the same state is not sent again, whichever release it is of", () => {
  const last = order(a, 3, 9, 1);
  expect(decide([release(1, a, "lab")], standing({ last }), 0)).toEqual({ kind: "keep" });
  expect(decide([release(1, a, "lab"), release(2, a, "all")], standing({ last }), 0)).toMatchObject({
    kind: "adopt",
    sequence: 3,
    release: { number: 2 },
  });
});

test("the same state is sent again to who still fetches it, when the terms are others", () => {
  const last = order(a, 3, 9, 1);
  const dear = { ...release(2, a, "lab"), policy: { security: true, https: false, whole: false } };
  const longer = release(2, a, "lab", 9_000);
  const at = (phase: Phase): KeptOrder => ({ ...last, progress: { phase, percent: 40, reason: null, atMs: 0 } });
  for (const newer of [dear, longer]) {
    for (const one of [last, at("queued"), at("downloading")])
      expect(decide([newer], standing({ last: one }), 0)).toMatchObject({ kind: "give", sequence: 4, rev: 10 });
    for (const one of [at("installing"), at("trying"), at("testing"), at("done")])
      expect(decide([newer], standing({ last: one }), 0)).toMatchObject({ kind: "adopt" });
  }
});

test("a device that loses a tag goes to what its other tags say", () => {
  const newest = [release(1, a, "all"), release(2, b, "lab")];
  const last = order(b, 2, 2, 2);
  expect(decide(newest, standing({ last }), 0)).toEqual({ kind: "keep" });
  expect(decide(newest, standing({ last, tags: [] }), 0)).toMatchObject({ kind: "give", release: { number: 1 } });
});

test("a release that has expired is not given, and none before it comes in its place", () => {
  const newest = [release(1, a, "all"), release(2, b, "lab", 1000)];
  expect(decide(newest, standing(), 999)).toMatchObject({ kind: "give", release: { number: 2 } });
  expect(decide(newest, standing(), 1000)).toEqual({ kind: "keep" });
});

test("a device that was given orders which are not known here gets one that it takes, of the same release, too", () => {
  const newest = [release(1, a, "lab")];
  const last = order(a, 3, 9, 1);
  expect(decide(newest, standing({ last, report: said(7, "12") }), 0)).toMatchObject({
    kind: "give",
    sequence: 8,
    rev: 13,
  });
  expect(decide(newest, standing({ last, report: said(3, "12") }), 0)).toEqual({ kind: "keep" });
  expect(decide([], standing({ report: said(7, "12") }), 0)).toEqual({ kind: "keep" });
});

test("numbers end where the wire's do", () => {
  const newest = [release(1, a, "lab")];
  for (const report of [said(0xffff_ffff, "1"), said(1, "4294967295")]) {
    expect(decide(newest, standing({ report }), 0)).toEqual({ kind: "exhausted" });
  }
  expect(decide(newest, standing({ report: said(1, "4294967294") }), 0)).toMatchObject({ rev: 0xffff_ffff });
});

test("what has failed is tried again by another release of it, under a number of its own", () => {
  for (const phase of ["error", "wontgo"] as const) {
    const last = { ...order(a, 3, 9, 1), progress: { phase, percent: 100, reason: null, atMs: 0 } };
    expect(decide([release(1, a, "lab")], standing({ last }), 0)).toEqual({ kind: "keep" });
    expect(decide([release(2, a, "lab")], standing({ last }), 0)).toMatchObject({ kind: "give", sequence: 4, rev: 10 });
  }
  const last = { ...order(a, 3, 9, 1), progress: { phase: "done" as const, percent: 100, reason: null, atMs: 0 } };
  expect(decide([release(2, a, "lab")], standing({ last }), 0)).toMatchObject({ kind: "adopt", sequence: 3 });
});
