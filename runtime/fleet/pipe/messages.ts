import * as v from "valibot";
import type { Result } from "../../result.ts";
import { parseContainerName, parseDigest, parseRevisionName } from "../../state/index.ts";
import { parsedBy } from "../parsed-by.ts";
import {
  containerStatuses,
  operations,
  outcomes,
  parseDeviceId,
  parseFleetName,
  phases,
  reasons,
  updateStatuses,
} from "../terms/index.ts";

const orNull = <T>(result: Result<T, unknown>): T | null => (result.ok ? result.value : null);

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));
const revision = parsedBy((text) => orNull(parseRevisionName(text)), "name of a revision");
const container = parsedBy(parseContainerName, "name of a container");
const digest = parsedBy(parseDigest, "digest");

/** Of UTF-16; what is sent has at most 1024 bytes. */
const RESULT_CHARS_MAX = 1024;
/** The machine's clock is never behind `floorMs` (milliseconds since 1970). `guessed`: it was, so that nobody knows how late it is. */
const clock = { floorMs: count, guessed: v.boolean() };

const address = v.strictObject({ host: v.pipe(v.string(), v.minLength(1), v.maxLength(253)), port });

/** First of all: what the link works with. */
const Settings = v.strictObject({
  kind: v.literal("settings"),
  hub: address,
  /** Speaks HTTP, and leads to the hub and its broker; absent: there is a direct way. */
  proxy: v.optional(address),
  /** PEM of the authority that certifies the hub. */
  authority: v.pipe(v.string(), v.maxLength(64 * 1024)),
  token: v.nullable(v.pipe(v.string(), v.maxLength(256))),
  /** An absolute path; what the link keeps is there. */
  folder: v.pipe(v.string(), v.startsWith("/")),
  /** Of objects and trails (`runtime/store`); objects that come are put there. */
  storage: v.pipe(v.string(), v.startsWith("/")),
  /** Percent of the storage that stays free, `PV_STORAGE_GC_RESERVED`. */
  reservedPercent: v.pipe(v.number(), v.minValue(0), v.maxValue(100)),
  mode: v.variant("kind", [
    v.strictObject({ kind: v.literal("always") }),
    v.strictObject({ kind: v.literal("wake"), everyMs: v.pipe(count, v.minValue(60_000)) }),
  ]),
  keepaliveS: v.pipe(v.number(), v.integer(), v.minValue(10), v.maxValue(3600)),
  caps: v.strictObject({ dayBytes: v.nullable(count), monthBytes: v.nullable(count) }),
  /** Large objects may come in datagrams, where the link is thin. */
  datagrams: v.boolean(),
  clock: v.strictObject(clock),
  /** Of Cairn. */
  version: v.pipe(v.string(), v.maxLength(32)),
});

/** How the device is; the whole of it, whenever something of it changes. */
const State = v.strictObject({
  kind: v.literal("state"),
  running: revision,
  stateDigest: digest,
  status: v.picklist(updateStatuses),
  containers: v.array(
    v.strictObject({ name: container, status: v.picklist(containerStatuses), goalReached: v.boolean() }),
  ),
  safeMode: v.boolean(),
  local: v.boolean(),
});

const Trial = v.strictObject({ kind: v.literal("trial"), waits: v.boolean() });

/** Get what is missing of a revision; asking again for the same one, after a start of the link, goes on where it was. */
const Fetch = v.strictObject({
  kind: v.literal("fetch"),
  rev: revision,
  /** In the order in which they are wanted; candidates are objects that are there, the likeliest first. */
  objects: v.array(v.strictObject({ digest, candidates: v.array(digest) })),
});

/** It is not wanted any more. */
const StopFetch = v.strictObject({ kind: v.literal("stopFetch"), rev: revision });

/** Answers `needRoom`. */
const Room = v.strictObject({ kind: v.literal("room"), enough: v.boolean() });

/** How far a revision of the hub has come; said again when the link has started again. */
const Progress = v.strictObject({
  kind: v.literal("progress"),
  rev: revision,
  phase: v.picklist(phases),
  reason: v.nullable(v.picklist(reasons)),
  message: v.pipe(v.string(), v.maxLength(1024)),
  /** What is known of a failure, as its record has it: JSON. */
  evidence: v.nullable(v.pipe(v.string(), v.maxLength(2048))),
});

