import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Budget, budgetOf, type LogFile, TMPFS_MAGIC, toRemove, toRotate } from "../../runtime/logs/budget.ts";
import { config } from "./sample-config.ts";

const MIB = 1 << 20;
const ext4 = (sizeBytes: number) => ({ sizeBytes, magic: 0xef53 });

describe("the budget", () => {
  test("is a tenth of the partition, and all of a tmpfs", () => {
    expect(budgetOf(config(), ext4(1000 * MIB))).toEqual({
      totalBytes: 100 * MIB,
      highBytes: 90 * MIB,
      lowBytes: 75 * MIB,
      rotateAtBytes: 5 * MIB,
    });
    expect(budgetOf(config(), { sizeBytes: 8 * MIB, magic: TMPFS_MAGIC }).totalBytes).toBe(8 * MIB);
  });

  test("is what the configuration says, but never more than the partition", () => {
    const bytes = config({ PV_LOG_DIR_MAXSIZE: { kind: "bytes", bytes: 20 * MIB } });
    expect(budgetOf(bytes, ext4(1000 * MIB)).totalBytes).toBe(20 * MIB);
    expect(budgetOf(bytes, ext4(10 * MIB)).totalBytes).toBe(10 * MIB);
    const percent = config({ PV_LOG_DIR_MAXSIZE: { kind: "percent", percent: 50 } });
    expect(budgetOf(percent, ext4(1000 * MIB)).totalBytes).toBe(500 * MIB);
  });

  test("is there when the partition's size is not known", () => {
    expect(budgetOf(config(), null).totalBytes).toBe(16 * MIB);
  });
});

/** Files as they can be in a log folder: up to 4 owners, up to 3 logs each, each log live with any number of archives. */
const files: fc.Arbitrary<readonly LogFile[]> = fc
  .array(
    fc.record({
      owner: fc.constantFrom("0/web", "1/web", "1/broker", "1/pantavisor"),
      log: fc.constantFrom("var/log/syslog", "lxc/console.log", "lxc/lxc.log"),
      index: fc.integer({ min: 1, max: 30 }),
      live: fc.boolean(),
      bytes: fc.integer({ min: 0, max: 1000 }),
      mtimeMs: fc.integer({ min: 0, max: 100 }),
    }),
    { maxLength: 60 },
  )
  .map((drawn) => {
    const byPath = new Map<string, LogFile>();
    for (const { owner, log, index, live, bytes, mtimeMs } of drawn) {
      const series = `${owner}/${log}`;
      const path = live ? series : `${series}.${index}.gz`;
      const role = live && owner.startsWith("1/") ? "live" : "archive";
      byPath.set(path, { path, owner, series, bytes, mtimeMs, role, index: live ? 2e9 : index });
    }
    return [...byPath.values()];
  });
const budgets: fc.Arbitrary<Budget> = fc
  .record({ total: fc.integer({ min: 100, max: 20_000 }), factor: fc.integer({ min: 1, max: 10 }) })
  .map(({ total, factor }) => ({
    totalBytes: total,
    highBytes: Math.floor(total * 0.9),
    lowBytes: Math.min(Math.floor(total * 0.9), Math.floor(total - total / factor)),
    rotateAtBytes: Math.max(1, Math.floor(total / factor / 5)),
  }));

const sum = (all: readonly LogFile[]): number => all.reduce((total, file) => total + file.bytes, 0);
function applied(before: readonly LogFile[], budget: Budget): readonly LogFile[] {
  const left = new Map(before.map((file) => [file.path, file]));
  for (const { kind, path } of toRemove(before, budget)) {
    const file = left.get(path);
    expect(file, `${path} goes only once`).toBeDefined();
    if (kind === "remove") left.delete(path);
    else if (file !== undefined) left.set(path, { ...file, bytes: 0 });
  }
  return [...left.values()];
}

describe("what goes when there is too much", () => {
  test("brings the folder within its budget, and touches nothing below 90 %", () => {
    fc.assert(
      fc.property(files, budgets, (before, budget) => {
        const after = applied(before, budget);
        expect(sum(after)).toBeLessThanOrEqual(budget.totalBytes);
        if (sum(before) <= budget.highBytes) expect(after).toEqual(before);
        else if (after.some((file) => file.role === "archive" && file.bytes > 0))
          expect(sum(after)).toBeLessThanOrEqual(budget.lowBytes);
      }),
      { numRuns: 2000 },
    );
  });

  test("is no live file while an archive remains", () => {
    fc.assert(
      fc.property(files, budgets, (before, budget) => {
        const removals = toRemove(before, budget);
        const role = new Map(before.map((file) => [file.path, file.role]));
        for (const { kind, path } of removals) expect(kind).toBe(role.get(path) === "live" ? "empty" : "remove");
        if (!removals.some(({ kind }) => kind === "empty")) return;
        expect(applied(before, budget).filter((file) => file.role === "archive" && file.bytes > 0)).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  test("is the oldest of a log before its younger ones, whatever the clock said", () => {
    fc.assert(
      fc.property(files, budgets, (before, budget) => {
        const left = new Set(applied(before, budget).map(({ path }) => path));
        for (const gone of before.filter(({ path }) => !left.has(path)))
          for (const older of before)
            if (older.series === gone.series && older.index < gone.index && older.bytes > 0)
              expect(left.has(older.path), `${older.path} is older than ${gone.path}`).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  test("belongs to whoever has most", () => {
    const archive = (path: string, owner: string, bytes: number, mtimeMs: number): LogFile => {
      return { path, owner, series: path, bytes, mtimeMs, role: "archive", index: 1 };
    };
    const budget = { totalBytes: 1000, highBytes: 900, lowBytes: 750, rotateAtBytes: 50 };
    const before = [
      archive("a1", "a", 100, 1),
      archive("b1", "b", 300, 5),
      archive("b2", "b", 300, 4),
      archive("b3", "b", 300, 6),
    ];
    expect(toRemove(before, budget)).toEqual([{ kind: "remove", path: "b2" }]);
  });
});

test("live files that are larger than the limit are rotated, archives never", () => {
  const budget = { totalBytes: 1000, highBytes: 900, lowBytes: 750, rotateAtBytes: 50 };
  const file = (path: string, bytes: number, role: LogFile["role"]): LogFile => {
    return { path, owner: "1/web", series: path, bytes, mtimeMs: 0, role, index: 0 };
  };
  const before = [file("small", 50, "live"), file("large", 51, "live"), file("old", 500, "archive")];
  expect(toRotate(before, budget)).toEqual(["large"]);
});
