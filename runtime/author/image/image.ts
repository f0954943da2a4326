import type { Digest } from "../../state/index.ts";
import type { ImageConfig, Platform } from "./documents/index.ts";

/** One layer as it is kept: with or without compression. */
export interface Layer {
  /** What to call it in errors. */
  readonly name: string;
  /** Of the bytes that `open` gives; null: nobody says. */
  readonly digest: Digest | null;
  /** Of the archive without compression; null: nobody says. */
  readonly diffId: Digest | null;
  /** The bytes, checked while they are read: what is wrong is thrown as BadImage, at the end at the latest. */
  open(): AsyncIterable<Uint8Array>;
}

/** A root file system in layers, whatever it comes from. */
export interface Image {
  /** Null: it says nothing about itself, as a plain root file system. */
  readonly config: ImageConfig | null;
  readonly platform: Platform | null;
  /**
   * What the reference calls `docker_digest` (authoring 2.1): `name@sha256:…` of the manifest in a registry; `sha256:…` of the manifest
   * in a layout; the image id, `sha256:…` of its configuration, in an archive by `docker save`. Null for a plain root file system.
   */
  readonly digest: string | null;
  /** `docker_name` and `docker_tag`. */
  readonly name: string | null;
  readonly tag: string | null;
  /** The lowest first. */
  readonly layers: readonly Layer[];
  /** False: `.wh.` means nothing. */
  readonly whiteouts: boolean;
  /** Files of whoever runs this become root's, as they come from a folder of theirs. */
  readonly own: boolean;
  readonly without: ReadonlySet<string>;
  /** What the author should know, a sentence each. */
  readonly remarks: readonly string[];
  close(): Promise<void>;
}
