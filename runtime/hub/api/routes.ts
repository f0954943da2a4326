import { commandRoutes } from "./commands.ts";
import { deviceRoutes } from "./devices.ts";
import { metadataRoutes } from "./metadata.ts";
import { parcelRoutes } from "./parcels.ts";
import { releaseRoutes } from "./releases.ts";
import { revisionRoutes } from "./revisions.ts";
import type { Route } from "./route.ts";

/** Every route there is. */
export const routes: readonly Route[] = [
  ...deviceRoutes,
  ...commandRoutes,
  ...metadataRoutes,
  ...revisionRoutes,
  ...releaseRoutes,
  ...parcelRoutes,
];
