/** Images in registries: OCI distribution-spec, pulling only. */
export type { Login } from "./auth.ts";
export { openCache } from "./cache.ts";
export { openRegistry, type Registry, type RegistryOptions } from "./client.ts";
