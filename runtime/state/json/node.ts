import type { Json } from "../model.ts";

/** One value and where it stood: UTF-16 indices into the text, `end` exclusive, white space around it not included. */
export type JsonNode =
  | {
      readonly kind: "scalar";
      readonly value: null | boolean | number | string;
      readonly start: number;
      readonly end: number;
    }
  | { readonly kind: "array"; readonly items: readonly JsonNode[]; readonly start: number; readonly end: number }
  | { readonly kind: "object"; readonly members: readonly JsonMember[]; readonly start: number; readonly end: number };

/** One member of an object. `keyStart` and `keyEnd` enclose the name with its quotes, as written. */
export interface JsonMember {
  readonly key: string;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly value: JsonNode;
}

/** The plain value of a node. Objects have no prototype, so a member called `__proto__` or `constructor` is only a member. */
export function toJson(node: JsonNode): Json {
  switch (node.kind) {
    case "scalar":
      return node.value;
    case "array":
      return node.items.map(toJson);
    case "object": {
      const plain: { [key: string]: Json } = Object.create(null);
      for (const { key, value } of node.members) plain[key] = toJson(value);
      return plain;
    }
  }
}
