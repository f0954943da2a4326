import type { DeviceState } from "../../fleet/wire/index.ts";

/** What a device reports, as the registry keeps it and the API shows it: JSON. */
export function reportText({ containers, stateDigestPrefix, ...state }: DeviceState): string {
  return JSON.stringify({ ...state, state: stateDigestPrefix, containers: Object.fromEntries(containers) });
}
