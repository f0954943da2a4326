import {
  type Container,
  type Digest,
  type Entry,
  type Json,
  ownerOf,
  type State,
  transition,
} from "../../state/index.ts";
import type { Change, ContainerView, Explanation, GroupView, Needs, Part, SignaturesView } from "./model.ts";

export interface Subject {
  readonly state: State;
  /** Lengths of the objects that are at hand. */
  readonly sizes: ReadonlyMap<Digest, number>;
  readonly signatures: SignaturesView;
}

/** What is in a revision, what a device would do with it, and what it needs. `other` is what the device has now. */
export function explainRevision({ state, sizes, signatures }: Subject, other: State | null): Explanation {
  return {
    parts: partsOf(state, sizes),
    containers: state.containers.map((container) => viewOf(container, state)),
    groups: groupsOf(state),
    needs: needsOf(state),
    signatures,
    warnings: state.warnings,
    change: other === null ? null : changeOf(other, state, sizes),
  };
}

function partName(key: string, state: State): string {
  const owner = ownerOf(key, state);
  if (owner !== null) return owner;
  const [first = "", second] = key.split("/");
  if (first === "_sigs" && second !== undefined) {
    const signed = second.replace(/\.json$/, "");
    if (signed === "bsp" || state.containers.some(({ name }) => name === signed)) return signed;
  }
  return first === "bsp" ? first : DEVICE;
}

/** Settings of the device and everything else that belongs to no container. */
const DEVICE = "(device)";

function partsOf(state: State, sizes: ReadonlyMap<Digest, number>): readonly Part[] {
  const entries = new Map<string, Entry[]>();
  for (const entry of state.entries) {
    if (entry.kind === "spec") continue;
    const name = partName(entry.key, state);
    entries.set(name, [...(entries.get(name) ?? []), entry]);
  }
  return [...entries].map(([name, own]) => {
    const digests = new Set(own.flatMap((entry) => (entry.kind === "object" ? [entry.digest] : [])));
    return {
      name,
      kind: name === "bsp" ? "base system" : name === DEVICE ? "device" : "container",
      keys: own.length,
      bytes: sum([...digests].map((digest) => sizes.get(digest) ?? 0)),
      missing: [...digests].filter((digest) => !sizes.has(digest)),
    };
  });
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

type Members = Readonly<Record<string, Json>>;
const membersOf = (value: Json | undefined): Members =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Members) : {};
const textOf = (value: Json | undefined): string => (typeof value === "string" ? value : "");

function viewOf(container: Container, state: State): ContainerView {
  const { name, rootVolume, network, autoRecovery } = container;
  const written = state.entries.find(({ key }) => key === `${name}/src.json`);
  const source = membersOf(written?.kind === "inline" ? written.value : undefined);
  const volumeName = ({ handler, file }: { handler: string | null; file: string }) =>
    handler === null ? file : `${handler}:${file}`;
  const policy = autoRecovery?.policy ?? "no";
  return {
    name,
    from: originOf(source),
    group: container.group,
    goal: container.statusGoal,
    restartPolicy: container.restartPolicy,
    root: rootVolume === null ? null : volumeName(rootVolume),
    volumes: container.volumes.map(volumeName),
    storage: container.storage,
    roles: container.roles,
    network: network.pool === null ? network.mode : `pool ${network.pool}`,
    ports: Object.keys(membersOf(membersOf(source["docker_config"])["ExposedPorts"])),
    recovery: policy === "no" ? null : policy,
  };
}

/** The image and, where it is known, exactly which. */
function originOf(source: Members): string | null {
  const [name, tag, digest] = ["docker_name", "docker_tag", "docker_digest"].map((key) => textOf(source[key]));
  if (name) return `${name}${tag ? `:${tag}` : ""}${digest ? ` (${digest.slice(digest.indexOf("sha256:"))})` : ""}`;
  return textOf(source["rootfs_url"]) || textOf(source["pvr"]) || null;
}

const groupsOf = ({ device, containers }: State): readonly GroupView[] =>
  device.groups.map(({ name, statusGoal }) => ({
    name,
    goal: statusGoal,
    containers: containers.filter(({ group }) => group === name).map((container) => container.name),
  }));

