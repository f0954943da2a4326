import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { ownedKey } from "./key.ts";

/**
 * Metadata as files in memory, where containers read them (reference 7.4, 9.1): `<folder>/<key>` with all keys, and for each container
 * `<folder>.<container>/<rest>` with those that begin with its name and a dot.
 */
export interface Mirror {
  /** Names the containers that get a folder of their own, and writes what they see; folders of others are emptied. */
  show(entries: ReadonlyMap<string, string>, containers: readonly string[]): void;
  set(key: string, value: string): void;
  remove(key: string): void;
}

/** What cannot be written is said to `warn`: the values themselves are not lost by it. */
export function openMirror(folder: string, warn: (message: string) => void): Mirror {
  let owners: readonly string[] = [];

  const attempt = (what: string, act: () => void): void => {
    try {
      act();
    } catch (error) {
      warn(`metadata: ${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const places = (key: string): readonly { readonly folder: string; readonly name: string }[] => [
    { folder, name: key },
    ...owners.flatMap((owner) => {
      const name = ownedKey(key, owner);
      return name === null ? [] : [{ folder: `${folder}.${owner}`, name }];
    }),
  ];
  const set = (key: string, value: string): void => {
    for (const place of places(key)) {
      attempt(`${place.folder}/${place.name}`, () => {
        // No reader sees half a value. The temporary name is none that a key can have.
        const temporary = `${place.folder}/.${place.name}.tmp`;
        mkdirSync(place.folder, { recursive: true });
        writeFileSync(temporary, value);
        renameSync(temporary, `${place.folder}/${place.name}`);
      });
    }
  };
  return {
    show(entries, containers) {
      const gone = owners.filter((owner) => !containers.includes(owner));
      for (const owner of gone) attempt(owner, () => rmSync(`${folder}.${owner}`, { recursive: true, force: true }));
      owners = containers;
      attempt(folder, () => mkdirSync(folder, { recursive: true }));
      for (const owner of owners) attempt(owner, () => mkdirSync(`${folder}.${owner}`, { recursive: true }));
      for (const [key, value] of entries) set(key, value);
    },
    set,
    remove(key) {
      for (const place of places(key)) {
        attempt(`${place.folder}/${place.name}`, () => rmSync(`${place.folder}/${place.name}`, { force: true }));
      }
    },
  };
}
