import type { Digest, StateWarning, Transition } from "../../state/index.ts";

/** What `cairn explain` says of a revision, as data. Lists are in the order in which a device takes them, or sorted. */
export interface Explanation {
  readonly parts: readonly Part[];
  readonly containers: readonly ContainerView[];
  readonly groups: readonly GroupView[];
  readonly needs: Needs;
  readonly signatures: SignaturesView;
  readonly warnings: readonly StateWarning[];
  /** null: there is nothing to compare it with. */
  readonly change: Change | null;
}

/** Everything under one first component of a key; `_config/<part>` and `_sigs/<part>.json` belong to their part. */
export interface Part {
  readonly name: string;
  readonly kind: "base system" | "container" | "device";
  /** Keys, `#spec` not counted. */
  readonly keys: number;
  /** Of the objects that are at hand, each once. */
  readonly bytes: number;
  /** Objects that the state names and that are not at hand. */
  readonly missing: readonly Digest[];
}

export interface ContainerView {
  readonly name: string;
  /** What its src.json says it was made from; null: nothing says. */
  readonly from: string | null;
  readonly group: string;
  readonly goal: string;
  /** What an update of it needs: `system` is a reboot. */
  readonly restartPolicy: string;
  /** `root.erofs`, with `dm:` before it where the kernel checks each block; null: it has none. */
  readonly root: string | null;
  readonly volumes: readonly string[];
  readonly storage: readonly { readonly name: string; readonly persistence: string; readonly disk: string | null }[];
  /** `mgmt` may command the device. */
  readonly roles: readonly string[];
  readonly network: string;
  /** Ports that its image speaks of: information, and no promise that they are open or closed. */
  readonly ports: readonly string[];
  readonly recovery: string | null;
}

export interface GroupView {
  readonly name: string;
  readonly goal: string;
  readonly containers: readonly string[];
}

/** What must be there for the revision to run as it says. `by` are containers. */
export interface Needs {
  /** `defined`: bsp/drivers.json has the alias in some section. */
  readonly drivers: readonly {
    readonly alias: string;
    readonly required: boolean;
    readonly defined: boolean;
    readonly by: readonly string[];
  }[];
  readonly disks: readonly { readonly name: string; readonly defined: boolean; readonly by: readonly string[] }[];
  readonly services: readonly {
    readonly name: string;
    readonly required: boolean;
    /** Containers that export it. */
    readonly from: readonly string[];
    readonly by: readonly string[];
  }[];
  readonly pools: readonly { readonly name: string; readonly defined: boolean; readonly by: readonly string[] }[];
  /** File systems of images, which the kernel must know. */
  readonly fileSystems: readonly string[];
  readonly verity: boolean;
}

export type Verdict =
  | { readonly kind: "unverified" }
  | { readonly kind: "good"; readonly signer: string }
  | { readonly kind: "bad"; readonly why: string };

export interface SignatureView {
  readonly key: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly protected: readonly string[];
  readonly excluded: readonly string[];
  readonly verdict: Verdict;
}

export interface SignaturesView {
  readonly each: readonly SignatureView[];
  /** Keys that no signature protects and that a device in mode `strict` wants protected. */
  readonly uncovered: readonly string[];
}

export interface Change {
  /** The device's own decision. */
  readonly transition: Transition;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
  /** Of objects that the other revision does not have and that are at hand; each once. */
  readonly newBytes: number;
}
