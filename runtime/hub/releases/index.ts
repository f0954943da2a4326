/** What devices are to run: releases of revisions to tags, the order that each device has of it, and how far it has come with that. */
export { type Cost, type Costs, openCosts } from "./cost.ts";
export { type Decision, decide, EVERY_DEVICE } from "./desired.ts";
export { explainRelease } from "./explain.ts";
export { type OrderReports, openOrderReports } from "./heard.ts";
export { openPublisher, type Publisher, type PublisherPorts } from "./publisher.ts";
export {
  openReleases,
  type ReleaseFault,
  type Releases,
  type ReleasesPorts,
  type ReleaseWish,
} from "./releases.ts";
