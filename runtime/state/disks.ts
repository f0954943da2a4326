import * as v from "valibot";
import { type Findings, place, shown } from "./fault.ts";
import { limits } from "./limits.ts";
import type { DiskDefinition, DiskType, Json } from "./model.ts";
import { component, json, list, nonEmpty, object, shaped, text } from "./shape.ts";

const TYPES = ["dm-crypt-versatile", "dm-crypt-caam", "dm-crypt-dcp", "swap-disk", "volume-disk", "dual"] as const;
const STEPS = ["primary", "secondary", "create-primary", "create-secondary", "copy-once-to-primary"] as const;

const DiskShape = object({
  name: component, // part of paths such as pv/volume-disk/<name> (reference 5.6)
  type: nonEmpty,
  path: v.exactOptional(text),
  mode: v.exactOptional(text),
  format: v.exactOptional(text),
  format_options: v.exactOptional(text),
  mount_options: v.exactOptional(text),
  mount_target: v.exactOptional(text),
  provision: v.exactOptional(text),
  provision_options: v.exactOptional(text),
  uuid: v.exactOptional(text),
  default: v.exactOptional(text),
  aliases: v.exactOptional(list(nonEmpty), []),
  migrate_keyblob: v.exactOptional(text),
  disks: v.exactOptional(list(nonEmpty, { max: limits.dualMembersMax }), []),
  init_order: v.exactOptional(list(v.picklist(STEPS), { max: limits.dualStepsMax }), []),
});

/** One array of disks and how strict it is: `lenient` ones skip entries of unknown type (reference 1.7). */
export interface DiskList {
  readonly value: Json;
  readonly key: string;
  readonly steps: readonly string[];
  readonly lenient: boolean;
}

/** All lists of a state together: names and aliases are unique across them. */
export function parseDisks(lists: readonly DiskList[], findings: Findings): readonly DiskDefinition[] {
  const disks: DiskDefinition[] = [];
  const paths: string[] = [];
  for (const { value, key, steps, lenient } of lists) {
    const items = shaped(list(json, { min: 1, max: limits.disksMax }), value, findings, key, ...steps) ?? [];
    if (items.length + disks.length > limits.disksMax) {
      findings.refuse(
        "tooMany",
        place(key, ...steps),
        `${items.length + disks.length} disks`,
        `at most ${limits.disksMax}`,
      );
      return disks;
    }
    for (const [at, item] of items.entries()) {
      const disk = parseDisk(item, lenient, findings, key, ...steps, at);
      if (disk === null) continue;
      disks.push(disk);
      paths.push(place(key, ...steps, at));
    }
  }
  checkNames(disks, paths, findings);
  checkDuals(disks, paths, findings);
  return onlyOneDefault(disks, paths, findings);
}

function parseDisk(
  value: Json,
  lenient: boolean,
  findings: Findings,
  key: string,
  ...steps: readonly (string | number)[]
): DiskDefinition | null {
  const shape = shaped(DiskShape, value, findings, key, ...steps);
  if (shape === null) return null;
  const type = TYPES.find((known) => known === shape.type);
  if (type === undefined) return refuseType(shape.type, lenient, findings, place(key, ...steps, "type"));
  return {
    name: shape.name,
    type,
    path: shape.path ?? null,
    mode: shape.mode ?? null,
    format: shape.format ?? null,
    formatOptions: shape.format_options ?? null,
    mountOptions: shape.mount_options ?? null,
    mountTarget: shape.mount_target ?? null,
    provision: shape.provision ?? null,
    provisionOptions: shape.provision_options ?? null,
    uuid: shape.uuid ?? null,
    isDefault: shape.default === "yes",
    aliases: shape.aliases,
    migrateKeyblob: shape.migrate_keyblob === "yes",
    members: shape.disks,
    initOrder: shape.init_order,
  };
}

function refuseType(found: string, lenient: boolean, findings: Findings, path: string): null {
  if (lenient) findings.warn(path, `this disk is skipped: type ${shown(found)} is unknown`);
  else findings.refuse("shape", path, shown(found), TYPES.join(", "));
  return null;
}

function checkNames(disks: readonly DiskDefinition[], paths: readonly string[], findings: Findings): void {
  const owners = new Map<string, DiskDefinition>();
  for (const [at, disk] of disks.entries()) {
    if (owners.has(disk.name)) {
      findings.refuse("clash", `${paths[at]}.name`, `a second disk ${shown(disk.name)}`, "a name of its own");
    }
    owners.set(disk.name, disk);
  }
  for (const [at, disk] of disks.entries()) {
    for (const alias of disk.aliases) {
      const owner = owners.get(alias);
      if (owner !== undefined && owner !== disk) {
        findings.refuse(
          "clash",
          `${paths[at]}.aliases`,
          `${shown(alias)}, which names the disk ${shown(owner.name)} already`,
          "an alias of its own",
        );
      }
      owners.set(alias, disk);
    }
  }
}

const NO_MEMBER: readonly DiskType[] = ["dual", "swap-disk"];

/** A dual disk of dual disks could mount itself for ever; one of swap has nothing to mount. */
function checkDuals(disks: readonly DiskDefinition[], paths: readonly string[], findings: Findings): void {
  const types = new Map(disks.flatMap(({ name, aliases, type }) => [name, ...aliases].map((known) => [known, type])));
  for (const [at, disk] of disks.entries()) {
    for (const member of disk.members) {
      const type = types.get(member);
      const found = type === undefined ? `${shown(member)}, which is no disk` : `${shown(member)} of type ${type}`;
      if (type === undefined || NO_MEMBER.includes(type)) {
        findings.refuse("unknown", `${paths[at]}.disks`, found, `names of disks other than ${NO_MEMBER.join(" and ")}`);
      }
    }
  }
}

function onlyOneDefault(
  disks: readonly DiskDefinition[],
  paths: readonly string[],
  findings: Findings,
): readonly DiskDefinition[] {
  const first = disks.findIndex(({ isDefault }) => isDefault);
  return disks.map((disk, at) => {
    if (!disk.isDefault || at === first) return disk;
    findings.warn(`${paths[at]}.default`, `ignored: ${shown(disks[first]?.name)} is the default disk already`);
    return { ...disk, isDefault: false };
  });
}
