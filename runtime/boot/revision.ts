import { err, ok, type Result } from "../result.ts";
import { type Container, type ContainerName, factory, ownerOf, type RevisionName, type State } from "../state/index.ts";
import {
  explainProblem,
  explainStore,
  makeVolumeFolder,
  newHashCache,
  prepareStorage,
  type Store,
  type StoreError,
  setCurrent,
  settleFactory,
  validate,
} from "../store/index.ts";
import type { Failure } from "../update/index.ts";
import { type Accepts, readRevision } from "./read-revision.ts";

/** The revision that was booted: what it says, and its files. */
export interface LoadedRevision {
  readonly name: RevisionName;
  readonly state: State;
  /** `dm:` images are mounted under dm-verity; otherwise their bytes are checked like any other's. */
  readonly useVerity: boolean;
  /** Checks files against what the state names, every time; the reason in words when one is not as it should be. */
  check(keys: ReadonlySet<string>): Promise<Result<void, string>>;
  /** Checks a container's files and makes the folders of its storage. */
  prepare(container: Container): Promise<Result<void, string>>;
}

/** The keys of the state that belong to a container; null: to none, which is the base system and the device's own files. */
export const keysOf = (state: State, owner: ContainerName | null): ReadonlySet<string> =>
  new Set(state.entries.map(({ key }) => key).filter((key) => ownerOf(key, state) === owner));

/** The storage tree and the revision that the boot loader says it started. */
export interface Storage {
  readonly store: Store;
  readonly name: RevisionName;
}

/** Makes the folders of the storage tree, points `current` at the booted revision, and settles the factory's record. */
export async function openStorage(store: Store, name: RevisionName): Promise<Result<Storage, string>> {
  const settling: readonly ((opened: Store) => Promise<Result<unknown, StoreError>>)[] = [
    prepareStorage,
    (opened) => setCurrent(opened, name),
    ...(name === factory ? [settleFactory] : []),
  ];
  for (const settle of settling) {
    const settled = await settle(store);
    if (!settled.ok) return err(explainStore(settled.error));
  }
  return ok({ store, name });
}

/** Reads the booted revision, and whether it may run here (reference 4.3, steps 3 to 5). */
export async function loadRevision(
  { store, name }: Storage,
  { useVerity, accepts }: { readonly useVerity: boolean; readonly accepts: Accepts },
): Promise<Result<LoadedRevision, Failure>> {
  const state = await readRevision(store, name, accepts);
  return state.ok ? ok(openRevision(store, name, state.value, useVerity)) : state;
}

/** A revision whose state is known already. */
export function openRevision(store: Store, name: RevisionName, state: State, useVerity: boolean): LoadedRevision {
  const hashes = newHashCache();
  const check = async (keys: ReadonlySet<string>): Promise<Result<void, string>> => {
    const { problems } = await validate(store, name, state, { keys, trustVerity: useVerity, hashes });
    return problems.length === 0 ? ok(undefined) : err(problems.map(explainProblem).join("; "));
  };
  return {
    name,
    state,
    useVerity,
    check,
    async prepare(container) {
      const good = await check(keysOf(state, container.name));
      if (!good.ok) return good;
      for (const { name: volume, persistence } of container.storage) {
        if (persistence === "boot") continue;
        const rev = persistence === "permanent" ? null : name;
        const made = await makeVolumeFolder(store, { owner: container.name, volume, rev });
        if (!made.ok) return err(explainStore(made.error));
      }
      return ok(undefined);
    },
  };
}
