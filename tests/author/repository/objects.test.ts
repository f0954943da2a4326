import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  alone,
  keepObject,
  openRepository,
  type Repository,
  sweepObjects,
} from "../../../runtime/author/repository/index.ts";
import { ok } from "../../../runtime/result.ts";
import type { Digest } from "../../../runtime/state/index.ts";
import { realDisk } from "../../../runtime/store/index.ts";
import { pvrRepository, sha, write } from "../fixtures.ts";

const top = mkdtempSync(join(tmpdir(), "cairn-objects-"));
afterAll(() => rmSync(top, { recursive: true }));

let count = 0;
async function repository(): Promise<Repository> {
  const root = pvrRepository(join(top, String(count++)), { files: { a: "a" } });
  const opened = await openRepository(realDisk, root);
  if (!opened.ok) throw new Error("it is a repository");
  return opened.value;
}

const digest = (bytes: string): Digest => sha(bytes) as Digest;
async function* stream(...parts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

test("an object appears whole, and is not read again when it is there", async () => {
  const into = await repository();
  expect(await keepObject(into, digest("new"), stream("n", "ew"))).toMatchObject({
    ok: true,
    value: { existed: false },
  });
  expect(readFileSync(join(into.objectsFolder, sha("new")), "utf8")).toBe("new");
  const untouched = (async function* (): AsyncGenerator<Uint8Array> {
    yield await Promise.reject(new Error("it was read"));
  })();
  expect(await keepObject(into, digest("new"), untouched)).toMatchObject({ ok: true, value: { existed: true } });
});

test("wrong bytes and a source that breaks off leave nothing", async () => {
  const into = await repository();
  const before = readdirSync(into.objectsFolder);
  expect(await keepObject(into, digest("new"), stream("old"))).toMatchObject({
    ok: false,
    error: { kind: "wrongBytes" },
  });
  const broken = (async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from("n");
    throw new Error("cable pulled");
  })();
  const kept = await keepObject(into, digest("new"), broken);
  expect(kept).toMatchObject({ ok: false, error: { kind: "source", why: "cable pulled" } });
  expect(readdirSync(into.objectsFolder)).toEqual(before);
});

test("a damaged object in the store is replaced by a good one", async () => {
  const into = await repository();
  write(join(into.objectsFolder, sha("new")), "NEW");
  expect((await keepObject(into, digest("new"), stream("new"))).ok).toBe(true);
  expect(readFileSync(join(into.objectsFolder, sha("new")), "utf8")).toBe("new");
});

test("what a killed process left half-written is swept; what a living one writes is not, nor anything else", async () => {
  const into = await repository();
  const dead = Bun.spawnSync(["true"]).pid;
  const living = Bun.spawn(["sleep", "100"]);
  const names = [`.${sha("x")}.${dead}.tmp`, `.${sha("x")}.${living.pid}.tmp`, ".other.tmp", sha("x")];
  for (const name of names) write(join(into.objectsFolder, name), "x");
  await sweepObjects(into);
  living.kill();
  expect(readdirSync(into.objectsFolder).sort()).toEqual([sha("a"), ...names.slice(1)].sort());
});

test("one process at a time changes a repository, and the lock goes with its holder", async () => {
  const { folder } = await repository();
  const order: string[] = [];
  const first = alone(folder, async () => {
    order.push("first in");
    expect(await alone(folder, async () => ok(order.push("second in")))).toEqual({
      ok: false,
      error: { kind: "busy", folder },
    });
    order.push("first out");
    return ok(undefined);
  });
  await first;
  expect(await alone(folder, async () => ok("third"))).toEqual(ok("third"));
  expect(order).toEqual(["first in", "first out"]);
});
