/** Strict JSON that remembers where each value stood: what signatures and exact copies need and `JSON.parse` throws away. */
export { type CanonicalMember, canonical, canonicalMembers, canonicalObject, canonicalText } from "./canonical.ts";
export { decodeUtf8, type JsonFault, type JsonLimits, type JsonProblem } from "./fault.ts";
export { type JsonMember, type JsonNode, toJson } from "./node.ts";
export { byCodePoint } from "./order.ts";
export { type Purpose, readJson } from "./read.ts";
