/** Metadata of devices: what they tell of themselves, and what operators want them to have. */
export { explainMeta } from "./explain.ts";
export { type Metadata, type MetadataPorts, type MetaFault, type MetaView, openMetadata } from "./metadata.ts";
