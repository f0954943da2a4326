/**
 * Ended at any moment, by Ctrl-C, a power cut or a failing disk, a repository is as it was or as it was to be, and usable. Every call on
 * the disk is failed once, and from every call on the process is dead once. Beneath is an oracle that knows what a power cut could lose.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { objectsIn } from "../../runtime/author/document/index.ts";
import { put, take } from "../../runtime/author/reference/index.ts";
import { checkObject, openRepository, readAdded, readState } from "../../runtime/author/repository/index.ts";
import {
  add,
  checkout,
  commit,
  openWorkingCopy,
  scan,
  type WorkingCopy,
} from "../../runtime/author/working-copy/index.ts";
import type { Result } from "../../runtime/result.ts";
import { type Disk, type DiskFault, realDisk } from "../../runtime/store/index.ts";
import { tgz } from "../cli/archives.ts";
import { faultyDisk, watchfulDisk } from "../store/disks.ts";
import { pvrRepository, sha, stateText, write } from "./fixtures.ts";

const top = mkdtempSync(join(tmpdir(), "cairn-faults-"));
const template = join(top, "template");
const place = join(top, "place");
afterAll(() => rmSync(top, { recursive: true }));

const before = { "web/run.json": '{"name":"web"}', "web/x": "old", gone: "gone" };
const after = { "web/run.json": '{"name":"web","new":true}', "web/x": "new", "deep/er/y": "y" };
const [oldState, newState] = [stateText({ files: before }), stateText({ files: after })];
const now = new Date(0);

function value<T, E>(result: Result<T, E>): T {
  if (result.ok) return result.value;
  throw new Error(JSON.stringify(result.error));
}

beforeAll(async () => {
  // The store is relative, as the template is copied.
  pvrRepository(join(template, "work"), { files: before, objectsDir: "../store" });
  pvrRepository(join(template, "other"), { files: before, objectsDir: ".pvr/objects" });
  const copy = await opened(realDisk, template);
  write(join(template, "work/web/run.json"), '{ "name": "web", "new": true }');
  write(join(template, "work/web/x"), "new");
  write(join(template, "work/deep/er/y"), "y");
  rmSync(join(template, "work/gone"));
  value(await add(copy, { patterns: ["deep"], raw: false }));
  const objects = ["new", "y"].map((bytes) => ({ name: `objects/${sha(bytes)}`, bytes }));
  write(join(template, "e.tgz"), tgz({ name: "json", bytes: newState }, ...objects));
});

const opened = async (disk: Disk, at = place): Promise<WorkingCopy> =>
  value(await openWorkingCopy(disk, join(at, "work")));
const options = { message: "m", checkpoint: false, now };

interface Operation {
  /** Where the state is that it changes. */
  readonly target: "work" | "other";
  readonly states: readonly string[];
  run(copy: WorkingCopy): Promise<{ readonly ok: boolean }>;
}

const operations: Readonly<Record<string, Operation>> = {
  commit: { target: "work", states: [oldState, newState], run: (copy) => commit(copy, options) },
  import: {
    target: "work",
    states: [oldState, newState],
    run: ({ repository }) => take(repository, { how: "import", reference: join(place, "e.tgz"), now }),
  },
  get: {
    target: "work",
    states: [oldState, newState],
    run: ({ repository }) => take(repository, { how: "get", reference: join(place, "e.tgz"), now }),
  },
  put: {
    target: "other",
    states: [oldState, newState],
    run: async (copy) => {
      // What is sent is committed first, on a disk that works.
      await commit(await opened(watchfulDisk(realDisk).disk), options);
      const other = { kind: "folder", path: join(place, "other"), selection: { take: [], drop: [] } } as const;
      return put(copy.repository, other, { message: null, now });
    },
  },
  checkout: { target: "work", states: [oldState], run: (copy) => checkout(copy, { canonical: false }) },
};

async function looksRight(operation: Operation): Promise<string> {
  const repository = value(await openRepository(realDisk, join(place, operation.target)));
  const text = readFileSync(join(place, operation.target, ".pvr/json"), "utf8");
  expect(operation.states).toContain(text);
  for (const digest of objectsIn(value(await readState(repository)))) {
    // An object that is there is whole, and those of the state are there.
    expect((await checkObject(repository, digest)).ok).toBe(true);
  }
  const store = repository.objectsFolder;
  for (const name of readdirSync(store)) {
    if (name.startsWith(".")) continue;
    expect(sha(readFileSync(join(store, name)))).toBe(name);
  }
  value(await readAdded(repository));
  if (operation.target === "work") value(await scan(await opened(realDisk)));
  return text;
}

const kinds: readonly (readonly ["once" | "dead", DiskFault])[] = [
  ["once", "noSpace"],
  ["dead", "io"],
];

describe.each(Object.entries(operations))("%s", (_name, operation) => {
  test.each(kinds)(
    "that is struck %s by %s leaves the old state or the new, and can be run again",
    async (how, kind) => {
      let calls = 0;
      const seen = new Set<string>();
      for (; ; calls++) {
        rmSync(place, { recursive: true, force: true });
        cpSync(template, place, { recursive: true });
        const { disk, struck } = faultyDisk(watchfulDisk(realDisk).disk, { at: calls, kind, after: how });
        // Opening is part of it, and reads only.
        const copy = await openWorkingCopy(disk, join(place, "work"));
        if (copy.ok) await operation.run(copy.value);
        const was = struck();
        seen.add(await looksRight(operation));
        const oracle = watchfulDisk(realDisk);
        const again = await operation.run(await opened(oracle.disk));
        expect(`${was}: ${again.ok}`).toBe(`${was}: true`);
        expect(await looksRight(operation)).toBe(operation.states.at(-1) ?? "");
        expect(leftovers()).toEqual([]);
        expect(oracle.losable()).toEqual([]);
        if (was === null) break;
      }
      expect(calls).toBeGreaterThan(10);
      expect([...seen].sort()).toEqual([...operation.states].sort());
    },
    120_000,
  );
});

/** Temporary files that nobody will ever remove; those of log and cache go with the next write of either. */
const leftovers = (): readonly string[] =>
  ["store", "work/.pvr", "work", "work/web", "other/.pvr", "other/.pvr/objects"].flatMap((folder) =>
    existsSync(join(place, folder)) ? readdirSync(join(place, folder)).filter((name) => name.endsWith(".tmp")) : [],
  );
