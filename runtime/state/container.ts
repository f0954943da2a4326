import { type Document, foldersWith, inlineJson } from "./document.ts";
import { type Findings, place, shown } from "./fault.ts";
import { assignGroups } from "./grouping.ts";
import { limits } from "./limits.ts";
import { type Manifest, RunJson, type RunJsonLog, type RunJsonNetwork } from "./manifest.ts";
import type {
  AutoRecovery,
  Container,
  ContainerName,
  ContainerNetwork,
  Device,
  Group,
  LogSource,
  Role,
  StorageVolume,
  VolumeRef,
} from "./model.ts";
import { containerNameRule, parseContainerName, pathFault } from "./names.ts";
import { parseAutoRecovery } from "./recovery.ts";
import { parseServices, toServiceRequest } from "./services.ts";
import { shaped } from "./shape.ts";
import { parseStorage } from "./storage.ts";
import { parseVerity, parseVolume } from "./volumes.ts";

/** All containers of the state in document order, with their groups' defaults applied. */
export function parseContainers(document: Document, device: Device): readonly Container[] {
  const { findings } = document;
  const folders = foldersWith(document, "run.json");
  if (folders.length > limits.containersMax) {
    findings.refuse("tooMany", "the state", `${folders.length} containers`, `at most ${limits.containersMax}`);
    return [];
  }
  const manifests = folders.flatMap((folder) => parseManifest(folder, document) ?? []);
  const groups = assignGroups(manifests, device, findings);
  for (const folder of foldersWith(document, "services.json")) {
    if (!folders.includes(folder)) findings.warn(`${folder}/services.json`, "ignored: the folder has no run.json");
  }
  return manifests.flatMap((manifest) => {
    const name = parseContainerName(manifest.folder);
    const group = groups.get(manifest.folder);
    return name === null || group === undefined ? [] : [toContainer(manifest, name, group, device, document)];
  });
}

function parseManifest(folder: string, document: Document): Manifest | null {
  const { findings } = document;
  const key = `${folder}/run.json`;
  const value = inlineJson(document, key);
  const run = value === undefined ? null : shaped(RunJson, value, findings, key);
  if (run === null) return null;
  if (run.name !== folder) {
    findings.refuse("name", place(key, "name"), shown(run.name), `${shown(folder)}, the name of its folder`);
  } else if (parseContainerName(folder) === null) {
    findings.refuse("name", place(key, "name"), shown(run.name), containerNameRule);
  }
  return { key, folder, run };
}

function toContainer(
  { key, run }: Manifest,
  name: ContainerName,
  group: Group,
  device: Device,
  document: Document,
): Container {
  const { findings, tree } = document;
  const root = run["root-volume"];
  const rootVolume = root === undefined ? null : parseVolume(root, name, place(key, "root-volume"), document);
  const volumes = parseVolumes(run.volumes, rootVolume, name, key, document);
  const storage = parseStorage(run.storage, findings, key, "storage");
  checkMountPoints(storage, rootVolume === null ? volumes : [rootVolume, ...volumes], key, findings);
  const goal = run.status_goal ?? group.statusGoal;
  return {
    name,
    type: run.type ?? null,
    group: group.name,
    restartPolicy: run.restart_policy ?? group.restartPolicy,
    statusGoal: goal,
    roles: parseRoles(run.roles, key, findings),
    autoRecovery: inheritRecovery(run, group, key, findings),
    network: parseNetwork(run.network, device, key, findings),
    config: parseConfig(run, goal !== "MOUNTED", name, key, document),
    rootVolume,
    volumes,
    verity: parseVerity(rootVolume === null ? volumes : [rootVolume, ...volumes], name, document),
    logs: run.logs?.flatMap((log, at) => parseLog(log, place(key, "logs", at), findings)) ?? null,
    storage,
    drivers: {
      required: run.drivers?.required ?? [],
      optional: run.drivers?.optional ?? [],
      manual: run.drivers?.manual ?? [],
    },
    services: {
      required: run.services?.required.map(toServiceRequest) ?? [],
      optional: run.services?.optional.map(toServiceRequest) ?? [],
    },
    exportedServices: parseServices(name, document),
    exports: run.exports,
    devLog: run["dev-log"] ?? null,
    automodfw: run.automodfw !== "no",
    hasConfigOverlay: tree.hasBelow(`_config/${name}`),
  };
}

