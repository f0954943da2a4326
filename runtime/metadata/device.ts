import { err, ok, type Result } from "../result.ts";
import { changingFacts, constantFacts } from "./machine.ts";
import { explainMetadata, type Metadata, type MetadataError } from "./metadata.ts";
import { openMirror } from "./mirror.ts";

/** Keys that only the runtime writes (reference 9.2), and everything that begins with these. */
const OWN_KEYS: ReadonlySet<string> = new Set(["interfaces", "storage", "sysinfo", "time"]);
const OWN_PREFIXES = ["pantavisor.", "pantahub."];

const isOwn = (key: string): boolean => OWN_KEYS.has(key) || OWN_PREFIXES.some((prefix) => key.startsWith(prefix));

export type DeviceMetaError = MetadataError | { readonly kind: "ownKey"; readonly key: string };

export const explainDeviceMeta = (error: DeviceMetaError): string =>
  error.kind === "ownKey" ? `${error.key} is written by the runtime itself` : explainMetadata(error);

/** What only the rest of the runtime knows. */
export interface DeviceFacts {
  /** `pantavisor.version`, `pantavisor.revision`, `pantavisor.mode`. */
  readonly constant: ReadonlyMap<string, string>;
  /** `pantavisor.status`, `storage`; asked anew each time. */
  changing(): Promise<ReadonlyMap<string, string>>;
}

/** Device-meta: what others wrote, and what the runtime knows at the moment. */
export interface DeviceMeta {
  entries(): Promise<ReadonlyMap<string, string>>;
  set(key: string, value: string): Promise<Result<void, DeviceMetaError>>;
  remove(key: string): Promise<Result<boolean, DeviceMetaError>>;
}

/** Shows the constant facts in the mirror, once. Kept keys that the runtime has taken over since are not shown. */
export function openDeviceMeta(
  kept: Metadata,
  facts: DeviceFacts,
  mirror: { readonly folder: string; warn(message: string): void },
): DeviceMeta {
  const constant = new Map([...constantFacts(), ...facts.constant]);
  openMirror(mirror.folder, mirror.warn).show(constant, []);
  const refused = (key: string): Result<never, DeviceMetaError> | null =>
    isOwn(key) ? err({ kind: "ownKey", key }) : null;
  return {
    entries: async () =>
      new Map([
        ...[...kept.entries].filter(([key]) => !isOwn(key)),
        ...constant,
        ...changingFacts(),
        ...(await facts.changing()),
      ]),
    set: async (key, value) => refused(key) ?? kept.set(key, value),
    remove: async (key) => refused(key) ?? kept.remove(key),
  };
}

const valueText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** The pairs of a JSON object, as the command UPDATE_METADATA carries them. What is no text becomes its JSON. */
export function pairsIn(json: string): Result<readonly (readonly [string, string])[], "notAnObject"> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    return err("notAnObject");
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return err("notAnObject");
  return ok(Object.entries(parsed).map(([key, value]) => [key, valueText(value)] as const));
}
