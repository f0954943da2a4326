import { json, refusal, text } from "./answer.ts";
import type { ControlResponse } from "./message.ts";
import { act, get, type Route } from "./route.ts";
import { configBody, legacyConfigBody } from "./views.ts";

const notYet = (path: string): ControlResponse => refusal(400, `endpoint is not there yet: ${path}`);

/**
 * What the device is and how it was set up (reference 8.8), and the endpoints whose feature is not there yet (8.9). Those answer an
 * empty list where that is the truth, and say that they are not there yet where it would not be.
 */
export const informationRoutes: readonly Route[] = [
  get("/config", ({ device }) => json(legacyConfigBody(device))),
  get("/config2", ({ device }) => json(configBody(device))),
  get("/buildinfo", ({ device }) => text(device.buildinfo())),
  get("/daemons", () => json("[]")), // the runtime keeps no daemons
  act("PUT", "/daemons/{}", () => refusal(404, "Daemon not found")),
  get("/xconnect-graph", ({ device }) => (device.usesMesh() ? notYet("/xconnect-graph") : json("[]"))),
  get("/drivers", ({ caller, device }) =>
    caller.kind === "container" && device.hasManualDrivers(caller.name) ? notYet("/drivers") : json("{}"),
  ),
  act("PUT", "/drivers/{}", () => notYet("/drivers")),
  act("PUT", "/drivers/{}/{}", () => notYet("/drivers")),
  get("/wakelocks", () => notYet("/wakelocks")),
];
