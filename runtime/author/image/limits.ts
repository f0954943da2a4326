/** What an image may hold at most. Each is far above what real images have, and bounds what a hostile one can cost. */
export const imageLimits = {
  /** Manifests and indexes: 4 MiB, as the distribution-spec has it ("Pushing Manifests"). */
  documentBytesMax: 4 << 20,
  /** Indexes inside of indexes. */
  indexDepthMax: 4,
  manifestsMax: 1024,
  layersMax: 512,
  /** One layer as it is fetched. */
  layerBytesMax: 16 * 2 ** 30,
  /** All layers unpacked: bounds what a decompression bomb can put onto the disk. */
  unpackedBytesMax: 32 * 2 ** 30,
  /** Files, folders and links of the whole image. */
  entriesMax: 1_000_000,
  /** Names, link targets and extended attributes together: they are in memory. */
  metadataBytesMax: 128 << 20,
  /** Members of an archive that holds an image. */
  archiveMembersMax: 100_000,
  /** Strings and lists of an image's configuration. */
  configItemsMax: 4096,
  configTextBytesMax: 128 << 10,
} as const;

export type ImageLimits = { readonly [K in keyof typeof imageLimits]: number };
