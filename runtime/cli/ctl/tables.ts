import * as v from "valibot";
import { sizeText } from "../size.ts";
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
const Objects = v.array(v.object({ sha256: v.string(), size: v.union([v.string(), v.number()]) }));
const Daemons = v.array(v.object({ name: v.string(), pid: v.number(), respawn: v.boolean() }));
const text = v.fallback(v.string(), "");
const Graph = v.array(
  v.object({ consumer: text, provider: text, name: text, type: text, role: text, interface: text, target: text }),
);
const Metadata = v.record(v.string(), v.unknown());
const Reclaimed = v.object({ reclaimed: v.number() });
const Config = v.array(v.object({ key: v.string(), value: v.string(), modified: v.string() }));

/** What a body says; null if it is not that. */
export function read<T>(schema: v.GenericSchema<unknown, T>, body: string): T | null {
  try {
    const parsed = v.safeParse(schema, JSON.parse(body));
    return parsed.success ? parsed.output : null;
  } catch {
    return null; // not JSON
  }
}

function rows<T>(
  schema: v.GenericSchema<unknown, readonly T[]>,
  head: readonly string[],
  row: (item: T) => string[],
): Show {
  return (body) => {
    const items = read(schema, body);
    return items === null ? null : table([head, ...items.map(row)]);
  };
}

export const ABSENT = "-";

export const containersTable: Show = rows(Containers, ["NAME", "GROUP", "STATUS", "GOAL", "PID", "MEMORY"], (c) => [
  c.name,
  c.group ?? ABSENT,
  c.status,
  c.status_goal,
  c.pid == null ? ABSENT : String(c.pid),
  c.memory == null ? ABSENT : sizeText(c.memory),
]);

export const groupsTable: Show = rows(Groups, ["NAME", "STATUS", "GOAL", "RESTART"], (g) => [
  g.name,
  g.status,
  g.status_goal,
  g.restart_policy,
]);

export const configTable: Show = rows(Config, ["KEY", "VALUE", "MODIFIED"], (c) => [c.key, c.value, c.modified]);

export const objectsTable: Show = rows(Objects, ["SHA256", "BYTES"], (o) => [o.sha256, String(o.size)]);

export const daemonsTable: Show = rows(Daemons, ["NAME", "PID", "KEPT ALIVE"], (d) => [
  d.name,
  d.pid > 0 ? String(d.pid) : ABSENT,
  d.respawn ? "yes" : "no",
]);

export const graphTable: Show = rows(
  Graph,
  ["CONSUMER", "PROVIDER", "SERVICE", "TYPE", "ROLE", "INTERFACE", "TARGET"],
  (link) => [link.consumer, link.provider, link.name, link.type, link.role, link.interface, link.target],
);

/** A map of texts; what is no text is shown as JSON. */
export const metadataTable: Show = (body) => {
  const map = read(Metadata, body);
  if (map === null) return null;
  const items = Object.entries(map).map(([key, value]) => [
    key,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  return table([["KEY", "VALUE"], ...items]);
};

export const reclaimedText: Show = (body) => {
  const answer = read(Reclaimed, body);
  return answer === null ? null : `${sizeText(answer.reclaimed)} are free again`;
};

/** The body as it is. */
export const plain: Show = (body) => body.trimEnd();
