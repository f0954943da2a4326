import { type Findings, listed, place, shown } from "./fault.ts";
import type { Manifest } from "./manifest.ts";
import type { Device, Group } from "./model.ts";

const RUNLEVELS = ["data", "root", "platform", "app"];

/**
 * The group of each container, by folder (reference 1.6). `group` decides; then `runlevel` where a group of that name exists.
 * With the default groups the first container that says neither goes to `root` if nobody else is there, the others to
 * `platform`; with groups of the device's own they go to the last one, with a warning.
 */
export function assignGroups(
  manifests: readonly Manifest[],
  { groups, runlevels }: Device,
  findings: Findings,
): ReadonlyMap<string, Group> {
  const byName = new Map(groups.map((group) => [group.name, group]));
  const last = groups.at(-1);
  const assigned = new Map<string, Group>();
  for (const manifest of manifests) {
    const group = saidGroup(manifest, byName, findings);
    if (group !== undefined) assigned.set(manifest.folder, group);
  }
  let rootTaken = [...assigned.values()].some(({ name }) => name === "root");
  for (const { key, folder } of manifests) {
    if (assigned.has(folder)) continue;
    const byDefault = runlevels ? byName.get(rootTaken ? "platform" : "root") : undefined;
    const group = byDefault ?? last;
    if (group === undefined) continue; // the groups themselves were refused
    if (byDefault === undefined) findings.warn(key, `it names no group: it goes to the last one, ${shown(group.name)}`);
    rootTaken ||= group.name === "root";
    assigned.set(folder, group);
  }
  return assigned;
}

function saidGroup({ key, run }: Manifest, byName: ReadonlyMap<string, Group>, findings: Findings): Group | undefined {
  if (run.group !== undefined) {
    const group = byName.get(run.group);
    if (group === undefined && byName.size > 0) {
      findings.refuse("unknown", place(key, "group"), shown(run.group), `one of ${listed([...byName.keys()])}`);
    }
    return group;
  }
  if (run.runlevel === undefined) return undefined;
  if (!RUNLEVELS.includes(run.runlevel)) {
    findings.warn(place(key, "runlevel"), `${shown(run.runlevel)} is ignored: wanted one of ${RUNLEVELS.join(", ")}`);
    return undefined;
  }
  return byName.get(run.runlevel);
}
