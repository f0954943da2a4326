import * as v from "valibot";
import { json, ok, parse, refusal } from "./answer.ts";
import type { RequestRefusal } from "./device.ts";
import type { ControlResponse } from "./message.ts";
import { type Call, get, type Route, withText } from "./route.ts";
import { containersBody, groupsBody } from "./views.ts";

const SMALL_BODY_BYTES_MAX = 4096;

const Action = v.object({ action: v.picklist(["start", "stop", "restart"]) });
const Signal = v.object({ type: v.string(), payload: v.optional(v.string()) });

/** Reference 8.1, 8.2. A device that goes down is busy with that. */
const REFUSED: Readonly<Record<RequestRefusal["kind"], number>> = {
  unknownContainer: 404,
  notControllable: 403,
  wrongStatus: 400,
  shuttingDown: 503,
};
/** Longer than a shutdown takes: whoever asks again then asks the next boot. */
const SHUTDOWN_RETRY_SECONDS = 60;

function controlContainer({ device, names: [name = ""] }: Call, body: string): ControlResponse {
  const wish = parse(Action, body);
  if (wish === null) return refusal(400, `Wants a body like {"action":"start"}, "stop" or "restart"`);
  const refused = device.request(name, wish.action);
  if (refused === null) return ok;
  const retry = refused.kind === "shuttingDown" ? SHUTDOWN_RETRY_SECONDS : undefined;
  return refusal(REFUSED[refused.kind], refused.why, retry);
}

function signal({ caller, device }: Call, body: string): ControlResponse {
  const sent = parse(Signal, body);
  if (sent === null) return refusal(400, "Signal has bad format");
  const accepted = caller.kind === "container" && sent.type === "ready" && device.signalReady(caller.name);
  return accepted ? ok : refusal(500, "Signal not expected from this platform");
}

/** Containers, groups, and what a container says of itself (reference 8.2, 8.3). */
export const containerRoutes: readonly Route[] = [
  get("/containers", ({ device }) => json(containersBody(device))),
  withText("PUT", "/containers/{}", SMALL_BODY_BYTES_MAX, controlContainer),
  get("/groups", ({ device }) => json(groupsBody(device))),
  { ...withText("POST", "/signal", SMALL_BODY_BYTES_MAX, signal), open: true },
];
