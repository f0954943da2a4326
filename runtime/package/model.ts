import type { Digest } from "../state/index.ts";

/** A revision outside a device: its state, and where its objects are. */
export interface Package {
  /** The state's very bytes; the device reads them, and signatures cover them. */
  readonly state: string;
  /** Objects that the state names and the package has, with their lengths. */
  readonly objects: ReadonlyMap<Digest, number>;
  /** Objects that the state names and the package lacks; fine when the device has them. */
  readonly missing: readonly Digest[];
  /**
   * Hands out the wanted objects, one after the other, each once; `take` reads the bytes or leaves them, and ends it all with false.
   * Throws {@link BadPackage} when the package changed or turns out damaged; from `bytes`, too.
   */
  each(wanted: ReadonlySet<Digest>, take: (object: PackedObject) => Promise<boolean>): Promise<void>;
  close(): Promise<void>;
}

export interface PackedObject {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** What is wrong with a package. Thrown, since it may turn up in the middle of a stream; `openPackage` makes a value of it. */
export class BadPackage extends Error {
  override readonly name = "BadPackage";
}

export const packageLimits = {
  /** No export tool adds more than one member for each file of a state, of which there are 8192 at most. */
  membersMax: 20_000,
  /** Of all members together when unpacked: 1 TiB. Bounds how long a crafted archive can keep us reading. */
  bytesMax: 2 ** 40,
  endMark: true,
} as const;