function parseConfig(
  { config, type }: RunJson,
  started: boolean,
  name: ContainerName,
  key: string,
  { tree, findings }: Document,
): string | null {
  if (started && (config === undefined || type === undefined)) {
    const found = config === undefined ? "no config" : "no type";
    findings.refuse(
      "incomplete",
      key,
      found,
      '"type":"lxc" and a config, or the goal MOUNTED for a container that is never started',
    );
  }
  if (config === undefined) return null;
  if (pathFault(config) !== null || !tree.has(`${name}/${config}`)) {
    findings.refuse(
      "file",
      place(key, "config"),
      `${shown(config)}, but no key ${shown(`${name}/${config}`)}`,
      "a file of the state",
    );
  }
  return config;
}

function parseVolumes(
  written: readonly string[],
  rootVolume: VolumeRef | null,
  name: ContainerName,
  key: string,
  document: Document,
): readonly VolumeRef[] {
  const mounted = new Set(rootVolume === null ? [] : [rootVolume.file]); // each becomes /volumes/<name>/<file>
  return written.flatMap((text, at) => {
    const path = place(key, "volumes", at);
    const ref = parseVolume(text, name, path, document);
    if (ref === null) return [];
    if (mounted.has(ref.file)) {
      document.findings.warn(path, `ignored: ${shown(ref.file)} is mounted already`);
      return [];
    }
    mounted.add(ref.file);
    return [ref];
  });
}

/** Files and storage are mounted side by side in /volumes/<name>/ (reference 2.3, 2.4). */
function checkMountPoints(
  storage: readonly StorageVolume[],
  volumes: readonly VolumeRef[],
  key: string,
  findings: Findings,
): void {
  for (const { name } of storage) {
    if (volumes.every(({ file }) => file !== name)) continue;
    findings.refuse(
      "clash",
      place(key, "storage", name),
      `the name of a mounted file, ${shown(name)}`,
      "a name of its own",
    );
  }
}

function parseRoles(written: readonly string[], key: string, findings: Findings): readonly Role[] {
  const roles = new Set<Role>();
  for (const [at, role] of written.entries()) {
    if (role === "mgmt" || role === "nobody") roles.add(role);
    else findings.warn(place(key, "roles", at), `${shown(role)} is ignored: wanted "mgmt" or "nobody"`);
  }
  return [...roles];
}

function inheritRecovery(run: RunJson, group: Group, key: string, findings: Findings): AutoRecovery | null {
  if (run.auto_recovery === undefined) return group.autoRecovery;
  const own = parseAutoRecovery(run.auto_recovery, findings, key, "auto_recovery");
  if (own === null || own.saysPolicy) return own?.block ?? null;
  findings.warn(place(key, "auto_recovery"), `ignored: it has no policy, so the group ${shown(group.name)} decides`);
  return group.autoRecovery;
}

function parseNetwork(
  network: RunJsonNetwork | undefined,
  { pools }: Device,
  key: string,
  findings: Findings,
): ContainerNetwork {
  const { mode, pool = null, hostname = null, ip = null, mac = null } = network ?? {};
  const at = (step: string) => place(key, "network", step);
  if (network?.interfaces !== undefined) findings.warn(at("interfaces"), "ignored: a container has one interface");
  if (mode === "pool" && pool === null)
    findings.refuse("incomplete", at("mode"), '"pool"', "the name of a pool under pool");
  if (pool !== null && mode !== undefined && mode !== "pool")
    findings.warn(at("mode"), `${shown(mode)} is ignored: a pool is named`);
  if (pool !== null && pools.every(({ name }) => name !== pool)) {
    findings.warn(at("pool"), `${shown(pool)} is no pool of device.json: the container will not start`);
  }
  return { mode: pool === null ? (mode ?? "none") : "pool", pool, hostname, ip, mac };
}

const DEFAULT_MAX_BYTES = 2 << 20; // reference 2.6

function parseLog(log: RunJsonLog, path: string, findings: Findings): readonly LogSource[] {
  const { file, name = null, maxsize = DEFAULT_MAX_BYTES, truncate } = log;
  const sources: LogSource[] = [];
  if (file !== undefined) sources.push({ kind: "file", file, name, maxBytes: maxsize, truncate: truncate === "true" });
  if (log.lxc === "enable") sources.push({ kind: "lxc" });
  if (log.console === "enable") sources.push({ kind: "console" });
  if (sources.length === 0) findings.warn(path, 'ignored: wanted a file, "lxc":"enable" or "console":"enable"');
  return sources;
}
