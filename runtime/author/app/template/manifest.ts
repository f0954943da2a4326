import type { Json } from "../../../state/index.ts";
import type { Arguments } from "./arguments.ts";
import { mountedVolumes } from "./mounts.ts";
import type { Source } from "./source.ts";
import { type Storage, storageJson } from "./volumes.ts";

/** Files of a container's root: the image's, and the layer that patch and base mode put over it (reference authoring 2.5). */
export interface RootFiles {
  readonly image: string;
  readonly layer: string;
}

/** A container that is only mounted: it has no configuration and never starts. */
export const isPlainData = (args: Arguments): boolean =>
  args.text("PV_RUNLEVEL") === "data" || args.text("PV_STATUS_GOAL") === "MOUNTED";

export const CONFIG_FILE = "lxc.container.conf";

/** `run.json` (reference authoring 2.4, rows in the order of that table). `groups` in start order; a container without one is in the last. */
export function manifest(
  name: string,
  source: Source,
  args: Arguments,
  storage: readonly Storage[],
  root: RootFiles,
  groups: readonly string[],
): Json {
  const started = !isPlainData(args);
  const runlevel = args.text("PV_RUNLEVEL");
  const group = args.text("PV_GROUP") ?? (runlevel === null ? (groups.at(-1) ?? null) : null);
  const roles = args.list("PV_ROLES");
  const verity = source.dm_enabled ?? {};
  const guarded = (file: string): string => (Object.hasOwn(verity, file) && verity[file] ? `dm:${file}` : file);
  const layered = source.docker_ovl_digest !== undefined && source.docker_ovl_digest !== "";
  const based = source.base !== undefined && source.base !== "";
  const network = {
    pool: args.text("PV_NETWORK_POOL"),
    hostname: args.text("PV_NETWORK_HOSTNAME"),
    ip: args.text("PV_NETWORK_IP"),
    mac: args.text("PV_NETWORK_MAC"),
  };
  const volumes = [
    ...args.commaList("PV_EXTRA_VOLUMES"),
    ...mountedVolumes(args),
    ...(layered && !based ? [guarded(root.layer)] : []),
  ];
  return {
    "#spec": "service-manifest-run@1",
    name,
    ...when(started, { config: CONFIG_FILE }),
    ...member("conditions", args.json("PV_CONDITIONS")),
    drivers: {
      manual: args.list("PV_DRIVERS_MANUAL"),
      required: args.list("PV_DRIVERS_REQUIRED"),
      optional: args.list("PV_DRIVERS_OPTIONAL"),
    },
    ...member("group", group),
    ...member("runlevel", runlevel),
    ...member("restart_policy", args.text("PV_RESTART_POLICY")),
    ...member("status_goal", args.text("PV_STATUS_GOAL")),
    storage: storageJson(storage),
    ...when(started && (source.exports ?? []).length > 0, { exports: source.exports ?? [] }),
    ...when(started && (source.logs ?? []).length > 0, { logs: source.logs ?? [] }),
    ...when(started, { type: "lxc" }),
    ...when(started && roles.length > 0, { roles }),
    "root-volume": guarded(layered && based ? root.layer : root.image),
    volumes: [...new Set(volumes)],
    ...member("automodfw", args.text("PV_AUTOMODFW")),
    ...member("remount", args.json("PV_REMOUNT")),
    ...when(network.pool !== null, {
      network: Object.fromEntries(Object.entries(network).filter(([, text]) => text !== null)),
    }),
  };
}

const when = (condition: boolean, members: Readonly<Record<string, Json>>): Readonly<Record<string, Json>> =>
  condition ? members : {};

const member = (name: string, value: Json | undefined): Readonly<Record<string, Json>> =>
  value === undefined || value === null ? {} : { [name]: value };
