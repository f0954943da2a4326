import * as v from "valibot";
import type { Result } from "../../result.ts";
import { parseContainerName, parseDigest, parseRevisionName } from "../../state/index.ts";
import { parsedBy } from "../parsed-by.ts";
import { containerStatuses, parseDeviceId, parseFleetName, updateStatuses } from "../terms/index.ts";

const orNull = <T>(result: Result<T, unknown>): T | null => (result.ok ? result.value : null);

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));
const revision = parsedBy((text) => orNull(parseRevisionName(text)), "name of a revision");
const container = parsedBy(parseContainerName, "name of a container");

/** First of all: what the link works with. */
const Settings = v.strictObject({
  kind: v.literal("settings"),
  hub: v.strictObject({ host: v.pipe(v.string(), v.minLength(1), v.maxLength(253)), port }),
  /** PEM of the authority that certifies the hub. */
  authority: v.pipe(v.string(), v.maxLength(64 * 1024)),
  token: v.nullable(v.pipe(v.string(), v.maxLength(256))),
  /** An absolute path; what the link keeps is there. */
  folder: v.pipe(v.string(), v.startsWith("/")),
  mode: v.variant("kind", [
    v.strictObject({ kind: v.literal("always") }),
    v.strictObject({ kind: v.literal("wake"), everyMs: v.pipe(count, v.minValue(60_000)) }),
  ]),
  keepaliveS: v.pipe(v.number(), v.integer(), v.minValue(10), v.maxValue(3600)),
  caps: v.strictObject({ dayBytes: v.nullable(count), monthBytes: v.nullable(count) }),
  /** Of Cairn. */
  version: v.pipe(v.string(), v.maxLength(32)),
});

/** How the device is; the whole of it, whenever something of it changes. */
const State = v.strictObject({
  kind: v.literal("state"),
  running: revision,
  stateDigest: parsedBy(parseDigest, "digest"),
  status: v.picklist(updateStatuses),
  containers: v.array(
    v.strictObject({ name: container, status: v.picklist(containerStatuses), goalReached: v.boolean() }),
  ),
  safeMode: v.boolean(),
  local: v.boolean(),
});

const Trial = v.strictObject({ kind: v.literal("trial"), waits: v.boolean() });

/** What the runtime tells the link. */
export const ToLink = v.variant("kind", [Settings, State, Trial]);
export type ToLink = v.InferOutput<typeof ToLink>;
export type Settings = v.InferOutput<typeof Settings>;
export type State = v.InferOutput<typeof State>;

const device = parsedBy(parseDeviceId, "id of a device");

const LOG_CHARS_MAX = 1024;

/** What the link tells the runtime. */
export const FromLink = v.variant("kind", [
  /** An operator has to accept the device: people need to see both. */
  v.strictObject({ kind: v.literal("waiting"), id: device, code: v.pipe(v.string(), v.maxLength(32)) }),
  v.strictObject({ kind: v.literal("joined"), id: device, fleet: parsedBy(parseFleetName, "name of a fleet") }),
  /** The hub was heard while a revision on trial waited for that. */
  v.strictObject({ kind: v.literal("contact") }),
  v.strictObject({
    kind: v.literal("log"),
    level: v.picklist(["info", "warn"]),
    message: v.pipe(v.string(), v.maxLength(LOG_CHARS_MAX)),
  }),
]);
export type FromLink = v.InferOutput<typeof FromLink>;

/** For the device's log, as much of it as a line takes. */
export const warning = (message: string): FromLink => ({
  kind: "log",
  level: "warn",
  message: message.slice(0, LOG_CHARS_MAX),
});
