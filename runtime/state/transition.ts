import { becomesFile } from "./document.ts";
import type { ContainerName, Entry, State } from "./model.ts";
import { ownerOf } from "./ownership.ts";

/** How a device gets from one revision to another (reference 4.5). */
export type Transition =
  /** `because`: the keys that differ and belong to no container, or to one with restart policy `system`. */
  | { readonly kind: "reboot"; readonly because: readonly string[] }
  /** Only these containers are exchanged: changed, added or removed. Empty: the revisions are alike. */
  | { readonly kind: "swap"; readonly affected: ReadonlySet<ContainerName> };

/** An entry's content: the digest of an object, the source text of inline JSON. */
const content = ({ text }: State, entry: Entry): string =>
  entry.kind === "object" ? entry.digest : text.slice(entry.slice.start, entry.slice.end);

const contents = (state: State): ReadonlyMap<string, string> =>
  new Map(state.entries.filter(becomesFile).map((entry) => [entry.key, content(state, entry)]));

/**
 * Compares two states by their files: notes of authors and signatures do not count. A difference needs a reboot when, in a state that
 * has the key, no container owns it or its container says so in either state.
 */
export function transition(from: State, to: State): Transition {
  const [before, after] = [contents(from), contents(to)];
  const keys = [...new Set([...before.keys(), ...after.keys()])].filter((key) => before.get(key) !== after.get(key));
  const affected = new Set<ContainerName>();
  const because: string[] = [];
  for (const key of keys) {
    const owners = [before.has(key) ? ownerOf(key, from) : undefined, after.has(key) ? ownerOf(key, to) : undefined];
    for (const owner of owners) if (owner) affected.add(owner);
    if (owners.includes(null) || owners.some((owner) => owner && wantsReboot(owner, from, to))) because.push(key);
  }
  return because.length > 0 ? { kind: "reboot", because } : { kind: "swap", affected };
}

const wantsReboot = (name: ContainerName, ...states: readonly State[]): boolean =>
  states.some(({ containers }) =>
    containers.some((container) => container.name === name && container.restartPolicy === "system"),
  );
