import type { ContainerName } from "../state/index.ts";
import { type Draft, happen } from "./draft.ts";
import { known, type SupervisionEvent, unbegun } from "./model.ts";

/** Takes a draft over to another revision's plan; the rules are in `model.ts`. What goes is told before what comes. */
export function replan(draft: Draft, { plan, affected, atMs }: Extract<SupervisionEvent, { kind: "replan" }>): void {
  if (draft.life === "stopping" || draft.life === "down") return;
  const members = plan.groups.flatMap((group) => group.members);
  const { containers: before, leaving: left } = draft;
  const planned = new Set<ContainerName>(members.map(({ name }) => name));
  draft.plan = plan;
  draft.goals = null;
  draft.leaving = new Map([...left, ...before].filter(([name]) => !planned.has(name)));
  draft.containers = new Map(
    members.map((member) => [member.name, before.get(member.name) ?? left.get(member.name) ?? unbegun(member)]),
  );
  for (const name of before.keys()) {
    if (!planned.has(name)) happen(draft, name, { kind: "removed", atMs });
  }
  for (const member of members) {
    const { name } = member;
    if (left.has(name) || (before.has(name) && affected.has(name))) {
      happen(draft, name, { kind: "replaced", member, atMs });
    } else if (before.has(name)) {
      draft.containers.set(name, { ...known(before, name), member });
    } else if (draft.life === "running") {
      happen(draft, name, { kind: "begin", atMs });
    }
  }
}