/** What a command came to; `resultKept` answers it. */
const CommandResult = v.strictObject({
  kind: v.literal("result"),
  id: count,
  code: v.picklist(outcomes),
  text: v.pipe(v.string(), v.maxLength(RESULT_CHARS_MAX)),
  /** What was asked for, the oldest line first. */
  logs: v.nullable(v.strictObject({ revision, lines: v.array(v.string()) })),
});

/** Answers what the link says of the time. */
const ClockIs = v.strictObject({ kind: v.literal("clock"), ...clock });

const pairs = v.array(v.tuple([v.string(), v.string()]));

/** What there is of device-meta that a hub should know; the whole of it, whenever something of it changes. */
const DeviceMeta = v.strictObject({ kind: v.literal("deviceMeta"), entries: pairs });

/** Answers `userMeta`. */
const UserMetaKept = v.strictObject({ kind: v.literal("userMeta"), sequence: count, kept: v.boolean() });

/** What the runtime tells the link. */
export const ToLink = v.variant("kind", [
  Settings,
  State,
  Trial,
  Fetch,
  StopFetch,
  Room,
  Progress,
  ClockIs,
  DeviceMeta,
  UserMetaKept,
  CommandResult,
]);
export type ToLink = v.InferOutput<typeof ToLink>;
export type Settings = v.InferOutput<typeof Settings>;
export type State = v.InferOutput<typeof State>;
export type Clock = Settings["clock"];
export type Fetch = v.InferOutput<typeof Fetch>;
export type Progress = v.InferOutput<typeof Progress>;
export type CommandResult = v.InferOutput<typeof CommandResult>;

const device = parsedBy(parseDeviceId, "id of a device");

/**
 * What the hub orders to be done, once. `again`: it was handed on before, to this boot of the device or to an earlier one, and was not
 * answered; it must not be done a second time.
 */
const Command = v.strictObject({
  kind: v.literal("command"),
  id: count,
  operation: v.picklist(operations),
  argument: v.pipe(v.string(), v.maxLength(256)),
  again: v.boolean(),
});
export type Command = v.InferOutput<typeof Command>;

const LOG_CHARS_MAX = 1024;
/** The end of the year 9999. */
const TIME_MS_MAX = 253_402_300_799_999;

/** What the link tells the runtime. */
export const FromLink = v.variant("kind", [
  /** An operator has to accept the device: people need to see both. */
  v.strictObject({ kind: v.literal("waiting"), id: device, code: v.pipe(v.string(), v.maxLength(32)) }),
  v.strictObject({ kind: v.literal("joined"), id: device, fleet: parsedBy(parseFleetName, "name of a fleet") }),
  /** The hub was heard while a revision on trial waited for that. */
  v.strictObject({ kind: v.literal("contact") }),
  /** The hub wants a revision of this device, and its state is in the store, as an object. Said again by each start of the link. */
  v.strictObject({ kind: v.literal("desired"), rev: revision, state: digest }),
  /** Everything that `fetch` named is in the store; or why it is not. */
  v.strictObject({
    kind: v.literal("fetched"),
    rev: revision,
    failure: v.nullable(
      v.strictObject({ reason: v.picklist(reasons), message: v.pipe(v.string(), v.maxLength(1024)) }),
    ),
  }),
  /** It is at least so late; `signed`: the hub says that it is so late. */
  v.strictObject({ kind: v.literal("clock"), atMs: v.pipe(count, v.maxValue(TIME_MS_MAX)), signed: v.boolean() }),
  /** The hub's changes of user-meta, to be kept; removals come first. */
  v.strictObject({ kind: v.literal("userMeta"), sequence: count, set: pairs, remove: v.array(v.string()) }),
  /** There is no room for an object of so many bytes: can some be made? */
  v.strictObject({ kind: v.literal("needRoom"), bytes: count }),
  Command,
  /** The result of this command reaches the hub, whatever happens to the device. */
  v.strictObject({ kind: v.literal("resultKept"), id: count }),
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
