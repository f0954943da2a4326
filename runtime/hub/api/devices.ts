import * as v from "valibot";
import { REQUEST_BYTES_MAX } from "../../certificates/index.ts";
import type { Result } from "../../result.ts";
import { writePem } from "../../signatures/index.ts";
import type { Device } from "../database/index.ts";
import { type DeviceFault, type EnrolFault, explainDevice, explainEnrol } from "../registry/index.ts";
import { type Answer, done, refused } from "./answer.ts";
import { deviceView, orderView, timeOf } from "./device-view.ts";
import { metaView } from "./metadata.ts";
import { type Asked, look, type Route } from "./route.ts";

const DEEDS_MAX = 1000;
const TAGS_BYTES_MAX = 4096;
/** Seconds after which a device that waits asks again. */
const ASK_AGAIN_S = 30;

/** Devices enrol, operators look and decide. */
export const deviceRoutes: readonly Route[] = [
  { method: "POST", path: "/enrol", right: "anybody", bodyBytesMax: REQUEST_BYTES_MAX, answer: enrol },
  {
    method: "GET",
    path: "/authority",
    right: "anybody",
    bodyBytesMax: 0,
    answer: async ({ fleet }) => done({ fleet: fleet.name, authority: fleet.authority }),
  },
  look("/devices", list),
  look("/devices/:name", async (asked) => deviceAnswer(asked, await asked.registry.find(asked.name))),
  {
    method: "POST",
    path: "/devices/:name/accept",
    right: "operator",
    bodyBytesMax: 0,
    answer: async (asked) => deviceAnswer(asked, await asked.registry.accept(asked.name, asked.caller.name)),
  },
  {
    method: "POST",
    path: "/devices/:name/revoke",
    right: "operator",
    bodyBytesMax: 0,
    answer: async (asked) => deviceAnswer(asked, await asked.registry.revoke(asked.name, asked.caller.name)),
  },
  look("/log", log),
  { method: "PUT", path: "/devices/:name/tags", right: "operator", bodyBytesMax: TAGS_BYTES_MAX, answer: tag },
];

async function enrol({ registry, fleet, enrolled: told, token, body }: Asked): Promise<Answer> {
  const enrolled = await registry.enrol(body, token);
  if (!enrolled.ok) return enrolRefused(enrolled.error);
  const { kind, id } = enrolled.value;
  if (kind === "waiting") {
    const { code } = enrolled.value;
    return { ...done({ id, status: "waiting", code }, 202), headers: { "retry-after": String(ASK_AGAIN_S) } };
  }
  await told(id);
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
  return done({ devices: devices.map((device) => deviceView(device)) });
}

/** The audit log, the newest first. */
async function log({ database }: Asked): Promise<Answer> {
  const deeds = await database.listDeeds(DEEDS_MAX);
  return done({ log: deeds.map(({ atMs, ...deed }) => ({ at: new Date(atMs).toISOString(), ...deed })) });
}

const Tags = v.pipe(v.string(), v.parseJson(), v.strictObject({ tags: v.array(v.string()) }));

async function tag(asked: Asked): Promise<Answer> {
  const { registry, name, caller, body } = asked;
  const wanted = v.safeParse(Tags, Buffer.from(body).toString());
  if (!wanted.success) return refused(400, "body", 'wanted the tags as JSON: {"tags":["lab"]}');
  return deviceAnswer(asked, await registry.tag(name, wanted.output.tags, caller.name));
}

async function deviceAnswer({ releases, logs, metadata }: Asked, found: Result<Device, DeviceFault>): Promise<Answer> {
  if (!found.ok) return deviceRefused(found.error);
  const order = await releases.orderOf(found.value.id);
  const evidence = order === null ? null : await logs.evidence(found.value.id, String(order.rev));
  return done({
    ...deviceView(found.value),
    desired: orderView(order),
    ...metaView(await metadata.view(found.value.id)),
    evidence: evidence === null ? null : { at: timeOf(evidence.atMs), text: evidence.text },
  });
}

export function deviceRefused(fault: DeviceFault): Answer {
  const status = { unknown: 404, ambiguous: 409, status: 409, tag: 400, tooManyTags: 400 }[fault.kind];
  return refused(status, fault.kind, explainDevice(fault));
}
