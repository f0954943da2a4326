import type { State, VerityManifest, VolumeRef } from "../state/index.ts";

/**
 * Keys whose every byte the kernel checks when it is read: the data device of a dm-verity manifest that a `dm:` volume uses
 * (reference 5.5). A manifest alone guards nothing, and a file that is also mounted without the handler is read unchecked there.
 */
export function verityGuarded({ bsp, containers }: Pick<State, "bsp" | "containers">): ReadonlySet<string> {
  const owners = containers.map(({ name, rootVolume, volumes, verity }) => ({
    folder: name as string,
    volumes: rootVolume === null ? volumes : [rootVolume, ...volumes],
    verity,
  }));
  if (bsp !== null) {
    const firmware = bsp.firmware === null ? [] : [bsp.firmware];
    owners.push({ folder: "bsp", volumes: [...bsp.modules.values(), ...firmware], verity: bsp.verity });
  }
  return new Set(
    owners.flatMap(({ folder, volumes, verity }) =>
      verity.filter((manifest) => isGuarded(manifest, volumes)).map(({ dataDevice }) => `${folder}/${dataDevice}`),
    ),
  );
}

function isGuarded({ image, dataDevice }: VerityManifest, volumes: readonly VolumeRef[]): boolean {
  const used = volumes.some(({ handler, file }) => handler === "dm" && file === image);
  return used && !volumes.some(({ handler, file }) => handler === null && file === dataDevice);
}
