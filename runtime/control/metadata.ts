import { answered, json, ok, refusal, text } from "./answer.ts";
import type { MetadataKind } from "./ports.ts";
import { act, get, type Route, withText } from "./route.ts";

/** Reference 8.7. */
const VALUE_BYTES_MAX = 4096;

const ofKind = (kind: MetadataKind): readonly Route[] => [
  get(`/${kind}`, async ({ device }) => {
    const entries = [...(await device.metadata.entries(kind))];
    // Not an object's own literal: a key like "__proto__" is a key like any other here.
    return json(`{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`);
  }),
  get(`/${kind}/{}`, async ({ device, names: [key = ""] }) => {
    const value = (await device.metadata.entries(kind)).get(key);
    return value === undefined ? refusal(404, "Key does not exist") : text(value);
  }),
  withText("PUT", `/${kind}/{}`, VALUE_BYTES_MAX, async ({ device, names: [key = ""] }, value) =>
    answered(await device.metadata.set(kind, key, value), () => ok),
  ),
  act("DELETE", `/${kind}/{}`, async ({ device, names: [key = ""] }) =>
    answered(await device.metadata.remove(kind, key), () => ok),
  ),
];

/** Device-meta and user-meta (reference 8.7). One value by its key is Cairn's own. */
export const metadataRoutes: readonly Route[] = [...ofKind("device-meta"), ...ofKind("user-meta")];
