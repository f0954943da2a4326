import * as v from "valibot";
import { type DiskList, parseDisks } from "./disks.ts";
import { type Document, inlineJson } from "./document.ts";
import { place } from "./fault.ts";
import { parseGroups } from "./groups.ts";
import type { Device, Group, Json } from "./model.ts";
import { parsePools } from "./pools.ts";
import { isObject, json, object, shaped } from "./shape.ts";
import { parseStorage } from "./storage.ts";

const part = v.exactOptional(json);
const DeviceShape = object({
  groups: part,
  disks: part,
  disks_v2: part,
  disks_v3: part,
  volumes: part,
  network: v.exactOptional(object({ pools: part })),
});

/** device.json (reference 1.5), or the older files when there is none. The default groups apply when no file gives groups. */
export function parseDevice(document: Document, defaults: readonly Group[]): Device {
  const { tree, findings } = document;
  if (!tree.has("device.json")) return parseLegacy(document, defaults);
  for (const key of ["groups.json", "disks.json", "disks_v3.json"]) {
    if (tree.has(key)) findings.warn(key, "ignored: device.json is there");
  }
  const value = inlineJson(document, "device.json");
  const device = value === undefined ? null : shaped(DeviceShape, value, findings, "device.json");
  const lists = (["disks", "disks_v2", "disks_v3"] as const).flatMap((name): readonly DiskList[] => {
    const list = device?.[name];
    return list === undefined ? [] : [{ value: list, key: "device.json", steps: [name], lenient: name === "disks_v3" }];
  });
  if (device?.groups === undefined) findings.warn("device.json", "it has no groups: the default groups apply");
  return {
    groups: device?.groups === undefined ? defaults : parseGroups(device.groups, findings, "device.json", "groups"),
    runlevels: device?.groups === undefined,
    disks: parseDisks(lists, findings),
    volumes: parseStorage(device?.volumes, findings, "device.json", "volumes"),
    pools: parsePools(device?.network?.pools, findings, "device.json"),
  };
}

function parseLegacy(document: Document, defaults: readonly Group[]): Device {
  const { findings } = document;
  const groups = inlineJson(document, "groups.json");
  const lists = ["disks.json", "disks_v3.json"].flatMap((key): readonly DiskList[] => {
    const value = inlineJson(document, key);
    return value === undefined ? [] : [{ value, key, steps: [], lenient: key === "disks_v3.json" }];
  });
  return {
    groups: groups === undefined ? defaults : parseGroupsFile(groups, document),
    runlevels: groups === undefined,
    disks: parseDisks(lists, findings),
    volumes: [],
    pools: [],
  };
}

/** An array, or an object with the array under `groups` as in device.json. */
function parseGroupsFile(value: Json, { findings }: Document): readonly Group[] {
  if (!isObject(value)) return parseGroups(value, findings, "groups.json");
  const { groups } = value;
  if (groups !== undefined) return parseGroups(groups, findings, "groups.json", "groups");
  findings.refuse("missing", place("groups.json", "groups"), "nothing", "an array of groups");
  return [];
}
