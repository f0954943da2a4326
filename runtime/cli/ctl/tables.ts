import * as v from "valibot";
import { table } from "../table.ts";

/** How an answer's body becomes text for people; null if it is not what this version knows. */
export type Show = (body: string) => string | null;

const Containers = v.array(
  v.object({
    name: v.string(),
    group: v.nullable(v.string()),
    status: v.string(),
    status_goal: v.string(),
    pid: v.nullish(v.number()), // the original's runtime does not tell
    memory: v.nullish(v.number()),
  }),
);
const Groups = v.array(
  v.object({ name: v.string(), status_goal: v.string(), restart_policy: v.string(), status: v.string() }),
);
const Config = v.array(v.object({ key: v.string(), value: v.string(), modified: v.string() }));

function rows<T>(
  schema: v.GenericSchema<unknown, readonly T[]>,
  head: readonly string[],
  row: (item: T) => string[],
): Show {
  return (body) => {
    try {
      const parsed = v.safeParse(schema, JSON.parse(body));
      return parsed.success ? table([head, ...parsed.output.map(row)]) : null;
    } catch {
      return null; // not JSON
    }
  };
}

const ABSENT = "-";
const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

export const containersTable: Show = rows(Containers, ["NAME", "GROUP", "STATUS", "GOAL", "PID", "MEMORY"], (c) => [
  c.name,
  c.group ?? ABSENT,
  c.status,
  c.status_goal,
  c.pid == null ? ABSENT : String(c.pid),
  c.memory == null ? ABSENT : mebibytes(c.memory),
]);

export const groupsTable: Show = rows(Groups, ["NAME", "STATUS", "GOAL", "RESTART"], (g) => [
  g.name,
  g.status,
  g.status_goal,
  g.restart_policy,
]);

export const configTable: Show = rows(Config, ["KEY", "VALUE", "MODIFIED"], (c) => [c.key, c.value, c.modified]);

/** The body as it is. */
export const plain: Show = (body) => body.trimEnd();
