import type { Result } from "../../result.ts";
import type { Digest, Json } from "../../state/index.ts";
import type { Accounts } from "./template/index.ts";

/** How a root is packed; the name is also the image's file name extension, by which a device knows it (reference 2.3). */
export type Format = "erofs" | "squashfs";

/** Where to look for an image of a registry, in this order: `local` is the engine of this machine. */
export type ImagePlace = "remote" | "local";

export interface ImageRequest {
  readonly type: "docker" | "rootfs";
  /** A name of a registry's image, or a folder, archive or layout on this machine. */
  readonly from: string;
  /** `linux/arm64`, the best first; none: what the image offers by itself. */
  readonly platforms: readonly string[];
  readonly places: readonly ImagePlace[];
  readonly login: { readonly user: string; readonly password: string } | null;
}

/** An image that was found and fetched, its layers laid over each other. */
export interface Image {
  /** `name@sha256:…`, or `sha256:…` where it has no name; "" for a root file system, which is known by what it is packed to. */
  readonly digest: string;
  /** The member `config` of its configuration. */
  readonly config: Readonly<Record<string, Json>>;
  accounts(): Promise<Result<Accounts, string>>;
  /** What the author should know, one sentence each. */
  readonly remarks: readonly string[];
  /** Writes the root to a new file and makes it durable: the same image gives the same bytes. `options` are those of `mksquashfs`; null: our own choice. */
  pack(path: string, format: Format, options: string | null): Promise<Result<Packed, string>>;
  close(): Promise<void>;
}

export interface Packed {
  readonly digest: Digest;
  /** What the author should know of it, one sentence each. */
  readonly remarks: readonly string[];
}

/** An error is a sentence for a person: each source explains its own. */
export interface Images {
  open(request: ImageRequest): Promise<Result<Image, string>>;
}

export interface Verity {
  /**
   * Guards the packed root `image`: writes its hash tree to `<image>.hash` and what a device needs to know of it to
   * `_dm/<name of the image>.json` beside it (reference authoring 2.6), both durable.
   */
  guard(image: string): Promise<Result<void, string>>;
}

/** Containers that somebody else has made (`--type pvr`). */
export interface Parts {
  /**
   * Writes the files of the one part that `reference` names, `../gateway#web`, into an existing folder, over what is there; objects are
   * checked, and all is durable. The value is the part's name.
   */
  unpack(reference: string, folder: string): Promise<Result<string, string>>;
}
