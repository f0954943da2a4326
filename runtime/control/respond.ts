import * as v from "valibot";
import type { Device, PowerAction, RequestRefusal } from "./device.ts";
import type { Caller, ControlRequest, ControlResponse } from "./message.ts";
import { configBody, containersBody, groupsBody } from "./views.ts";

type Handler = (call: {
  readonly caller: Caller;
  readonly device: Device;
  /** What stands for `{}` in the route's path; "" if it has none. */
  readonly name: string;
  readonly body: string;
}) => ControlResponse;

interface Route {
  readonly method: string;
  readonly path: string;
  /** Open to every container; all else wants role mgmt or the host. */
  readonly open?: true;
  readonly handle: Handler;
}

const routes: readonly Route[] = [
  { method: "GET", path: "/containers", handle: ({ device }) => json(containersBody(device)) },
  { method: "PUT", path: "/containers/{}", handle: controlContainer },
  { method: "GET", path: "/groups", handle: ({ device }) => json(groupsBody(device)) },
  { method: "POST", path: "/signal", open: true, handle: signal },
  { method: "POST", path: "/commands", handle: command },
  { method: "GET", path: "/config2", handle: ({ device }) => json(configBody(device)) },
  {
    method: "GET",
    path: "/buildinfo",
    handle: ({ device }) => ({ status: 200, contentType: "text/plain", body: device.buildinfo() }),
  },
];

/** First components of the paths of reference section 8 that this version does not serve yet. */
const PATHS_TO_COME: ReadonlySet<string> = new Set([
  "config",
  "daemons",
  "device-meta",
  "drivers",
  "objects",
  "steps",
  "storage",
  "user-meta",
  "wakelocks",
  "xconnect-graph",
]);

/**
 * Answers one request of reference section 8. Refusals have the original's codes, and its words where the reference gives them; what
 * is not there yet is 400, as for a path that does not exist, and its text says which of both it is. Never throws for anything a
 * caller can send.
 */
export function respond(caller: Caller, request: ControlRequest, device: Device): ControlResponse {
  const path = request.target.replace(/[?#].*$/s, "");
  const found = routes.flatMap((route) => {
    const name = match(route.path, path);
    return name === null ? [] : [{ route, name }];
  });
  const first = path.split("/")[1] ?? "";
  if (found.length === 0) {
    return refusal(
      400,
      `${PATHS_TO_COME.has(first) ? "endpoint is not there yet" : "unknown endpoint"}: ${short(path)}`,
    );
  }
  const hit = found.find(({ route }) => route.method === request.method);
  if (hit === undefined) return refusal(400, "Method not supported for this endpoint");
  if (hit.route.open !== true && !mayManage(caller)) return refusal(403, "Request not sent from a mgmt platform");
  return hit.route.handle({ caller, device, name: hit.name, body: request.body });
}

const mayManage = (caller: Caller): boolean => caller.kind === "host" || caller.roles.includes("mgmt");

/** The decoded component that stands for `{}`, "" when the route has none, null when the path is another. */
function match(route: string, path: string): string | null {
  if (!route.endsWith("/{}")) return route === path ? "" : null;
  const folder = route.slice(0, -"{}".length);
  const rest = path.slice(folder.length);
  if (!path.startsWith(folder) || rest === "" || rest.includes("/")) return null;
  try {
    return decodeURIComponent(rest);
  } catch {
    return null; // a percent sign without two hexadecimal digits, or not UTF-8
  }
}

const Action = v.object({ action: v.picklist(["start", "stop", "restart"]) });
const Command = v.object({ op: v.string(), payload: v.string() });
const Signal = v.object({ type: v.string(), payload: v.optional(v.string()) });

function parse<T>(schema: v.GenericSchema<unknown, T>, body: string): T | null {
  try {
    const result = v.safeParse(schema, JSON.parse(body));
    return result.success ? result.output : null;
  } catch {
    return null; // not JSON
  }
}

/** Reference 8.1, 8.2. A device that goes down is busy with that. */
const REFUSED: Readonly<Record<RequestRefusal["kind"], number>> = {
  unknownContainer: 404,
  notControllable: 403,
  wrongStatus: 400,
  shuttingDown: 503,
};
/** Longer than a shutdown takes: whoever asks again then asks the next boot. */
const SHUTDOWN_RETRY_SECONDS = 60;

function controlContainer({ device, name, body }: Parameters<Handler>[0]): ControlResponse {
  const wish = parse(Action, body);
  if (wish === null) return refusal(400, `Wants a body like {"action":"start"}, "stop" or "restart"`);
  const refused = device.request(name, wish.action);
  if (refused === null) return ok;
  const answer = refusal(REFUSED[refused.kind], refused.why);
  return refused.kind === "shuttingDown" ? { ...answer, retryAfterSeconds: SHUTDOWN_RETRY_SECONDS } : answer;
}

function signal({ caller, device, body }: Parameters<Handler>[0]): ControlResponse {
  const sent = parse(Signal, body);
  if (sent === null) return refusal(400, "Signal has bad format");
  const accepted = caller.kind === "container" && sent.type === "ready" && device.signalReady(caller.name);
  return accepted ? ok : refusal(500, "Signal not expected from this platform");
}

const POWER: ReadonlyMap<string, PowerAction> = new Map([
  ["POWEROFF_DEVICE", "poweroff"],
  ["REBOOT_DEVICE", "reboot"],
]);
/** Other operations of reference 8.6. */
const OPERATIONS_TO_COME: ReadonlySet<string> = new Set([
  "DEFER_REBOOT",
  "DISABLE_SSH",
  "ENABLE_SSH",
  "GO_REMOTE",
  "LOCAL_APPLY",
  "LOCAL_RUN",
  "LOCAL_RUN_COMMIT",
  "MAKE_FACTORY",
  "RUN_GC",
  "TRY_ONCE",
  "UNCLAIM",
  "UPDATE_METADATA",
  "XCONNECT_GRAPH",
]);

function command({ device, body }: Parameters<Handler>[0]): ControlResponse {
  const sent = parse(Command, body);
  if (sent === null) return refusal(400, "Command has bad format");
  const action = POWER.get(sent.op);
  if (action === undefined) {
    const why = OPERATIONS_TO_COME.has(sent.op) ? "is not there yet" : "is unknown";
    return refusal(400, `Command ${short(sent.op)} ${why}`);
  }
  const answer = device.power(action, sent.payload);
  return answer.kind === "accepted" ? ok : { ...refusal(503, answer.why), retryAfterSeconds: answer.retryAfterSeconds };
}

const ok: ControlResponse = { status: 200, contentType: "application/json", body: "" };
const json = (body: string): ControlResponse => ({ status: 200, contentType: "application/json", body });

/** An error answer in the form of reference 8.1. */
export const refusal = (status: number, why: string): ControlResponse => ({
  status,
  contentType: "application/json",
  body: JSON.stringify({ Error: why }),
});

const ECHO_CHARACTERS_MAX = 200;
const short = (text: string): string =>
  text.length > ECHO_CHARACTERS_MAX ? `${text.slice(0, ECHO_CHARACTERS_MAX)}…` : text;
