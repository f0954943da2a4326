import { expect, test } from "bun:test";
import fc from "fast-check";
import type { ExitedChild } from "../../runtime/linux/index.ts";
import { type ChildTable, sweep } from "../../runtime/linux/reaper.ts";
import { ok } from "../../runtime/result.ts";

type Child = { readonly pid: number; readonly ended: boolean; readonly owned: boolean };

/** Children as the kernel shows them: waitid gives the first that has ended, again and again, until it is taken. */
function scripted(children: readonly Child[]) {
  const left = new Map(children.map((child) => [child.pid, child]));
  const exited = (child: Child | undefined): ExitedChild | undefined =>
    child?.ended ? { pid: child.pid, status: { kind: "exit", code: 0 } } : undefined;
  const table: ChildTable = {
    peekExited: () => ok(exited([...left.values()].find((child) => child.ended))),
    reap: (pid) => {
      const taken = exited(left.get(pid));
      if (taken !== undefined) left.delete(pid);
      return ok(taken);
    },
    children: () => [...left.keys()],
  };
  return { table, left };
}

const family = fc.uniqueArray(fc.record({ pid: fc.integer({ min: 2 }), ended: fc.boolean(), owned: fc.boolean() }), {
  selector: (child) => child.pid,
});

test("a sweep takes every ended orphan once, no running child and no owned one, in whatever order they are", () => {
  fc.assert(
    fc.property(family, (children) => {
      const { table, left } = scripted(children);
      const reaped: number[] = [];
      const owned = new Set(children.filter((child) => child.owned).map((child) => child.pid));
      sweep(
        table,
        (pid) => owned.has(pid),
        ({ pid }) => reaped.push(pid),
      );
      const orphans = children.filter((child) => child.ended && !child.owned).map((child) => child.pid);
      expect(reaped.toSorted()).toEqual(orphans.toSorted());
      expect([...left.values()].every((child) => child.owned || !child.ended)).toBe(true);
    }),
  );
});
