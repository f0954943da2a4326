/** Strict JSON that remembers where each value stood: what signatures and exact copies need and `JSON.parse` throws away. */
export { canonical, canonicalText } from "./canonical.ts";
export { decodeUtf8, type JsonFault, type JsonLimits, type JsonProblem } from "./fault.ts";
export { type JsonMember, type JsonNode, toJson } from "./node.ts";
export { readJson } from "./read.ts";