/** Who wants what, by name, sorted. */
function wanted(
  containers: readonly Container[],
  names: (container: Container) => readonly string[],
): readonly { readonly name: string; readonly by: readonly string[] }[] {
  const by = new Map<string, string[]>();
  for (const container of containers) {
    for (const name of new Set(names(container))) by.set(name, [...(by.get(name) ?? []), container.name]);
  }
  return [...by].map(([name, wants]) => ({ name, by: wants })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function needsOf({ containers, device, drivers }: State): Needs {
  const aliases = new Set([...drivers.values()].flatMap((section) => [...section.keys()]));
  const disks = new Set(device.disks.flatMap(({ name, aliases: others }) => [name, ...others]));
  const pools = new Set(device.pools.map(({ name }) => name));
  const exporters = (service: string): readonly string[] =>
    containers
      .filter(({ exportedServices }) => exportedServices.some(({ name, owns }) => name === service || owns === service))
      .map(({ name }) => name);
  const volumes = containers.flatMap(({ rootVolume, volumes: more }) => [
    ...(rootVolume === null ? [] : [rootVolume]),
    ...more,
  ]);
  const all = (required: boolean) => {
    const of = <T>(requests: { readonly required: readonly T[]; readonly optional: readonly T[] }) =>
      required ? requests.required : requests.optional;
    return {
      drivers: wanted(containers, ({ drivers: requests }) => of(requests)),
      services: wanted(containers, ({ services }) => of(services).map(({ name }) => name)),
    };
  };
  return {
    drivers: [true, false].flatMap((required) =>
      all(required).drivers.map(({ name, by }) => ({ alias: name, required, defined: aliases.has(name), by })),
    ),
    services: [true, false].flatMap((required) =>
      all(required).services.map(({ name, by }) => ({ name, required, from: exporters(name), by })),
    ),
    disks: wanted(containers, ({ storage }) => storage.flatMap(({ disk }) => disk ?? [])).map(({ name, by }) => ({
      name,
      defined: disks.has(name),
      by,
    })),
    pools: wanted(containers, ({ network }) => (network.pool === null ? [] : [network.pool])).map(({ name, by }) => ({
      name,
      defined: pools.has(name),
      by,
    })),
    fileSystems: [...new Set(volumes.flatMap(({ mount, fstype }) => (mount === "image" ? [fstype] : [])))].sort(),
    verity: volumes.some(({ handler }) => handler === "dm"),
  };
}

function changeOf(from: State, to: State, sizes: ReadonlyMap<Digest, number>): Change {
  const names = ({ containers }: State) => new Set<string>(containers.map(({ name }) => name));
  const [before, after] = [names(from), names(to)];
  const decided = transition(from, to);
  const digestsOf = ({ entries }: State) =>
    new Set(entries.flatMap((entry) => (entry.kind === "object" ? [entry.digest] : [])));
  const had = digestsOf(from);
  const fresh = [...digestsOf(to)].filter((digest) => !had.has(digest));
  const touched = decided.kind === "swap" ? decided.affected : affectedBy(from, to);
  return {
    transition: decided,
    added: [...after].filter((name) => !before.has(name)),
    removed: [...before].filter((name) => !after.has(name)),
    changed: [...after].filter((name) => before.has(name) && touched.has(name)),
    newBytes: sum(fresh.map((digest) => sizes.get(digest) ?? 0)),
  };
}

/** Containers whose own files differ, when the whole device restarts anyway and {@link transition} does not say. */
function affectedBy(from: State, to: State): ReadonlySet<string> {
  const files = (state: State): ReadonlyMap<string, string> =>
    new Map(
      state.entries.map((entry) => [
        entry.key,
        entry.kind === "object" ? entry.digest : state.text.slice(entry.slice.start, entry.slice.end),
      ]),
    );
  const [before, after] = [files(from), files(to)];
  const keys = [...new Set([...before.keys(), ...after.keys()])].filter(
    (key) => before.get(key) !== after.get(key) && !/^[^/]+\/(src|build)\.json$/.test(key),
  );
  return new Set(keys.flatMap((key) => ownerOf(key, to) ?? []));
}
