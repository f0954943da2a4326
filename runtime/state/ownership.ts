import type { ContainerName, State } from "./model.ts";

/**
 * The container that a key belongs to: the one named by its first component, or by the second below `_config/`. Null: no container has
 * that name, so the key counts as part of the base system, and a change of it needs a reboot (reference 1.3).
 */
export function ownerOf(key: string, { containers }: Pick<State, "containers">): ContainerName | null {
  const [first, second] = key.split("/");
  const owner = first === "_config" ? second : first;
  return containers.find(({ name }) => name === owner)?.name ?? null;
}
