/** The hub's HTTPS API: devices enrol, operators look and decide. */

export type { Fleet } from "./routes.ts";
export { type Api, type ApiOptions, serveApi } from "./serve.ts";
