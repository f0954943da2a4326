import * as v from "valibot";
import { REQUEST_BYTES_MAX } from "../../certificates/index.ts";
import type { Result } from "../../result.ts";
import { writePem } from "../../signatures/index.ts";
import type { Device, HubDatabase } from "../database/index.ts";
import { type DeviceFault, type EnrolFault, explainDevice, explainEnrol, type Registry } from "../registry/index.ts";
import { type Answer, done, refused } from "./answer.ts";
import type { Caller, Right } from "./authorize.ts";
import { deviceView } from "./device-view.ts";

/** What every device is told with its certificate. */
export interface Fleet {
  readonly name: string;
  /** Host and port of the broker, as devices reach it. */
  readonly mqtt: { readonly host: string; readonly port: number };
  /** The authority's certificate in PEM. */
  readonly authority: string;
  /** The Ed25519 key in base64 that signs what the hub wants of devices, and the number of its epoch. */
  readonly order: { readonly epoch: number; readonly key: string };
}

export interface Asked {
  readonly registry: Registry;
  readonly database: Pick<HubDatabase, "listDeeds">;
  readonly fleet: Fleet;
  readonly caller: Caller;
  /** A token that came with the request; null: none. */
  readonly token: string | null;
  /** What stands for `:name` in the route's path. */
  readonly name: string;
  readonly query: URLSearchParams;
  /** Whole, within the route's limit. */
  readonly body: Uint8Array;
}

export interface Route {
  readonly method: "GET" | "POST" | "PUT";
  /** A segment `:name` stands for one segment of any text. */
  readonly path: string;
  readonly right: Right;
  readonly bodyBytesMax: number;
  readonly answer: (asked: Asked) => Promise<Answer>;
}

const DEEDS_MAX = 1000;
const TAGS_BYTES_MAX = 4096;
/** Seconds after which a device that waits asks again. */
const ASK_AGAIN_S = 30;

/** Every route there is. */
export const routes: readonly Route[] = [
  { method: "POST", path: "/enrol", right: "anybody", bodyBytesMax: REQUEST_BYTES_MAX, answer: enrol },
  {
    method: "GET",
    path: "/authority",
    right: "anybody",
    bodyBytesMax: 0,
    answer: async ({ fleet }) => done({ fleet: fleet.name, authority: fleet.authority }),
  },
  { method: "GET", path: "/devices", right: "operator", bodyBytesMax: 0, answer: list },
  {
    method: "GET",
    path: "/devices/:name",
    right: "operator",
    bodyBytesMax: 0,
    answer: async ({ registry, name }) => deviceAnswer(await registry.find(name)),
  },
  {
    method: "POST",
    path: "/devices/:name/accept",
    right: "operator",
    bodyBytesMax: 0,
    answer: async ({ registry, name, caller }) => deviceAnswer(await registry.accept(name, caller.name)),
  },
  {
    method: "POST",
    path: "/devices/:name/revoke",
    right: "operator",
    bodyBytesMax: 0,
    answer: async ({ registry, name, caller }) => deviceAnswer(await registry.revoke(name, caller.name)),
  },
  { method: "GET", path: "/log", right: "operator", bodyBytesMax: 0, answer: log },
  { method: "PUT", path: "/devices/:name/tags", right: "operator", bodyBytesMax: TAGS_BYTES_MAX, answer: tag },
];

async function enrol({ registry, fleet, token, body }: Asked): Promise<Answer> {
  const enrolled = await registry.enrol(body, token);
  if (!enrolled.ok) return enrolRefused(enrolled.error);
  const { kind, id } = enrolled.value;
  if (kind === "waiting") {
    const { code } = enrolled.value;
    return { ...done({ id, status: "waiting", code }, 202), headers: { "retry-after": String(ASK_AGAIN_S) } };
  }
  const certificate = writePem("CERTIFICATE", enrolled.value.certificate);
  const { name, mqtt, authority, order } = fleet;
  return done({ id, status: "accepted", fleet: name, certificate, authority, order, mqtt });
}

function enrolRefused(fault: EnrolFault): Answer {
  const status = { request: 400, name: 400, token: 403, revoked: 403, taken: 409, full: 429 }[fault.kind];
  const headers = fault.kind === "full" ? { "retry-after": "3600" } : {};
  return refused(status, fault.kind, explainEnrol(fault), headers);
}

async function list({ registry, query }: Asked): Promise<Answer> {
  const [status, tagged] = [query.get("status"), query.get("tag")];
  const devices = (await registry.list())
    .filter((device) => status === null || device.status === status)
    .filter((device) => tagged === null || device.tags.includes(tagged));
  return done({ devices: devices.map(deviceView) });
}

/** The audit log, the newest first. */
async function log({ database }: Asked): Promise<Answer> {
  const deeds = await database.listDeeds(DEEDS_MAX);
  return done({ log: deeds.map(({ atMs, ...deed }) => ({ at: new Date(atMs).toISOString(), ...deed })) });
}

const Tags = v.pipe(v.string(), v.parseJson(), v.strictObject({ tags: v.array(v.string()) }));

async function tag({ registry, name, caller, body }: Asked): Promise<Answer> {
  const wanted = v.safeParse(Tags, Buffer.from(body).toString());
  if (!wanted.success) return refused(400, "body", 'wanted the tags as JSON: {"tags":["lab"]}');
  return deviceAnswer(await registry.tag(name, wanted.output.tags, caller.name));
}

function deviceAnswer(found: Result<Device, DeviceFault>): Answer {
  if (found.ok) return done(deviceView(found.value));
  const status = { unknown: 404, ambiguous: 409, status: 409, tag: 400, tooManyTags: 400 }[found.error.kind];
  return refused(status, found.error.kind, explainDevice(found.error));
}
