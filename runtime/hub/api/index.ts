/** The hub's HTTPS API: devices enrol and fetch, authors send, operators look and decide. */

export type { Fleet, HubParts } from "./route.ts";
export { type Api, type ApiOptions, serveApi } from "./serve.ts";
